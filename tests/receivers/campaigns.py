"""Mutated requests by the thousand against one function of one cloud, in a process of their own.

A campaign follows from its seed. The functions' entry points and their platforms' forms are real; there is
no socket, which would cost more than all else.
"""

from __future__ import annotations

import json
import tempfile
import zlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from receivers import authentic, graph_reads, mutations, reads
from receivers.requests import batch_of, check_refusal, durable, good, request
from support.deployed import Functions
from support.platforms import Reply, Wire
from support.samples import batch, command, event
from twin_runtime.ports import Event

SIGNED_ANEW = 2_000
"""Requests after which the good one is made again, lest its timestamp grows old."""
AUTHENTIC = 8
EVENTS = 4


@dataclass
class Report:
    """What a campaign saw. `failure` names the request that was not answered as it must be."""

    statuses: Counter[int] = field(default_factory=Counter)
    rejected: int = 0
    accepted: int = 0
    failure: str | None = None


class Receiver:
    """A receiver under test: each method makes one request and raises `AssertionError` where it must."""

    unpacks = True

    def __init__(self, functions: Functions, cloud: str, role: str) -> None:
        self.errors: list[str] = []
        self.function = functions.load(cloud, role, sink=self._log)
        self.function.admit()
        self.report = Report()
        self._platform = self.function.platform()
        self._number = 0
        self._known: set[tuple[str, str]] = set()
        self._good: list[Wire] = []

    def mutated(self, chance: Random) -> None:
        """A good request with a change that it must not survive."""
        if self._number % SIGNED_ANEW == 0:
            self._good = self._make_good()
        self._number += 1
        good = chance.choice(self._good)
        checks_key = self.function.cloud != "aws"
        wire = mutations.broken(chance, good, checks_key=checks_key, unpacks=self.unpacks)
        reply = self._platform(wire)
        self.report.statuses[reply.status] += 1
        with telling(wire, reply):
            assert 400 <= reply.status < 500
            # HEAD has no body, and a method that is not routed is answered by Azure's host.
            if reply.body or reply.status not in (404, 405):
                check_refusal(reply)
            assert not self.errors, self.errors

    def spoilt(self, chance: Random) -> None:
        """A signed request whose events need not be events."""
        self._number += 1
        make, kind = _MAKERS[self.function.role == "event_feedback"]
        events = [make(f"e{self._number}-{n}") for n in range(chance.randrange(1, EVENTS))]
        body = authentic.spoilt(chance, events)
        headers = {}
        wanted = authentic.judged(body, kind)
        if chance.randrange(3) == 0:
            body, headers = zlib.compress(body, 1, wbits=31), {"content-encoding": "gzip"}
        wire = request(self.function, body, headers=headers)
        reply = self._platform(wire)
        self.report.statuses[reply.status] += 1
        with telling(wire, reply):
            self._check_spoilt(reply, wanted)
        self._empty()

    def check_nothing_is_durable(self) -> None:
        assert durable(self.function) == []
        assert self.function.dead_letters() == []

    def _check_spoilt(self, reply: Reply, wanted: list[tuple[Any, bool]] | None) -> None:
        if wanted is None:
            assert reply.status == 400
            check_refusal(reply)
            self.check_nothing_is_durable()
            return
        bad = [index for index, (_, is_event) in enumerate(wanted) if not is_event]
        later = self._later(wanted)
        if wanted and len(later) == len(wanted):
            assert reply.status == 503
            check_refusal(reply)
            self.check_nothing_is_durable()
            return
        assert reply.status == 200
        answer = json.loads(reply.body)
        events = [item for at, (item, _) in enumerate(wanted) if at not in {*bad, *later}]
        assert answer["accepted"] == len(events)
        assert [each["index"] for each in answer["rejected"] if each.get("kept") is True] == bad
        assert [each["index"] for each in answer["rejected"] if each.get("retry") is True] == later
        assert len(answer["rejected"]) == len(bad) + len(later)
        assert all(each["reason"].endswith(".") for each in answer["rejected"])
        assert len(self.function.dead_letters()) == len(bad)
        self._check_durable(events)
        self.report.accepted += len(events)
        self.report.rejected += len(bad)

    def _later(self, wanted: list[tuple[Any, bool]]) -> list[int]:
        """The commands that no rule makes: a deployment may be under way."""
        if self.function.role != "event_feedback":
            return []
        return [at for at, (each, is_event) in enumerate(wanted) if is_event and not authentic.is_made(each)]

    def _check_durable(self, events: list[Any]) -> None:
        found = durable(self.function)
        if self.function.role == "ingestion":
            assert json.dumps(found) == json.dumps(events)
        elif self.function.role == "writer":
            keys = {(row.device, row.time, row.id) for row in found}
            assert keys == {(_device(each), each["time"], each["id"]) for each in events}
        else:  # a command that was sent already is not sent again
            told = {(each["source"], each["id"]) for _, each in found}
            wanted = {(each["source"], each["id"]) for each in events}
            assert told == wanted - self._known
            self._known |= told

    def _empty(self) -> None:
        memory = self.function.memory
        for queue in memory.queues.values():
            queue.bodies.clear()
        memory.store("STORE").rows.clear()
        memory.broker("BROKER").sent.clear()

    def _make_good(self) -> list[Wire]:
        body = batch_of(self.function.role)
        packed = zlib.compress(body, wbits=31)
        return [
            request(self.function, batch(*good(self.function.role, 1))),
            request(self.function, body),
            request(self.function, packed, headers={"content-encoding": "gzip"}),
        ]

    def _log(self, level: str, line: str) -> None:
        if '"unavailable"' in line or "Traceback" in line:
            self.errors.append(line)


def receive(under_test: type[Receiver], cloud: str, role: str, seed: int, count: int) -> Report:
    """`count` requests that are not authentic, and `count` / `AUTHENTIC` batches, or files, that are."""
    with tempfile.TemporaryDirectory() as folder, Functions(Path(folder)) as functions:
        receiver, chance = under_test(functions, cloud, role), Random(seed)
        try:
            for _ in range(count):
                receiver.mutated(chance)
            receiver.check_nothing_is_durable()
            for _ in range(count // AUTHENTIC):
                receiver.spoilt(chance)
        except AssertionError as error:
            receiver.report.failure = f"{cloud} {role}, seed {seed}: {error}"
        return receiver.report


def read(cloud: str, role: str, seed: int, count: int) -> Report:
    """`count` reads with mutated queries."""
    with tempfile.TemporaryDirectory() as folder, Functions(Path(folder)) as functions:
        reader, chance, report = _READERS[role].Reader(functions, cloud), Random(seed), Report()
        try:
            for _ in range(count):
                wire = reader.mutated(chance)
                reply = reader.platform(wire)
                report.statuses[reply.status] += 1
                with telling(wire, reply):
                    report.accepted += reader.check(wire, reply)
        except AssertionError as error:
            report.failure = f"{cloud} {role}, seed {seed}: {error}"
        return report


class telling:
    """Adds request and answer to what is wrong with them."""

    def __init__(self, wire: Wire, reply: Reply) -> None:
        self._wire, self._reply = wire, reply

    def __enter__(self) -> None: ...

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, Exception):
            said = f"{type(error).__name__} {error}".partition("\n")[0]
            raise AssertionError(f"{said} of {self._wire!r:.3000} answered {self._reply!r:.2000}") from error


def _device(event: Event) -> str:
    return event["source"].rpartition("/")[2]


_READERS = {"hot_reader": reads, "twin_reader": graph_reads}
_MAKERS = {False: (event, "twinspan.telemetry.v1"), True: (command, "twinspan.command.v1")}
