"""What became of a run's readings: counts, and the seconds from a device to each hop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from local_cloud.hops import ORDER, Hop
from simulator.report import percentile

Identity = tuple[str, str]
"""Device of a reading, and id of its event."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Counts of distinct readings, unless they say otherwise. A reading is one device's and one id's."""

    messages: int
    """What the simulator sent, a reading each."""
    repetitions: int
    """Messages with a reading that had been sent before."""
    readings: int
    unfit: int
    """Readings that no twin may store: malformed, oversized or spoofed on purpose."""
    unacknowledged: int
    """Fit readings that the broker did not take: they may be stored or not."""
    sent: int
    """Fit readings that the broker acknowledged: each should be stored."""
    stored: int
    lost: int
    rows: int
    """Events that were read back."""
    duplicates: int
    """Events beyond the first of a reading."""
    unexpected: int
    """Readings that were read back, though unfit or unacknowledged."""
    dead_letters: int
    """Of the twin, since it was started."""

    def sums(self) -> list[str]:
        """The counts as sums, in which each is explained by those after it."""
        return [
            _sum(self.messages, "messages", (self.readings, "readings"), (self.repetitions, "repetitions")),
            _sum(
                self.readings,
                "readings",
                (self.sent, "to be stored"),
                (self.unfit, "unfit on purpose"),
                (self.unacknowledged, "not acknowledged by the broker"),
            ),
            _sum(self.sent, "to be stored", (self.stored, "stored"), (self.lost, "lost")),
            _sum(
                self.rows,
                "events read back",
                (self.stored, "stored"),
                (self.duplicates, "stored twice"),
                (self.unexpected, "not to be stored"),
            ),
            f"{self.dead_letters} dead letters in the twin, where unfit readings end",
        ]


def outcome(
    sent: Iterable[Mapping[str, Any]], stored: Iterable[Mapping[str, Any]], *, dead_letters: int
) -> Outcome:
    """Compare the simulator's record with the events that were read back and the twin's dead letters."""
    record = [((each["device"], each["event_id"]), each) for each in sent]
    messages = Counter(reading for reading, _ in record)
    unfit = {reading for reading, each in record if _refused(each)}
    acknowledged = {reading for reading, each in record if each["acknowledged"]}
    wanted = acknowledged - unfit
    found = Counter(identity(event) for event in stored)
    return Outcome(
        messages=len(record),
        repetitions=sum(count - 1 for count in messages.values()),
        readings=len(messages),
        unfit=len(unfit),
        unacknowledged=len(messages.keys() - unfit - acknowledged),
        sent=len(wanted),
        stored=len(wanted & found.keys()),
        lost=len(wanted - found.keys()),
        rows=found.total(),
        duplicates=sum(count - 1 for count in found.values()),
        unexpected=len(found.keys() - wanted),
        dead_letters=dead_letters,
    )


def _sum(total: int, what: str, *parts: tuple[int, str]) -> str:
    return f"{total} {what} = " + " + ".join(f"{count} {name}" for count, name in parts)


def identity(event: Mapping[str, Any]) -> Identity:
    return event["source"].rpartition("/")[2], event["id"]


def delays(
    sent: Iterable[Mapping[str, Any]], stored: Iterable[Mapping[str, Any]], hops: Iterable[Hop]
) -> dict[str, list[float]]:
    """Seconds from sending until each role was done, sorted, for readings whose trace the role logged."""
    began = {
        (each["device"], each["event_id"]): datetime.fromisoformat(each["sent"]).timestamp() for each in sent
    }
    traces = {event["traceparent"].split("-")[1]: identity(event) for event in stored}
    found: dict[str, dict[str, float]] = {role: {} for role in ORDER}
    for hop in hops:
        start = began.get(traces.get(hop.trace, ("", "")))
        if start is not None and not hop.failed and hop.event != "rule_fired" and hop.role in found:
            found[hop.role].setdefault(hop.trace, hop.at - start)
    return {role: sorted(times.values()) for role, times in found.items() if times}


def rows(times: Mapping[str, Sequence[float]], clouds: Mapping[str, str]) -> list[list[str]]:
    """A table's rows: hop, cloud, how many readings were timed, p50, p95."""
    made = []
    for role, seconds in times.items():
        half, most = percentile(list(seconds), 0.5), percentile(list(seconds), 0.95)
        made.append([role, clouds.get(role, ""), str(len(seconds)), f"{half:.2f} s", f"{most:.2f} s"])
    return made


def _refused(entry: Mapping[str, Any]) -> bool:
    return entry["fault"] in ("malformed", "oversized", "spoofed")
