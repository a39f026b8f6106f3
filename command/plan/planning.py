"""Plans every stack of a twin with the operator's Terraform: the clouds side by side, then `links`."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from command.exits import CommandError, WrongInput
from command.plan import contents, deployed, facts, page, saved, scratch, stores
from command.plan.reading import Plan, Reading, read
from command.plan.synthesis import synthesize
from command.session import Session
from command.state import former_states, vanished
from command.terraform.failures import prevented
from command.terraform.parallel import side_by_side
from command.terraform.program import Program, Stack, TerraformFailed
from stacks.states import make_private
from twin_runtime.roles import Cloud
from twinspan.terraform.stackjson import Blocks, StackJson
from twinspan.topology import LINKS_STACK, Topology

FILE = "twinspan.tfplan"
READING, ALLOWED, STAND_INS = "reading", "allowed", "stand-ins"
"""Kinds of scratch copies: without any protection; without that of what may be deleted; with stand-ins for
outputs that are not there yet."""
KINDS = (READING, ALLOWED, STAND_INS)


@dataclass(frozen=True)
class Planned:
    """The plan of a stack. `at` is where its file is; what is not `applicable` was planned for reading."""

    reading: Reading
    at: Stack
    plan: Plan
    applicable: bool = True


@dataclass(frozen=True)
class Outcome:
    """What `twinspan plan` found: the document of `--json`, and the page."""

    document: facts.Document
    lines: Sequence[str]


class Planning:
    """Plans stacks of the synthesized twin. Each variable is given to every stack."""

    def __init__(
        self, session: Session, *, variables: Mapping[str, str], delete_data: Collection[str] = ()
    ) -> None:
        self.session = session
        self.program = Program(session.environment)
        self.variables = variables
        self.delete_data = delete_data
        self.out = session.out.resolve()

    def begin(self) -> list[str]:
        """Forget earlier plans and synthesize the twin; return its stacks. `links` is one of them, and empty,
        where it is left of an earlier layout. Raises `CommandError` where a state is in another place.
        """
        stacks = list(Topology.of(self.session.config).stacks)
        saved.forget(self.out)
        scratch.remove(self.out, *KINDS)
        self.session.warn("Synthesizing …")
        left_links = LINKS_STACK not in stacks and self.stack(LINKS_STACK).data.exists()
        synthesize(self.session, left_links=left_links)
        _check_states(self.session)
        return [*stacks, LINKS_STACK] if left_links else stacks

    def stack(self, name: str) -> Stack:
        return Stack(self.program, name, self.out / "stacks" / name)

    def body(self, name: str) -> StackJson:
        """The synthesized JSON of a stack."""
        return json.loads((self.out / "stacks" / name / "cdk.tf.json").read_text("utf-8"))

    def cloud(self, name: str, *options: str) -> Planned:
        """Plan the stack of a cloud. Raises `TerraformFailed`."""
        stack, body = self.stack(name), self.body(name)
        stack.init()
        return self._planned(stack, body, *options)

    def links(self, clouds: Mapping[str, Plan]) -> Planned:
        """Plan the stack `links` after the plans of the clouds: for reading, where they change its inputs."""
        stack, body = self.stack(LINKS_STACK), self.body(LINKS_STACK)
        stack.init()
        if _settled(scratch.reads(body), clouds):
            return self._planned(stack, body)
        bodies = {name: self.body(name) for name in clouds}
        copy = scratch.with_outputs(scratch.unprotected(body), clouds, bodies)
        return self._made(scratch.make(self.program, stack, STAND_INS, copy), body, applicable=False)

    def unprotected(self, name: str, *options: str) -> Planned:
        """Plan a stack without `prevent_destroy`, to be applied."""
        return self._copied(self.stack(name), self.body(name), ALLOWED, None, *options)

    def _planned(self, stack: Stack, body: StackJson, *options: str) -> Planned:
        attempts: list[Callable[[], Planned]] = [partial(self._made, stack, body, *options)]
        if self.delete_data:
            allowed = _protected(stack.name, body, self.delete_data)
            attempts.append(lambda: self._copied(stack, body, ALLOWED, allowed, *options))
        for attempt in attempts:
            try:
                return attempt()
            except TerraformFailed as error:
                if not prevented(error.diagnostics):
                    raise
        return self._copied(stack, body, READING, None, *options, applicable=False)

    def _copied(
        self,
        stack: Stack,
        body: StackJson,
        kind: str,
        addresses: Collection[str] | None,
        *options: str,
        applicable: bool = True,
    ) -> Planned:
        copy = scratch.make(self.program, stack, kind, scratch.unprotected(body, addresses))
        return self._made(copy, body, *options, applicable=applicable)

    def _made(self, at: Stack, body: StackJson, *options: str, applicable: bool = True) -> Planned:
        plan = at.plan(FILE, variables_in(self.variables, body), *options)
        if not applicable:
            (at.folder / FILE).unlink()  # it has keys, and nobody applies it
        return Planned(read(at.name, plan, body, self._before(at.name)), at, plan, applicable)

    def _before(self, name: str) -> stores.Before:
        """The layers of the blocks of a cloud's stack in the last deployment, if this machine knows it."""
        config = deployed.read(self.session, self.out)
        return stores.before(config, Cloud(name)) if config and name != LINKS_STACK else {}


def plan(
    session: Session, *, variables: Mapping[str, str] | None = None, delete_data: Sequence[str] = ()
) -> Outcome:
    """Synthesize the twin, plan every stack, save the plans and return what they do.

    Raises `CommandError` when a stack cannot be planned.
    """
    check_stores(delete_data)
    planning = Planning(session, variables=variables or {}, delete_data=delete_data)
    config, stacks = session.config, planning.begin()
    clouds = [name for name in stacks if name != LINKS_STACK]
    session.warn(f"Planning {', '.join(clouds)} …")
    planned = planned_clouds(planning, clouds)
    if LINKS_STACK in stacks:
        session.warn("Planning links …")
        planned[LINKS_STACK] = planning.links({name: each.plan for name, each in planned.items()})
    readings = [each.reading for each in planned.values()]
    losses = [loss for reading in readings for loss in reading.losses]
    if all(each.empty for each in readings):
        deployed.write(session, planning.out)  # another command may have deployed it
    comparison = deployed.comparison(session, known=any(each.before for each in readings))
    document = facts.document(
        config,
        readings,
        contents.read(losses, config),
        delete_data=delete_data,
        left=vanished(config, session.out),
        for_reading_only=[name for name, each in planned.items() if not each.applicable],
        comparison=comparison.document,
        before=deployed.read(session, planning.out),
    )
    _unknown_stores(delete_data, document)
    saved.save(
        planning.out,
        saved.Saved(
            twin=str(session.deployed_file().resolve()),
            variables=dict(planning.variables),
            delete_data=tuple(delete_data),
            stacks={
                name: saved.Stack.of(each.at.folder / FILE, planning.stack(name).folder, each.applicable)
                for name, each in planned.items()
            },
            document=document,
        ),
    )
    return Outcome(document, list(page.lines(document, comparison.lines)))


def _check_states(session: Session) -> None:
    """Keep local states private. Raises `CommandError` where a state is in another place than twin.yaml
    says: a plan would make the twin anew. The commands that move it need the stacks as they are now.
    """
    for warning in make_private(session.config, session.out):
        session.warn(warning)
    if found := former_states(session.config, session.out):
        raise CommandError("\n".join(map(str, found)))


def planned_clouds(planning: Planning, names: Sequence[str], *options: str) -> dict[str, Planned]:
    """Plan the stacks of several clouds side by side. Raises `CommandError` with a sentence for each that
    failed.
    """
    work = {name: partial(planning.cloud, name, *options) for name in names}
    return succeeded(side_by_side(planning.program, work, warn=planning.session.warn))


def succeeded(results: Mapping[str, Any]) -> dict[str, Any]:
    """The results, or a `CommandError` with a sentence for each stack that failed."""
    if errors := [str(each) for each in results.values() if isinstance(each, CommandError)]:
        raise CommandError("\n".join(errors))
    return dict(results)


def _settled(reads: Mapping[str, Collection[str]], clouds: Mapping[str, Plan]) -> bool:
    """Whether the plans of the clouds leave every output as it is that `links` reads."""
    return all(
        clouds[cloud].get("output_changes", {}).get(name, {"actions": ["no-op"]})["actions"] == ["no-op"]
        for cloud, names in reads.items()
        if cloud in clouds
        for name in names
    )


def variables_in(variables: Mapping[str, str], body: StackJson) -> dict[str, str]:
    """The variables that a stack has: Terraform refuses another one."""
    return {name: value for name, value in variables.items() if name in body.get("variable", {})}


def _protected(name: str, body: StackJson, delete_data: Collection[str]) -> set[str]:
    """The addresses of the blocks that belong to stores which may be deleted."""
    if name not in tuple(Cloud):
        return set()
    blocks = Blocks(body)
    return {
        block.address
        for block in blocks.resources
        if stores.store(block.address, Cloud(name), block.body, blocks) in delete_data
    }


def check_stores(names: Collection[str]) -> None:
    for name in names:
        if not stores.known(name):
            raise WrongInput(
                f"--delete-data {name}: write <layer>@<cloud>, as the plan does, such as hot_storage@aws."
            )


def _unknown_stores(names: Collection[str], document: facts.Document) -> None:
    lost = {each["store"] for each in document["stores"]}
    for name in names:
        if name not in lost:
            raise WrongInput(
                f"--delete-data {name}: this plan deletes nothing of {name}; leave the option out."
            )


def variables_of(given: Sequence[str]) -> dict[str, str]:
    """The variables of `--var NAME=VALUE`. Raises `WrongInput`."""
    found = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise WrongInput(f"--var {text}: write NAME=VALUE, such as enable_events=false.")
        found[name] = value
    return found
