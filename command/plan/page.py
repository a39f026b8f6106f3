"""The page of a plan: its document as text for people."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from command.plan import facts
from twin_runtime.roles import CLOUD_NAMES, Cloud

_CHANGES = (
    ("create", "created"),
    ("change", "changed"),
    ("replace", "replaced"),
    ("delete", "deleted"),
)
_FUNCTIONS = ("appears", "goes", "code changes")
_SENTENCE_ENDS = re.compile(r"(?<=\.) (?=[A-Z])")
_SHOWN = 3
"""Addresses of a store or of an action that are listed."""


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
        for each in document["refused"]:
            why, *what_to_do = _SENTENCE_ENDS.split(each)
            yield f"  {why}"
            yield from (f"    {sentence}" for sentence in what_to_do)
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
        *(
            f"{each['layer']} moves from {_cloud(each['from'])} to {_cloud(each['to'])}"
            for each in layers["move"]
        ),
        *(f"{each['layer']} appears in {_cloud(each['cloud'])}" for each in layers["appear"]),
        *(f"{each['layer']} leaves {_cloud(each['cloud'])}" for each in layers["leave"]),
    ]


def _cloud(name: str) -> str:
    return CLOUD_NAMES[Cloud(name)]


def _stores(stores: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = []
    for store in stores:
        resources = []
        for each in store["resources"]:
            contents = f" ({each['contents']})" if each["contents"] else ""
            because = f", because of {', '.join(each['because'])}" if each["because"] else ""
            resources.append((f"{each['holds']} {each['action']}{contents}", each["address"] + because))
        listed, more = _first(resources)
        rows += [(store["store"], *each) for each in listed]
        rows += [(store["store"], f"{more} more", "")] if more else []
    return _aligned(rows)


def _functions(functions: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = []
    for cloud in dict.fromkeys(each["cloud"] for each in functions):
        for what in _FUNCTIONS:
            if names := [
                each["function"] for each in functions if (each["cloud"], each["what"]) == (cloud, what)
            ]:
                rows.append((_cloud(cloud), what, ", ".join(names)))
    return _aligned(rows)


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
            listed, more = _first(stack[word])
            rows += [f"       {said}: {address}" for address in listed]
            if more:
                rows.append(f"       {said}: {more} more (all: twinspan --json plan)")
    return rows


def _first(items: Sequence[Any]) -> tuple[Sequence[Any], int]:
    """The items to list, and the number of the others, which is never one: that one is listed, too."""
    more = len(items) - _SHOWN
    return (items[:_SHOWN], more) if more > 1 else (items, 0)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows in columns; the first cell only where it differs from that of the row before."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    before = ["", *(row[0] for row in rows)]
    shown = [("" if row[0] == last else row[0], *row[1:]) for row, last in zip(rows, before, strict=False)]
    return [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in shown
    ]
