"""Function Apps: from what the constructs of Azure recorded, and host.json, to what a guide says of each."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, NamedTuple, TypeVar

from guides import facts
from guides.readers.links import MOVES_FROM, NO_RETRIES, ends
from guides.readers.values import Nouns, duration, environment, listed, merged
from twin_runtime.ports import MAX_DELIVERIES
from twin_runtime.roles import Cloud, Role
from twinspan import packaging
from twinspan.azure.facts import (
    Changes,
    Delivery,
    Endpoint,
    Function,
    Grant,
    LinkSecret,
    Named,
    Queue,
    Source,
)
from twinspan.inventory import Grant as AnyGrant
from twinspan.inventory import Inventory, Part
from twinspan.topology import Topology

HOST_JSON = packaging.SOURCE / "twin_azure" / "root" / "host.json"
_OVERRIDE = "AzureFunctionsJobHost__extensions__queues__"
"""Begins the app settings that stand in the place of host.json's own figures on queues."""
_PLANS = {"FC1": "Flex Consumption"}
_CALLED: Mapping[str, str] = {
    "azapi_resource.grafana": "Azure Managed Grafana",
    "azapi_resource.state": "Storage table",
    "azapi_resource.workflow": "Logic App",
    "azurerm_cosmosdb_sql_container": "Cosmos DB container",
    "azurerm_digital_twins_instance": "Digital Twins instance",
    "azurerm_eventgrid_system_topic": "Event Grid system topic",
    "azurerm_eventgrid_system_topic_event_subscription": "Event Grid subscription",
    "azurerm_iothub": "IoT Hub",
    "azurerm_key_vault_secret": "Key Vault secret",
    "azurerm_storage_container": "blob container",
    "azurerm_storage_queue": "Storage queue",
}
"""By Terraform type, or by address where a type says nothing: what a person calls it."""
_GIVEN: Mapping[str, str] = {
    "azapi_resource.grafana": "endpoint",
    "azapi_resource.workflow": "URL of the HTTP request trigger",
    "azurerm_iothub": "host name",
}
"""What of it functions are given, where that is not its URL."""
NOUNS: Nouns = {
    ("azurerm_cosmosdb_account", "endpoint"): "endpoint of the Cosmos DB account",
    ("azurerm_cosmosdb_sql_container", "name"): "name of the Cosmos DB container",
    ("azurerm_cosmosdb_sql_database", "name"): "name of the Cosmos DB database",
    ("azurerm_storage_account", "name"): "name of the storage account",
    ("azurerm_storage_account", "primary_queue_endpoint"): "queue endpoint of the storage account",
    ("azurerm_storage_queue", "name"): "name of the Storage queue",
    ("azurerm_user_assigned_identity", "client_id"): "client id of the managed identity",
}
"""What the attributes are called that the Functions host is given."""


class Meaning(NamedTuple):
    """What a role lets a function do with the block at `{}`; empty: nothing. With both, who writes may read.
    `takes` is what writing is for one that moves what it reads.
    """

    reads: str = ""
    writes: str = ""
    takes: str = ""


_DOES: Mapping[str, Meaning] = {
    "Storage Queue Data Message Sender": Meaning(writes="sends messages to the {}"),
    "Storage Queue Data Contributor": Meaning(reads="takes messages from the {}"),
    "Storage Blob Data Reader": Meaning(reads="reads files of the {}"),
    "Storage Blob Data Contributor": Meaning(
        "reads files of the {}", "writes files of the {}", "writes and deletes files of the {}"
    ),
    "Storage Table Data Contributor": Meaning("reads records of the {}", "writes records of the {}"),
    "Cosmos DB Built-in Data Reader": Meaning(reads="reads rows of the {}"),
    "Cosmos DB Built-in Data Contributor": Meaning(
        "reads rows of the {}", "writes rows of the {}", "writes and deletes rows of the {}"
    ),
    "Azure Digital Twins Data Reader": Meaning(reads="reads models and twins of the {}"),
    "Azure Digital Twins Data Owner": Meaning(writes="keeps models and twins of the {}"),
    "Key Vault Secrets User": Meaning(reads="reads the {}"),
    "IoT Hub Data Contributor": Meaning(writes="calls direct methods of the devices of the {}"),
    "Grafana Admin": Meaning(writes="keeps the dashboards and the data source of {}"),
    "Invoke the HTTP request trigger": Meaning(writes="starts runs of the {}"),
}
"""By Azure's name of the role."""
_DEAD_LETTERS = "DEAD_LETTER_QUEUE"
_BODIES = "TRIGGER_BODIES"
"""Named by the trigger: what is in it is a part of the queue's messages."""
_READS_BACK = {
    **MOVES_FROM,
    Role.COLD_WRITER: "COLD_STORE",
    Role.EVENT_CHECKER: "STATE_STORE",
}
"""Roles that read where they may write. cold_writer answers queries; event_checker reads what its rules have
seen.
"""
_EVERY_MINUTES = re.compile(r"0 \*/(\d+) \* \* \* \*")
_EVERY = {"0 * * * * *": ", every minute", "0 0 * * * *": ", every hour"}
_Called = TypeVar("_Called", Changes, Delivery, Endpoint, Source)


def functions(inventory: Inventory, topology: Topology) -> Iterator[facts.Function]:
    """What a guide says of every app. KeyError when there are no words for something.

    An app is one role's. It holds a function of that name, one for each partition where the role runs by the
    clock, and one more where the hot store hands it changes.
    """
    for function in inventory.all(Function):
        yield _Reader(function, inventory, topology).read()


class _Use(NamedTuple):
    """A part that an app setting names, and what the app may do with it."""

    setting: str
    part: Named
    does: Meaning


@dataclass(frozen=True)
class _Reader:
    """Of one app."""

    function: Function
    inventory: Inventory
    topology: Topology

    def read(self) -> facts.Function:
        it = self.function
        secrets = {each.part.link for each in self._named if isinstance(each.part, LinkSecret)}
        links = ends(it.role, self.topology, secrets=secrets)
        given = {part.value: _given(part) for part in self.inventory.all(Named)}
        return facts.Function(
            role=it.role,
            cloud=Cloud.AZURE,
            layer=it.layer,
            address=it.address,
            optional=it.optional,
            runtime=it.runtime,
            memory_mb=it.memory_mb,
            timeout_s=it.timeout_s,
            limits=(
                f"{_PLANS[it.plan]} plan ({it.plan}), no instance while nothing calls",
                f"{it.instances} instances at most",
                f"{_some(int(it.threads), 'call')} at a time per instance (PYTHON_THREADPOOL_THREAD_COUNT)",
                f"{'public' if it.public else 'no public'} network access",
            ),
            triggers=tuple(self._triggers()),
            inputs=merged((*self._handed(), *self._reads(), *links.inputs)),
            outputs=merged((*self._writes(), *self._leases(), *links.outputs)),
            environment=environment(it.environment, NOUNS, optional=it.optional, given=given),
            permissions=tuple(sorted(map(_permission, self._held), key=lambda each: (each.action, each.on))),
            retries=tuple(self._retries()),
            dead_letters=tuple(
                facts.Use(use.address, f"{self._called(use.address)}: filled by {use.text}")
                for use in merged(self._refused())
            ),
        )

    def _by(self, kind: type[_Called]) -> list[_Called]:
        """What of a kind calls the app."""
        return [each for each in self.inventory.all(kind) if each.to is self.function.role]

    @cached_property
    def _held(self) -> list[AnyGrant]:
        return [grant for grant in self.inventory.all(AnyGrant) if grant.to == self.function.role]

    @cached_property
    def _named(self) -> list[_Use]:
        """What the app settings of the role itself name."""
        parts = {part.value: part for part in self.inventory.all(Named)}
        settings = sorted(self.function.environment.items())
        return [
            _Use(setting, parts[value], self._does(parts[value]))
            for setting, value in settings
            if value in parts
        ]

    def _does(self, part: Part) -> Meaning:
        """By the one grant on a part; ValueError when there is none, or more."""
        secret = part.name if isinstance(part, LinkSecret) and part.remote else ""
        (does,) = (
            _DOES[grant.may[0]]
            for grant in self._held
            if part.address in grant.on and (grant.secret if isinstance(grant, Grant) else "") == secret
        )
        return does

    def _called(self, address: str) -> str:
        """In Azure's words: `Storage queue factory-processing`."""
        return _called(self.inventory.fact(address, Part))

    def _triggers(self) -> Iterator[facts.Trigger]:
        it = self.function
        for each in self._by(Source):
            batch, more = int(self._queues("batchSize")), int(self._queues("newBatchThreshold"))
            messages = _some(batch + more, "message")
            pause = duration(_seconds(self._queues("maxPollingInterval")))
            yield facts.Trigger(
                "queue",
                f"{self._called(each.address)}: queue trigger, up to {messages} at a time per instance "
                f"(batchSize {batch}, newBatchThreshold {more}); an empty queue is looked at every {pause} "
                "at least (maxPollingInterval)",
                (each.address,),
            )
        for each in self._by(Delivery):
            yield facts.Trigger(
                "broker",
                f"{self._called(each.hub)}: {self._called(each.address)} on the {self._called(each.topic)} "
                f"delivers {each.events}, up to {each.batch} events or about {each.batch_kb} KB at a time "
                f"({each.schema})",
                (each.hub, each.topic, each.address),
            )
        for each in self._by(Endpoint):
            checked = "API keys and signatures" if "LINK_SECRET" in it.environment else "API keys"
            yield facts.Trigger(
                "http",
                f"HTTP trigger: HTTPS GET and POST {each.path}, at the URL of the output {each.output}; "
                f"authorization level anonymous: the function itself checks {checked}",
                (each.address,),
            )
        for schedule in self._schedules:
            many = int(it.environment["PARTITIONS"])
            names = listed(f"{it.role}_{number}" for number in range(many))
            which = f"{many} functions, one per partition: {names}" if many > 1 else "one function"
            text = f"Timer trigger: NCRONTAB {schedule} (UTC{_pace(schedule)}), {which}"
            yield facts.Trigger("schedule", text, (it.address,))
        for each in self._by(Changes):
            database = self.inventory.fact(each.database, Part).name
            yield facts.Trigger(
                "changes",
                f"{self._called(each.address)} (database {database}): Cosmos DB trigger on its change feed; "
                f"how far it is, the Functions host keeps in the {self._called(each.leases)}",
                (each.address, each.database, each.leases),
            )

    @property
    def _schedules(self) -> list[str]:
        """When it runs by the clock, as NCRONTAB."""
        settings = self.function.environment
        return [settings["SCHEDULE"]] if "SCHEDULE" in settings else []

    def _queues(self, figure: str) -> str:
        """A figure of the Functions host on queues."""
        return str(
            self.function.environment.get(_OVERRIDE + figure, host_json()["extensions"]["queues"][figure])
        )

    def _handed(self) -> Iterator[facts.Use]:
        """What hands it messages or rows."""
        for each in self._by(Delivery):
            yield facts.Use(each.hub, f"telemetry of the {self._called(each.hub)}, by Event Grid")
        for each in (*self._by(Source), *self._by(Changes)):
            part = self.inventory.fact(each.address, Part)
            yield facts.Use(each.address, self._does(part).reads.format(_called(part)))

    def _reads(self) -> Iterator[facts.Use]:
        for setting, part, does in self._named:
            if does.reads and (not does.writes or setting == _READS_BACK.get(self.function.role)):
                yield facts.Use(part.address, does.reads.format(_called(part)))

    def _writes(self) -> Iterator[facts.Use]:
        for setting, part, does in self._named:
            takes = setting == MOVES_FROM.get(self.function.role)
            writes = does.takes if takes else does.writes
            if writes and setting not in (_DEAD_LETTERS, _BODIES):
                yield facts.Use(part.address, writes.format(_called(part)))

    def _leases(self) -> Iterator[facts.Use]:
        for each in self._by(Changes):
            text = f"keeps in the {self._called(each.leases)} how far the change feed was read"
            yield facts.Use(each.leases, text)

    def _retries(self) -> Iterator[str]:
        """A sentence for each way to be called."""
        for _ in self._by(Source):
            pause = duration(_seconds(self._queues("visibilityTimeout")))
            yield (
                f"A message that failed is visible again after {pause} (visibilityTimeout). On its delivery "
                f"{MAX_DELIVERIES} the function itself puts what still fails into the dead letters, with the "
                f"reason; after {self._queues('maxDequeueCount')} deliveries (maxDequeueCount) the Functions "
                "host moves the message there."
            )
        for each in self._by(Delivery):
            yield (
                f"Event Grid delivers again what failed, up to {each.attempts} attempts "
                f"(max_delivery_attempts) in {duration(each.lifetime_min * 60)} (event_time_to_live); then "
                f"it writes the events into the {self._called(each.dead_letters)}."
            )
        for _ in self._by(Endpoint):
            yield NO_RETRIES
        for schedule in self._schedules:
            yield (
                f"Timer: a run that failed is not repeated before the next one by its schedule ({schedule})."
            )
        for _ in self._by(Changes):
            yield (
                "Change feed: a batch that failed is not handed over again; the next run of the timer "
                "catches up."
            )

    def _refused(self) -> Iterator[facts.Use]:
        for setting, part, _ in self._named:
            if setting == _DEAD_LETTERS:
                text = "the function itself, with the reason (kept until they are taken)"
                yield facts.Use(part.address, text)
        for each in self._by(Source):
            most = self._queues("maxDequeueCount")
            yield facts.Use(
                self.inventory.fact(each.address, Queue).dead_letters,
                f"the Functions host, after {most} deliveries",
            )
        for each in self._by(Delivery):
            text = f"Event Grid, after {each.attempts} attempts or {duration(each.lifetime_min * 60)}"
            yield facts.Use(each.dead_letters, text)


@cache
def host_json() -> Mapping[str, Any]:
    """What the package tells the Functions host."""
    return json.loads(HOST_JSON.read_text(encoding="utf-8"))


def _seconds(text: str) -> int:
    """A duration, `hh:mm:ss`."""
    hours, minutes, seconds = map(int, text.split(":"))
    return hours * 3600 + minutes * 60 + seconds


def _kind(address: str) -> str:
    """The Terraform type; the address itself where that says nothing."""
    kind = address.partition(".")[0]
    return address if kind == "azapi_resource" else kind


def _called(part: Part) -> str:
    if isinstance(part, LinkSecret) and part.remote:
        return f"Key Vault secret {part.name}, which the stack links writes"
    return f"{_CALLED[_kind(part.address)]} {part.name}"


def _given(part: Named) -> str:
    """What functions are given of a part: `URL of the Storage queue azurerm_storage_queue.processing`."""
    if isinstance(part, LinkSecret):
        return f"URL of the Key Vault secret {part.name}"
    tier = part.value.partition("?tier=")[2]
    given = f"URL and access tier ({tier})" if tier else _GIVEN.get(_kind(part.address), "URL")
    called = _CALLED[_kind(part.address)]
    return f"{given} of {'' if called == 'Azure Managed Grafana' else 'the '}{called} {part.address}"


def _permission(grant: AnyGrant) -> facts.Permission:
    (role,), (on,) = grant.may, grant.on
    if isinstance(grant, Grant) and grant.secret:
        return facts.Permission(role, on=f"the secret {grant.secret} alone, of {on}")
    if isinstance(grant, Grant) and grant.policy:
        return facts.Permission(role, on=f"{on}, by its Entra ID policy {grant.policy}")
    if isinstance(grant, Grant) and grant.group:
        return facts.Permission(role, on=f"{on}, given on the resource group azurerm_resource_group.twin")
    return facts.Permission(role, on=on)


def _pace(schedule: str) -> str:
    """What it says in words, where it is of a usual form."""
    if match := _EVERY_MINUTES.fullmatch(schedule):
        return f", every {match[1]} min"
    return _EVERY.get(schedule, "")


def _some(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
