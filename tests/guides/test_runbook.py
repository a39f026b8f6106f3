"""What the documents tell an operator to type is what there is, in the Makefile and in parsers, and what the
guides take from them is what is said of their cloud.
"""

from __future__ import annotations

import re
import shlex

import click
import pytest

from command.app import cli
from guides.deployment import documents, runbook
from guides.deployment.documents import Table
from support.html import DOCS
from twin_runtime.roles import CLOUD_NAMES, Cloud

ROOT = DOCS.parent
TEXTS = [path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *sorted(DOCS.glob("*.md")))]
FENCES = re.findall(r"^```sh\n(.*?)^```", "\n".join(TEXTS), re.DOTALL | re.MULTILINE)
COMMANDS = sorted({line.partition(" #")[0].strip() for fence in FENCES for line in fence.splitlines()})
PARTS = {cloud: runbook.parts(cloud) for cloud in Cloud}


@pytest.mark.parametrize("line", [line for line in COMMANDS if line.startswith("twinspan ")])
def test_twinspan_takes_each_command(line: str) -> None:
    name, *words = shlex.split(line.partition(" > ")[0])
    context: click.Context = cli.make_context(name, words)
    while isinstance(context.command, click.Group):
        name, command, words = context.command.resolve_command(
            context, [*context._protected_args, *context.args]
        )
        assert command is not None
        context = command.make_context(name, words, parent=context)  # raises where it is wrong


@pytest.mark.parametrize("command", [line for line in COMMANDS if line.startswith("make ")])
def test_make_has_each_target(command: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{command.split()[1]}:", makefile, re.MULTILINE)


def test_each_cloud_has_the_same_parts() -> None:
    named = [
        [(part.id, part.heading, *(each.heading for each in part.sections)) for part in parts]
        for parts in PARTS.values()
    ]
    assert named == [named[0]] * len(Cloud)
    assert all(each.blocks for parts in PARTS.values() for part in parts for each in part.sections)


@pytest.mark.parametrize("cloud", Cloud)
def test_what_documents_say_is_of_this_cloud(cloud: Cloud) -> None:
    """Of a table with a row for each cloud one is left; of sections for each cloud, one."""
    blocks = [block for part in PARTS[cloud] for section in part.sections for block in section.blocks]
    tables = [block for block in blocks if isinstance(block, Table)]
    alone = [table for table in tables if len(table.rows) == 1]
    assert [str(table.rows[0][0]).partition(",")[0] for table in alone] == [CLOUD_NAMES[cloud]] * 4
    assert all(table.facts and all(table.facts.values()) for table in alone)
    text = "".join(map(str, blocks))
    only = {
        Cloud.AWS: "Detach them first",
        Cloud.AZURE: "cdktf destroy azure",
        Cloud.GCP: "the name of a deleted database",
    }
    assert [said in text for said in only.values()] == [each is cloud for each in only]
    assert any(isinstance(block, Table) and block.facts for block in runbook.devices(cloud))
    assert runbook.services(cloud)["broker"]


def test_what_a_document_lacks_is_missed() -> None:
    with pytest.raises(documents.MissingError, match=r"README.md has no heading 'Weather'"):
        documents.section("README.md", "Weather", Cloud.AWS)
    with pytest.raises(documents.MissingError, match=r"has no table"):
        documents.column("README.md", "Deploy", "AWS")
    with pytest.raises(documents.MissingError, match=r"has no column 'Abacus'"):
        documents.column("README.md", "How data flows", "Abacus")


def test_the_readme_s_links_lead_from_docs() -> None:
    said = documents.section("README.md", "Deploy", Cloud.AWS)
    assert 'href="operate.md"' in str(said[0])
