"""From the environment to the exit status: find twin.yaml, check it, synthesize, sum up."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from twinspan.config import ConfigErrors
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


def main(arguments: Sequence[str], environment: Mapping[str, str], *, root: Path) -> int:
    """Run a command and return the exit status.

    `synth` (the default) writes to CDKTF_OUTDIR (default cdktf.out) and ends with the summary, `check` only
    reads twin.yaml, `summary` only reads what was synthesized.
    """
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
        print(f"Synthesizing {short(path)} …", flush=True)
        # Here, so that a mistake in twin.yaml is told at once: CDKTF takes a second to load.
        from stacks.build import synthesize
        from twinspan.providers.quick import skip_type_checks

        skip_type_checks()
        synthesize(config, out)
        record(path, out=out)
    from stacks import summary

    print(summary.text(config, out))
    if path.resolve() == (root / EXAMPLE).resolve():
        print(
            "This is the example that comes with Twinspan. Write a twin.yaml here, or name yours with TWIN."
        )
    return 0
