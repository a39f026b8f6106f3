"""Mutated requests by the thousand against one receiver of files of one cloud; as in `campaigns`."""

from __future__ import annotations

import json
from random import Random

from receivers import authentic_files, files
from receivers.campaigns import Receiver, telling
from receivers.requests import check_refusal
from support.platforms import Reply, Wire

_ASKED_AGAIN = "The parts do not make the file; all of them are needed again."


class FileReceiver(Receiver):
    """A receiver of files under test."""

    unpacks = False

    def spoilt(self, chance: Random) -> None:
        """Signed requests of a file that need not be one, and, where the tier is read, queries of it."""
        self._empty()
        device = chance.choice(("thermostat-1", "thermostat-2", "pump-1"))
        events = files.old(chance.randrange(1, 12), device)
        judge = authentic_files.Judge()
        for content in authentic_files.spoilt(chance, events):
            self._check(judge, content)
        if self.function.role == "cold_writer":
            keys = [f"{each['time']}#{each['id']}" for each in events]
            for _ in range(2):
                self._check_page(judge, authentic_files.spoilt_query(chance, keys))

    def check_nothing_is_durable(self) -> None:
        assert files.names(self.function) == []

    def _check(self, judge: authentic_files.Judge, content: bytes) -> None:
        wire = files.sent(self.function, content)
        reply = self._ask(wire)
        with telling(wire, reply):
            status, document = judge.answer(content)
            assert reply.status == status
            self._check_document(reply, document)
            found = {name: files.tier(self.function).get(name) for name in files.names(self.function)}
            assert found == judge.bodies | judge.parts
            assert not self.errors, self.errors
        self.report.accepted += document is not None and "size" in document
        self.report.rejected += document is None

    def _check_page(self, judge: authentic_files.Judge, content: bytes) -> None:
        wire = files.asked(self.function, content)
        reply = self._ask(wire)
        with telling(wire, reply):
            status, document = judge.page(content)
            assert reply.status == status
            self._check_document(reply, document)
            assert not self.errors, self.errors

    def _ask(self, wire: Wire) -> Reply:
        reply = self._platform(wire)
        self.report.statuses[reply.status] += 1
        return reply

    def _check_document(self, reply: Reply, document: object) -> None:
        if document is None:
            check_refusal(reply)
        else:
            assert json.dumps(json.loads(reply.body)) == json.dumps(document)

    def _empty(self) -> None:
        """The writer remembers of which months it has listed devices."""
        tier = files.tier(self.function)
        for name in list(tier.kept):
            if not name.endswith(("devices.json.gz", "adopted.json.gz")):
                tier.delete(name)

    def _make_good(self) -> list[Wire]:
        file = files.packed(files.old(9))
        whole, parts = files.body(files.header(file), file.body), files.pieces(file, 2)
        made = [files.sent(self.function, content) for content in (whole, *parts)]
        if self.function.role == "cold_writer":
            query = {"device": "thermostat-1", "from": "2024-02-29T00:00:00.000000Z"}
            query |= {"to": "2024-03-01T00:00:00.000000Z", "limit": 9, "cursor": None, "order": "asc"}
            made.append(files.asked(self.function, query))
        return made

    def _log(self, level: str, line: str) -> None:
        if '"unavailable"' in line and _ASKED_AGAIN in line:
            return
        super()._log(level, line)
