"""`python -m operations`, for one more release: `twinspan dead-letters` and `twinspan restore`."""

import sys

from command.app import former

if __name__ == "__main__":
    sys.exit(former("operations", "twinspan dead-letters, twinspan restore"))
