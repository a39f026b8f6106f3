"""Rules against the device types and devices that they name, read as `crosschecks` says."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from twin_runtime.values import ValueType
from twinspan.config.base import Duration
from twinspan.config.checks.plain import Finding, list_at, mapping_at, texts
from twinspan.config.events import (
    COMPARISONS,
    COOLDOWN,
    DEEPEST,
    MOST_COMPARISONS,
    MOST_RULES,
    hysteresis_problem,
    repeat_problem,
    subject_problem,
)
from twinspan.config.problems import Refusal
from twinspan.config.text import FieldPath, Suggest, shown

_KINDS = {kind.value: kind for kind in ValueType}
_Names = dict[str, ValueType | None]


@dataclass
class _Subject:
    """The device type that a rule is about. An unreadable type, or section, is None."""

    name: str
    metrics: _Names | None
    commands: _Names | None
    suggest: Suggest

    def has_no(self, what: str, name: str, known: _Names) -> str:
        """The message for a metric or command that the type does not have."""
        said = f"{shown(name)} is not a {what} of {self.name}"
        if not known:
            return f"{said}, which has none; add it to the {what}s of {self.name}"
        return f"{said}; {self.suggest(name, known)}"


def check(data: dict[str, Any], suggest: Suggest) -> Iterator[Finding]:
    """All findings on the rules but their names' uniqueness."""
    types = mapping_at(data, "device_types")
    subjects = {
        name: _Subject(name, _declared(found, "telemetry"), _declared(found, "commands"), suggest)
        for name, found in types.items()
        if isinstance(found, dict)
    }
    devices = list_at(data, "devices")
    type_of = {name: devices[i].get("type") for i, name in texts(devices, "id")}
    # With an entry among the devices that has no id, nobody knows which ids are meant to exist.
    complete = isinstance(data.get("devices", []), list) and all(
        isinstance(d, dict) and "id" in d for d in devices
    )
    declared = list_at(mapping_at(data, "events"), "rules")
    yield from _crowd(declared, type_of)
    for i, rule in enumerate(declared):
        if not isinstance(rule, dict):
            continue
        at: FieldPath = ("events", "rules", i)
        name, device = rule.get("device_type"), rule.get("device")
        if message := subject_problem(name, device):
            yield at, message
        yield from _timing(rule, at)
        if isinstance(name, str) and types and name not in types:
            yield (
                (*at, "device_type"),
                f"{shown(name)} is not a device type of this file; {suggest(name, types)}",
            )
        if isinstance(device, str) and complete and device not in type_of:
            fix = suggest(device, type_of) if type_of else "list it under devices"
            yield (*at, "device"), f"{shown(device)} is not a device of this file; {fix}"
        named = name if device is None else type_of.get(device) if isinstance(device, str) else None
        subject = subjects.get(named) if isinstance(named, str) and not (name and device) else None
        if subject:
            yield from _condition(rule.get("when"), (*at, "when"), subject, 0)
            yield from _feedback(mapping_at(rule, "then", "feedback"), (*at, "then", "feedback"), subject)


def _timing(rule: dict[str, Any], at: FieldPath) -> Iterator[Finding]:
    """Whether the fields that say when a rule fires fit its condition, and each other."""
    found = list(_comparisons(rule.get("when")))
    if message := hysteresis_problem(rule.get("hysteresis"), found):
        yield (*at, "hysteresis"), message
    if message := repeat_problem(_duration(rule.get("repeat")), _duration(rule.get("cooldown", COOLDOWN))):
        yield (*at, "repeat"), message


def _duration(value: Any) -> Duration | None:
    """The value as a duration; None where it is none, which is reported elsewhere."""
    try:
        return Duration.read(value)
    except Refusal:
        return None


def _comparisons(when: Any) -> Iterator[str]:
    """The operator of each comparison of a condition."""
    if isinstance(when, dict):
        yield from (name for name in COMPARISONS if name in when)
        for part in (*list_at(when, "all"), *list_at(when, "any")):
            yield from _comparisons(part)


def _crowd(rules: list[Any], type_of: Mapping[str, Any]) -> Iterator[Finding]:
    """The first device about which there are more rules than its state has room for."""
    of_type, of_device = defaultdict[str, list[int]](list), defaultdict[str, list[int]](list)
    for i, rule in enumerate(rules):
        if isinstance(rule, dict):
            for subject, found in (("device_type", of_type), ("device", of_device)):
                if isinstance(rule.get(subject), str):
                    found[rule[subject]].append(i)
    crowds = [(name, found) for name, found in of_type.items()]
    crowds += [
        (device, [*of_type.get(str(type_of.get(device)), ()), *found]) for device, found in of_device.items()
    ]
    for name, found in crowds:
        compared = 0
        for count, i in enumerate(found, 1):
            compared += sum(1 for _ in _comparisons(rules[i].get("when")))
            if count > MOST_RULES or compared > MOST_COMPARISONS:
                yield (
                    ("events", "rules", i),
                    f"{shown(name)} has more than {MOST_RULES} rules or {MOST_COMPARISONS} comparisons; "
                    "join rules, or compare in the processor",
                )
                return


def _declared(device_type: dict[str, Any], section: str) -> _Names | None:
    found = device_type.get(section, {})
    if not isinstance(found, dict):
        return None
    words = {name: entry.get("type") if isinstance(entry, dict) else None for name, entry in found.items()}
    return {name: _KINDS.get(word) if isinstance(word, str) else None for name, word in words.items()}


def _condition(when: Any, at: FieldPath, subject: _Subject, depth: int) -> Iterator[Finding]:
    if not isinstance(when, dict):
        return
    groups = [key for key in ("all", "any") if key in when]
    if groups and depth == DEEPEST:
        yield at, f"all: and any: nest more than {DEEPEST} deep; make it two rules"
        return
    for group in groups:
        for i, part in enumerate(list_at(when, group)):
            yield from _condition(part, (*at, group, i), subject, depth + 1)
    name = when.get("metric")
    if groups or subject.metrics is None or not isinstance(name, str):
        return
    if name not in subject.metrics:
        yield (*at, "metric"), subject.has_no("metric", name, subject.metrics)
    elif kind := subject.metrics[name]:
        for operator in COMPARISONS:
            if operator in when:
                yield from _comparison(operator, when[operator], (*at, operator), name, kind)


def _comparison(operator: str, value: Any, at: FieldPath, name: str, kind: ValueType) -> Iterator[Finding]:
    if not operator.endswith("equals"):
        if not kind.spec.ordered:
            yield at, f"needs a number, but {name} is of type {kind}; use equals or not_equals"
    elif isinstance(value, bool | int | float | str) and not kind.admits(value):
        yield at, f"{shown(value)} is not of type {kind}, which {name} is; {kind.spec.how_to_write}"


def _feedback(feedback: dict[str, Any], at: FieldPath, subject: _Subject) -> Iterator[Finding]:
    name, value = feedback.get("command"), feedback.get("value")
    if subject.commands is None or not isinstance(name, str):
        return
    if name not in subject.commands:
        yield (*at, "command"), subject.has_no("command", name, subject.commands)
        return
    kind = subject.commands[name]
    if kind and isinstance(value, bool | int | float | str) and not kind.admits(value):
        yield (
            (*at, "value"),
            f"{shown(value)} is not of type {kind}, which {name} takes; {kind.spec.how_to_write}",
        )
