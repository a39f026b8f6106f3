"""What was sent, for comparison with what was stored: a line of JSON per reading.

    {"device": "door-1", "sent_by": "door-1", "id": "18f-1", "time": "2026-01-31T12:00:00.000000Z",
     "event_id": "18f-1@20260131T120000Z", "data": {"open": false}, "fault": null, "trips": null,
     "sent": "2026-01-31T12:00:00.000120Z", "acknowledged": true}

`device` is the name under which it was sent. `event_id` is the id under which it is stored. `sent` is the
time of sending. A reading whose fault is malformed, oversized or spoofed must never be stored; one that was
not acknowledged may be. One whose fault is wrong_clock is stored with the time of its receipt.
"""

from __future__ import annotations

import json
import threading
from datetime import datetime
from pathlib import Path
from types import TracebackType

from simulator.errors import SimulatorError
from simulator.faults import Message
from simulator.payloads import rfc3339


class Record:
    """Writes the file anew; for many threads. Without a path it keeps nothing."""

    def __init__(self, path: Path | None) -> None:
        self._lock = threading.Lock()
        try:
            self._file = path.open("w", encoding="utf-8") if path else None
        except OSError as error:
            raise SimulatorError(f"The record {path} cannot be written: {error.strerror}.") from None

    def __enter__(self) -> Record:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file:
            self._file.close()

    def message(self, message: Message, sent: datetime, *, acknowledged: bool) -> None:
        if self._file is None:
            return
        lines = [
            json.dumps(
                {
                    "device": message.device,
                    "sent_by": message.sender,
                    "id": reading.id,
                    "time": reading.time,
                    "event_id": reading.event_id,
                    "data": reading.data,
                    "fault": message.fault,
                    "trips": reading.trips,
                    "sent": rfc3339(sent),
                    "acknowledged": acknowledged,
                }
            )
            for reading in message.readings
        ]
        with self._lock:
            self._file.write("\n".join(lines) + "\n")
