"""The page of a plan: its document as text for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from command.plan import facts

_CHANGES = (
    ("create", "created"),
    ("change", "changed"),
    ("replace", "replaced"),
    ("delete", "deleted"),
)
_SHOWN = 8


def lines(document: Mapping[str, Any], compared: Sequence[str] = ()) -> Iterator[str]:
    """The lines of the page; `compared` are those about the two configurations."""
    yield f"Plan of the twin {document['twin']}"
    yield from _section("Layers", _layers(document["layers"]))
    yield from compared
    yield from _section("Stores", _stores(document["stores"]))
    yield from _section("Functions", _functions(document["functions"]))
    yield from _section("Keys and events", _desired(document))
    yield from _section("Stacks", _stacks(document["stacks"]))
    yield from _section("Left behind", [each["advice"] for each in document["left"]])
    yield ""
    if document["refused"]:
        yield "Refused"
        yield from (f"  {each}" for each in document["refused"])
    elif facts.changes(document):
        yield "Nothing has been changed yet. Apply exactly this plan: twinspan deploy"
    else:
        yield "Nothing changes."


def _section(title: str, rows: Sequence[str]) -> Iterator[str]:
    if rows:
        yield ""
        yield title
        yield from (f"  {row}" for row in rows)


def _layers(layers: Mapping[str, Any]) -> list[str]:
    return [
        *(f"{each['layer']} moves from {each['from']} to {each['to']}" for each in layers["move"]),
        *(f"{each['layer']} appears in {each['cloud']}" for each in layers["appear"]),
        *(f"{each['layer']} leaves {each['cloud']}" for each in layers["leave"]),
    ]


def _stores(stores: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = []
    for store in stores:
        for each in store["resources"]:
            contents = f": {each['contents']}" if each["contents"] else ""
            because = f", because of {', '.join(each['because'])}" if each["because"] else ""
            rows.append(
                f"{store['store']}  {each['holds']} {each['action']}{contents}  ({each['address']}{because})"
            )
    return rows


def _functions(functions: Sequence[Mapping[str, Any]]) -> list[str]:
    rows: dict[tuple[str, str], list[str]] = {}
    for each in functions:
        rows.setdefault((each["what"], each["cloud"]), []).append(each["function"])
    return [f"{cloud:<6} {what}: {', '.join(names)}" for (what, cloud), names in rows.items()]


def _desired(document: Mapping[str, Any]) -> list[str]:
    rows = []
    for name, words in (("generation", "key generation"), ("revoked_before", "keys revoked before")):
        before, after = document["keys"][name]["before"], document["keys"][name]["after"]
        if before is not None and after is not None and before != after:
            rows.append(f"{words}: {before} → {after}")
    before, after = document["events"]["before"], document["events"]["after"]
    if before is not None and after is not None and before != after:
        rows.append(f"events: {_on(before)} → {_on(after)}")
    rows += [
        f"{each['variable']} is {_value(each['value'])} in the environment or --var, but twin.yaml says "
        f"{each['field']}: {_value(each['file'])}"
        for each in document["variables"]
    ]
    return rows


def _on(value: bool) -> str:
    return "on" if value else "off"


def _value(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _stacks(stacks: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = []
    for stack in stacks:
        counts = ", ".join(f"{len(stack[word])} {said}" for word, said in _CHANGES if stack[word])
        again = "  (planned again by deploy, when its inputs are known)" if stack["planned_again"] else ""
        counts = counts or ("outputs change" if stack["outputs"] else "no change")
        rows.append(f"{stack['name']:<6} {counts}{again}")
        for word, said in _CHANGES[2:]:
            rows += [f"       {said}: {address}" for address in stack[word][:_SHOWN]]
            if (more := len(stack[word]) - _SHOWN) > 0:
                rows.append(f"       {said}: and {more} more")
    return rows
