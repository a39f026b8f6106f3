"""What `index.html` is rendered from: the table of answers, the choices, and the twin that it opens with."""

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from markupsafe import Markup

from guides import sections, twins, words
from guides.drawings import svg
from guides.picker import answers, costs, twinfile
from guides.picker.answers import FACTORS, NONE, OFF, ON
from guides.picker.deciding import Source, decide
from guides.picker.decisions import Choices, Facts, Part, Table
from guides.prices.events import DEPENDS_ON, SETS, sentences
from twin_runtime.roles import ROLES, Cloud, Layer, Role
from twinspan.config import load
from twinspan.topology import LINKS_STACK

BASE: Choices = {
    **{layer.value: Cloud.AWS for layer in Layer},
    Layer.ARCHIVE_STORAGE.value: NONE,
    answers.EVENTS: ON,
    answers.READ_API: ON,
}
CHOICES = {**words.CLOUDS, NONE: "none", ON: "on", OFF: "off"}
LEGENDS = {
    **{layer.value: words.LAYERS[layer] for layer in Layer},
    answers.EVENTS: "Event system",
    answers.READ_API: "Read API",
}
SHUT = {Layer.ARCHIVE_STORAGE.value: "The archive takes its data from the cold tier, and there is none."}
"""Why choices are shut."""
STATES = {
    answers.LOCAL: "inside a cloud",
    answers.REMOTE: "between clouds",
    answers.CLIENT: "from outside",
}
COLUMNS = {"batches": "100 readings a message", "single": "one reading a message"}
_PART = re.compile(r'data-(node|edge|lane)="([^"]+)"')


@cache
def table() -> Table:
    """Every answer, for every combination of choices."""
    return decide(
        FACTORS,
        (Source(_facts, stride=307), Source(costs.facts, stride=2003)),
        base=BASE,
        valid=lambda choices: not answers.refusal(choices),
        groups=answers.groups,
        texts=_texts(),
    )


def _facts(choices: Choices) -> Facts:
    return {**answers.facts(choices), **dict(twinfile.lines(choices)), **dict(answers.shut(choices))}


def _texts() -> Mapping[str, tuple[Part, ...]]:
    stacks = (*((f"holds/{cloud}", f" {cloud}") for cloud in Cloud), ("wired", f" {LINKS_STACK}"))
    return {"twin.yaml": twinfile.text(), "init": twinfile.options(), "stacks": stacks}


def presets() -> Mapping[str, Choices]:
    """Choices by what they are called: each cloud alone with every layer, and the examples."""
    found: dict[str, Choices] = {
        f"{words.CLOUDS[cloud]} alone": {
            **dict.fromkeys(BASE, cloud),
            answers.EVENTS: ON,
            answers.READ_API: ON,
        }
        for cloud in Cloud
    }
    for path in sorted((twins.ROOT / "examples").glob("*.yaml")):
        choices = answers.choices_of(load(path))
        if choices not in found.values():
            found[f"examples/{path.name}"] = choices
    return found


def start() -> Choices:
    """The choices that the page opens with, and that it shows without JavaScript."""
    return answers.choices_of(load(twins.EXAMPLE))


def context() -> Mapping[str, Any]:
    """The variables of `index.html.j2`."""
    decided, chosen = table(), start()
    return {
        "table": decided,
        "chosen": chosen,
        "data": embedded(decided, chosen),
        "start_file": twins.EXAMPLE.relative_to(twins.ROOT),
        "presets": presets(),
        "factors": FACTORS,
        "legends": LEGENDS,
        "words": CHOICES,
        "shut": SHUT,
        "diagram": Markup(_marked(svg.superset(), decided, chosen)),  # noqa: S704 - our own drawing
        "steps": sum(1 for name in decided.facts if name.startswith("step/")),
        "links": words.LINKS,
        "states": STATES,
        "optional_links": [link.name for link in twins.topology(twins.SPREAD[0]).links if link.optional],
        "clouds": words.CLOUDS,
        "layers": words.LAYERS,
        "functions": _functions(decided),
        "roles": {role: words.TITLES[role.value] for role in Role},
        "optional_roles": [role for role in Role if ROLES[role].optional],
        "receivers": _receivers(decided),
        "sections": sections,
        "usd": costs.usd,
        "sets": SETS,
        "columns": COLUMNS,
        "assumptions": {assumed: sentences(assumed) for assumed in SETS},
        "rivals": {assumed: [f"alone/{assumed}/{cloud}" for cloud in Cloud] for assumed in SETS},
        "parts": {part: words.part(part) for part in DEPENDS_ON if f"cost/{SETS[0]}/{part}" in decided.facts},
    }


def embedded(decided: Table, chosen: Choices) -> Markup:
    """The JSON that picker.js reads, for use inside a script element."""
    data = {**decided.data(), "presets": presets(), "start": chosen}
    return Markup(json.dumps(data, separators=(",", ":")).replace("<", "\\u003c"))  # noqa: S704 - escaped here


def _marked(drawing: str, decided: Table, chosen: Choices) -> str:
    """The drawing with the fact that each part shows, as it is for some choices."""

    def mark(found: re.Match[str]) -> str:
        kind, id_ = found.groups()
        fact, attribute = f"{kind}/{id_}", "data-way" if kind == "edge" else "data-cloud"
        value = decided.value(fact, chosen)
        hidden = " hidden" if value is None else ""
        return f'{found[0]} data-mark="{fact} {attribute}" {attribute}="{value or ""}"{hidden}'

    return _PART.sub(mark, drawing)


def _functions(decided: Table) -> Mapping[Cloud, Mapping[Layer, list[Role]]]:
    """The functions that each cloud can have, by layer."""
    return {
        cloud: {
            layer: [r for r in Role if ROLES[r].layer is layer and f"function/{cloud}/{r}" in decided.facts]
            for layer in Layer
        }
        for cloud in Cloud
    }


def _receivers(decided: Table) -> Mapping[Role, list[str]]:
    """The functions that can have a public endpoint, and the nodes that can call each."""
    callers = {role: f"call/{role}/" for role in Role if f"endpoint/{role}" in decided.facts}
    return {
        role: [fact.removeprefix(start) for fact in decided.facts if fact.startswith(start)]
        for role, start in callers.items()
    }
