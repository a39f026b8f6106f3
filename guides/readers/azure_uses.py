"""What a Function App reads and writes, in the stack and at the far ends of links, and where it puts what it
refuses.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from guides import facts
from guides.readers import azure_event_grid as event_grid
from guides.readers import azure_names as names
from guides.readers.azure_app import App
from guides.readers.azure_grants import MEANINGS, Grant, Meaning
from guides.readers.azure_host import QUEUES
from guides.readers.azure_package import host_settings, letters_kept_s
from guides.readers.links import Ends, ends
from guides.readers.values import addresses, duration, listed, merged
from twin_runtime.roles import Role
from twinspan.terraform.stackjson import Block
from twinspan.topology import Topology

DEAD_LETTERS = "DEAD_LETTER_QUEUE"
_TAKES_FROM = {Role.COLD_MOVER: "STORE", Role.ARCHIVE_MOVER: "COLD_STORE"}
"""Roles that move what they read, and the app setting that names where they take it from. Azure's roles for
writing allow to read and to delete as well: the grant does not tell."""
_READS_BACK = {
    **_TAKES_FROM,
    Role.COLD_WRITER: "COLD_STORE",
    Role.EVENT_CHECKER: "IDEMPOTENCY_STORE",
}
"""Roles that read where they may write. cold_writer answers queries; event_checker looks for starts."""


class _Named(NamedTuple):
    """What an app setting names, the grant to use it, and what it is called."""

    setting: str
    block: Block
    grant: Grant
    called: str

    @property
    def meaning(self) -> Meaning:
        return MEANINGS[self.grant.role]


@dataclass(frozen=True)
class Uses:
    """Of one app. `triggers` is what starts it, `held` what its identity was granted."""

    app: App
    triggers: Sequence[facts.Trigger]
    held: Sequence[Grant]
    topology: Topology

    def inputs(self) -> tuple[facts.Use, ...]:
        return merged((*self._triggering(), *self._reads(), *self._links().inputs))

    def outputs(self) -> tuple[facts.Use, ...]:
        return merged((*self._writes(), *self._leases(), *self._links().outputs))

    def dead_letters(self) -> tuple[facts.Use, ...]:
        found = merged((*self._own_letters(), *self._poison(), *event_grid.dead_letters(self.app)))
        return tuple(
            facts.Use(use.address, f"{names.called(self.app.blocks.at(use.address))}: filled by {use.text}")
            for use in found
        )

    def _own_letters(self) -> Iterator[facts.Use]:
        seconds = letters_kept_s()
        kept = "until they are taken" if seconds is None else f"for {duration(seconds)}"
        for each in self._named:
            if each.setting == DEAD_LETTERS:
                yield facts.Use(each.block.address, f"the function itself, with the reason (kept {kept})")

    def _poison(self) -> Iterator[facts.Use]:
        for trigger in self.triggers:
            if trigger.kind == "queue" and (poison := self.app.poison(self._source(trigger))):
                most = self.app.host.number(*QUEUES, "maxDequeueCount")
                yield facts.Use(poison.address, f"the Functions host, after {most} deliveries")

    def _triggering(self) -> Iterator[facts.Use]:
        """What hands it messages or rows. KeyError when it may not take them."""
        for trigger in self.triggers:
            if trigger.kind == "broker":  # Event Grid comes by itself
                source = self._source(trigger)
                yield facts.Use(source.address, f"telemetry of the {names.called(source)}, by Event Grid")
            elif trigger.kind in ("queue", "changes"):
                source = self._source(trigger)
                reads = MEANINGS[self._grant(source).role].reads
                yield facts.Use(source.address, reads.format(names.called(source)))

    def _source(self, trigger: facts.Trigger) -> Block:
        return self.app.blocks.at(trigger.addresses[0])

    def _leases(self) -> Iterator[facts.Use]:
        """Where the host keeps how far it is in the change feed. KeyError when it may not."""
        for trigger in self.triggers:
            if trigger.kind == "changes":
                leases = self.app.blocks.at(trigger.addresses[-1])
                self._grant(leases)
                text = f"keeps in the {names.called(leases)} how far the change feed was read"
                yield facts.Use(leases.address, text)

    def _reads(self) -> Iterator[facts.Use]:
        for each in self._named:
            reads = each.meaning.reads
            if reads and (not each.meaning.writes or each.setting == _READS_BACK.get(self.app.role)):
                yield facts.Use(each.block.address, reads.format(each.called))

    def _writes(self) -> Iterator[facts.Use]:
        for each in self._named:
            takes = each.setting == _TAKES_FROM.get(self.app.role)
            writes = each.meaning.takes if takes else each.meaning.writes
            if writes and each.setting != DEAD_LETTERS:
                yield facts.Use(each.block.address, writes.format(each.called))

    @cached_property
    def _named(self) -> tuple[_Named, ...]:
        """What the app settings of the role itself name. KeyError when it may not use something."""
        of_host = host_settings()
        own = {name: value for name, value in sorted(self.app.settings.items()) if name not in of_host}
        return tuple(self._all_named(own))

    def _all_named(self, settings: dict[str, str]) -> Iterator[_Named]:
        for setting, value in names.readable(settings).items():
            if match := names.VAULT_SECRET.fullmatch(settings[setting]):
                yield self._secret(setting, self.app.blocks.at(match[1]), match[2])
            for address in addresses(value):
                block = self.app.blocks.at(address)
                yield _Named(setting, block, self._grant(block), names.called(block))

    def _secret(self, setting: str, vault: Block, name: str) -> _Named:
        """A link's secret: of this stack, or one that `links` writes."""
        for secret in self.app.blocks.of(names.SECRET):
            if names.name(secret) == name:
                return _Named(setting, secret, self._grant(secret), names.called(secret))
        for grant in self.held:
            if grant.on == vault.address and grant.secret == name:
                return _Named(setting, vault, grant, f"Key Vault secret {name}, which the stack links writes")
        raise KeyError(f"{self.app.address} has the secret {name} in {setting}, and may not read it")

    def _grant(self, block: Block) -> Grant:
        """KeyError when there is none, several, or one that does not say whether it reads or writes."""
        found = [grant for grant in self.held if grant.on == block.address]
        if not found:
            raise KeyError(f"{self.app.address} is told of {block.address}, and may not use it")
        roles = listed(grant.role for grant in found)
        if len(found) > 1 or roles not in MEANINGS:
            raise KeyError(f"{self.app.address} has {roles} on {block.address}: reading or writing?")
        return found[0]

    def _links(self) -> Ends:
        """What it says and hears over HTTPS, by the links whose secrets it reads."""
        return ends(self.app.role, self.topology, secrets={each.grant.link for each in self._named} - {""})
