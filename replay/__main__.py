"""`python -m replay`."""

import sys

from operations.program import start

if __name__ == "__main__":
    start("replay.cli", sys.argv[1:])
