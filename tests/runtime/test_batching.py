"""Packing: nothing lost, order kept, bounds kept, as few as possible."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from support.properties import bounded
from twin_runtime.delivery import batching


@bounded
@given(
    st.lists(st.text("ab", max_size=30).map(json.dumps), max_size=60),
    st.integers(10, 200),
    st.integers(1, 10),
)
def test_groups(encoded: list[str], max_bytes: int, max_events: int) -> None:
    groups = list(batching.pack(encoded, max_bytes=max_bytes, max_events=max_events))
    assert [index for group in groups for index in group] == list(range(len(encoded)))
    for number, group in enumerate(groups):
        text = batching.array(encoded, group)
        assert json.loads(text) == [json.loads(encoded[index]) for index in group]
        assert len(group) <= max_events
        assert len(text) <= max_bytes or (len(group) == 1 and not batching.fits(encoded[group[0]], max_bytes))
        if number + 1 < len(groups):
            with_next = [*group, groups[number + 1][0]]
            assert len(with_next) > max_events or len(batching.array(encoded, with_next)) > max_bytes
