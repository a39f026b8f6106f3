"""Destroys a twin: `links` first, then the clouds side by side."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from command.exits import Exit, Refused, WrongInput
from command.plan import contents, deployed, facts, release, scratch, stores
from command.plan.applying import Progress, Step, work
from command.plan.planning import (
    FILE,
    KINDS,
    Planned,
    Planning,
    check_stores,
    planned_clouds,
    variables_in,
)
from command.session import Session
from command.terraform.parallel import side_by_side
from twin_runtime.roles import Cloud
from twinspan.config import Config
from twinspan.topology import LINKS_STACK, Topology

_DESTROY = "-destroy"
HOME = "deployed_in"
"""The output of the stack `aws` with the account and the region of its first apply."""


@dataclass(frozen=True)
class Doomed:
    """What a destroy would delete: the document of its stores and the plan of each stack."""

    stores: Sequence[Mapping[str, Any]]
    planned: Mapping[str, Planned]

    @property
    def resources(self) -> int:
        return sum(len(each.reading.actions) for each in self.planned.values())


class Destroying:
    """Destroys the twin of the session's file."""

    def __init__(self, session: Session, *, delete_data: Sequence[str]) -> None:
        check_stores(delete_data)
        self._session = session
        self._planning = Planning(session, variables={}, delete_data=())
        self._delete_data = delete_data

    def plan(self) -> Doomed:
        """Plan the destruction of every stack. Raises `Refused` while data is protected that is not named."""
        names = self._planning.begin()
        self._session.warn(f"Planning {', '.join(names)} …")
        planned = planned_clouds(self._planning, names, _DESTROY)
        if refused := elsewhere(planned.get(Cloud.AWS), self._session.config):
            raise Refused(refused)
        losses = [loss for each in planned.values() for loss in each.reading.losses]
        found = facts.lost(losses, contents.read(losses, self._session.config), self._delete_data)
        self._refuse(found)
        return Doomed(found, planned)

    def _refuse(self, found: Sequence[Mapping[str, Any]]) -> None:
        lost = {each["store"] for each in found}
        for name in self._delete_data:
            if name not in lost:
                raise WrongInput(
                    f"--delete-data {name}: the twin has nothing of {name}; leave the option out."
                )
        refused = [
            each
            for each in found
            if each["needs_consent"] and not each["allowed"] and self._protected(each["store"])
        ]
        if refused:
            options = " ".join(f"--delete-data {each['store']}" for each in (*refused, *_allowed(found)))
            raise Refused(
                "\n".join(
                    [
                        *(facts.protection(each) for each in refused),
                        f"To delete all of it, run twinspan destroy {options}",
                    ]
                )
            )

    def _protected(self, name: str) -> bool:
        """Whether twin.yaml protects a store, as it is now or as it was deployed."""
        layer = stores.layer_of(name)
        before = deployed.read(self._session, self._planning.out)
        return self._session.config.protects(layer) or (before is not None and before.protects(layer))

    def run(self, doomed: Doomed) -> Exit:
        """Destroy what was planned, and report what stands."""
        steps = {
            name: Step(Progress(self._session, name, work(each.reading.actions.values())))
            for name, each in doomed.planned.items()
        }
        clouds = [name for name in steps if name != LINKS_STACK]
        stages = [[LINKS_STACK] if LINKS_STACK in steps else [], clouds]
        status = Exit.DONE
        try:
            for stage in stages:
                if not all(step.finished for step in steps.values() if step.begun):
                    break
                work_of = {name: partial(self._stack, doomed.planned[name], steps[name]) for name in stage}
                results = side_by_side(self._planning.program, work_of, warn=self._session.warn)
                for name, result in results.items():
                    steps[name].error, steps[name].finished = result, result is None
        except KeyboardInterrupt:
            status = Exit.INTERRUPTED
        if status is Exit.DONE and not all(step.finished for step in steps.values()):
            status = Exit.FAILED
        self._report(steps, status)
        return status

    def _stack(self, planned: Planned, step: Step) -> None:
        """Lift what protection there is, and destroy the stack with a plan that is made after that."""
        name = planned.reading.stack
        step.begun = True
        if not planned.reading.actions:
            return
        body, stack = self._planning.body(name), self._planning.stack(name)
        release.release(self._planning.program, stack, body, planned.reading.losses, variables_in({}, body))
        again = self._planning.unprotected(name, _DESTROY)
        again.at.apply(FILE, step.progress)

    def _report(self, steps: Mapping[str, Step], status: Exit) -> None:
        self._session.say()
        if status is Exit.DONE:
            out = self._planning.out
            scratch.remove(out, *KINDS, release.KIND)
            (out / deployed.FILE).unlink(missing_ok=True)
            if LINKS_STACK in steps and LINKS_STACK not in Topology.of(self._session.config).stacks:
                shutil.rmtree(self._planning.stack(LINKS_STACK).folder)
            self._session.say(f"Twin {self._session.config.name} is destroyed.")
        else:
            for name, step in steps.items():
                self._session.say(step.told(name).replace("is deployed", "is destroyed"))
            self._session.say("Run twinspan destroy again: it goes on from here.")
        self._session.result(
            {
                "destroyed": [name for name, step in steps.items() if step.finished],
                "failed": [
                    {"stack": name, "reason": str(step.error or "interrupted")}
                    for name, step in steps.items()
                    if not step.finished
                ],
            }
        )


def elsewhere(aws: Planned | None, config: Config) -> str | None:
    """Why the stack `aws` must not be destroyed in the region of twin.yaml: it is deployed in another one,
    and the provider would find nothing and forget all. A destroy does not evaluate the precondition of
    `twinspan.aws.shared.home`, which says so otherwise.
    """
    if aws is None or config.clouds.aws is None:
        return None
    outputs = aws.plan.get("prior_state", {}).get("values", {}).get("outputs", {})
    home = outputs.get(HOME, {}).get("value")
    region = config.clouds.aws.region
    if not home or home["region"] == region:
        return None
    return (
        f"Stack aws: the twin is deployed in region {home['region']}, but twin.yaml says {region}. Write "
        f"region: {home['region']} under clouds.aws, and run the command again."
    )


def _allowed(found: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [each for each in found if each["allowed"]]
