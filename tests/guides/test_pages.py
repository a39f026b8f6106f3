"""The generated pages: the same sections for each cloud, everything that is deployed, and the files of docs/
as they would be written now.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from difflib import unified_diff
from functools import cache
from typing import Any

import pytest

from guides import pages, resource_types, sections, twins
from guides.deployment.guide import guide
from guides.drawings import elk
from guides.pages import PAGES
from guides.twins import Placement
from support.html import DOCS, HEADINGS, Page
from support.servers import missing
from twin_runtime.roles import ROLES, Cloud, Role
from twinspan.aws import facts as aws
from twinspan.azure import facts as azure
from twinspan.gcp import facts as gcp
from twinspan.inventory import Fact, Inventory
from twinspan.terraform.resources import EVENTS_VARIABLE
from twinspan.topology import LINKS_STACK

pytestmark = pytest.mark.matrix
Stack = dict[str, Any]
PLACEMENTS = (*twins.SINGLE.values(), *twins.SPREAD)
TERMS = ["Trigger", "Limits", "Retries", "Dead letters", "Environment", "Permissions"]
"""What is said of each function; inputs and outputs of those that have some."""
GENERATED = [page.file for page in PAGES]


@cache
def rendered() -> dict[str, str]:
    """Every page, from freshly synthesized stacks."""
    try:
        return pages.render()
    except elk.LayoutError as error:
        missing(str(error))


def page(cloud: Cloud) -> Page:
    name = sections.guide_file(cloud)
    return Page(name, rendered()[name])


def outdated(name: str, text: str) -> str:
    """How a page differs from its file in docs/; empty when it does not."""
    path = DOCS / name
    if not path.exists():
        return f"docs/{name} is missing: run `make docs`."
    lines = unified_diff(
        path.read_text(encoding="utf-8").splitlines(), text.splitlines(), "docs", "now", n=0, lineterm=""
    )
    changes = [line for line in lines if line.startswith(("+", "-"))][2:]
    if not changes:
        return ""
    return "\n".join((f"docs/{name} is not what the stacks say now: run `make docs`.", *changes[:12]))


def headings(found: Page) -> list[tuple[str, str, str]]:
    """Rank, id and text of each heading, without the name of the cloud."""
    name = next(each.name for each in PAGES if each.file == found.name).removesuffix(" guide")
    return [
        (each.tag, each.attr("id") or "", " ".join(each.text.replace(name, "CLOUD").split()))
        for each in found.select(HEADINGS)
    ]


@pytest.mark.parametrize("name", GENERATED)
def test_the_files_are_what_would_be_written_now(name: str) -> None:
    assert not (change := outdated(name, rendered()[name])), change


def test_every_page_is_rendered() -> None:
    assert sorted(rendered()) == sorted(GENERATED)


def test_the_guides_have_the_same_sections_in_the_same_order() -> None:
    of_aws, *others = (headings(page(cloud)) for cloud in Cloud)
    assert others == [of_aws, of_aws]
    assert {anchor for _, anchor, _ in of_aws} >= {sections.anchor(layer) for layer in twins.SPREAD[0]}


@pytest.mark.parametrize("cloud", Cloud)
def test_every_heading_of_a_section_can_be_linked_to(cloud: Cloud) -> None:
    ids = [anchor for rank, anchor, _ in headings(page(cloud)) if rank != "h1"]
    assert "" not in ids
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("cloud", Cloud)
def test_the_contents_lead_to_every_section(cloud: Cloud) -> None:
    found = page(cloud)
    sections_ = {f"#{each.attr('id')}" for each in found.select("h2")}
    for contents in ("nav.toc a", "details.toc a"):
        assert {link.attr("href") for link in found.select(contents)} >= sections_


@pytest.mark.parametrize("cloud", Cloud)
def test_every_role_is_there(cloud: Cloud) -> None:
    found = page(cloud)
    for role in Role:
        (card,) = found.select(f"[aria-labelledby={sections.function_anchor(role)}]")
        terms = [term.text for term in card.select("dt")]
        absent = cloud in ROLES[role].absent
        assert [term for term in terms if term not in ("Inputs", "Outputs")] == ([] if absent else TERMS), (
            role
        )


@pytest.mark.parametrize("cloud", Cloud)
def test_every_resource_is_there(cloud: Cloud) -> None:
    found = page(cloud)
    told = {
        (row.select("th code")[0].text, code.text)
        for table in found.select("table.types")
        for row in table.select("tbody tr")
        for code in row.select("td code")
    }
    deployed = {
        (kind, name)
        for placement in PLACEMENTS
        for kind, blocks in twins.stacks(placement).get(cloud, {}).get("resource", {}).items()
        for name in blocks
    }
    assert told == deployed


@pytest.mark.parametrize("cloud", Cloud)
def test_what_links_writes_is_there(cloud: Cloud) -> None:
    written = {
        f"{kind}.{name}"
        for placement in twins.SPREAD
        for kind, blocks in twins.stacks(placement)[LINKS_STACK]["resource"].items()
        if kind in resource_types.table(cloud) and kind != "azurerm_role_assignment"
        for name in blocks
    }
    (table,) = page(cloud).select("section[aria-labelledby=links] table")
    assert {row.select("td code")[-1].text for row in table.select("tbody tr")} == written


@pytest.mark.parametrize("cloud", Cloud)
def test_the_flag_is_named_wherever_something_is_optional(cloud: Cloud) -> None:
    found = page(cloud)
    for anchor in ("acquisition-optional", "processing-optional"):
        section = found.ids[anchor].parent
        assert section is not None
        assert EVENTS_VARIABLE in [code.text for code in section.select(".aside code")]
    (note,) = (each for each in found.select("[aria-labelledby=processing] .aside"))
    assert "The Persister stays" in note.text
    assert "conditional" in note.text


def changed(cloud: Cloud, change: Callable[[Stack], None]) -> str:
    """The guide of a cloud when every stack of it is changed so, and the others are not."""

    def stacks(placement: Placement) -> dict[str, Stack]:
        found = dict(twins.stacks(placement))
        if cloud in found:
            change(stack := copy.deepcopy(found[cloud]))
            found[cloud] = stack
        return found

    return pages.guide_page(guide(cloud, stacks))


def renamed_flag(stack: Stack) -> None:
    text = json.dumps(stack).replace(EVENTS_VARIABLE, "with_events")
    stack.clear()
    stack.update(json.loads(text))


def recorded(monkeypatch: pytest.MonkeyPatch, change: Callable[[Fact], Fact | None]) -> None:
    """Have the constructs record each fact as it is after a change; None: not at all."""
    inventory = twins.inventory

    def changed_inventory(placement: Placement, stack: str) -> Inventory:
        found = Inventory()
        for fact in inventory(placement, stack).all(Fact):
            if now := change(fact):
                found.record(now)
        return found

    monkeypatch.setattr(twins, "inventory", changed_inventory)


@pytest.mark.parametrize(
    ("cloud", "kind", "figures", "said"),
    [
        (Cloud.AWS, aws.EventSource, {"batch": 7}, "batches of up to 7 messages"),
        (Cloud.GCP, gcp.Clock, {"schedule": "*/7 * * * *"}, "*/7 * * * *"),
        (Cloud.AZURE, azure.Delivery, {"attempts": 7}, "up to 7 attempts"),
    ],
)
def test_a_changed_trigger_shows(
    cloud: Cloud,
    kind: type[Fact],
    figures: dict[str, Any],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name, before = sections.guide_file(cloud), rendered()
    recorded(monkeypatch, lambda fact: replace(fact, **figures) if isinstance(fact, kind) else fact)
    now = pages.guide_page(guide(cloud))
    assert said in now
    assert now != before[name]
    assert "run `make docs`" in outdated(name, now)


def test_dead_letters_that_are_gone_are_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = "aws_sqs_queue.persisting_dead"
    recorded(monkeypatch, lambda fact: None if fact.address == gone else fact)
    with pytest.raises(KeyError, match=f"no DeadLetters was recorded at {gone}"):
        guide(Cloud.AWS)


def test_a_renamed_flag_shows() -> None:
    name = sections.guide_file(Cloud.AWS)
    now = changed(Cloud.AWS, renamed_flag)
    assert "<code>with_events</code>" in now
    assert now.count("[Optional]") < rendered()[name].count("[Optional]")
    assert "run `make docs`" in outdated(name, now)
