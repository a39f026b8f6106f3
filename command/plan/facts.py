"""The document of a real plan: the changes of every stack in the twin's words, and what is refused. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from command.plan import stores
from command.plan.contents import Contents
from command.plan.reading import TAINTED, Action, Loss, Reading
from command.state import Vanished
from twin_runtime.roles import Layer
from twinspan.config import Config
from twinspan.terraform.holdings import Holding
from twinspan.terraform.resources import EVENTS_VARIABLE, KEY_GENERATION_VARIABLE, KEYS_REVOKED_VARIABLE

Document = dict[str, Any]
_WORDS = {Action.DELETE: "deleted", Action.REPLACE: "replaced"}


def document(
    config: Config,
    readings: Sequence[Reading],
    contents: Mapping[str, Contents],
    *,
    delete_data: Collection[str] = (),
    left: Sequence[Vanished] = (),
    for_reading_only: Collection[str] = (),
    comparison: Mapping[str, Any] | None = None,
    before: Config | None = None,
) -> Document:
    """The document of the plan of a twin; `contents` are by address of what would be lost. `before` is the
    configuration of the last deployment, if it is known.
    """
    losses = [loss for reading in readings for loss in reading.losses]
    found = {
        "twin": config.name,
        "stacks": [_stack(each, each.stack in for_reading_only) for each in readings],
        "layers": _layers(readings),
        "stores": lost(losses, contents, delete_data),
        "functions": list(_functions(readings)),
        "keys": _keys(readings),
        "events": _events(readings),
        "variables": list(_variables(config, readings)),
        "left": [
            {"stack": each.cloud.value, "resources": each.resources, "advice": str(each)} for each in left
        ],
        "comparison": comparison,
    }
    former = [str(each) for each in config.former]
    refused = [*_refused(found, readings, former), *_of_clients(before, config)]
    return {**found, "refused": refused}


def changes(found: Mapping[str, Any]) -> bool:
    """Whether a deployment of the plan would change anything."""
    words = (*Action, "outputs")
    return any(stack[word] for stack in found["stacks"] for word in words)


def _stack(reading: Reading, for_reading_only: bool) -> Document:
    listed = {action.value: reading.of(action) for action in Action}
    return {
        "name": reading.stack,
        **listed,
        "outputs": reading.outputs_change,
        "planned_again": for_reading_only,
    }


def _layers(readings: Sequence[Reading]) -> Document:
    before = {layer: each.stack for each in readings if each.before for layer in each.before.layers}
    after = {layer: each.stack for each in readings if each.after for layer in each.after.layers}
    ordered = [layer.value for layer in Layer]
    return {
        "appear": [
            {"layer": layer, "cloud": after[layer]}
            for layer in ordered
            if layer in after and layer not in before
        ],
        "move": [
            {"layer": layer, "from": before[layer], "to": after[layer]}
            for layer in ordered
            if layer in before and layer in after and before[layer] != after[layer]
        ],
        "leave": [
            {"layer": layer, "cloud": before[layer]}
            for layer in ordered
            if layer in before and layer not in after
        ],
    }


def lost(
    losses: Sequence[Loss], contents: Mapping[str, Contents], delete_data: Collection[str]
) -> list[Document]:
    """The part `stores` of a document: what is deleted or replaced, by store."""
    return list(_stores(losses, contents, delete_data))


def _stores(
    losses: Sequence[Loss], contents: Mapping[str, Contents], delete_data: Collection[str]
) -> Iterator[Document]:
    for name in dict.fromkeys(loss.store for loss in losses):
        resources = [
            {
                "address": loss.address,
                "holds": loss.holds.value,
                "action": _WORDS[loss.action],
                "because": list(loss.because),
                "contents": contents[loss.address].words if loss.address in contents else None,
                "counts": _counts(loss, contents),
            }
            for loss in losses
            if loss.store == name
        ]
        yield {
            "store": name,
            "resources": resources,
            "needs_consent": any(each["counts"] for each in resources),
            "allowed": name in delete_data,
        }


def _counts(loss: Loss, contents: Mapping[str, Contents]) -> bool:
    """Whether the loss needs the operator's consent: a queue that is empty for certain does not."""
    known = contents.get(loss.address)
    return not (loss.holds is Holding.MESSAGES and known is not None and known.holds_something is False)


def _functions(readings: Sequence[Reading]) -> Iterator[Document]:
    words = {Action.CREATE: "appears", Action.DELETE: "goes", Action.CHANGE: "code changes"}
    for reading in readings:
        for role, action in sorted(reading.functions.items()):
            yield {"function": role, "cloud": reading.stack, "what": words[action]}


def _keys(readings: Sequence[Reading]) -> Document:
    def of(name: str) -> Document:
        before = [getattr(each.before, name) for each in readings if each.before]
        after = [getattr(each.after, name) for each in readings if each.after]
        return {
            "before": min((value for value in before if value is not None), default=None),
            "after": max((value for value in after if value is not None), default=None),
        }

    return {"generation": of("key_generation"), "revoked_before": of("keys_revoked_before")}


def _events(readings: Sequence[Reading]) -> Document:
    before = {each.before.events for each in readings if each.before} - {None}
    after = {each.after.events for each in readings if each.after} - {None}
    return {"before": _only(before), "after": _only(after)}


def _only(values: Collection[bool | None]) -> bool | None:
    return next(iter(values)) if len(values) == 1 else None


def _variables(config: Config, readings: Sequence[Reading]) -> Iterator[Document]:
    """The variables whose value is not that of twin.yaml."""
    written = {
        EVENTS_VARIABLE: ("events.enabled", config.events.enabled),
        KEY_GENERATION_VARIABLE: ("keys.generation", config.keys.generation),
        KEYS_REVOKED_VARIABLE: ("keys.revoked_before", config.keys.revoked_before),
    }
    for variable, (field, value) in written.items():
        given = {as_written(each.variables[variable]) for each in readings if variable in each.variables}
        for other in sorted(given - {value}, key=str):
            yield {"variable": variable, "value": other, "field": field, "file": value}


def as_written(value: Any) -> Any:
    """A variable's value as twin.yaml has it: Terraform gives back the text that a variable was set to."""
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value, int(value) if value.isdigit() else value)
    return value


def _refused(found: Mapping[str, Any], readings: Sequence[Reading], former: Collection[str]) -> Iterator[str]:
    for each in found["stores"]:
        if each["needs_consent"] and not each["allowed"]:
            yield refusal(each, can_stay=each["store"] not in former)
    for reading in readings:
        yield from _generations(reading)


def refusal(store: Mapping[str, Any], *, can_stay: bool) -> str:
    """Why a store stops a deployment, and what allows it. `can_stay`: `former` does not list it yet."""
    name = store["store"]
    counted = [each for each in store["resources"] if each["counts"]]
    words = " and ".join(dict.fromkeys(each["action"] for each in counted))
    holds = ", ".join(dict.fromkeys(_held(each) for each in counted))
    keep = ""
    if can_stay and stores.can_be_former(name) and all(each["action"] == "deleted" for each in counted):
        keep = f"To keep it, write former: [{name}] into twin.yaml. "
    for each in counted:
        if TAINTED in each["because"]:
            keep = (
                f"An interrupted apply has left {each['address']} tainted. To keep it as it is, run "
                f"terraform untaint '{each['address']}' in the folder of the stack {name.partition('@')[2]}. "
            )
    return f"{name} would be {words}, with its {holds}. {keep}To delete it, add --delete-data {name}."


def protection(store: Mapping[str, Any]) -> str:
    """Why a store stops a destroy."""
    holds = ", ".join(dict.fromkeys(_held(each) for each in store["resources"] if each["counts"]))
    return f"{store['store']} is protected, with its {holds}."


def _held(resource: Mapping[str, Any]) -> str:
    contents = resource["contents"]
    return f"{resource['holds']} ({contents})" if contents else resource["holds"]


def _generations(reading: Reading) -> Iterator[str]:
    before = reading.before.key_generation if reading.before else None
    after = reading.after.key_generation if reading.after else None
    if before is not None and after is not None:
        yield from _step(f"Stack {reading.stack}: the key generation", "keys", before, after)


def _of_clients(before: Config | None, after: Config) -> Iterator[str]:
    known = {client.name: client.generation for client in before.read_clients} if before else {}
    for client in after.read_clients:
        if client.name in known:
            what = f"The key generation of the client {client.name}"
            yield from _step(what, f"read_api.clients.{client.name}", known[client.name], client.generation)


def _step(what: str, field: str, before: int, after: int) -> Iterator[str]:
    """Why a generation must not become another one: two at a time are accepted."""
    if after < before:
        yield (
            f"{what} would fall from {before} to {after}, which refuses whoever has a key of generation "
            f"{before}. Write {field}.generation: {before}, or {before + 1} to rotate."
        )
    elif after > before + 1:
        yield (
            f"{what} would rise from {before} to {after}, which refuses whoever has a key of generation "
            f"{before}. Write {field}.generation: {before + 1}, deploy, and raise it again."
        )
