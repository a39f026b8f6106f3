"""Names: what the stacks call things keeps to the rules that twin.yaml is checked against."""

from importlib import import_module
from itertools import chain

import pytest

from support.layouts import SYNTHESIZED, Layout, twin_config
from support.synth import stacks, stacks_of
from support.terraform_json import Resource, resources
from twin_runtime.roles import Cloud
from twinspan import naming, twinfile
from twinspan.config import Config
from twinspan.naming import Names
from twinspan.topology import Topology

each_layout = pytest.mark.parametrize("layout", SYNTHESIZED, ids=str)
LONGEST = 20


def rules(cloud: Cloud) -> dict[str, naming.NameRule]:
    return {rule.resource: rule for rule in import_module(f"twinspan.{cloud}.names").RULES}


def rule_of(block: Resource, cloud: Cloud) -> naming.NameRule | None:
    """By address where a type is of many kinds of resources."""
    known = rules(cloud)
    return known.get(block.address) or known.get(block.kind)


def named(config: Config, found: dict) -> list[tuple[naming.NameRule, str, str]]:
    """Rule, name and address of every resource of a twin that a rule is for and whose name stands in the
    JSON.
    """
    listed = []
    for cloud in Topology.of(config).clouds:
        for block in resources(found[cloud]):
            rule = rule_of(block, cloud)
            name = block.body.get(rule.attribute) if rule else None
            if rule and isinstance(name, str) and "${" not in name:
                listed.append((rule, name, f"{cloud}: {block.address}"))
    return listed


@pytest.mark.parametrize(
    ("cloud", "resource"),
    [
        (Cloud.AWS, "aws_lambda_function"),
        (Cloud.AWS, "aws_sqs_queue"),
        (Cloud.AZURE, "azapi_resource.workflow"),
        (Cloud.AZURE, "azurerm_application_insights"),
        (Cloud.AZURE, "azurerm_resource_group"),
        (Cloud.GCP, "google_cloudfunctions2_function"),
        (Cloud.GCP, "google_workflows_workflow"),
    ],
)
def test_a_name_may_be_one_letter_where_the_cloud_takes_it(cloud: Cloud, resource: str) -> None:
    """By the sources that the rules name."""
    assert rules(cloud)[resource].problem("a") is None


@each_layout
def test_names_keep_to_the_rules(layout: Layout) -> None:
    found = named(twin_config(layout), stacks(layout))
    assert found
    for rule, name, address in found:
        assert rule.problem(name) is None, address


@each_layout
def test_every_name_that_carries_the_twin_s_is_planned(layout: Layout) -> None:
    """The check of twin.yaml sees the planned names alone: a name beyond them would be refused by the cloud
    only.
    """
    config = twin_config(layout)
    names, topology = Names.of(config), Topology.of(config)
    for cloud in topology.clouds:
        module = import_module(f"twinspan.{cloud}.names")
        planned: dict[str, int] = {}
        for kind, name in module.planned(names, topology):
            planned[kind] = max(planned.get(kind, 0), len(name))
        for block in resources(stacks(layout)[cloud]):
            rule = rule_of(block, cloud)
            name = block.body.get(rule.attribute if rule else "name")
            if isinstance(name, str) and "factory" in name and "${" not in name:
                assert rule, f"{block.address} is called {name} and has no rule"
                assert len(name) <= planned.get(rule.resource, 0), (
                    f"{block.address}: {name} is longer than planned"
                )


@each_layout
def test_the_longest_twin_name_that_is_accepted_makes_names_that_are(layout: Layout) -> None:
    accepted = [
        length
        for length in range(3, LONGEST + 1)
        if not list(twinfile.name_problems(twin_config(layout, twin="a" * length)))
    ]
    longest = max(accepted)
    assert accepted == list(range(3, longest + 1))
    config = twin_config(layout, twin="a" * longest)
    for rule, name, address in named(config, stacks_of(config)):
        assert rule.problem(name) is None, address


def test_a_name_that_is_too_long_is_told_with_resource_limit_and_fix() -> None:
    layout = Layout(Cloud.GCP, Cloud.AZURE, Cloud.AWS)
    config = twin_config(layout, twin="a" * LONGEST)
    messages = [str(problem) for problem in twinfile.name_problems(config)]
    assert messages
    for message in messages:
        assert "'aaaaaaaaaaaaaaaaaaaa' makes the" in message
        assert "of at most" in message
        assert "shorten the twin's name to" in message
    assert any("storage account" in message for message in messages)
    fits = min(int(message.split("shorten the twin's name to ")[1].split()[0]) for message in messages)
    assert not list(twinfile.name_problems(twin_config(layout, twin="a" * fits)))
    assert list(twinfile.name_problems(twin_config(layout, twin="a" * (fits + 1))))


def test_unique_names_differ_by_account_and_stay_the_same() -> None:
    layout = Layout(Cloud.AZURE, Cloud.AZURE, Cloud.AZURE)
    here = Names.of(twin_config(layout))
    assert here.unique(Cloud.AZURE) == Names.of(twin_config(layout)).unique(Cloud.AZURE)
    other = {
        "azure": {"location": "westeurope", "subscription_id": "00000000-0000-0000-0000-000000000001"},
    }
    there = Names.of(twin_config(layout, clouds=other))
    assert here.unique(Cloud.AZURE) != there.unique(Cloud.AZURE)


def test_every_rule_says_where_it_stands() -> None:
    for rule in chain.from_iterable(rules(cloud).values() for cloud in Cloud):
        assert rule.source.strip()
        assert rule.minimum <= rule.maximum
