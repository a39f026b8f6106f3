"""What a Cloud Run function reads and writes, in the stack and at the far ends of links, and where its dead
letters are.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from guides import facts
from guides.readers import gcp_names as names
from guides.readers import gcp_retries
from guides.readers import gcp_triggers as calls
from guides.readers.gcp_grants import Grant, Meaning
from guides.readers.links import Ends, ends
from guides.readers.values import addresses, merged
from twin_runtime.roles import Role
from twinspan.terraform.stackjson import Block, Blocks
from twinspan.topology import Topology

_DEAD_LETTERS = "DEAD_LETTER_QUEUE"
_MOVES_FROM = {Role.COLD_MOVER: "STORE"}
"""Roles that move rows away, and the variable that names the store where they are."""
_LINK = "link_"
"""Stands before a link's name: the secret of one of its ends."""


@dataclass(frozen=True)
class Uses:
    """Of one function. `held` is what its identity was granted."""

    function: Block
    role: Role
    held: Sequence[Grant]
    blocks: Blocks
    topology: Topology

    def check(self) -> None:
        """KeyError when the environment names what the function may not use."""
        may = {address for grant in self.held for address in grant.on}
        for variable in sorted(names.variables(self.function)):
            for address in self._named(variable):
                if address not in may:
                    raise KeyError(f"{self.function.address} has {address} in {variable}, and may not use it")

    def inputs(self) -> tuple[facts.Use, ...]:
        """The data first, the secrets last."""
        read = [(address, does.reads) for address, does in self._granted() if does.reads]
        return merged(
            (
                *self._pushed(),
                *(self._use(address, does) for address, does in read if not _is_secret(address)),
                *self._links().inputs,
                *(self._use(address, does) for address, does in read if _is_secret(address)),
            )
        )

    def outputs(self) -> tuple[facts.Use, ...]:
        """Dead letters are told of apart."""
        refused = self._named(_DEAD_LETTERS)
        written = [(address, does.writes) for address, does in self._granted() if does.writes]
        written = [(address, does) for address, does in written if address not in refused]
        return merged(
            (
                *(self._use(address, does) for address, does in written),
                *(use for address, _ in written for use in self._pulled(address)),
                *self._links().outputs,
            )
        )

    def dead_letters(self) -> tuple[facts.Use, ...]:
        """The topics, each followed by the subscription that keeps its messages."""
        found = [
            (address, "the function publishes what it refuses, with the reason")
            for address in self._named(_DEAD_LETTERS)
        ]
        for each in calls.subscriptions(self.function, self.blocks):
            if (most := gcp_retries.attempts(each)) is not None:
                topic = self._topic(each.body["dead_letter_policy"]["dead_letter_topic"], each)
                found.append(
                    (topic.address, f"Pub/Sub moves a message after {most} deliveries, without a reason")
                )
        return merged(use for address, who in found for use in self._kept(address, who))

    def _named(self, variable: str) -> tuple[str, ...]:
        """The addresses that a variable refers to; none when there is no such variable."""
        return addresses(names.variables(self.function).get(variable, ""))

    def _granted(self) -> Iterator[tuple[str, Meaning]]:
        """What it was granted something on, and what it does there."""
        source = self._named(_MOVES_FROM.get(self.role, ""))
        for grant in self.held:
            for address in grant.on:
                yield address, grant.meaning(moves=address in source)

    def _use(self, address: str, does: str) -> facts.Use:
        return facts.Use(address, f"{does} the {names.called(self.blocks.at(address))}")

    def _topic(self, value: str, subscription: Block) -> Block:
        return names.target(value, names.TOPIC, of=subscription, blocks=self.blocks)

    def _pushed(self) -> Iterator[facts.Use]:
        """The topics whose messages it is sent, each followed by the subscription that sends them."""
        for each in calls.subscriptions(self.function, self.blocks):
            topic = self._topic(each.body["topic"], each)
            yield facts.Use(topic.address, f"is sent the messages of the {names.called(topic)}")
            yield facts.Use(each.address, f"{names.called(each)}, which pushes them")

    def _pulled(self, topic: str) -> Iterator[facts.Use]:
        """The subscriptions that others pull from what is published, such as each device its commands."""
        for each in self._pulls(topic):
            which = f"those that have {each.body['filter']}" if "filter" in each.body else "them"
            text = f"hands {which} to whoever pulls it, for {gcp_retries.kept(each)}"
            yield facts.Use(each.address, f"{names.called(each)}: {names.unrepeated(text)}")

    def _kept(self, topic: str, who: str) -> Iterator[facts.Use]:
        keep = self._pulls(topic)
        if not keep:
            raise KeyError(f"{topic} has no subscription, and forgets what is published to it")
        yield facts.Use(topic, who)
        for each in keep:
            yield facts.Use(
                each.address, f"{names.called(each)}, which keeps it for {gcp_retries.kept(each)}"
            )

    def _pulls(self, topic: str) -> tuple[Block, ...]:
        """The subscriptions of a topic that push nowhere."""
        return tuple(
            each
            for each in self.blocks.of(names.SUBSCRIPTION)
            if "push_config" not in each.body and self._topic(each.body["topic"], each).address == topic
        )

    def _links(self) -> Ends:
        """What it says and hears over HTTPS, by the links whose secrets it may read."""
        secrets = [address for grant in self.held for address in grant.on if _is_secret(address)]
        links = [self.blocks.at(address).name.removeprefix(_LINK) for address in secrets]
        return ends(self.role, self.topology, secrets=links)


def _is_secret(address: str) -> bool:
    return address.startswith(f"{names.SECRET}.")
