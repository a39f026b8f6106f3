"""The picker says of every combination what the topology, the prices and twin.yaml say of it."""

import hashlib
import json
import re
import subprocess
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from itertools import islice
from pathlib import Path

import pytest

from guides import dataflow, pages, sections, words
from guides.picker import answers, costs, index, twinfile
from guides.picker.answers import EVENTS, NONE, OFF, ON, READ_API
from guides.picker.decisions import Choices, Table
from guides.picker.layout import of_word, word
from guides.prices import events as prices
from local_cloud import node
from local_cloud.errors import MissingProgram
from support.layouts import EVERY_LAYOUT
from support.picker_choices import COVERING, combinations, every
from support.servers import missing
from twin_runtime.roles import ROLES, Cloud, Layer, Role
from twinspan.config import load
from twinspan.topology import Topology
from twinspan.twinfile import name_problems

SCRIPTS = [pages.TEMPLATES / name for name in ("decisions.js", "picker.js")]
READER = Path(__file__).resolve().parents[1] / "support" / "read_table.mjs"
JSON_BYTES = 48_000
"""What the table may take in the page."""
SOME = 97
"""One of so many combinations is looked at where a check of all takes long; a prime."""


@cache
def page() -> str:
    return pages.page_of("index.html.j2", sections.PAGES[0], index.context())


@cache
def table() -> Table:
    """The table as the page has it."""
    found = re.search(r'<script type="application/json" id="table">(.*?)</script>', page(), re.DOTALL)
    assert found
    return Table.of(json.loads(found[1]))


def facts_of(choices: Choices) -> dict[str, str | int]:
    """What holds, costs apart."""
    return {**answers.facts(choices), **dict(answers.shut(choices)), **dict(twinfile.lines(choices))}


def wrong(chosen: Iterable[Choices]) -> list[str]:
    """Facts without costs that the table has otherwise than the topology."""
    found = []
    for choices in chosen:
        told = {k: v for k, v in table().all(choices).items() if not k.startswith(("cost/", "alone/"))}
        found += [f"{fact} at {choices}" for fact, _ in told.items() ^ facts_of(choices).items()]
    return found


def wrong_costs(chosen: Iterable[Choices]) -> list[str]:
    """The same of costs."""
    found = []
    for choices in chosen:
        told = {k: v for k, v in table().all(choices).items() if k.startswith(("cost/", "alone/"))}
        found += [f"{fact} at {choices}" for fact, _ in told.items() ^ costs.facts(choices).items()]
    return found


@pytest.mark.matrix
def test_the_table_is_right_for_some() -> None:
    assert not wrong(islice(every(), 0, None, SOME))
    assert not wrong(COVERING)


@pytest.mark.slow
def test_the_table_is_right_for_all() -> None:
    """5,616 placements, with the event system and the read API on and off."""
    assert sum(1 for _ in every()) == 4 * 5_616
    assert not wrong(every())


def test_the_costs_are_right_for_some() -> None:
    assert not wrong_costs(COVERING)


@pytest.mark.slow
def test_the_costs_are_right_for_all() -> None:
    assert not wrong_costs(choices for choices in every() if choices[READ_API] == ON)
    assert not wrong_costs(islice((choices for choices in every() if choices[READ_API] == OFF), 0, None, 7))


@pytest.mark.parametrize("choices", COVERING, ids=lambda choices: "-".join(choices.values()))
def test_the_answers_are_the_topology_s(choices: Choices) -> None:
    """Against the topology itself, not against what the table was made from."""
    twin, told = answers.topology(choices), table()
    optional = () if choices[EVENTS] == ON else [role for role in Role if ROLES[role].optional]
    links = [link for link in twin.links if choices[EVENTS] == ON or not link.optional]
    assert told.text("stacks", choices).split() == list(twin.stacks)
    roles = {f"function/{cloud}/{role}" for role, cloud in twin.roles.items() if role not in optional}
    assert {name for name in told.all(choices) if name.startswith("function/")} == roles
    assert told.count("function", choices) == len(roles)
    assert told.count("link_is/local", choices) == sum(not link.remote for link in links)
    assert told.count("link_is/remote", choices) == sum(link.wired for link in links)
    assert told.count("link_is/client", choices) == sum(link.sender_cloud is None for link in links)
    receivers = {role for cloud in twin.clouds for role in twin.receivers_in(cloud) if role not in optional}
    assert {role for role in Role if told.all(choices).get(f"endpoint/{role}")} == receivers
    secrets = [link for cloud in twin.clouds for link in twin.link_secrets_in(cloud) if link in links]
    assert told.count("secret", choices) == len(secrets)
    edges = [edge for edge in dataflow.graph(twin).edges if choices[EVENTS] == ON or not edge.optional]
    crossing = {f"edge/{each.key}" for each in edges if each.remote and twin.link(each.link).sender_cloud}
    drawn = {name: way for name, way in told.all(choices).items() if name.startswith("edge/")}
    assert drawn.keys() == {f"edge/{edge.key}" for edge in edges}
    assert {name for name, way in drawn.items() if way == answers.REMOTE} == crossing


def test_hops_grow_by_what_lies_between_clouds() -> None:
    """Connector, its queue and ingestion between L1 and L2; the writer between L2 and L3."""
    for choices in COVERING:
        l1, l2, l3 = (choices[layer.value] for layer in answers.REQUIRED)
        assert table().value("hops", choices) == 7 + 3 * (l1 != l2) + (l2 != l3)


def test_costs_add_up() -> None:
    for choices in COVERING:
        twin, on = answers.topology(choices), choices[EVENTS] == ON
        for assumed in prices.SETS:
            found = prices.items(twin, on, assumed)
            # Each part is rounded to a millionth of a dollar.
            rounded = len(prices.by_part(found)) / 2
            total = table().sum(f"cost/{assumed}", choices)
            assert abs(float(prices.total(found)) * costs.MICRO - total) <= rounded
            cloud, _ = prices.cheapest(twin, on, assumed)
            alone = [f"alone/{assumed}/{each}" for each in Cloud]
            assert table().least(alone, choices) == f"alone/{assumed}/{cloud}"


def test_a_single_cloud_costs_what_it_costs_alone() -> None:
    for layout in (each for each in EVERY_LAYOUT if len(set(each)) == 1):
        choices = {**dict(zip(map(str, Layer), layout, strict=True)), EVENTS: ON, READ_API: ON}
        for assumed in prices.SETS:
            alone = table().sum(f"alone/{assumed}/{layout.l1}", choices)
            assert table().sum(f"cost/{assumed}", choices) == alone > 0


@pytest.mark.parametrize("choices", COVERING, ids=lambda choices: "-".join(choices.values()))
def test_the_twin_yaml_loads_as_chosen(choices: Choices, tmp_path: Path) -> None:
    path = tmp_path / "twin.yaml"
    path.write_text(table().text("twin.yaml", choices), encoding="utf-8")
    config = load(path, extra_checks=[name_problems])
    assert answers.choices_of(config) == choices
    assert replace(Topology.of(config), entries=()) == answers.topology(choices)
    assert {cloud for cloud in Cloud if getattr(config.clouds, cloud)} == set(config.layers.clouds)


@pytest.mark.parametrize("choices", COVERING, ids=lambda choices: "-".join(choices.values()))
def test_the_word_of_a_layout_is_of_the_choices(choices: Choices) -> None:
    """What follows `twinspan init --from` in the page; `tests/command` runs it."""
    found, *switches = table().text("init", choices).split()
    assert found == word(choices)
    assert of_word(found) == {layer: choices[layer.value] for layer in Layer}
    off = [name for name in (EVENTS, READ_API) if choices[name] == OFF]
    assert switches == [f"--no-{name.replace('_', '-')}" for name in off]


def test_choices_that_twin_yaml_refuses_are_shut() -> None:
    shut = {
        str(choices)
        for choices in combinations()
        if any(table().value(fact, choices) for fact in shut_facts(choices))
    }
    assert shut == {str(choices) for choices in combinations() if answers.refusal(choices)}
    assert shut
    reasons = {name.split("/")[1] for name in table().facts if name.startswith("shut/")}
    assert reasons == index.SHUT.keys()


def shut_facts(choices: Choices) -> list[str]:
    named = (f"shut/{factor}/{choice}" for factor, choice in choices.items())
    return [fact for fact in named if fact in table().facts]


def test_presets_are_choices() -> None:
    found = index.presets()
    assert len({str(choices) for choices in found.values()}) == len(found) > len(Cloud)
    for choices in found.values():
        assert not answers.refusal(choices)
        assert choices.keys() == {factor.name for factor in answers.FACTORS}
    assert index.start() in found.values()


def test_the_table_is_small() -> None:
    assert len(index.embedded(table(), index.start()).encode()) < JSON_BYTES


def test_few_choices_decide_a_fact() -> None:
    assert max(len(table().decided_by(fact)) for fact in table().facts) <= 5


@pytest.mark.slow
def test_javascript_reads_the_table_as_python_does() -> None:
    """For every combination, also the refused ones: each fact, group and text."""
    try:
        program = node.node()
    except MissingProgram as error:
        missing(str(error))
    source = SCRIPTS[0].read_text(encoding="utf-8")
    rivals = [[f"alone/{assumed}/{cloud}" for cloud in Cloud] for assumed in prices.SETS]
    given = json.dumps({"source": source, "data": table().data(), "rivals": rivals})
    ran = subprocess.run([program, str(READER)], input=given, capture_output=True, text=True, check=True)
    expected = [line(choices, rivals) for choices in combinations()]
    assert len(expected) == 27 * 4**4 * 4
    assert ran.stdout.splitlines() == expected


def line(choices: Choices, rivals: list[list[str]]) -> str:
    """What `read_table.mjs` prints for a combination."""
    allowed = dict(choices)
    if answers.refusal(allowed):
        allowed[Layer.ARCHIVE_STORAGE.value] = NONE
    told = json.dumps(read(allowed, rivals), ensure_ascii=False, separators=(",", ":"))
    digest = hashlib.sha256(told.encode()).hexdigest()
    return f"{','.join(choices.values())} {','.join(allowed.values())} {digest}"


def read(choices: Choices, rivals: list[list[str]]) -> list[object]:
    told, facts = table(), table().all(choices)
    held = {group: [facts[name] for name in names if name in facts] for group, names in told.groups.items()}
    sums = {group: values for group, values in held.items() if all(isinstance(v, int) for v in values)}
    return [
        [facts.get(name) for name in told.facts],
        [[bool(values), len(values)] for values in held.values()],
        [[group, sum(map(int, values)), costs.usd(sum(map(int, values)))] for group, values in sums.items()],
        [told.least(groups, choices) for groups in rivals],
        [told.text(text, choices) for text in told.texts],
    ]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_javascript_has_no_rule_of_the_product(script: Path) -> None:
    """No word of the topology stands in it: neither a cloud, a layer, a role, a link, nor a part."""
    topology = Topology(dict(zip(Layer, (*Cloud, *Cloud, Cloud.AWS), strict=True)))
    parts = {*words.LINKS, *words.TITLES, *topology.stacks}
    known = {*Cloud, *Layer, *Role, *parts, NONE, ON, OFF, EVENTS, READ_API}
    text = re.sub(r"^\s*//.*$", "", script.read_text(encoding="utf-8"), flags=re.MULTILINE)
    literals = re.findall(r'"[^"\n]*"|`[^`]*`|\'[^\'\n]*\'', text)
    assert literals
    found = {word for literal in literals for word in re.findall(r"[a-z][a-z_]*", literal)}
    assert not found & known
    assert not [word for word in ("cloud", "layer", "role") if re.search(rf"\b{word}s?\b", text)]


def test_what_the_page_asks_for_is_in_the_table() -> None:
    told = table()
    kinds = {
        "facts": (told.facts, ("show", "value", "usd", "to", "mark")),
        "groups": (told.groups, ("any", "empty", "count", "sum", "amount", "group")),
        "texts": (told.texts, ("text",)),
    }
    for known, attributes in kinds.values():
        for attribute in attributes:
            named = re.findall(rf'data-{attribute}="([^" ]+)', page())
            assert named, attribute
            assert not set(named) - known.keys(), attribute
    shown = set(re.findall(r'data-(?:show|value|usd|to|mark)="([^" ]+)', page()))
    unseen = {name.split("/")[0] for name in told.facts.keys() - shown}
    # These are read in groups and texts, as states of inputs, or by parts with no row of their own.
    assert unseen <= {"alone", "cost", "secret", "shut", "yaml", "link", "layout", "init"}


def test_without_javascript_the_page_shows_the_example() -> None:
    chosen, told = index.start(), table()
    assert '<form class="choices" hidden' in page()
    assert "<noscript>" in page()
    for attribute, shown in (("show", told.value), ("any", told.any), ("mark", told.value)):
        for fact, rest in re.findall(rf'data-{attribute}="([^" ]+)[^"]*"([^>]*)>', page()):
            hidden = bool(re.search(r"\bhidden\b", rest))
            assert hidden == (shown(fact, chosen) in (None, False)), fact
    for text in told.texts:
        assert told.text(text, chosen) in page().replace("&#34;", '"')


def test_the_page_is_small() -> None:
    assert len(page().encode()) < 200_000
