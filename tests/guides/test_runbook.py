"""What the guides tell an operator to type is what there is: in documents, Makefile and parsers."""

from __future__ import annotations

import re
import shlex

import pytest

from guides import documents, runbook, twins
from operations import program
from simulator import cli as simulator
from support.html import DOCS
from twin_runtime.roles import Cloud

ROOT = DOCS.parent
TEXTS = {path: path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *sorted(DOCS.glob("*.md")))}
PARTS = {cloud: runbook.parts(cloud, twins.topology(twins.SINGLE[cloud])) for cloud in Cloud}
COMMANDS = sorted(
    {line for parts in PARTS.values() for part in parts for step in part.steps for line in step.commands}
)
PARSERS = {"operations": program.parser, "simulator": simulator._parser}


@pytest.mark.parametrize("command", COMMANDS)
def test_the_documents_have_each_command(command: str) -> None:
    # Stacks are named to cdktf in one way, whatever it does with them.
    said = command.removesuffix(" '*'") if command.startswith("cdktf ") else command
    assert any(said in text for text in TEXTS.values()), f"no document says {said!r}"


@pytest.mark.parametrize("command", [line for line in COMMANDS if line.startswith("python -m ")])
def test_the_programs_take_each_command(command: str) -> None:
    words = shlex.split(command.partition(" > ")[0])[2:]
    PARSERS[words[0]]().parse_args(words[1:])  # exits where it is wrong


@pytest.mark.parametrize("command", [line for line in COMMANDS if line.startswith("make ")])
def test_make_has_each_target(command: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{command.split()[1]}:", makefile, re.MULTILINE)


def test_each_cloud_has_the_same_parts() -> None:
    named = [[(part.id, part.heading) for part in parts] for parts in PARTS.values()]
    assert named == [named[0]] * len(Cloud)
    assert all(part.steps for parts in PARTS.values() for part in parts)


@pytest.mark.parametrize("cloud", Cloud)
def test_what_documents_say_is_of_this_cloud(cloud: Cloud) -> None:
    tables = [step.said for part in PARTS[cloud] for step in part.steps if step.said]
    assert len(tables) == 3
    assert all(table and all(map(str, table.values())) for table in tables)
    assert runbook.devices(cloud).said


def test_what_a_document_lacks_is_missed() -> None:
    with pytest.raises(documents.MissingError, match=r"README.md has no heading 'Weather'"):
        documents.items("README.md", "Weather")
    with pytest.raises(documents.MissingError, match=r"nothing that begins with 'Sunshine'"):
        documents.paragraph("README.md", "Deploy", "Sunshine")
    with pytest.raises(documents.MissingError, match=r"has no table"):
        documents.table("README.md", "Deploy")
    with pytest.raises(documents.MissingError, match=r"has no row 'Abacus'"):
        documents.row("docs/dead-letters.md", "Permissions", "Abacus")


def test_links_lead_from_docs() -> None:
    said = str(documents.paragraph("README.md", "Deploy", "Credentials"))
    assert 'href="devices.md"' in said
    assert documents.paragraph("README.md", "Deploy", "Credentials") == said, "also when it is asked again"
