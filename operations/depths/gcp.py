"""Counts of Pub/Sub, which Cloud Monitoring measures once a minute; an emulator tells none."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from urllib.parse import urlencode

from operations.dead_letters.locations import Location
from operations.reach.gcp import GcpReach
from twin_gcp.cloud import Endpoints
from twin_gcp.rest import Rest
from twin_runtime import times

_METRIC = "pubsub.googleapis.com/subscription/num_undelivered_messages"
_WINDOW_S = 600
"""Points are visible up to four minutes after they were measured (cloud.google.com/monitoring/api/
metrics_gcp_p_z, "pubsub").
"""


class PubSubDepths:
    """`Depths` of subscriptions. `monitoring` is None where nothing measures them.

    The subscription of a queue has the name of its topic.
    """

    def __init__(
        self, location: Location, monitoring: Rest | None, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._location = location
        self._monitoring = monitoring
        self._clock = clock

    def letters(self) -> int | None:
        return self._undelivered(self._location.letters)

    def waiting(self) -> int | None:
        return self._undelivered(self._location.target)

    def _undelivered(self, address: str) -> int | None:
        if self._monitoring is None:
            return None
        _, project, _, name = address.split("/")  # projects/<project>/subscriptions/<name>
        now = self._clock()
        query = {
            "filter": f'metric.type = "{_METRIC}" AND resource.labels.subscription_id = "{name}"',
            "interval.startTime": times.from_epoch(now - _WINDOW_S),
            "interval.endTime": times.from_epoch(now),
        }
        answer = self._monitoring.get(f"v3/projects/{project}/timeSeries?{urlencode(query)}")
        if answer.status != 200:
            raise self._monitoring.failure(answer)
        points = [
            point for series in json.loads(answer.body).get("timeSeries", ()) for point in series["points"]
        ]
        return int(points[0]["value"]["int64Value"]) if points else None  # the newest is first


def connect(location: Location, reach: GcpReach) -> PubSubDepths:
    emulated = reach.endpoints.pubsub != Endpoints().pubsub
    monitoring = None
    if not emulated:
        monitoring = Rest("https://monitoring.googleapis.com", reach.tokens, service="Cloud Monitoring")
    return PubSubDepths(location, monitoring)
