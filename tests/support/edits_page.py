"""docs/edits.md: the recorded outcomes of edits, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twin_runtime.roles import CLOUD_NAMES, Cloud
from twinspan.terraform.holdings import Holding

_SIGNS = {"create": "+", "change": "~", "replace": "±", "delete": "−"}
_HEAD = """\
# What an edit does

Each row is an edit of a deployed twin that has all seven layers in one cloud, and what real Terraform plans
for the stack of that cloud. AWS: the aws provider on MiniStack, without IoT TwinMaker and Managed Grafana.
Azure and Google Cloud: stand-ins with the providers' schemas and rules. `make edits` plans all of it again
and writes this page.

`+` created, `~` changed, `±` replaced, `−` deleted. **Data at stake** is what the plan would delete; data
that a row does not name is kept. `twinspan plan` stops at data at stake until `--delete-data` names the
store. Queues are an exception: they count only if they hold messages, or if nobody can tell. **Terraform
stops** means that `cdktf deploy` refuses the edit, too.

| edit | AWS | Azure | Google Cloud | data at stake | Terraform stops |
|---|---|---|---|---|---|
"""


def page(recorded: Mapping[Cloud, Mapping[str, Any]]) -> str:
    """The page, from the outcomes of each cloud."""
    names = list(recorded[Cloud.AWS])
    return _HEAD + "".join(_row(name, {cloud: recorded[cloud][name] for cloud in Cloud}) for name in names)


def _row(name: str, outcomes: Mapping[Cloud, Mapping[str, Any]]) -> str:
    cells = [
        f"`{name}`" if name.startswith("former") else name,
        *(_counts(outcome["actions"]) for outcome in outcomes.values()),
        _stakes(outcomes),
        _stops(outcomes),
    ]
    return f"| {' | '.join(cells)} |\n"


def _counts(actions: Mapping[str, int]) -> str:
    return " ".join(f"{sign}{actions[action]}" for action, sign in _SIGNS.items() if action in actions) or "–"


def _stakes(outcomes: Mapping[Cloud, Mapping[str, Any]]) -> str:
    """Each store with what it holds, and the clouds where it is at stake unless that is all of them."""
    found: dict[tuple[str, str], list[Cloud]] = {}
    for cloud, outcome in outcomes.items():
        for store, held in outcome["loses"].items():
            layer = store.partition("@")[0]
            for holding in held:
                found.setdefault((layer, holding), []).append(cloud)
    words: dict[str, list[str]] = {}
    for (layer, holding), clouds in sorted(found.items(), key=lambda each: _order(*each[0])):
        where = (
            "" if len(clouds) == len(outcomes) else f" ({', '.join(CLOUD_NAMES[each] for each in clouds)})"
        )
        words.setdefault(layer, []).append(holding + where)
    return "; ".join(f"`{layer}`: {', '.join(held)}" for layer, held in words.items()) or "–"


def _order(layer: str, holding: str) -> tuple[str, int]:
    return layer, list(Holding).index(Holding(holding))


def _stops(outcomes: Mapping[Cloud, Mapping[str, Any]]) -> str:
    by: dict[str, list[str]] = {}
    for cloud, outcome in outcomes.items():
        if reason := outcome["refused"]:
            by.setdefault(reason, []).append(CLOUD_NAMES[cloud])
    return "; ".join(f"{', '.join(clouds)}: {reason}" for reason, clouds in by.items()) or "–"
