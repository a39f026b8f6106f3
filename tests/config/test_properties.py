"""Any file gives a configuration or sentences; what is valid survives a round trip."""

import json
import re
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.config.conftest import FULL
from twin_runtime.roles import Cloud, Layer
from twinspan.config import KEEPS, ConfigErrors, load, regions
from twinspan.config.schema import schema

QUIET = settings(
    max_examples=50,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
VALIDATOR = Draft202012Validator(schema())
LEAK = re.compile(
    r"pydantic|Traceback|Value error|Input should|Field required|validation error|https?://|\x00"
)

words = st.from_regex(r"[A-Za-z]([A-Za-z0-9_]{0,8}[A-Za-z0-9])?", fullmatch=True)
# YAML keeps neither line separators nor control characters as they are, escaped or not.
readable = st.characters(exclude_categories=["C", "Z"])
numbers = st.integers(-(10**40), 10**40) | st.floats(allow_nan=False, allow_infinity=False)
values = {
    "number": numbers,
    "integer": st.integers(),
    "boolean": st.booleans(),
    "string": st.text(readable, max_size=8),
}
DEEP = 3
kinds = st.sampled_from(sorted(values))


def _conditions(draw, metrics, depth):
    group = draw(st.sampled_from(["all", "any", None])) if depth < DEEP else None
    if group:
        return {group: [_conditions(draw, metrics, depth + 1) for _ in range(draw(st.integers(1, 2)))]}
    name = draw(st.sampled_from(sorted(metrics)))
    kind = metrics[name]
    ordered = ["above", "below", "at_least", "at_most"] if kind in ("number", "integer") else []
    operator = draw(st.sampled_from([*ordered, "equals", "not_equals"]))
    return {"metric": name, operator: draw(numbers if operator in ordered else values[kind])}


@st.composite
def _generations(draw):
    generation = draw(st.integers(1, 1_000_000))
    return {"generation": generation, "revoked_before": draw(st.integers(0, generation))}


@st.composite
def _clients(draw):
    names = draw(
        st.lists(st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True), min_size=1, max_size=3, unique=True)
    )
    return {
        "clients": [name if draw(st.booleans()) else {"name": name, **draw(_generations())} for name in names]
    }


@st.composite
def twins(draw):
    """The data of a valid twin.yaml without files."""
    clouds = st.sampled_from([cloud.value for cloud in Cloud])
    types = draw(
        st.dictionaries(words, st.dictionaries(words, kinds, min_size=1, max_size=3), min_size=1, max_size=3)
    )
    commands = {name: draw(st.dictionaries(words, kinds, max_size=2)) for name in types}
    ids = draw(
        st.lists(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9:_-]{0,12}", fullmatch=True), unique=True, max_size=4)
    )
    rules = []
    for i in range(draw(st.integers(0, 3))):
        name = draw(st.sampled_from(sorted(types)))
        then: dict[str, Any] = {"workflow": True}
        if commands[name]:
            command = draw(st.sampled_from(sorted(commands[name])))
            then["feedback"] = {"command": command, "value": draw(values[commands[name][command]])}
        rules.append(
            {
                "name": f"rule-{i}",
                "device_type": name,
                "when": _conditions(draw, types[name], 0),
                "then": then,
            }
        )
    layers = {layer: draw(clouds) for layer in ("acquisition", "processing", "hot_storage")}
    days = sorted(draw(st.sets(st.integers(1, 24_825), min_size=3, max_size=3)))
    return {
        "twin": draw(st.from_regex(r"[a-z][a-z0-9]{2,19}", fullmatch=True)),
        "layers": layers,
        "clouds": {
            "aws": {
                "region": draw(st.sampled_from(regions.known(Cloud.AWS))),
                "account_id": "123456789012",
            },
            "azure": {
                "location": draw(st.sampled_from(regions.known(Cloud.AZURE))),
                "subscription_id": str(draw(st.uuids())),
            },
            "gcp": {"project": "my-project", "region": draw(st.sampled_from(regions.known(Cloud.GCP)))},
        },
        "device_types": {
            name: {
                "telemetry": {metric: {"type": kind} for metric, kind in metrics.items()},
                "commands": {command: {"type": kind} for command, kind in commands[name].items()},
            }
            for name, metrics in types.items()
        },
        "devices": [
            {
                "id": name,
                "type": draw(st.sampled_from(sorted(types))),
                "key": draw(st.integers(1, 9)),
                "revoked": draw(st.booleans()),
            }
            for name in ids
        ],
        "events": {"enabled": draw(st.booleans()), "rules": rules},
        "retention": dict(zip(("hot_days", "cold_days", "archive_days"), days, strict=True)),
        "read_api": draw(st.booleans() | _clients()),
        "keys": draw(_generations()),
        "protect": draw(
            st.booleans() | st.dictionaries(st.sampled_from([each.value for each in Layer]), st.booleans())
        ),
        "former": [
            f"{layer}@{cloud}"
            for layer in KEEPS
            for cloud in Cloud
            if cloud != layers["hot_storage"] and draw(st.booleans())
        ],
        "tags": draw(
            st.dictionaries(
                st.from_regex(r"x[a-z0-9_-]{0,12}", fullmatch=True),
                st.from_regex(r"[a-z0-9_-]{0,12}", fullmatch=True),
                max_size=3,
            )
        ),
    }


def _check(path: Path) -> None:
    """Load it: a configuration, or sentences that each name their field and carry nobody else's wording."""
    try:
        load(path)
    except ConfigErrors as errors:
        assert errors.problems
        for problem in errors.problems:
            assert problem.field and problem.field in str(problem)
            assert len(problem.message) > 10
            assert "\n" not in str(problem)
            assert not LEAK.search(str(problem)), str(problem)
        str(errors).encode()


@QUIET
@given(data=twins())
def test_a_valid_configuration_survives_a_round_trip(tmp_path, data):
    path = tmp_path / "twin.yaml"
    path.write_text(
        json.dumps(data, ensure_ascii=False), encoding="utf-8"
    )  # JSON is YAML, and keeps every number exact
    config = load(path)
    VALIDATOR.validate(data)
    written = config.as_written()
    VALIDATOR.validate(written)
    path.write_text(json.dumps(written, ensure_ascii=False), encoding="utf-8")
    assert load(path) == config


@QUIET
@given(raw=st.binary(max_size=200))
def test_random_bytes(twin, raw):
    twin.write_bytes(raw)
    _check(twin)


@QUIET
@given(st.data())
def test_mutated_text(twin, data):
    text = FULL
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        length = data.draw(st.integers(0, 12))
        text = (
            text[:at]
            + data.draw(st.text(max_size=6) | st.sampled_from(list("{}[]:#&*!|>'\"%@`-?,\t\n")))
            + text[at + length :]
        )
    twin.write_bytes(text.encode("utf-8", "surrogatepass"))
    _check(twin)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def _places(node, at=()):
    yield at
    for key, part in (
        node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    ):
        yield from _places(part, (*at, key))


PLACES = [place for place in _places(yaml.safe_load(FULL)) if place]


@QUIET
@given(st.lists(st.tuples(st.sampled_from(PLACES), json_values), min_size=1, max_size=4))
def test_wrong_values_anywhere(twin, changes):
    data = yaml.safe_load(FULL)
    for place, value in changes:
        node: Any = data
        for key in place[:-1]:
            node = node[key] if _holds(node, key) else None
        if _holds(node, place[-1]):
            node[place[-1]] = value
    twin.write_text(yaml.safe_dump(data, allow_unicode=False), encoding="utf-8")
    _check(twin)


def _holds(node, key) -> bool:
    return (isinstance(node, dict) and key in node) or (
        isinstance(node, list) and isinstance(key, int) and key < len(node)
    )
