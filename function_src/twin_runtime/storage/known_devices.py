"""Every device that the twin has or had, with the types that it had, noted in the hot store: its rows outlive
its line in twin.yaml.

A note is the JSON list of the types, today's last; earlier releases noted today's alone, as a text.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twin_runtime import jsontext
from twin_runtime.model import Twin
from twin_runtime.ports import Row, Store
from twin_runtime.storage import notes

DEVICE = "~devices"
_AT_ONCE = 500
_MOST_BYTES = 100_000


def known(
    store: Store,
    twin: Twin,
    *,
    mine: Callable[[str], bool] = lambda _: True,
    sleep: Callable[[float], None] = time.sleep,
) -> Mapping[str, str]:
    """The type of each device, by name. Notes those of twin.yaml whose type is not noted yet and that are
    `mine`. Raises `errors.Retry`.
    """
    noted = {row.id: _types(row) for row in notes.read(store, DEVICE)}
    new = [
        notes.note(DEVICE, device, jsontext.dumps(_and_today(noted.get(device, ()), type)))
        for device, type in sorted(twin.devices.items())
        if noted.get(device, ("",))[-1] != type and mine(device)
    ]
    for start in range(0, len(new), _AT_ONCE):
        notes.write_all(store, new[start : start + _AT_ONCE], sleep=sleep)
    return {device: types[-1] for device, types in noted.items()} | dict(twin.devices)


def _and_today(types: Sequence[str], type: str) -> Sequence[str]:
    return (*(each for each in types if each != type), type)


def _types(row: Row) -> Sequence[str]:
    noted: Any = jsontext.loads(row.data, max_bytes=_MOST_BYTES)
    return noted if isinstance(noted, list) else (str(noted),)
