"""`python -m guides <folder>` writes every page into a folder."""

import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "constructs"), str(ROOT / "function_src")]


def main(arguments: Sequence[str]) -> int:
    """Write the pages; returns the exit status."""
    if len(arguments) != 1:
        print(f"python -m guides takes one folder, got {' '.join(arguments)!r}", file=sys.stderr)
        return 2
    # Here, so that a wrong call is told at once: CDKTF takes a second to load.
    from twinspan.loading import quick

    quick.prepare()
    from guides import pages
    from guides.deployment.documents import MissingError
    from guides.deployment.guide import ParityError
    from guides.drawings.elk import LayoutError

    try:
        found = pages.render()
    except (MissingError, LayoutError, ParityError) as error:
        print(error, file=sys.stderr)
        return 1
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in sorted(found.items()):
        (folder / name).write_text(text, encoding="utf-8")
        print(f"  {folder / name}  {len(text.encode()) / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
