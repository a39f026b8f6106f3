"""`python -m restore`."""

import sys

from operations.program import start

if __name__ == "__main__":
    start("restore.cli", sys.argv[1:])
