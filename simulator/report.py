"""What a run came to: counts, faults, times of acknowledgement."""

from __future__ import annotations

import math
import threading
from collections import Counter
from dataclasses import dataclass
from typing import Any

from simulator.faults import Fault, Message


@dataclass(frozen=True, slots=True)
class Report:
    """Counts are readings unless their name says messages. What the faults malformed, oversized and spoofed
    did is in `faults` and `refused` alone: nobody should take such a message. Times are in seconds.
    """

    sent: int
    acknowledged: int
    failed: int
    messages: int
    faults: dict[str, int]
    """Messages with each kind of fault."""
    refused: dict[str, int]
    """How many of these the broker did not acknowledge."""
    commands: int
    commands_repeated: int
    p50: float | None
    p95: float | None
    elapsed: float
    seed: int
    reasons: dict[str, int]
    """Why messages failed, and how often."""
    unconnected: dict[str, str]
    """Devices that the broker did not let in, with the reason."""

    @property
    def good(self) -> bool:
        """Whether every device was let in, and all that should be acknowledged was."""
        return not self.failed and not self.unconnected

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {name: getattr(self, name) for name in Report.__slots__}

    def text(self) -> str:
        """For the terminal."""
        rate = self.acknowledged / self.elapsed if self.elapsed else 0.0
        lines = [
            f"sent          {self.sent} readings in {self.elapsed:.1f} s, seed {self.seed}",
            f"messages      {self.messages}, repetitions and faults among them",
            f"acknowledged  {self.acknowledged} ({rate:.1f} per second)",
            f"failed        {self.failed}",
        ]
        if self.p50 is not None and self.p95 is not None:
            lines.append(f"time          p50 {self.p50 * 1000:.1f} ms, p95 {self.p95 * 1000:.1f} ms")
        for fault, count in self.faults.items():
            refused = f", {self.refused.get(fault, 0)} refused by the broker" if Fault(fault).refused else ""
            lines.append(f"{fault:<13} {count} messages{refused}")
        lines.append(f"commands      {self.commands}, and {self.commands_repeated} repetitions")
        lines += [f"  {count} × {reason}" for reason, count in self.reasons.items()]
        lines += [f"  {device}: {reason}" for device, reason in self.unconnected.items()]
        return "\n".join(lines)


class Tally:
    """Counts while a run goes on; for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._faults: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._seconds: list[float] = []
        self._commands: set[tuple[str, str]] = set()
        self.unconnected: dict[str, str] = {}

    def message(self, message: Message, seconds: float, reason: str | None) -> None:
        """One message was sent; `reason` is why it was not acknowledged."""
        number = len(message.readings)
        with self._lock:
            self._counts["messages"] += 1
            if message.fault:
                self._faults[message.fault] += 1
            if message.fault and message.fault.refused:
                self._refused[message.fault] += reason is not None
                return
            self._counts["sent"] += number
            if reason is None:
                self._counts["acknowledged"] += number
                self._seconds.append(seconds)
            else:
                self._counts["failed"] += number
                self._reasons[reason] += 1

    def command(self, device: str, id: str) -> None:
        with self._lock:
            self._counts["commands_repeated" if (device, id) in self._commands else "commands"] += 1
            self._commands.add((device, id))

    def report(self, *, elapsed: float, seed: int) -> Report:
        with self._lock:
            times = sorted(self._seconds)
            return Report(
                sent=self._counts["sent"],
                acknowledged=self._counts["acknowledged"],
                failed=self._counts["failed"],
                messages=self._counts["messages"],
                faults={str(fault): count for fault, count in sorted(self._faults.items())},
                refused={str(fault): count for fault, count in sorted(self._refused.items())},
                commands=self._counts["commands"],
                commands_repeated=self._counts["commands_repeated"],
                p50=percentile(times, 0.5),
                p95=percentile(times, 0.95),
                elapsed=elapsed,
                seed=seed,
                reasons=dict(self._reasons.most_common()),
                unconnected=dict(self.unconnected),
            )


def percentile(ordered: list[float], share: float) -> float | None:
    """By nearest rank: a value that was measured. None when nothing was."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None
