"""The command line of main.py: what it takes, and which command it is.

`stacks.commands` takes a quarter of a second to load, which a synth uses to start CDKTF.
"""

import gc
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from twinspan.loading import quick

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
    if command != "synth":
        return _run(command, environment, root)
    gc.disable()  # a synth ends in seconds, and what it allocates lives as long as it does
    early = quick.Early()
    try:
        return _run(command, environment, root, early)
    finally:
        early.wait()
        gc.freeze()  # or the interpreter looks through all of it when it ends


def _run(command: str, environment: Mapping[str, str], root: Path, *early: quick.Early) -> int:
    from stacks import commands

    try:
        getattr(commands, command)(environment, root, *early)
    except (commands.ConfigErrors, commands.WrongTwin) as errors:
        print(errors, file=sys.stderr)
        return 2
    return 0
