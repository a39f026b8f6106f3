"""From the environment to the exit status: find twin.yaml, check it, synthesize, sum up."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from twinspan import naming, workflows
from twinspan.config import Config, ConfigErrors, load

EXAMPLE = Path("examples") / "three-clouds.yaml"
COMMANDS = ("synth", "check", "summary")


def twin_file(environment: Mapping[str, str], *, root: Path) -> Path:
    """The file that TWIN names, else ./twin.yaml, else the example that comes with Twinspan."""
    if given := environment.get("TWIN"):
        return Path(given)
    own = Path("twin.yaml")
    return own if own.exists() else root / EXAMPLE


def checked(path: Path) -> Config:
    """The configuration, with the checks that need more than the file itself. Raises ConfigErrors."""
    return load(path, extra_checks=(naming.problems, workflows.problems))


def main(arguments: Sequence[str], environment: Mapping[str, str], *, root: Path) -> int:
    """Run a command: `synth` (the default) writes to CDKTF_OUTDIR (default cdktf.out) and ends with the
    summary,
    `check` only reads twin.yaml, `summary` only reads what was synthesized. Returns the exit status."""
    command = arguments[0] if arguments else "synth"
    if command not in COMMANDS or len(arguments) > 1:
        print(f"main.py takes one of {', '.join(COMMANDS)}, got {' '.join(arguments)!r}", file=sys.stderr)
        return 2
    path = twin_file(environment, root=root)
    try:
        config = checked(path)
    except ConfigErrors as errors:
        print(errors, file=sys.stderr)
        return 2
    out = Path(environment.get("CDKTF_OUTDIR") or "cdktf.out")
    if command == "synth":
        print(f"Synthesizing {path} …", flush=True)
        # Here, so that a mistake in twin.yaml is told at once: CDKTF takes a second to load.
        from twinspan import synthesis
        from twinspan.providers.quick import quicken

        quicken()
        synthesis.synthesize(config, out)
    if command != "check":
        from twinspan import summary

        print(summary.text(config, out))
    return 0
