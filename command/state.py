"""States that twin.yaml no longer leads to: under a former name or key, or of a cloud that it left."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from stacks import states
from stacks.states import LocalState, Place
from twin_runtime.roles import CLOUD_NAMES, Cloud
from twinspan.config import Config
from twinspan.topology import Topology
from twinspan.twinfile import short


@dataclass(frozen=True)
class FormerState:
    """A state of a stack in another place than twin.yaml names, while there is none in that place."""

    stack: str
    place: Place
    """Where the state is."""
    target: Place
    """Where twin.yaml puts it."""
    state: LocalState | None
    """What is in it, if it is local."""
    commands: tuple[str, ...]
    """What moves it, from the working directory."""
    otherwise: str
    """What to run in place of `commands` if it is another twin's: it settles where this one's is."""

    def __str__(self) -> str:
        holds = f" ({_holds(self.state)})" if self.state else ""
        lines = [
            f"Stack {self.stack}: there is a state in {self.place}{holds}, but twin.yaml puts the state in "
            f"{self.target}. If it is the state of this twin, move it:",
            *(f"  {command}" for command in self.commands),
            "If it is another twin's, leave it there:",
            f"  {self.otherwise}",
        ]
        return "\n".join(lines)


@dataclass(frozen=True)
class Vanished:
    """A cloud that twin.yaml no longer names, of which a state still has resources, or may have."""

    cloud: Cloud
    place: Place
    resources: int | None
    """Number of resources in the state, None if that cannot be told from here."""

    def __str__(self) -> str:
        name, entry = CLOUD_NAMES[self.cloud], f"clouds.{self.cloud}"
        keep = f"keep {entry} in twin.yaml and deploy: an empty stack removes the resources."
        if self.resources:
            had = _count(self.resources)
            return f"twin.yaml no longer names {name}, where {self.place} still has {had}; {keep}"
        return (
            f"twin.yaml no longer names {name}, where {self.place} may still have resources; {keep} If it "
            "has none, delete the folder of the stack."
        )


def former_states(config: Config, out: Path) -> list[FormerState]:
    """Return the states that are under a former name or key; `out` is the folder of the stacks.

    A stack that has a local state in its place has no former one, nor has one that was initialised for its
    place. The state in another backend is found by what `terraform init` recorded in the stack's folder, a
    local one by its name.
    """
    found = []
    for stack in Topology.of(config).stacks:
        target = states.place(config, stack, out)
        if target.file and target.file.exists() and target.file.stat().st_size:
            continue
        recorded = states.recorded(out, stack)
        if recorded == target:
            continue
        candidates = [recorded] if recorded else []
        candidates += [
            Place("local", (str(file),), file)
            for file in states.local_files(config, stack, out)
            if file not in (target.file, recorded.file if recorded else None)
        ]
        for place in candidates:
            state = _state(place.file) if place.file else None
            if place.file and not (state and state.resources):
                continue
            found.append(_former(stack, place, target, state, out, initialised=recorded is not None))
    return found


def vanished(config: Config, out: Path) -> list[Vanished]:
    """Return the clouds that twin.yaml no longer names and that a state still knows."""
    stacks = Topology.of(config).stacks
    found = []
    for cloud in (each for each in Cloud if each not in stacks):
        place = states.place(config, cloud, out)
        if place.file:
            try:
                state = states.local_state(place.file)
            except ValueError:
                found.append(Vanished(cloud, place, None))
                continue
            if state and state.resources:
                found.append(Vanished(cloud, place, state.resources))
        elif states.recorded(out, cloud) == place:
            found.append(Vanished(cloud, place, None))
    return found


def _former(
    stack: str, place: Place, target: Place, state: LocalState | None, out: Path, *, initialised: bool
) -> FormerState:
    init = f"terraform {quote(f'-chdir={short(states.folder(out, stack))}')} init"
    anew = f"{init} -reconfigure"
    if place.file and target.file:
        move = f"mv {quote(str(short(place.file)))} {quote(str(short(target.file)))}"
        commands = (move, anew) if initialised else (move,)
    else:
        commands = (f"{init} -migrate-state",)
    return FormerState(stack, place, target, state, commands, anew)


def _state(file: Path) -> LocalState | None:
    """The state in a local file; None for a file that is not a state, which nobody can move."""
    try:
        return states.local_state(file)
    except ValueError:
        return None


def _holds(state: LocalState) -> str:
    twin = f"twin {state.twin}, " if state.twin else ""
    return f"{twin}{_count(state.resources)}"


def _count(number: int) -> str:
    return f"{number} resource{'' if number == 1 else 's'}"
