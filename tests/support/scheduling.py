"""How tests are shared out among processes: a file stays together, and so do all that look at the same
synthesized stacks, because each process synthesizes what it looks at.
"""

from functools import cache
from pathlib import Path

from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).resolve().parents[2]


class ByFile(LoadScopeScheduling):
    """Gives each process a file at a time."""

    def _split_scope(self, nodeid: str) -> str:
        return _scope(nodeid.split("::", 1)[0])


SHARED = ("support.synth", "gcp.stacks", ".stacks import")
"""What tests import that keeps the stacks that it has synthesized."""


@cache
def _scope(file: str) -> str:
    if file.startswith("tests/guides/"):
        return "guides"
    text = (ROOT / file).read_text(encoding="utf-8")
    return next((name for name in SHARED if name in text), file)
