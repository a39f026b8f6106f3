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
"""Device and id of a reading."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`sent` are distinct readings that a broker acknowledged and that should be stored."""

    sent: int
    stored: int
    duplicates: int
    dead_lettered: int
    lost: int


def outcome(
    sent: Iterable[Mapping[str, Any]], stored: Iterable[Mapping[str, Any]], *, dead_lettered: int
) -> Outcome:
    """Compare the simulator's record with the events that were read back.

    `dead_lettered` counts dead letters, of which some are for messages that should never be stored.
    """
    wanted = {(each["device"], each["id"]) for each in sent if each["acknowledged"] and not _refused(each)}
    found = Counter(identity(event) for event in stored)
    arrived = wanted & found.keys()
    return Outcome(
        sent=len(wanted),
        stored=len(arrived),
        duplicates=sum(found.values()) - len(found),
        dead_lettered=dead_lettered,
        lost=len(wanted - found.keys()),
    )


def identity(event: Mapping[str, Any]) -> Identity:
    return event["source"].rpartition("/")[2], event["id"]


def delays(
    sent: Iterable[Mapping[str, Any]], stored: Iterable[Mapping[str, Any]], hops: Iterable[Hop]
) -> dict[str, list[float]]:
    """Seconds from sending until each role was done, sorted, for readings whose trace the role logged."""
    began = {(each["device"], each["id"]): datetime.fromisoformat(each["sent"]).timestamp() for each in sent}
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
