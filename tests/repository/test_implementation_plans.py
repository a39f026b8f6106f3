"""The plan's pages: every file and every test that they name is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "implementation_plans"
PAGES = sorted(FOLDER.glob("*.md"))
LINK = re.compile(r"\[[^\]]*\]\(([^)]+)\)")
TEST = re.compile(r"`(test_\w+)`")


def targets(text: str) -> list[str]:
    return LINK.findall(text)


def names_in(path: Path) -> set[str]:
    return set(re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_is_named_is_there(page: Path) -> None:
    found = targets(page.read_text(encoding="utf-8"))
    assert len(found) > 10
    missing = [target for target in found if not (page.parent / target).resolve().exists()]
    assert not missing
    outside = [target for target in found if not (page.parent / target).resolve().is_relative_to(ROOT)]
    assert not outside


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_test_that_is_named_is_in_a_file_of_its_line(page: Path) -> None:
    for line in page.read_text(encoding="utf-8").splitlines():
        named = set(TEST.findall(line))
        if not named:
            continue
        files = [page.parent / target for target in targets(line) if Path(target).name.startswith("test_")]
        known = set().union(*(names_in(file) for file in files))
        assert named <= known, f"{page.name}: {sorted(named - known)}"


def test_every_line_of_the_plan_is_held_by_a_test() -> None:
    lines = 0
    for page in PAGES:
        if page.name == "README.md":
            continue
        for line in page.read_text(encoding="utf-8").splitlines():
            if line.startswith("| ") and not line.startswith("| asked"):
                asked, built, where, held = (cell.strip() for cell in line.strip("|").split(" | "))
                assert asked and built and targets(where), line
                assert any("tests/" in target for target in targets(held)), line
                lines += 1
    assert lines > 50


def test_the_index_leads_to_every_page() -> None:
    index = set(targets((FOLDER / "README.md").read_text(encoding="utf-8")))
    assert {page.name for page in PAGES} - {"README.md"} <= index


def test_the_three_guides_have_the_same_headings() -> None:
    headings = [
        [
            line
            for line in (FOLDER / f"{cloud}-deployment.md").read_text().splitlines()
            if line.startswith("## ")
        ]
        for cloud in ("aws", "azure", "gcp")
    ]
    assert headings[0] == headings[1] == headings[2]
    assert len(headings[0]) == 4
