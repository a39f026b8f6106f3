"""Functions: Cloud Run functions, each with an identity of its own."""

from collections.abc import Mapping

from twin_runtime.roles import ROLES, Cloud, Layer, Role
from twinspan.gcp import facts
from twinspan.gcp.foundation import Foundation
from twinspan.gcp.push import push
from twinspan.gcp.queues import DeadLetterQueue, Queue
from twinspan.providers import Construct
from twinspan.providers.gcp import (
    Cloudfunctions2Function,
    Cloudfunctions2FunctionBuildConfig,
    Cloudfunctions2FunctionBuildConfigSource,
    Cloudfunctions2FunctionBuildConfigSourceStorageSource,
    Cloudfunctions2FunctionServiceConfig,
    CloudRunV2ServiceIamMember,
)
from twinspan.sizing import at_once
from twinspan.terraform.resources import Ref, place
from twinspan.terraform.resources import environment as environment_of

RUNTIME = "python313"
INVOKE = "roles/run.invoker"
ENTRY_POINT = "handle"
CPU = "1"
"""CPUs of an instance. Less than 1 allows no concurrency; 1 allows up to 4 GiB of memory."""


class Function(Construct):
    """A function that consumes `source`, or is called over HTTPS (`receiver`), by a schedule or the broker.

    Only receivers are reachable from the internet. Logs go to the twin's log bucket (see `Logs`), which
    needs no grant.
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
        super().__init__(scope, id_)
        self.role, self.layer, self.optional = role, layer, optional
        self._foundation = foundation
        twin, size = foundation.twin, ROLES[role]
        concurrency = at_once(role, Cloud.GCP, size.trigger_of(remote=receiver))
        ingress = "ALLOW_ALL" if receiver else "ALLOW_INTERNAL_ONLY"
        package = foundation.builds.package(role)
        account = foundation.account(self, role, purpose=role.replace("_", " "), optional=optional)
        function = Cloudfunctions2Function(
            self,
            "function",
            name=twin.names.name(role),
            location=foundation.region,
            description=f"{role} of the twin {twin.config.name}",
            build_config=Cloudfunctions2FunctionBuildConfig(
                runtime=RUNTIME,
                entry_point=ENTRY_POINT,
                service_account=foundation.builds.account["name"],
                source=Cloudfunctions2FunctionBuildConfigSource(
                    storage_source=Cloudfunctions2FunctionBuildConfigSourceStorageSource(
                        bucket=package["bucket"], object=package["name"]
                    )
                ),
            ),
            service_config=Cloudfunctions2FunctionServiceConfig(
                available_memory=f"{size.memory_mb}Mi",
                available_cpu=CPU,
                timeout_seconds=size.timeout_s,
                max_instance_count=size.max_concurrency,
                max_instance_request_concurrency=concurrency,
                ingress_settings=ingress,
                service_account_email=account["email"],
            ),
            labels=twin.labels(layer, role),
            depends_on=foundation.builds.ready,
        )
        # THREADS is the functions framework's own: by default it answers 4 requests at a time on one CPU.
        variables = {**environment, "TWIN_ROLE": str(role), "THREADS": str(concurrency)}
        function.add_override(
            "service_config.environment_variables", environment_of(variables, optional=optional)
        )
        self.ref = place(function, str(role), optional=optional)
        foundation.inventory.record(
            facts.Function(
                address=self.ref.address,
                role=role,
                layer=layer,
                optional=optional,
                runtime=RUNTIME,
                memory_mb=size.memory_mb,
                timeout_s=size.timeout_s,
                environment=variables,
                cpu=CPU,
                concurrency=concurrency,
                instances=size.max_concurrency,
                ingress=ingress,
            )
        )
        if source:
            self.consume(source.name, topic=source.topic, dead_letters=source.dead)

    @property
    def uri(self) -> str:
        """The address of the service, on run.app."""
        return self.ref["service_config[0].uri"]

    def consume(self, name: str, *, topic: Ref, dead_letters: DeadLetterQueue) -> None:
        """Take every message of a topic, by a push subscription of that name."""
        caller = push(
            self,
            name,
            foundation=self._foundation,
            topic=topic,
            dead_letters=dead_letters,
            role=self.role,
            layer=self.layer,
            uri=self.uri,
            optional=topic.optional or self.optional,
        )
        self.grant_invoke(self, "push", caller["member"])

    def grant_invoke(self, scope: Construct, who: str, member: str) -> Ref:
        """Let a member call this function's service, and no other."""
        invoker = CloudRunV2ServiceIamMember(
            scope,
            f"invoke-{who}",
            project=self._foundation.project,
            location=self._foundation.region,
            name=self.ref["name"],  # the service is named after its function
            role=INVOKE,
            member=member,
        )
        placed = place(invoker, f"{self.role}_{who}", optional=self.optional)
        return self._foundation.inventory.grant(placed, to=who, may=INVOKE, on=self.ref)
