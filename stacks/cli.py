"""The command line of main.py: finds twin.yaml, checks it, synthesizes, prints the summary."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from twinspan.config import Config, ConfigErrors
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
    out = output_folder(environment)
    try:
        if command == "check":
            path = twin_file(environment, root=root)
            if warning := _idle_rules(checked(path)):
                print(f"{short(path)}: {warning}", file=sys.stderr)
            return 0
        path = same_twin_file(environment, root=root, out=out)
        config = checked(path)
    except (ConfigErrors, WrongTwin) as errors:
        print(errors, file=sys.stderr)
        return 2
    if command == "synth":
        print(f"Synthesizing {short(path)} …", flush=True)
        # Imported here, so that problems of twin.yaml are reported first: CDKTF takes a second to load.
        from stacks.build import synthesize
        from twinspan.providers.quick import skip_type_checks

        skip_type_checks()
        synthesize(config, out)
        record(path, out=out)
    from stacks import summary

    print(summary.text(config, out))
    if path.resolve() == (root / EXAMPLE).resolve():
        print(
            "This is the example that comes with Twinspan. Write a twin.yaml here, or set TWIN to your file."
        )
    return 0


def _idle_rules(config: Config) -> str | None:
    """Return a warning about rules without a decision on `enabled`, None otherwise."""
    events = config.events
    if not events.rules or events.enabled or "enabled" in events.model_fields_set:
        return None
    return (
        "the rules under events have no effect, since enabled is false by default; "
        "write enabled: true, or enabled: false if you enable events at deploy time."
    )
