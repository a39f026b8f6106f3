"""`python -m simulator`, for one more release: `twinspan simulate`."""

import sys

from command.app import former

if __name__ == "__main__":
    sys.exit(former("simulator", "twinspan simulate", ["simulate"]))
