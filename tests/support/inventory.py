"""How many blocks of each type an example's stacks have.

`python tests/support/inventory.py` writes the
files again.
"""

import json
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COUNTS = ROOT / "tests" / "examples" / "counts"
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
REGENERATE = "python tests/support/inventory.py"

Counts = dict[str, dict[str, int]]


def counts(stacks: dict[str, dict]) -> Counts:
    """Blocks per type, per stack: `{stack: {type: n}}`."""
    return {
        name: dict(
            sorted(Counter({kind: len(blocks) for kind, blocks in stack.get("resource", {}).items()}).items())
        )
        for name, stack in stacks.items()
    }


def recorded(example: Path) -> Counts:
    """What the inventory file says."""
    return json.loads((COUNTS / f"{example.stem}.json").read_text(encoding="utf-8"))


def main() -> None:
    sys.path[:0] = [str(ROOT), str(ROOT / "constructs"), str(ROOT / "function_src"), str(ROOT / "tests")]
    from support.synth import stacks_of
    from twinspan.twinfile import checked

    COUNTS.mkdir(exist_ok=True)
    for example in EXAMPLES:
        text = json.dumps(counts(stacks_of(checked(example))), indent=2) + "\n"
        (COUNTS / f"{example.stem}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
