"""Lambda functions: from what the constructs of AWS recorded to what a guide says of each."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from guides import facts
from guides.readers.aws_actions import meaning
from guides.readers.links import GIVES_UP, NO_RETRIES, ends
from guides.readers.values import Nouns, addresses, duration, environment, listed, merged
from twin_runtime.roles import Cloud
from twinspan.aws.facts import (
    Asynchronous,
    Caller,
    Clock,
    DeadLetters,
    Endpoint,
    EventSource,
    Function,
    Invocation,
    Queue,
    Rule,
    Secret,
    Workspace,
)
from twinspan.inventory import Grant, Inventory
from twinspan.terraform.stackjson import pieces, referred
from twinspan.topology import Topology

NOUNS: Nouns = {
    ("aws_api_gateway_api_key", "id"): "clients by the id of their key in",
    ("aws_dynamodb_table", "name"): "name of the table",
    ("aws_grafana_workspace", "endpoint"): "host of the workspace",
    ("aws_grafana_workspace", "id"): "id of the workspace",
    ("aws_grafana_workspace_service_account", "service_account_id"): "id of the service account",
    ("aws_iot_endpoint", "endpoint_address"): "host of the broker",
    ("aws_s3_bucket", "bucket"): "name of the bucket",
    ("aws_secretsmanager_secret", "arn"): "ARN of the secret",
    ("aws_sfn_state_machine", "arn"): "ARN of the state machine",
    ("aws_sqs_queue", "url"): "URL of the queue",
}
_DEAD_LETTERS = "DEAD_LETTER_QUEUE"
"""The variable that names where a function puts what it refuses."""
_TOPIC = ":topic/"
_Called = TypeVar("_Called", bound=Caller)


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
        granted = [grant for grant in self.inventory.all(Grant) if grant.to == it.role]
        reads, writes = self._uses(granted, "reads"), self._uses(granted, "writes")
        links = ends(it.role, self.topology, secrets=self._secrets(reads))
        dead_letters = self._dead_letters()
        refused = {use.address for use in dead_letters}
        return facts.Function(
            role=it.role,
            cloud=Cloud.AWS,
            layer=it.layer,
            address=it.address,
            optional=it.optional,
            runtime=f"{it.runtime} on {it.architecture}",
            memory_mb=it.memory_mb,
            timeout_s=it.timeout_s,
            limits=tuple(self._limits()),
            triggers=tuple(self._triggers()),
            inputs=merged((*self._told(), *reads, *links.inputs)),
            outputs=merged(
                (
                    *(use for use in writes if use.address not in refused),
                    *(
                        facts.Use(each.address, "values, in the answer to TwinMaker")
                        for each in self._by(Workspace)
                    ),
                    *links.outputs,
                )
            ),
            environment=environment(it.environment, NOUNS, optional=it.optional),
            permissions=tuple(
                facts.Permission(", ".join(grant.may), on=", ".join(map(_pattern, grant.on)))
                for grant in granted
            ),
            retries=tuple(dict.fromkeys(self._retries())),
            dead_letters=dead_letters,
        )

    def _by(self, kind: type[_Called]) -> list[_Called]:
        """What of a kind calls the function."""
        return [caller for caller in self.inventory.all(kind) if caller.to is self.function.role]

    @cached_property
    def _queues(self) -> list[Queue]:
        return [self.inventory.fact(each.queue, Queue) for each in self._by(EventSource)]

    def _limits(self) -> Iterator[str]:
        if self.function.reserved is not None:
            yield f"{self.function.reserved} at a time at most (reserved concurrency)"
        for source in self._by(EventSource):
            yield f"{source.concurrency} at a time at most (maximum concurrency of the event source)"

    def _triggers(self) -> Iterator[facts.Trigger]:
        for each in self._by(Rule):
            yield facts.Trigger(
                "broker",
                f"IoT topic rule {each.name}: {each.sql} (SQL version {each.sql_version})",
                (each.address, each.permission),
            )
        for each in self._by(EventSource):
            yield facts.Trigger(
                "queue",
                f"SQS event source: batches of up to {each.batch} messages, which may wait "
                f"{duration(each.window_s)} to fill",
                (each.queue, each.address),
            )
        for each in self._by(Invocation):
            yield facts.Trigger(
                "deployment",
                f"Terraform calls it as it deploys ({each.scope}), with the input {each.input}",
                (each.address,),
            )
        for each in self._by(Endpoint):
            yield facts.Trigger(
                "http",
                f"API Gateway: {each.method} {each.path}; API key, whose usage plan allows {each.rate} "
                f"requests per second and {each.burst} at once, authorization {each.authorization}; waits "
                f"{each.timeout_ms / 1_000:g} s for the function; answers {listed(each.answers)}",
                each.blocks,
            )
        for each in self._by(Workspace):
            yield facts.Trigger(
                "platform",
                f"IoT TwinMaker calls it for values, from the workspace {each.name}",
                (each.address, each.permission),
            )
        for each in self._by(Clock):
            many = "one schedule"
            if each.partitions > 1:
                many = f"{each.partitions} schedules, one per partition,"
            yield facts.Trigger(
                "schedule",
                f"EventBridge Scheduler: {each.schedule}, {many} with the input "
                f"{each.input.replace('<key>', '<number>')}",
                (each.address, each.identity),
            )

    def _told(self) -> Iterator[facts.Use]:
        """What comes with a call."""
        for each in self._by(Rule):
            yield facts.Use(each.address, f"MQTT messages on {each.topic}")

    def _uses(self, granted: list[Grant], kind: str) -> list[facts.Use]:
        """What the grants let it read, or what they let it write: each block once."""
        found: dict[str, dict[str, None]] = {}
        for grant in granted:
            for on in grant.on if grant.about else ():
                for action in grant.may:
                    if does := getattr(meaning(action), kind):
                        found.setdefault(grant.about, {})[does + self._detail(grant.about, on)] = None
        return [facts.Use(address, listed(said)) for address, said in found.items()]

    def _detail(self, address: str, on: str) -> str:
        """What is to be said besides of a block that a permission is about."""
        if _TOPIC in on:
            return f" on {on.partition(_TOPIC)[2]}"
        for secret in self.inventory.all(Secret):
            if secret.address == address:
                return f" ({secret.description.rstrip('.')})"
        return ""

    def _secrets(self, reads: list[facts.Use]) -> list[str]:
        read = {use.address for use in reads}
        return [secret.link for secret in self.inventory.all(Secret) if secret.address in read]

    def _retries(self) -> Iterator[str]:
        for queue in self._queues:
            yield (
                f"SQS hands out messages that failed again after {duration(queue.hidden_s)}, up to "
                f"{queue.receives} times in all; a message waits {duration(queue.kept_s)} at most"
            )
            yield GIVES_UP
        if self._by(Invocation):
            yield "A call of Terraform's that fails fails the deployment; the next `apply` repeats it"
        if self._by(Endpoint) or self._by(Workspace):
            yield NO_RETRIES
        for clock in self._by(Clock):
            yield (
                f"EventBridge Scheduler tries to hand over a call up to {clock.retries} times more, for "
                f"{duration(clock.age_s)} at most"
            )
        for each in self._by(Asynchronous):
            again = "does not repeat a failed call"
            if each.retries:
                again = f"repeats a failed call up to {each.retries} times"
            yield f"Lambda {again}; one that could not begin waits {duration(each.age_s)} at most"

    def _dead_letters(self) -> tuple[facts.Use, ...]:
        """With how long each queue keeps them."""
        return tuple(
            facts.Use(
                use.address,
                f"{use.text}; kept for {duration(self.inventory.fact(use.address, DeadLetters).kept_s)}",
            )
            for use in merged(self._refused())
        )

    def _refused(self) -> Iterator[facts.Use]:
        for address in addresses(self.function.environment.get(_DEAD_LETTERS, "")):
            yield facts.Use(address, "the function itself puts what it refuses here, with the reason")
        for queue in self._queues:
            text = f"SQS itself moves a message here after {queue.receives} receives, without a reason"
            yield facts.Use(queue.dead_letters, text)
        for each in self._by(Asynchronous):
            if each.dead_letters:
                text = "Lambda puts an asynchronous call that it gave up here, with its error"
                yield facts.Use(each.dead_letters, text)
        for each in self._by(Rule):
            text = "the rule's error action puts what it could not hand to Lambda here"
            yield facts.Use(each.dead_letters, text)


def _pattern(arn: str) -> str:
    """An ARN as a person reads it: the address of a block in place of its ARN, and `<account>`."""
    return "".join(_piece(piece) if is_expression else piece for is_expression, piece in pieces(arn))


def _piece(expression: str) -> str:
    (reference,) = referred(expression)
    return "<account>" if reference.attribute == "account_id" else reference.address
