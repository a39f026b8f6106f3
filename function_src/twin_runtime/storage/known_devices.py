"""Every device that the twin has or had, noted in the hot store: its rows outlive its line in twin.yaml."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from twin_runtime import jsontext
from twin_runtime.model import Twin
from twin_runtime.ports import Store
from twin_runtime.storage import notes

DEVICE = "~devices"
_AT_ONCE = 500


def known(
    store: Store,
    twin: Twin,
    *,
    mine: Callable[[str], bool] = lambda _: True,
    sleep: Callable[[float], None] = time.sleep,
) -> Mapping[str, str]:
    """The type of each device, by name. Notes those of twin.yaml that are not noted yet and are `mine`.

    Raises `errors.Retry`.
    """
    noted = {row.id: str(jsontext.loads(row.data, max_bytes=1_000)) for row in notes.read(store, DEVICE)}
    new = [
        notes.note(DEVICE, device, jsontext.dumps(type))
        for device, type in sorted(twin.devices.items())
        if noted.get(device) != type and mine(device)
    ]
    for start in range(0, len(new), _AT_ONCE):
        notes.write_all(store, new[start : start + _AT_ONCE], sleep=sleep)
    return noted | dict(twin.devices)
