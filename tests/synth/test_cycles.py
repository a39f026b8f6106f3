"""Terraform's order of things: in no stack do resources wait for each other in a circle.

CDKTF does not look for one, and Terraform does so no sooner than in `plan`, with the real providers.
"""

from graphlib import CycleError, TopologicalSorter

import pytest

from support.layouts import SYNTHESIZED, Layout
from support.synth import Stack, stacks
from support.terraform_json import data_sources, references, resources


def graph(stack: Stack) -> dict[str, set[str]]:
    """What each resource and data source waits for: by reference and by depends_on."""
    waits: dict[str, set[str]] = {}
    for block in (*resources(stack), *data_sources(stack)):
        named = {reference.address for reference in references(block.body)}
        # A resource may not name itself, so that is a circle of one.
        waits[block.address] = named | set(block.body.get("depends_on", ()))
    return waits


def circle(waits: dict[str, set[str]]) -> list[str]:
    """The addresses of one circle, in order; none where there is none."""
    try:
        TopologicalSorter(waits).prepare()
    except CycleError as error:
        return error.args[1]
    return []


@pytest.mark.parametrize("read_api", [True, False], ids=["", "no-read-api"])
@pytest.mark.parametrize("layout", SYNTHESIZED, ids=str)
def test_no_resource_waits_for_itself(layout: Layout, read_api: bool) -> None:
    # The flag is a default and changes no reference (`test_references`).
    for name, stack in stacks(layout, read_api=read_api).items():
        waits = graph(stack)
        assert not circle(waits), name
        # What is waited for is in the stack, written as an address and nothing more.
        assert set().union(*waits.values()) <= waits.keys(), name


def test_a_circle_would_be_found() -> None:
    stack: Stack = {
        "resource": {
            "aws_a": {"x": {"name": "${aws_b.y.name}"}},
            "aws_b": {"y": {"depends_on": ["aws_c.z"]}},
            "aws_c": {"z": {"id": "${one(aws_a.x[*].id)}"}},
        }
    }
    assert set(circle(graph(stack))) == {"aws_a.x", "aws_b.y", "aws_c.z"}
