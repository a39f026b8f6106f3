"""Cloud Run functions: from what the constructs of Google Cloud recorded to what a guide says of each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from guides import facts
from guides.readers.links import GIVES_UP, MOVES_FROM, NO_RETRIES, ends
from guides.readers.values import Nouns, addresses, duration, environment, merged
from twin_runtime.roles import Cloud, Role
from twinspan import outputs
from twinspan.gcp.facts import Clock, Function, Push, Subscription
from twinspan.gcp.functions import INVOKE
from twinspan.gcp.names import CLOCK_ACCOUNT, EVERYBODY, PUBLIC, PUSH_ACCOUNT
from twinspan.inventory import Grant, Inventory, Part
from twinspan.topology import Topology

_SECRET = "google_secret_manager_secret"  # noqa: S105 - a type
_CALLED: Mapping[str, str] = {
    "google_cloud_scheduler_job": "Cloud Scheduler job",
    "google_firestore_database": "Firestore database",
    "google_pubsub_subscription": "Pub/Sub subscription",
    "google_pubsub_topic": "Pub/Sub topic",
    "google_service_account": "service account",
    "google_storage_bucket": "Cloud Storage bucket",
    "google_workflows_workflow": "workflow",
    _SECRET: "Secret Manager secret",
}
"""By Terraform type: what people call it."""
NOUNS: Nouns = {
    (kind, "secret_id" if kind == _SECRET else "name"): f"name of the {called}"
    for kind, called in _CALLED.items()
}
"""What the attributes are called that functions are given."""
_DEAD_LETTERS = "DEAD_LETTER_QUEUE"


class Meaning(NamedTuple):
    """What a role lets a function do with data, in words that stand before what it is done to."""

    reads: str = ""
    writes: str = ""


_DOES: Mapping[str, Meaning] = {
    "roles/datastore.user": Meaning(writes="writes documents of"),
    "roles/datastore.viewer": Meaning(reads="queries and gets documents of"),
    "roles/pubsub.publisher": Meaning(writes="publishes to"),
    "roles/secretmanager.secretAccessor": Meaning(reads="reads"),
    "roles/storage.objectUser": Meaning("lists and reads files of", "writes and deletes files of"),
    "roles/storage.objectViewer": Meaning(reads="lists and reads files of"),
    "roles/workflows.invoker": Meaning(writes="starts executions of"),
}
_MOVES: Mapping[str, Meaning] = _DOES | {
    "roles/datastore.user": Meaning("queries and gets documents of", "writes and deletes documents of"),
}
"""The same where a function moves data away: Google's role for writing lets read and delete as well."""
_KEEPS: Mapping[str, Meaning] = _DOES | {
    "roles/datastore.user": Meaning("gets documents of", "writes documents of"),
}
"""The same for event_checker, which reads what it wrote."""


def functions(inventory: Inventory, topology: Topology) -> Iterator[facts.Function]:
    """What a guide says of every function. KeyError when there are no words for something."""
    for function in inventory.all(Function):
        yield _Reader(function, inventory, topology).read()


@dataclass(frozen=True)
class _Reader:
    """Of one function."""

    function: Function
    inventory: Inventory
    topology: Topology

    def read(self) -> facts.Function:
        it = self.function
        secrets = [address for _, address, _ in self._granted if _is_secret(address)]
        links = ends(it.role, self.topology, secrets=[each.partition(".link_")[2] for each in secrets])
        refused = addresses(it.environment.get(_DEAD_LETTERS, ""))
        reads = [(address, does.reads) for _, address, does in self._granted if does.reads]
        writes = [(at, does.writes) for _, at, does in self._granted if does.writes and at not in refused]
        return facts.Function(
            role=it.role,
            cloud=Cloud.GCP,
            layer=it.layer,
            address=it.address,
            optional=it.optional,
            runtime=it.runtime,
            memory_mb=it.memory_mb,
            timeout_s=it.timeout_s,
            limits=(
                f"{it.cpu} CPU",
                f"{_some(it.concurrency, 'request')} at a time in an instance",
                f"at most {_some(it.instances, 'instance')}",
                "no instance while nothing calls",
                f"ingress {it.ingress}",
            ),
            triggers=(*map(self._pushed, self._pushes), *map(self._clock, self._clocks), *self._http()),
            # The data first, the secrets last.
            inputs=merged(
                (
                    *(use for push in self._pushes for use in self._taken(push)),
                    *(self._use(address, does) for address, does in reads if not _is_secret(address)),
                    *links.inputs,
                    *(self._use(address, does) for address, does in reads if _is_secret(address)),
                )
            ),
            outputs=merged(
                (
                    *(self._use(address, does) for address, does in writes),
                    *(use for address, _ in writes for use in self._pulled(address)),
                    *links.outputs,
                )
            ),
            environment=environment(it.environment, NOUNS, optional=it.optional),
            permissions=tuple(map(_permission, self._held)),
            retries=(
                *(text for push in self._pushes for text in _redelivery(push)),
                *(
                    f"Cloud Scheduler does not repeat a run: the next is due at {clock.schedule}"
                    for clock in self._clocks
                ),
                *(NO_RETRIES for _ in self._http()),
            ),
            dead_letters=merged((*self._own_dead_letters(refused), *self._moved_dead_letters())),
        )

    @cached_property
    def _pushes(self) -> list[Push]:
        return [push for push in self.inventory.all(Push) if push.to is self.function.role]

    @cached_property
    def _clocks(self) -> list[Clock]:
        return [clock for clock in self.inventory.all(Clock) if clock.to is self.function.role]

    @cached_property
    def _held(self) -> list[Grant]:
        return [grant for grant in self.inventory.all(Grant) if grant.to == self.function.role]

    @cached_property
    def _granted(self) -> list[tuple[Grant, str, Meaning]]:
        """What it was granted something on, and what it does there."""
        it = self.function
        source = addresses(it.environment.get(MOVES_FROM.get(it.role, ""), ""))
        does = _KEEPS if it.role is Role.EVENT_CHECKER else _DOES
        return [
            (grant, address, (_MOVES if address in source else does)[role])
            for grant in self._held
            for role in grant.may
            for address in grant.on
        ]

    def _called(self, address: str) -> str:
        """In Google's words: `Pub/Sub topic factory-processing`."""
        return f"{_CALLED[address.partition('.')[0]]} {self.inventory.fact(address, Part).name}"

    def _pushed(self, push: Push) -> facts.Trigger:
        return facts.Trigger(
            "broker" if push.to is Role.DISPATCHER else "queue",
            f"{self._called(push.topic)}: the push subscription {push.name} sends each message, with an OIDC "
            f"token of the {self._called(push.account)}; ack deadline {duration(push.deadline_s)}",
            (push.topic, push.address, push.account, *self._invokers(PUSH_ACCOUNT)),
        )

    def _clock(self, clock: Clock) -> facts.Trigger:
        many = clock.partitions
        which = f"{many} jobs, one for each partition" if many > 1 else "1 job, for the one partition"
        return facts.Trigger(
            "schedule",
            f"{self._called(clock.address)}: {clock.schedule} ({clock.zone}), {which}; a POST with an OIDC "
            f"token of the {self._called(clock.account)}; a run is given {duration(clock.run_s)}, and its "
            f"answer {duration(clock.answer_s)}",
            (clock.address, clock.account, *self._invokers(CLOCK_ACCOUNT)),
        )

    def _http(self) -> Iterator[facts.Trigger]:
        """The endpoint, where everybody on the internet may call."""
        it = self.function
        checked = "API keys and signatures" if "LINK_SECRET" in it.environment else "API keys"
        for invoker in self._invokers(PUBLIC):
            yield facts.Trigger(
                "http",
                f"HTTPS endpoint on run.app (output {outputs.url(it.role)}): ingress {it.ingress}, open to "
                f"{EVERYBODY}; the function itself checks {checked}",
                (it.address, invoker),
            )

    def _invokers(self, who: str) -> list[str]:
        """The grants by which an identity may call the function."""
        wanted = (who, (INVOKE,), (self.function.address,))
        every = self.inventory.all(Grant)
        return [each.address for each in every if (each.to, each.may, each.on) == wanted]

    def _use(self, address: str, does: str) -> facts.Use:
        return facts.Use(address, f"{does} the {self._called(address)}")

    def _taken(self, push: Push) -> Iterator[facts.Use]:
        """The topic whose messages it is sent, then the subscription that sends them."""
        yield facts.Use(push.topic, f"is sent the messages of the {self._called(push.topic)}")
        yield facts.Use(push.address, f"{self._called(push.address)}, which pushes them")

    def _pulled(self, topic: str) -> Iterator[facts.Use]:
        """The subscriptions that others pull from what is published, such as each device its commands."""
        for each in self._pulls(topic):
            which = f"those that have {each.filter}" if each.filter else "them"
            text = f"hands {which} to whoever pulls it, for {duration(each.kept_s)}"
            yield facts.Use(each.address, f"{self._called(each.address)}: {text}")

    def _own_dead_letters(self, topics: tuple[str, ...]) -> Iterator[facts.Use]:
        for topic in topics:
            yield from self._kept(topic, "the function publishes what it refuses, with the reason")

    def _moved_dead_letters(self) -> Iterator[facts.Use]:
        for push in self._pushes:
            who = f"Pub/Sub moves a message after {push.attempts} deliveries, without a reason"
            yield from self._kept(push.dead_letters, who)

    def _kept(self, topic: str, who: str) -> Iterator[facts.Use]:
        """The topic, followed by the subscription that keeps its messages."""
        yield facts.Use(topic, who)
        for each in self._pulls(topic):
            yield facts.Use(
                each.address, f"{self._called(each.address)}, which keeps it for {duration(each.kept_s)}"
            )

    def _pulls(self, topic: str) -> list[Subscription]:
        """The subscriptions of a topic that push nowhere."""
        every = self.inventory.all(Subscription)
        return [each for each in every if each.topic == topic and not isinstance(each, Push)]


def _redelivery(push: Push) -> Iterator[str]:
    low, high = duration(push.least_backoff_s), duration(push.most_backoff_s)
    yield (
        f"Pub/Sub delivers a message of {push.name} again after {low}, and later each time, up to {high}, "
        f"for {duration(push.kept_s)} at most; after {push.attempts} deliveries it moves the message to the "
        "dead-letter topic"
    )
    yield GIVES_UP


def _permission(grant: Grant) -> facts.Permission:
    where = f"granted on the project {grant.project}" if grant.project else ""
    where += f", if {grant.condition}" if grant.condition else ""
    on = ", ".join(grant.on)
    return facts.Permission(", ".join(grant.may), f"{on} ({where})" if on and where else on or where)


def _is_secret(address: str) -> bool:
    return address.startswith(f"{_SECRET}.")


def _some(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
