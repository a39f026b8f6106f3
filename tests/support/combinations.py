"""All placements of the seven layers, synthesized in worker processes and checked there.

A worker ends after some twins: jsii's kernel keeps every construct that it ever made, three megabytes a twin.
"""

import multiprocessing
import os
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from support import aws_changes, azure_rules, changeable
from support.layouts import EVERY_LAYOUT, Layout, twin_config
from support.synth import Stack, functions, stacks_of
from support.terraform_json import data_sources, references, resources
from twin_runtime.roles import Cloud
from twinspan.loading import quick
from twinspan.topology import LINKS_STACK, Topology

TWINS_PER_PROCESS = 162


@dataclass(frozen=True, slots=True)
class Checked:
    """What a worker found: how many twins it made, the resources of the largest, what is wrong with them."""

    twins: int
    largest: int
    problems: tuple[str, ...]


def every_twin() -> Iterator[Checked]:
    """Each of the 2,187 layouts with the event system on and off, some at a time."""
    size = TWINS_PER_PROCESS // 2
    chunks = [EVERY_LAYOUT[at : at + size] for at in range(0, len(EVERY_LAYOUT), size)]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        os.cpu_count(), mp_context=context, initializer=quick.prepare, max_tasks_per_child=1
    ) as pool:
        yield from pool.map(check_some, chunks)


def check_some(layouts: Sequence[Layout]) -> Checked:
    """Synthesize layouts, with events and without, and look at what came out."""
    problems: list[str] = []
    largest = twins = 0
    for layout in layouts:
        for events in (True, False):
            found = stacks_of(twin_config(layout, events=events))
            problems += [f"{layout}: {problem}" for problem in wrong(layout, found, events=events)]
            largest = max(largest, sum(len(resources(stack)) for stack in found.values()))
            twins += 1
    return Checked(twins, largest, tuple(problems))


def wrong(layout: Layout, found: dict[str, Stack], *, events: bool) -> Iterator[str]:
    """What of a twin is not as it must be, before anybody has looked at it."""
    config = twin_config(layout)
    topology = Topology.of(config)
    if set(found) != set(topology.stacks):
        yield f"its stacks are {sorted(found)}"
    for name, stack in found.items():
        if stack["variable"]["enable_events"]["default"] is not events:
            yield f"{name}: enable_events"
        for provider, block in stack["terraform"]["required_providers"].items():
            if not re.fullmatch(r"\d+\.\d+\.\d+", block["version"]):
                yield f"{name}: the provider {provider} is not pinned exactly"
        known = {block.address for block in (*resources(stack), *data_sources(stack))}
        for part in ("resource", "output"):
            for reference in references(stack.get(part, {})):
                if reference.address not in known:
                    yield f"{name}: {reference.expression} leads nowhere"
        if name == Cloud.AZURE:
            yield from (f"{name}: {problem}" for problem in azure_rules.problems(stack))
        if name == LINKS_STACK:
            yield from (f"{name}: {problem}" for problem in azure_rules.problems_of_links(stack))
        if name in list(Cloud):
            roles = {role for role, cloud in topology.roles.items() if cloud == name}
            if set(functions(stack, Cloud(name))) != roles:
                yield f"{name}: its functions are not {sorted(roles)}"
            for problem in changeable.problems(config, Cloud(name), stack):
                yield f"{name}: {problem}"
        if name == Cloud.AWS:
            yield from (f"{name}: {problem}" for problem in aws_changes.problems(stack))
