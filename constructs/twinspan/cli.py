"""The command line of main.py: finds twin.yaml, checks it, synthesizes, prints the summary."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from twinspan import naming, workflows
from twinspan.config import Config, ConfigErrors, load

EXAMPLE = Path("examples") / "three-clouds.yaml"
COMMANDS = ("synth", "check", "summary")
USAGE = """usage: python main.py [synth | check | summary]

  synth    write the Terraform of a twin to cdktf.out/ and print the summary (default)
  check    report the problems of a twin.yaml, and write nothing
  summary  print the summary of what was synthesized

environment:
  TWIN          the twin.yaml (default: ./twin.yaml, else examples/three-clouds.yaml)
  CDKTF_OUTDIR  the output folder (default: cdktf.out)

exit status: 0 done, 2 wrong arguments or twin.yaml"""
_SYNTHESIZED = "twin-file"
"""File in the output folder: the absolute path of the twin.yaml that the stacks were synthesized from."""


class WrongTwin(Exception):
    """The stacks in the output folder were synthesized from another twin.yaml than the selected one."""


def output_folder(environment: Mapping[str, str]) -> Path:
    """Return the output folder: CDKTF_OUTDIR, else cdktf.out."""
    return Path(environment.get("CDKTF_OUTDIR") or "cdktf.out")


def twin_file(environment: Mapping[str, str], *, root: Path) -> Path:
    """Return the file that TWIN names, else ./twin.yaml, else the example that comes with Twinspan."""
    if given := environment.get("TWIN"):
        return Path(given)
    own = Path("twin.yaml")
    return own if own.exists() else root / EXAMPLE


def same_twin_file(environment: Mapping[str, str], *, root: Path, out: Path) -> Path:
    """Return the twin file, for commands on stacks that may be deployed.

    Raises WrongTwin when TWIN is not set and `out` was synthesized from another file: `cdktf deploy` and
    `cdktf destroy` synthesize again before they act, and would act on the wrong twin.
    """
    path = twin_file(environment, root=root)
    record = out / _SYNTHESIZED
    if environment.get("TWIN") or not record.exists():
        return path
    before = Path(record.read_text(encoding="utf-8"))
    if before == path.resolve() or before == (root / EXAMPLE).resolve() or not before.exists():
        return path
    raise WrongTwin(
        f"{out} contains the stacks of {_short(before)}, but TWIN is not set, which selects {_short(path)}; "
        f"set TWIN={_short(before)} to keep that twin, or TWIN={_short(path)} to replace it."
    )


def checked(path: Path) -> Config:
    """Load a twin.yaml and check its names and workflow as well. Raises ConfigErrors."""
    return load(path, extra_checks=(naming.problems, workflows.problems))


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
                print(f"{_short(path)}: {warning}", file=sys.stderr)
            return 0
        path = same_twin_file(environment, root=root, out=out)
        config = checked(path)
    except (ConfigErrors, WrongTwin) as errors:
        print(errors, file=sys.stderr)
        return 2
    if command == "synth":
        print(f"Synthesizing {_short(path)} …", flush=True)
        # Imported here, so that problems of twin.yaml are reported first: CDKTF takes a second to load.
        from stacks import build as synthesis
        from twinspan.providers.quick import quicken

        quicken()
        synthesis.synthesize(config, out)
        (out / _SYNTHESIZED).write_text(str(path.resolve()), encoding="utf-8")
    from twinspan import summary

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


def _short(path: Path) -> Path:
    """Return the path relative to the working directory, if it is below."""
    here, whole = Path.cwd(), path.resolve()
    return whole.relative_to(here) if whole.is_relative_to(here) else path
