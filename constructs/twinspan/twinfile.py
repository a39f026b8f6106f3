"""From the environment to the exit status: find twin.yaml, check it, synthesize, sum up."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from twinspan import naming, workflows
from twinspan.config import Config, ConfigErrors, load

EXAMPLE = Path("examples") / "three-clouds.yaml"
COMMANDS = ("synth", "check", "summary")
_SYNTHESIZED = "twin-file"
"""In the folder of the stacks: the absolute path of the file that they were made of."""


class WrongTwin(Exception):
    """The stacks in the output folder are those of another twin.yaml than the one that would be taken."""


def output_folder(environment: Mapping[str, str]) -> Path:
    """Where the stacks are written: CDKTF_OUTDIR, else cdktf.out."""
    return Path(environment.get("CDKTF_OUTDIR") or "cdktf.out")


def twin_file(environment: Mapping[str, str], *, root: Path) -> Path:
    """The file that TWIN names, else ./twin.yaml, else the example that comes with Twinspan."""
    if given := environment.get("TWIN"):
        return Path(given)
    own = Path("twin.yaml")
    return own if own.exists() else root / EXAMPLE


def same_twin_file(environment: Mapping[str, str], *, root: Path, out: Path) -> Path:
    """The same, where a deployed twin may depend on it.

    Raises WrongTwin when TWIN is not set and `out` was made of another file: `cdktf deploy` and `cdktf
    destroy` synthesize again before they act, and would act on the other twin.
    """
    path = twin_file(environment, root=root)
    record = out / _SYNTHESIZED
    if environment.get("TWIN") or not record.exists():
        return path
    before = Path(record.read_text(encoding="utf-8"))
    if before == path.resolve() or before == (root / EXAMPLE).resolve() or not before.exists():
        return path
    raise WrongTwin(
        f"{out} holds the stacks of {_short(before)}, and TWIN is not set, which stands for {_short(path)}; "
        f"set TWIN={_short(before)} to go on with it, or TWIN={_short(path)} to change over."
    )


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
    out = output_folder(environment)
    try:
        if command == "check":
            checked(twin_file(environment, root=root))
            return 0
        path = same_twin_file(environment, root=root, out=out)
        config = checked(path)
    except (ConfigErrors, WrongTwin) as errors:
        print(errors, file=sys.stderr)
        return 2
    if command == "synth":
        print(f"Synthesizing {_short(path)} …", flush=True)
        # Here, so that a mistake in twin.yaml is told at once: CDKTF takes a second to load.
        from stacks import build as synthesis
        from twinspan.providers.quick import skip_type_checks

        skip_type_checks()
        synthesis.synthesize(config, out)
        (out / _SYNTHESIZED).write_text(str(path.resolve()), encoding="utf-8")
    from stacks import summary

    print(summary.text(config, out))
    if path.resolve() == (root / EXAMPLE).resolve():
        print(
            "This is the example that comes with Twinspan. Write a twin.yaml here, or name yours with TWIN."
        )
    return 0


def _short(path: Path) -> Path:
    """Relative to the working directory where it lies below."""
    here, whole = Path.cwd(), path.resolve()
    return whole.relative_to(here) if whole.is_relative_to(here) else path
