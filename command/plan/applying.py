"""Applies a saved plan: the clouds side by side, then `links`."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from command.exits import CommandError, Exit, Refused
from command.plan import deployed, release, saved, scratch
from command.plan.planning import FILE, KINDS, Planned, Planning
from command.plan.reading import Action, Reading
from command.session import Session
from command.terraform.parallel import side_by_side
from command.terraform.program import Event
from command.terraform.program import Stack as TerraformStack
from twin_runtime.roles import Role
from twinspan.outputs import BROKER, GRAFANA, api_key, url
from twinspan.topology import LINKS_STACK, Topology

_AGAIN = "The saved plan no longer holds: {why} Run twinspan plan, and read the page again."
ENDPOINTS = (BROKER, url(Role.HOT_READER), url(Role.TWIN_READER), GRAFANA)
_KEYS = (api_key(Role.HOT_READER), api_key(Role.TWIN_READER))


class Progress:
    """Reports each resource of a stack that Terraform has done."""

    def __init__(self, session: Session, stack: str, total: int) -> None:
        self._session, self._stack = session, stack
        self.total, self.done = total, 0

    def __call__(self, event: Event) -> None:
        """One event of `terraform apply -json`."""
        if event.get("type") != "apply_complete":
            return
        hook = event["hook"]
        done = _DONE.get(hook["action"])
        if done is None:  # a data source
            return
        self.done += 1
        seconds = f"  {hook['elapsed_seconds']:.0f} s" if hook.get("elapsed_seconds", 0) >= 1 else ""
        width = len(str(self.total))
        self._session.say(
            f"{self._stack:<6} {self.done:>{width}}/{self.total}  {hook['resource']['addr']} {done}{seconds}"
        )


_DONE = {"create": "created", "update": "changed", "delete": "deleted", "replace": "replaced"}


@dataclass
class Step:
    """A stack while it is deployed."""

    progress: Progress
    error: CommandError | None = None
    begun: bool = False
    finished: bool = False

    def told(self, name: str) -> str:
        """A sentence on how far the stack came."""
        if self.finished:
            return f"Stack {name} is deployed."
        if not self.begun:
            return f"Stack {name} was not begun. {self.error or ''}".rstrip()
        done = f"Stack {name} stopped after {self.progress.done} of {self.progress.total} changes."
        return f"{done} {self.error or ''}".rstrip()


class Deploying:
    """Applies one saved plan."""

    def __init__(self, session: Session, plan: saved.Saved) -> None:
        self._session, self._plan = session, plan
        self._planning = Planning(session, variables=plan.variables, delete_data=plan.delete_data)
        self.status = Exit.DONE
        self._steps = {
            name: Step(Progress(session, name, work(self._shown_actions(name).values())))
            for name in plan.stacks
        }

    def run(self) -> dict[str, Any]:
        """Apply, report what stands, set `status` and return the document. Raises `CommandError` before
        anything is changed.
        """
        self._check()
        clouds = [name for name in self._plan.stacks if name != LINKS_STACK]
        try:
            self._side_by_side({name: partial(self._cloud, name) for name in clouds})
            if LINKS_STACK in self._plan.stacks and all(self._steps[name].finished for name in clouds):
                self._side_by_side({LINKS_STACK: self._links})
        except KeyboardInterrupt:
            self.status = Exit.INTERRUPTED
        else:
            finished = all(step.finished for step in self._steps.values())
            self.status = Exit.DONE if finished else Exit.FAILED
        return self._document(self._reported_failure() if self.status else self._finish())

    def _check(self) -> None:
        """Refuse a plan that was refused, or that was made for other files or another state."""
        if self._plan.document["refused"]:
            raise Refused("\n".join(self._plan.document["refused"]))
        here = str(self._session.deployed_file().resolve())
        if here != self._plan.twin:
            raise Refused(_AGAIN.format(why=f"it is of {self._plan.twin}, not of {here}."))
        for name, stack in self._plan.stacks.items():
            at = self._planning.stack(name)
            if not (at.folder / "cdk.tf.json").exists() or saved.digest(at.folder) != stack.digest:
                raise Refused(
                    _AGAIN.format(why=f"the stack {name} was synthesized again, with another result.")
                )
        results = side_by_side(
            self._planning.program,
            {name: partial(self._check_state, name) for name, each in self._plan.stacks.items() if each.file},
            warn=self._session.warn,
        )
        for error in results.values():
            if error:
                raise error

    def _check_state(self, name: str) -> None:
        planned, state = self._plan.stacks[name], self._planning.stack(name).state()
        # Without a state, the plan has made up a lineage for the one to come.
        lineage = state.get("lineage", planned.lineage)
        if (lineage, state.get("serial", 0)) != (planned.lineage, planned.serial):
            raise Refused(_AGAIN.format(why=f"the state of the stack {name} has changed since."))

    def _side_by_side(self, work: Mapping[str, Callable[[], None]]) -> None:
        results = side_by_side(self._planning.program, work, warn=self._session.warn)
        for name, result in results.items():
            self._steps[name].error = result
            self._steps[name].finished = result is None

    def _cloud(self, name: str) -> None:
        step, planned = self._steps[name], self._plan.stacks[name]
        file = Path(planned.file) if planned.file else None
        if any(store.endswith(f"@{name}") for store in self._plan.delete_data):
            file = self._released(name)
        if file is None:
            raise Refused(_AGAIN.format(why=f"the stack {name} was planned for reading only."))
        step.begun = True
        if step.progress.total or self._shown(name)["outputs"]:
            self._at(name, file).apply(file.name, step.progress)

    def _at(self, name: str, file: Path) -> TerraformStack:
        """The stack, or the scratch copy of it, that a plan's file is of."""
        stack = self._planning.stack(name)
        return TerraformStack(self._planning.program, name, file.parent, data=stack.data)

    def _released(self, name: str) -> Path | None:
        """Lift the protection of what the plan of a stack deletes with the operator's consent, and plan it
        again; None where nothing is protected.
        """
        planned = self._planning.cloud(name)
        self._same(name, planned)
        losses = [loss for loss in planned.reading.losses if loss.store in self._plan.delete_data]
        body = self._planning.body(name)
        if release.locked(losses):
            variables = {key: value for key, value in self._plan.variables.items() if key in body["variable"]}
            stack = self._planning.stack(name)
            release.release(self._planning.program, stack, body, losses, variables)
            planned = self._planning.cloud(name)
            self._same(name, planned)
        return planned.at.folder / FILE if planned.applicable else None

    def _same(self, name: str, planned: Planned) -> None:
        if _actions(planned.reading) != self._shown_actions(name):
            raise Refused(_AGAIN.format(why=f"the stack {name} would now change otherwise than was shown."))

    def _shown(self, name: str) -> Mapping[str, Any]:
        """What the page said of a stack."""
        return next(each for each in self._plan.document["stacks"] if each["name"] == name)

    def _shown_actions(self, name: str) -> dict[str, str]:
        shown = self._shown(name)
        return {address: action.value for action in Action for address in shown[action.value]}

    def _links(self) -> None:
        """Apply `links`, planned again where its inputs were not known."""
        step, file = self._steps[LINKS_STACK], self._plan.stacks[LINKS_STACK].file
        if file is None:
            self._session.say("links  planning with the outputs of the clouds")
            planned = self._planning.cloud(LINKS_STACK)
            if not planned.applicable:
                raise Refused(_AGAIN.format(why="links would delete what is protected."))
            self._show_difference(planned.reading)
            step.progress.total = work(planned.reading.actions.values())
            file = str(planned.at.folder / FILE)
        step.begun = True
        self._at(LINKS_STACK, Path(file)).apply(FILE, step.progress)

    def _show_difference(self, reading: Reading) -> None:
        shown, now = self._shown_actions(LINKS_STACK), _actions(reading)
        for address in sorted({*shown, *now}):
            if shown.get(address) != now.get(address):
                was, becomes = shown.get(address, "no change"), now.get(address, "no change")
                self._session.say(f"links  {address}: {becomes}; the page said {was}")

    def _reported_failure(self) -> dict[str, Any]:
        self._session.say()
        for name, step in self._steps.items():
            self._session.say(step.told(name))
        self._session.say("Run twinspan plan and twinspan deploy again: they go on from here.")
        return {}

    def _document(self, endpoints: Mapping[str, Any]) -> dict[str, Any]:
        steps = self._steps.items()
        return {
            "deployed": [name for name, step in steps if step.finished],
            "failed": [
                {"stack": name, "reason": str(step.error or "interrupted"), "done": step.progress.done}
                for name, step in steps
                if (step.begun or step.error) and not step.finished
            ],
            "not_begun": [name for name, step in steps if not step.begun and not step.error],
            "endpoints": dict(endpoints),
        }

    def _finish(self) -> dict[str, Any]:
        """Record the deployment, and return its endpoints."""
        out = self._planning.out
        deployed.write(self._session, out)
        saved.forget(out)
        scratch.remove(out, *KINDS, release.KIND)
        topology = Topology.of(self._session.config)
        if LINKS_STACK in self._plan.stacks and LINKS_STACK not in topology.stacks:
            shutil.rmtree(self._planning.stack(LINKS_STACK).folder)  # its state is empty
        found: dict[str, Any] = {}
        for name in topology.stacks:
            values = self._planning.stack(name).outputs()
            found |= {key: values[key] for key in ENDPOINTS if values.get(key)}
        self._session.say()
        self._session.say(f"Twin {self._session.config.name} is deployed.")
        for key, value in found.items():
            self._session.say(f"  {key:<18} {value}")
        if keys := [key for key in _KEYS if key.replace("_key", "_url") in found]:
            self._session.say(f"  API keys: terraform output -raw {' or '.join(keys)}, in the stack's folder")
        return found


def work(actions: Iterable[str]) -> int:
    """The number of steps that Terraform reports for these actions: a replacement is two."""
    return sum(2 if each == Action.REPLACE else 1 for each in actions)


def _actions(reading: Reading) -> dict[str, str]:
    return {address: action.value for address, action in reading.actions.items()}
