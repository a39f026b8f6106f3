"""How tests are shared out among processes: a file stays together, and the long ones come first."""

from xdist.scheduler import LoadScopeScheduling

LONG = ("changes", "tiers", "end_to_end", "aws", "terraform", "local_cloud", "receivers", "cli")
"""Folders of which a file takes minutes: one that began last would be waited for."""


class ByFile(LoadScopeScheduling):
    """Gives each process a file at a time; those of the guides together, which share what they render."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return "guides" if file.startswith("tests/guides/") else file


def rank(folder: str) -> int:
    """The place of a folder's files in the order of a run."""
    return LONG.index(folder) if folder in LONG else len(LONG)
