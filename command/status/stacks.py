"""The stacks of a twin: what each was deployed from, and whether its resources drifted."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from command.exits import CommandError
from command.status.parts import attempt
from command.terraform.program import Program, Stack
from operations import jsonfile, outputs
from stacks import states
from twin_runtime.roles import Cloud
from twinspan import __version__
from twinspan.config import Config
from twinspan.outputs import DEPLOYMENT
from twinspan.topology import LINKS_STACK, Topology

Outputs = Mapping[str, Any]


@dataclass(frozen=True)
class StackStatus:
    """One stack. `outputs` is None where they are not known, empty where nothing is deployed."""

    name: str
    state: str
    outputs: Outputs | None = None
    problem: str | None = None
    drift: tuple[str, ...] | None = None
    """Addresses of resources that differ from the state, None where nobody looked."""
    drift_problem: str | None = None
    wanted: Mapping[str, Any] = field(default_factory=dict)
    """What twin.yaml says of each fact."""

    @property
    def deployed(self) -> bool | None:
        """Whether the stack has outputs, None where that is not known."""
        return None if self.outputs is None else bool(self.outputs)

    @property
    def facts(self) -> Mapping[str, Any]:
        """The output `deployment`: version, layers, former stores, event system, generation of the keys."""
        return (self.outputs or {}).get(DEPLOYMENT) or {}

    @property
    def differences(self) -> list[str]:
        """A sentence for each fact that differs from twin.yaml or from this version of Twinspan."""
        if not self.outputs:
            return []
        if not self.facts:
            return [f"{self.name} was deployed by a version before 0.3.0; this is {__version__}."]
        said = []
        if (version := self.facts.get("twinspan")) != __version__:
            said.append(f"{self.name} was deployed by Twinspan {version}; this is {__version__}.")
        for fact, wanted in self.wanted.items():
            if (found := self.facts.get(fact)) != wanted:
                name = fact.replace("_", " ")
                said.append(f"{self.name} has {name} {_shown(found)}; twin.yaml says {_shown(wanted)}.")
        return said

    @property
    def problems(self) -> list[str]:
        """The sentences of what failed."""
        said = (each for each in (self.problem, self.drift_problem) if each)
        return [f"{self.name}: {each.removeprefix(f'Stack {self.name}: ')}" for each in said]

    def document(self) -> dict[str, Any]:
        """The stack in the JSON document."""
        names = ("twinspan", "layers", "former", "events", "key_generation", "keys_revoked_before")
        return {
            "stack": self.name,
            "state": self.state,
            "deployed": self.deployed,
            **{name: self.facts.get(name) for name in names},
            "differences": self.differences,
            "drift": None if self.drift is None else list(self.drift),
            "problems": self.problems,
        }


def stacks_of(
    config: Config,
    out: Path,
    *,
    file: Path | None = None,
    drift: bool = False,
    environment: Mapping[str, str] = os.environ,
) -> list[StackStatus]:
    """Return every stack of a twin, side by side; `file` has the outputs in place of Terraform, which runs
    with `environment`.

    Raises `UsageError` for a file that cannot be read.
    """
    given = jsonfile.read("--outputs", file) if file else None
    topology = Topology.of(config)
    program, missing = (None, None) if file else attempt(lambda: Program(environment))

    def look(name: str) -> StackStatus:
        state = str(states.place(config, name, out))
        values, problem, drifted, drift_problem = None, missing, None, None
        if given is not None:
            found = given.get(name)
            values = None if found is None else {key: outputs.value(each) for key, each in found.items()}
        if program:
            stack = Stack(program, name, states.folder(out, name))
            values, problem = attempt(lambda: _outputs(stack))
            if drift and values:
                drifted, drift_problem = attempt(stack.drift)
        return StackStatus(
            name, state, values, problem, drifted, drift_problem, _wanted(config, topology, name)
        )

    with ThreadPoolExecutor(len(topology.stacks)) as pool:
        return list(pool.map(look, topology.stacks))


def _wanted(config: Config, topology: Topology, name: str) -> dict[str, Any]:
    cloud = Cloud(name) if name != LINKS_STACK else None
    return {
        "layers": [layer.value for layer in topology.layers_in(cloud)] if cloud else [],
        "former": [layer.value for layer in topology.former_in(cloud)] if cloud else [],
        "events": config.events.enabled,
        "key_generation": config.keys.generation,
        "keys_revoked_before": config.keys.revoked_before,
    }


def _outputs(stack: Stack) -> Outputs:
    if not (stack.folder / "cdk.tf.json").exists():
        raise CommandError(f"{stack.folder} has no stack: run twinspan plan.")
    return stack.outputs()


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "unknown" if value is None else str(value)
