"""Ends the servers of a process that was killed before it could end them itself.

A program of its own. It reads lines: `+<process group>` from each server as it starts, `-<process group>`
from the process that ended one. Its input ends when that process does, and then it kills the groups that were
not taken back.
"""

import contextlib
import os
import signal
import sys

if __name__ == "__main__":
    groups = set[int]()
    for line in sys.stdin:
        (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
    for group in groups:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
