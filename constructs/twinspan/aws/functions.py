"""Lambda functions: one identity, one log and one bound each."""

from collections.abc import Mapping

from twin_runtime.deadlines import BATCHING_WINDOW_S
from twin_runtime.roles import ROLES, Layer, Role
from twinspan.aws import facts, names
from twinspan.aws.foundation import Foundation
from twinspan.aws.queues import DeadLetterQueue, Queue
from twinspan.aws.shared.grants import Grantee
from twinspan.aws.shared.policies import allow
from twinspan.providers import Construct
from twinspan.providers.aws import (
    CloudwatchLogGroup,
    LambdaEventSourceMapping,
    LambdaEventSourceMappingScalingConfig,
    LambdaFunction,
    LambdaFunctionEventInvokeConfig,
    LambdaFunctionEventInvokeConfigDestinationConfig,
    LambdaFunctionEventInvokeConfigDestinationConfigOnFailure,
    LambdaFunctionLoggingConfig,
    LambdaPermission,
)
from twinspan.sizing import LAMBDA_MESSAGES, LOG_RETENTION_DAYS
from twinspan.terraform.resources import Ref, place
from twinspan.terraform.resources import environment as environment_of

RUNTIME = "python3.13"
ARCHITECTURE = "arm64"
CALL = "lambda:InvokeFunction"
ASYNC_RETRIES = 2
ASYNC_AGE_S = 6 * 3600
"""How often and how long Lambda retries calls of the broker; both are the most that it
offers."""


class Function(Grantee):
    """A Lambda function of the stack's package, or of its own.

    What consumes a queue is bounded by its event source; what the broker, API Gateway or the clock calls by
    reserved concurrency, which is taken from the account's (1,000 by default).

    There is no X-Ray tracing: its permissions know no resource but `*`, and it would see one cloud of three.
    Events carry a W3C `traceparent` through all hops and all logs instead.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        foundation: Foundation,
        role: Role,
        layer: Layer,
        environment: Mapping[str, str],
        source: Queue | None = None,
        receiver: bool = False,
        optional: bool = False,
    ) -> None:
        super().__init__(scope, id_, foundation=foundation, role=role, layer=layer, optional=optional)
        self.receiver = receiver
        self._foundation = foundation
        self._tags = foundation.labels(layer, role)
        self.arn = foundation.arn("lambda", f"function:{self.name}")
        """Written out, for what must not wait for the function; `function["arn"]` waits."""
        size = ROLES[role]
        log = self._log_group()
        own = self._own_permissions(log, source)
        reserved = None if source else size.max_concurrency
        filename, code_hash = foundation.code(role)
        function = LambdaFunction(
            self,
            "function",
            function_name=self.name,
            role=self.identity["arn"],
            runtime=RUNTIME,
            architectures=[ARCHITECTURE],
            handler=f"twin_aws.entry.{role}",
            filename=filename,
            source_code_hash=code_hash,
            memory_size=size.memory_mb,
            timeout=size.timeout_s,
            reserved_concurrent_executions=reserved,
            logging_config=LambdaFunctionLoggingConfig(log_format="JSON", log_group=log["name"]),
            tags=self._tags,
        )
        function.add_override("environment.variables", environment_of(environment, optional=optional))
        function.add_override("depends_on", [own.address])  # the first call must be able to write its log
        self.function = place(function, role, optional=optional)
        foundation.inventory.record(
            facts.Function(
                address=self.function.address,
                role=role,
                layer=layer,
                optional=optional,
                runtime=RUNTIME,
                memory_mb=size.memory_mb,
                timeout_s=size.timeout_s,
                environment=environment,
                architecture=ARCHITECTURE,
                reserved=reserved,
            )
        )
        if source:
            self._consume(source, size.max_concurrency)

    def permit_caller(self, service: str, source_arn: str) -> Ref:
        """Let one resource of another service call the function."""
        permission = LambdaPermission(
            self,
            "permission",
            statement_id=service.partition(".")[0],
            action=CALL,
            function_name=self.function["id"],
            principal=service,
            source_arn=source_arn,
        )
        placed = place(permission, self.role, optional=self.optional)
        return self._foundation.inventory.grant(placed, to=service, may=CALL, on=self.function)

    def dead_letters_of_asynchronous_calls(self, dead_letters: DeadLetterQueue) -> None:
        """Try a failed asynchronous call again, then keep it with its error in `dead_letters`."""
        policy = dead_letters.allow_sending(self)
        config = LambdaFunctionEventInvokeConfig(
            self,
            "asynchronous",
            function_name=self.function["id"],
            maximum_retry_attempts=ASYNC_RETRIES,
            maximum_event_age_in_seconds=ASYNC_AGE_S,
            destination_config=LambdaFunctionEventInvokeConfigDestinationConfig(
                on_failure=LambdaFunctionEventInvokeConfigDestinationConfigOnFailure(
                    destination=dead_letters.queue["arn"]
                )
            ),
        )
        config.add_override("depends_on", [policy.address])  # Lambda checks the permission at once
        self._foundation.inventory.record(
            facts.Asynchronous(
                address=place(config, self.role, optional=self.optional).address,
                to=self.role,
                retries=ASYNC_RETRIES,
                age_s=ASYNC_AGE_S,
                dead_letters=dead_letters.queue.address,
            )
        )

    def _log_group(self) -> Ref:
        group = CloudwatchLogGroup(
            self,
            "log",
            name=names.function_log(self._foundation.twin.names, self.role),
            retention_in_days=LOG_RETENTION_DAYS,
            tags=self._tags,
        )
        return place(group, self.role, optional=self.optional)

    def _own_permissions(self, log: Ref, source: Queue | None) -> Ref:
        writes = allow("logs:CreateLogStream", "logs:PutLogEvents", on=[f"{log['arn']}:*"])
        if not source:
            return self.permit("log", writes)
        reads = allow(
            "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", on=[source.queue["arn"]]
        )
        return self.permit("log-and-consume", writes, reads, about=source.queue)

    def _consume(self, source: Queue, max_concurrency: int) -> None:
        mapping = LambdaEventSourceMapping(
            self,
            "source",
            event_source_arn=source.queue["arn"],
            function_name=self.function["arn"],
            batch_size=LAMBDA_MESSAGES,
            maximum_batching_window_in_seconds=BATCHING_WINDOW_S,
            function_response_types=["ReportBatchItemFailures"],
            scaling_config=LambdaEventSourceMappingScalingConfig(maximum_concurrency=max_concurrency),
            tags=self._tags,
        )
        self._foundation.inventory.record(
            facts.EventSource(
                address=place(mapping, self.role, optional=self.optional).address,
                to=self.role,
                queue=source.queue.address,
                batch=LAMBDA_MESSAGES,
                window_s=BATCHING_WINDOW_S,
                concurrency=max_concurrency,
            )
        )
