"""The command line of main.py, which the command line of CDKTF runs.

What is imported inside the functions takes a quarter of a second to load, which a synth uses to start CDKTF.
"""

import gc
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from twinspan.loading import quick

USAGE = """usage: python main.py

Writes the Terraform of a twin to cdktf.out/ and prints a summary: the app of `cdktf synth`.
`twinspan --help` lists the commands for everything else.

environment:
  TWIN          the twin.yaml (default: ./twin.yaml, else examples/three-clouds.yaml)
  CDKTF_OUTDIR  the output folder (default: cdktf.out)

exit status: 0 done, 2 wrong arguments, twin.yaml or packages of processors"""


def main(arguments: Sequence[str], environment: Mapping[str, str], *, root: Path) -> int:
    """Run the command that USAGE describes and return the exit status."""
    if {"-h", "--help"} & set(arguments):
        print(USAGE)
        return 0
    if arguments:
        print(
            f"main.py takes no arguments, got {' '.join(arguments)!r}: see main.py --help, or run twinspan.",
            file=sys.stderr,
        )
        return 2
    with starting_early() as early:
        from stacks import commands, summary
        from twinspan.config import ConfigErrors
        from twinspan.twinfile import WrongTwin, output_folder, same_twin_file, short
        from twinspan.vendoring import PackagesError

        out = output_folder(environment)
        try:
            path = same_twin_file(environment, root=root, out=out)
            print(f"Synthesizing {short(path)} …", flush=True)
            print(summary.text(commands.synth(path, out, early)))
        except (ConfigErrors, PackagesError, WrongTwin) as errors:
            print(errors, file=sys.stderr)
            return 2
    return 0


@contextmanager
def starting_early() -> Iterator[quick.Early]:
    """Load CDKTF beside the block, and leave out what a process that ends in seconds can do without."""
    gc.disable()  # what a synth allocates lives as long as it does
    early = quick.Early()
    try:
        yield early
    finally:
        early.wait()
        gc.freeze()  # or the interpreter looks through all of it when it ends
