"""The command line of main.py: finds twin.yaml, checks it, synthesizes, prints the summary."""

import gc
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from stacks.build import synthesize
from twinspan.config import Config, ConfigErrors
from twinspan.loading import quick
from twinspan.twin import Twin
from twinspan.twinfile import (
    EXAMPLE,
    WrongTwin,
    checked,
    output_folder,
    record,
    same_twin_file,
    short,
    twin_file,
)

COMMANDS = ("synth", "check", "summary")
USAGE = """usage: python main.py [synth | check | summary]

  synth    write the Terraform of a twin to cdktf.out/ and print the summary (default)
  check    report the problems of a twin.yaml, and write nothing
  summary  print the summary of what was synthesized

environment:
  TWIN          the twin.yaml (default: ./twin.yaml, else examples/three-clouds.yaml)
  CDKTF_OUTDIR  the output folder (default: cdktf.out)

exit status: 0 done, 2 wrong arguments or twin.yaml"""


def main(arguments: Sequence[str], environment: Mapping[str, str], *, root: Path) -> int:
    """Run the command that USAGE describes and return the exit status."""
    if {"-h", "--help"} & set(arguments):
        print(USAGE)
        return 0
    command = arguments[0] if arguments else "synth"
    if command not in COMMANDS or len(arguments) > 1:
        print(
            f"main.py takes one of {', '.join(COMMANDS)}, got {' '.join(arguments)!r}; see main.py --help",
            file=sys.stderr,
        )
        return 2
    try:
        if command == "check":
            _check(environment, root)
        elif command == "synth":
            _synth(environment, root)
        else:
            _summary(environment, root)
    except (ConfigErrors, WrongTwin) as errors:
        print(errors, file=sys.stderr)
        return 2
    return 0


def _check(environment: Mapping[str, str], root: Path) -> None:
    path = twin_file(environment, root=root)
    if warning := _idle_rules(checked(path)):
        print(f"{short(path)}: {warning}", file=sys.stderr)


def _synth(environment: Mapping[str, str], root: Path) -> None:
    out = output_folder(environment)
    quick.prepare()
    gc.disable()  # a synth ends in seconds, and what it allocates lives as long as it does
    early = quick.Early()
    try:
        path = same_twin_file(environment, root=root, out=out)
        config = checked(path)
        early.use(Twin(config).topology.clouds)
        print(f"Synthesizing {short(path)} …", flush=True)
        synthesize(config, out, ready=early.wait)
    finally:
        early.wait()
    gc.freeze()  # or the interpreter looks through all of it when it ends
    record(path, out=out)
    _print_summary(config, path, out, root)


def _summary(environment: Mapping[str, str], root: Path) -> None:
    out = output_folder(environment)
    path = same_twin_file(environment, root=root, out=out)
    _print_summary(checked(path), path, out, root)


def _print_summary(config: Config, path: Path, out: Path, root: Path) -> None:
    from stacks import summary

    print(summary.text(config, out))
    if path.resolve() == (root / EXAMPLE).resolve():
        print(
            "This is the example that comes with Twinspan. Write a twin.yaml here, or set TWIN to your file."
        )


def _idle_rules(config: Config) -> str | None:
    """Return a warning about rules without a decision on `enabled`, None otherwise."""
    events = config.events
    if not events.rules or events.enabled or "enabled" in events.model_fields_set:
        return None
    return (
        "the rules under events have no effect, since enabled is false by default; "
        "write enabled: true, or enabled: false if you enable events at deploy time."
    )
