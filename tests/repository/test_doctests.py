"""Every example in a docstring runs and prints what it says."""

import doctest
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE_ROOTS = (ROOT / "constructs", ROOT / "function_src", ROOT / "tests", ROOT)
FOLDERS = (
    "constructs",
    "function_src",
    "guides",
    "local_cloud",
    "operations",
    "simulator",
    "stacks",
    "tests",
)
EXAMPLE = re.compile(r"^ *>>> ", re.MULTILINE)
FILES = sorted(
    path
    for folder in FOLDERS
    for path in (ROOT / folder).rglob("*.py")
    if "node_modules" not in path.parts and EXAMPLE.search(path.read_text(encoding="utf-8"))
)


def _module(path: Path) -> str:
    source_root = next(root for root in SOURCE_ROOTS if path.is_relative_to(root))
    return ".".join(path.relative_to(source_root).with_suffix("").parts)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_examples_print_what_they_say(path: Path) -> None:
    result = doctest.testmod(importlib.import_module(_module(path)))
    assert result.attempted
    assert not result.failed


def test_there_are_examples() -> None:
    assert len(FILES) > 5
