"""The host's timer triggers. No timer rings here: a function is run as the host has it run by hand, by
`POST /admin/functions/<name>` with the host's key. The host answers at once, this front end when the run is
over.
"""

from __future__ import annotations

import hmac
import json
import logging
import re
from collections.abc import Mapping

from azure.functions.meta import Datum

from local_cloud.azure.host.invocations import Invocations
from local_cloud.azure.host.settings import resolved
from local_cloud.azure.host.worker import Worker
from local_cloud.web import Answer, Request, Respond, json_answer

PATH = "/admin/functions/"
KEY_HEADER = "x-functions-key"
KEY_VARIABLE = "LOCAL_CLOUD_HOST_KEY"
_TIMER = "timerTrigger"
_NCRONTAB = re.compile(r"[0-9*,/-]+( [0-9*,/-]+){5}")
_LOG = logging.getLogger("host")


class Timers:
    """Runs timer functions, and hands all other requests to `otherwise`: apps that the network does not reach
    run by the clock too. `GET /admin/functions/` names the functions.
    """

    def __init__(
        self,
        worker: Worker,
        environ: Mapping[str, str],
        *,
        invocations: Invocations,
        otherwise: Respond,
    ) -> None:
        """Raises KeyError or ValueError for a schedule that the host would not take."""
        self._worker = worker
        self._invocations = invocations
        self._otherwise = otherwise
        self._key = environ.get(KEY_VARIABLE, "")
        self._functions = {f.name: f for f in worker.functions if f.kind == _TIMER}
        for function in self._functions.values():
            schedule = resolved(function.trigger["schedule"], environ)
            if not _NCRONTAB.fullmatch(schedule):
                raise ValueError(f"{schedule!r} is no schedule: write the six fields of NCRONTAB.")

    def __call__(self, request: Request) -> Answer:
        if not request.path.startswith(PATH):
            return self._otherwise(request)
        if not self._key or not hmac.compare_digest(self._key, request.headers.get(KEY_HEADER, "")):
            return Answer(401)
        name = request.path.removeprefix(PATH)
        if not name and request.method == "GET":
            return json_answer(200, sorted(self._functions))
        if name not in self._functions or request.method != "POST":
            return Answer(404)
        return self._run(name)

    def _run(self, name: str) -> Answer:
        datum = Datum(json.dumps({"IsPastDue": False, "Schedule": {}, "ScheduleStatus": None}), "json")
        with self._invocations.one():
            outcome = self._worker.call(self._functions[name], datum, {})
        if outcome.ok:
            return Answer(204)
        _LOG.error("%s failed: %s", name, outcome.error)
        return json_answer(500, {"error": outcome.error})
