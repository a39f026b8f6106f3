"""The links of movers: the real roles of both ends, each behind its cloud's own entry point."""

from __future__ import annotations

import json
from typing import Any

from receivers import files
from receivers.links import Link, document
from support.deployed import Functions
from support.platforms import Wire
from support.samples import TWIN
from twin_runtime import model
from twin_runtime.ports import Event
from twin_runtime.storage import lifetimes, rows
from twin_runtime.tiers import tier_files
from twin_runtime.tiers.progress import Progress
from twin_runtime.tiers.tier_files import FILE_MEDIA_TYPE

FILE_ENDS = {"cold": ("cold_mover", "cold_writer"), "archive": ("archive_mover", "archive_writer")}
_TWIN = model.parse(files.TIER_DOCUMENT)


class FileLink(Link):
    """`kind` is one of `FILE_ENDS`."""

    ends = FILE_ENDS

    def __init__(
        self, functions: Functions, kind: str, sender: str, receiver: str, *, twin: str = TWIN.name
    ) -> None:
        """`twin` is the name of the receiver's."""
        of_tiers = files.TIER_DOCUMENT
        super().__init__(
            functions,
            kind,
            sender,
            receiver,
            twin_of_sender=of_tiers,
            twin_of_receiver=of_tiers | {"twin": twin},
        )

    def hold(self, *events: Event) -> None:
        """The sender's tier has these, of one type and day."""
        memory = self.sender.memory
        if self.kind == "cold":
            made = [rows.from_event(each, _TWIN, files.NOON) for each in events]
            late = {(row.device, row.time[:10]) for row in made}
            memory.store("STORE").put([lifetimes.late_note(*each, files.NOON) for each in late])
            memory.store("STORE").put(made)
        else:
            file = files.packed(events)
            memory.objects("COLD_STORE").put(file.name, file.body, rows=file.rows, sha256=file.sha256)

    def held(self) -> list[str]:
        """Keys of rows, or names of files, that are still to be moved. On AWS, rows stay that have been."""
        memory = self.sender.memory
        if self.kind == "archive":
            return list(memory.objects("COLD_STORE").kept)
        store = memory.store("STORE")
        progress = Progress(store)
        aside = {(device, day) for device, day, _ in progress.aside()}
        return [
            row.key
            for row in store.rows.values()
            if row.device in _TWIN.devices
            and (
                self.sender.cloud != "aws"
                or row.time[:10] > progress.through(row.device)
                or (row.device, row.time[:10]) in aside
            )
        ]

    def statuses(self) -> list[int]:
        """Of the requests that carry files."""
        return [reply.status for wire, reply in self.server.seen if _is_of_file(wire)]

    def answers(self) -> list[Any]:
        """The bodies of the answers to requests that carry files."""
        return [document(reply) for wire, reply in self.server.seen if _is_of_file(wire)]

    def move(self) -> bool:
        """The sender's clock strikes; whether its run did not fail."""
        return self.sender.run()

    def arrived(self) -> list[str]:
        """The lines of the files, by name."""
        tier = files.tier(self.receiver)
        return [
            line.decode("ascii")
            for name in files.names(self.receiver)
            for line in tier_files.lines(tier.get(name))
        ]

    def expected(self, *events: Event) -> list[str]:
        return [json.dumps(each, separators=(",", ":")) for each in events]

    def obstruct(self, error: Exception, commands: int = 1) -> None:
        files.tier(self.receiver).faults.ahead = [error]


def _is_of_file(wire: Wire) -> bool:
    return wire.header("content-type") == FILE_MEDIA_TYPE
