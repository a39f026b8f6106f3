"""`python -m twinspan`: the command `twinspan`, where this project is installed (`make synth` does it)."""

import sys

from command.app import main

if __name__ == "__main__":
    sys.exit(main())
