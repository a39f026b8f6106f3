"""Delete the readings of a device of a deployed twin."""

from __future__ import annotations

import re
import time
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from operations.dead_letters import running as dead_letters
from operations.dead_letters.letters import Selection
from operations.deployed import Deployed, timestamp
from operations.erase import audit, stays
from operations.erase.erasing import Erasure, Found, Means, Outcome
from operations.erase.files import Bucket
from operations.erase.places import Places, of_outputs
from operations.errors import UsageError
from operations.restore.files import Range
from operations.restore.locations import COLD
from twin_runtime import times
from twin_runtime.log import Log
from twin_runtime.tiers.catalogue import Catalogue
from twinspan.lifecycle import THAWED_DAYS

_SILENT = Log("erase", lambda _level, _line: None)
_DEVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9:_-]*")


@dataclass(frozen=True)
class Deleting:
    """The deletion of a range. Its methods raise `UsageError`, `Retry` and `OperationError`."""

    found: Deployed
    places: Places
    wanted: Range

    @classmethod
    def of(cls, found: Deployed, *, device: str, start: str | None, end: str | None) -> Deleting:
        """`start` and `end` are RFC 3339 or ages; None has no bound. Raises `UsageError`."""
        now = time.time()
        first = timestamp("--from", start, now) if start else times.EARLIEST
        last = timestamp("--to", end, now) if end else times.LATEST
        if first >= last:
            raise UsageError("--from must be before --to.")
        if not _DEVICE.fullmatch(device):
            raise UsageError(f"--device {device!r} must be the id of a device, of letters, digits and : _ -.")
        return cls(found, of_outputs(found.outputs), Range(device, None, first, last))

    def look(self) -> Found:
        """Return what may hold readings of the range."""
        return self._erasure.look()

    def dead_letters(self) -> Counter[tuple[str, str]]:
        """Return how many dead letters are of the device, by hop and cloud; of whatever time."""
        counts = dead_letters.Purge(self.found, Selection(self.wanted.device)).count()
        return Counter({(each.hop, each.cloud): number for each, number in counts.items()})

    def delete(self) -> tuple[Outcome, dict[str, Any], str | None]:
        """Delete; return the outcome, the audit line and the name of its objects, None without a bucket."""
        by = audit.operator(self.found.access, (each.cloud for each in self.places.all))
        outcome = self._erasure.run()
        line = audit.line(self.found.twin.name, self.wanted, outcome, by, time.time())
        buckets = [bucket.objects for bucket in self._erasure.means.buckets]
        name = audit.write(line, buckets) if buckets else None
        if outcome.complete:
            self._erasure.end()
        return outcome, line, name

    def stays(self) -> list[str]:
        """Return a sentence for each thing that is not deleted."""
        return stays.sentences(self.found.config, self.found.twin, self.places, self.wanted, time.time())

    @cached_property
    def _erasure(self) -> Erasure:
        to, places, twin = self.found.access.to, self.places, self.found.twin
        objects = {each: to(each.cloud).objects(each.address) for each in places.files}
        indexes = {
            each: Catalogue(at, twin, log=_SILENT) for each, at in objects.items() if each.tier == COLD
        }
        buckets = [
            Bucket(
                each,
                self.found.access.adapter("operations.restore.catalogues", each),
                at,
                indexes.get(each) or next(iter(indexes.values())),
            )
            for each, at in objects.items()
        ]
        graph, rules = places.graph, places.rules
        means = Means(
            twin,
            [(each, to(each.cloud).store(each.address)) for each in places.hot],
            buckets,
            (graph, to(graph.cloud).graph(graph.address, twin)) if graph else None,
            (rules, to(rules.cloud).state_store(rules.address)) if rules else None,
            THAWED_DAYS,
        )
        return Erasure(means, self.wanted)
