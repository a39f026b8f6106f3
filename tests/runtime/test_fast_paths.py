"""Where a shorter way leads to the same place: a batch written at once, data taken as it is."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.memory import MemoryQueue
from support.properties import bounded
from support.samples import event
from twin_runtime import jsontext
from twin_runtime.delivery import batching
from twin_runtime.delivery.batching import Outbox
from twin_runtime.events import user_code
from twin_runtime.events.user_code import UserCode, UserError
from twin_runtime.model import DeviceType


@bounded
@given(st.lists(st.text("ab", max_size=150), max_size=12), st.integers(400, 1500), st.integers(1, 5))
def test_an_outbox_sends_the_same_bodies_whichever_way(texts: list[str], limit: int, most: int) -> None:
    events = [event(id=f"e{n}", data={"t": text}) for n, text in enumerate(texts)]
    encoded = batching.encode(events)
    groups = batching.pack(encoded, max_bytes=limit, max_events=most)
    bodies = [batching.array(encoded, group) for group in groups]
    queue = MemoryQueue(limit)
    refused = Outbox(queue, most).send(events)
    assert queue.bodies == [body for body in bodies if len(body) <= limit]
    assert len(refused) == sum(len(body) > limit for body in bodies)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**300, max_value=10**320)
    | st.floats()
    | st.text(max_size=600)
)


@bounded
@given(
    st.dictionaries(
        st.text(max_size=5) | st.integers() | st.just("k" * 600),
        SCALARS | st.lists(SCALARS, max_size=2) | st.tuples(SCALARS) | st.just({"a": {"b": [1]}}),
        max_size=4,
    )
    | st.just({f"k{n}": n for n in range(150)})
    | st.just({f"k{n}": "x" * 500 for n in range(2_000)})  # short texts that are too much together
)
def test_data_of_user_code_is_what_text_would_give_back(data: dict[Any, Any]) -> None:
    try:
        expected = repr(jsontext.loads(jsontext.dumps(data), max_bytes=900_000))
    except jsontext.Malformed as error:
        with pytest.raises(ValueError, match="") as caught:
            user_code._event(event(), {"data": data}, "e1")
        assert str(caught.value) == str(error)
    else:
        made = user_code._event(event(), {"data": data}, "e1")
        assert repr(made["data"]) == expected
        assert made["data"] is not data


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_json_lacks_is_the_users_error(value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        user_code._event(event(), {"data": {"a": value}}, "e1")


def test_user_code_gets_a_copy(tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text(
        "def process(event):\n event['data']['a'][0]['b'] = 2\n event['time'] = 5\n return None\n"
    )
    device_type = DeviceType("thermostat", {}, {}, "p.py")
    given_ = event(data={"a": [{"b": 1}]})
    before = json.dumps(given_)
    assert UserCode(tmp_path).process(device_type, given_) == []
    assert json.dumps(given_) == before


def test_a_changed_time_is_checked(tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text("def process(event):\n event['time'] = 'later'\n return event\n")
    with pytest.raises(UserError, match="RFC 3339"):
        UserCode(tmp_path).process(DeviceType("thermostat", {}, {}, "p.py"), event())
