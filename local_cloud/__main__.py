"""`python -m local_cloud`, for one more release: `twinspan demo`."""

import sys

from command.app import former

if __name__ == "__main__":
    sys.exit(former("local_cloud", "twinspan demo", ["demo"]))
