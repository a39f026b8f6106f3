"""The links of movers: the real roles of both ends, each behind its cloud's own entry point."""

from __future__ import annotations

import json

from receivers import files
from receivers.links import Link
from support.deployed import Functions
from support.samples import TWIN
from twin_runtime import model
from twin_runtime.ports import Event
from twin_runtime.storage import rows
from twin_runtime.tiers import tier_files

FILE_ENDS = {"cold": ("cold_mover", "cold_writer"), "archive": ("archive_mover", "archive_writer")}
_TWIN = model.parse(files.TIER_DOCUMENT)


class FileLink(Link):
    """`kind` is one of `FILE_ENDS`."""

    ends = FILE_ENDS

    def __init__(
        self, functions: Functions, kind: str, sender: str, receiver: str, *, twin: str = TWIN.name
    ) -> None:
        """`twin` is the name of the receiver's."""
        document = files.TIER_DOCUMENT
        super().__init__(
            functions,
            kind,
            sender,
            receiver,
            twin_of_sender=document,
            twin_of_receiver=document | {"twin": twin},
        )

    def hold(self, *events: Event) -> None:
        """The sender's tier has these, of one type and day."""
        memory = self.sender.memory
        if self.kind == "cold":
            memory.store("STORE").put([rows.from_event(each, _TWIN, files.NOON) for each in events])
        else:
            file = files.packed(events)
            memory.objects("COLD_STORE").put(file.name, file.body, rows=file.rows, sha256=file.sha256)

    def held(self) -> list[str]:
        """What is left there: keys of rows, or names of files."""
        memory = self.sender.memory
        if self.kind == "archive":
            return list(memory.objects("COLD_STORE").kept)
        return [row.key for row in memory.store("STORE").rows.values() if row.device in _TWIN.devices]

    def move(self) -> bool:
        """The sender's clock strikes; whether its run did not fail."""
        return self.sender.run()

    def arrived(self) -> list[str]:
        """The lines of the files, by name."""
        tier = files.tier(self.receiver)
        return [
            line.decode("ascii") for name in sorted(tier.kept) for line in tier_files.lines(tier.get(name))
        ]

    def expected(self, *events: Event) -> list[str]:
        return [json.dumps(each, separators=(",", ":")) for each in events]

    def obstruct(self, error: Exception, commands: int = 1) -> None:
        files.tier(self.receiver).faults.ahead = [error]
