"""Functions: one Flex Consumption app, plan and identity per role."""

from collections.abc import Mapping

from twin_runtime.roles import ROLES, Batching, Cloud, Layer, Role, Schedule, Trigger
from twinspan.azure import facts, names
from twinspan.azure.deployment import CodeDeployment
from twinspan.azure.foundation import Foundation
from twinspan.azure.queues import Queue
from twinspan.azure.shared.grants import CONSUME, HOST, WRITE_BLOBS, Grantee, grant
from twinspan.providers import Construct, TerraformResourceLifecycle
from twinspan.providers.azure import (
    FunctionAppFlexConsumption,
    FunctionAppFlexConsumptionIdentity,
    FunctionAppFlexConsumptionSiteConfig,
    ServicePlan,
)
from twinspan.sizing import at_once
from twinspan.terraform.resources import Ref, place
from twinspan.terraform.resources import environment as environment_of

RUNTIME, PYTHON = "python", "3.13"
PLAN = "FC1"
MEMORY_MB = (512, 2048, 4096)
"""The instance sizes that Flex Consumption offers."""
FEWEST_INSTANCES = 40
"""The provider takes no lower maximum."""
MANAGED_IDENTITY = "managedidentity"


def memory_mb(wanted: int) -> int:
    """The smallest instance with that much memory; ValueError above the largest."""
    for size in MEMORY_MB:
        if size >= wanted:
            return size
    raise ValueError(f"a function on Azure has at most {MEMORY_MB[-1]} MB, not {wanted}")


def _instances(wanted: int) -> int:
    return max(FEWEST_INSTANCES, wanted)


def _clock_settings(schedule: Schedule) -> dict[str, str]:
    """What the function's code makes its triggers of, one for each partition: NCRONTAB has a field of seconds
    before cron's own.
    """
    return {"SCHEDULE": f"0 {schedule.cron}", "PARTITIONS": str(schedule.partitions)}


class Function(Grantee):
    """A function app of one role. It logs to the stack's Application Insights, which keeps logs for its
    retention.

    The network reaches it when it is a receiver, or when the broker calls it: Event Grid delivers to public
    endpoints. Queue-triggered and scheduled functions have no public endpoint; code is deployed through
    Azure's own management plane.
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
        super().__init__(scope, id_, group=foundation, role=role, layer=layer, optional=optional)
        self._alone = ROLES[role].batching is Batching.ALONE
        self._foundation = foundation
        self.inventory = foundation.inventory
        self._tags = foundation.labels(layer, role)
        code = foundation.storage.container(
            self, names.code_container(foundation.names, role), address=f"{role}_code", optional=optional
        )
        for container in foundation.storage.host_containers:
            grant(self, f"keeps_{container.address.rsplit('.', 1)[1]}", role=HOST, at=container)
        grant(self, "keeps_code", role=WRITE_BLOBS, at=code)
        # As many threads as the host takes messages from a queue (host.json: batchSize, newBatchThreshold):
        # one that waited for a thread would wait in its own time, and end with the process.
        trigger = Trigger.QUEUE if source else ROLES[role].trigger_of(remote=receiver)
        threads = at_once(role, Cloud.AZURE, trigger)
        settings = {
            **self._host_settings(),
            "PYTHON_THREADPOOL_THREAD_COUNT": str(threads),
            "TWIN_ROLE": str(role),
            **environment,
        }
        if source:
            settings |= self._trigger_settings(source) | self._alone_settings()
            grant(self, f"takes_{source.name}", role=CONSUME, at=source.queue)
            source.bodies.grant(self)
        schedule = ROLES[role].schedule
        if schedule:
            settings |= _clock_settings(schedule)
        public = receiver or not (source or schedule)
        self._settings = settings
        self._element = self._function_app(code, public=public)
        self.add_settings({})
        # The host uses the roles as soon as it has the settings.
        self._element.add_override("depends_on", [self.roles.address])
        self.app = place(self._element, role, optional=optional)
        self._record(source, public=public)
        self.code = CodeDeployment(
            self, "deployment", foundation=foundation, app=self.app, role=role, layer=layer
        )

    def _record(self, source: "Queue | None", *, public: bool) -> None:
        size = ROLES[self.role]
        self.inventory.record(
            facts.Function(
                address=self.app.address,
                role=self.role,
                layer=self.layer,
                optional=self.optional,
                runtime=f"{RUNTIME} {PYTHON}",
                memory_mb=memory_mb(size.memory_mb),
                timeout_s=size.timeout_s,
                environment=self._settings,  # to which other parts may still add
                plan=PLAN,
                instances=_instances(size.max_concurrency),
                threads=self._settings["PYTHON_THREADPOOL_THREAD_COUNT"],
                public=public,
            )
        )
        if source:
            self.inventory.record(facts.Source(address=source.queue.address, to=self.role))

    def add_settings(self, settings: Mapping[str, str]) -> None:
        """Add settings that another construct has the host read."""
        self._settings |= settings
        given = environment_of(self._settings, optional=self.optional)
        self._element.add_override("app_settings", given)

    def _host_settings(self) -> dict[str, str]:
        """What the Functions host reads. Apps that share an account need host ids that differ: names beyond
        32 characters, of which the host makes one, would not.
        """
        seconds = ROLES[self.role].timeout_s
        return {
            "AzureFunctionsJobHost__functionTimeout": f"00:{seconds // 60:02}:{seconds % 60:02}",
            "AzureFunctionsWebHost__hostid": self.role.replace("_", "-"),
            "AzureWebJobsStorage__accountName": self._foundation.storage.account["name"],
            "AzureWebJobsStorage__clientId": self.client_id,
            "AzureWebJobsStorage__credential": MANAGED_IDENTITY,
            "AZURE_CLIENT_ID": self.client_id,
        }

    def _alone_settings(self) -> dict[str, str]:
        if not self._alone:
            return {}
        queues = "AzureFunctionsJobHost__extensions__queues__"
        return {f"{queues}batchSize": "1", f"{queues}newBatchThreshold": "0"}

    def _trigger_settings(self, source: Queue) -> dict[str, str]:
        return {
            "QUEUES__clientId": self.client_id,
            "QUEUES__credential": MANAGED_IDENTITY,
            "QUEUES__queueServiceUri": self._foundation.storage.account["primary_queue_endpoint"],
            "TRIGGER_BODIES": source.bodies.url,
            "TRIGGER_QUEUE": source.queue_name,
        }

    def _function_app(self, code: Ref, *, public: bool) -> FunctionAppFlexConsumption:
        foundation = self._foundation
        plan = place(
            ServicePlan(
                self,
                "plan",
                name=foundation.names.name(self.role),
                resource_group_name=foundation.group,
                location=foundation.location,
                os_type="Linux",
                sku_name=PLAN,
                tags=self._tags,
            ),
            self.role,
            optional=self.optional,
        )
        size = ROLES[self.role]
        endpoint = foundation.storage.account["primary_blob_endpoint"]
        return FunctionAppFlexConsumption(
            self,
            "app",
            name=names.worldwide(foundation.names, self.role),
            resource_group_name=foundation.group,
            location=foundation.location,
            service_plan_id=plan["id"],
            storage_container_type="blobContainer",
            storage_container_endpoint=f"{endpoint}{code['name']}",
            storage_authentication_type="UserAssignedIdentity",
            storage_user_assigned_identity_id=self.identity["id"],
            runtime_name=RUNTIME,
            runtime_version=PYTHON,
            instance_memory_in_mb=memory_mb(size.memory_mb),
            maximum_instance_count=_instances(size.max_concurrency),
            https_only=True,
            public_network_access_enabled=public,
            webdeploy_publish_basic_authentication_enabled=False,
            identity=FunctionAppFlexConsumptionIdentity(
                type="UserAssigned", identity_ids=[self.identity["id"]]
            ),
            site_config=FunctionAppFlexConsumptionSiteConfig(
                application_insights_connection_string=foundation.monitoring.insights["connection_string"],
                http2_enabled=True,
                minimum_tls_version="1.2",
                scm_minimum_tls_version="1.2",
            ),
            # Azure adds this tag. Taking it away would be an update, which brings AzureWebJobsStorage back.
            lifecycle=TerraformResourceLifecycle(
                ignore_changes=['tags["hidden-link: /app-insights-resource-id"]']
            ),
            tags=self._tags,
        )
