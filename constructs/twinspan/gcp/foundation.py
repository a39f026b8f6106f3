"""What the functions of a Google Cloud stack share: provider, services, package, builds, logs, who hears
alarms.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twin_runtime.roles import ROLES, Cloud, Layer, Role
from twinspan import parts
from twinspan.gcp import names
from twinspan.gcp.builds import Builds
from twinspan.gcp.logs import Logs
from twinspan.gcp.waits import Wait
from twinspan.packaging import Package
from twinspan.providers import Construct
from twinspan.providers.gcp import (
    GoogleProvider,
    MonitoringNotificationChannel,
    ProjectService,
    ServiceAccount,
    ServiceAccountIamMember,
)
from twinspan.providers.random import RandomProvider
from twinspan.providers.time import TimeProvider
from twinspan.resources import Ref, place
from twinspan.twin import Twin

SERVICES = (
    "artifactregistry",
    "cloudbuild",
    "cloudfunctions",
    "cloudresourcemanager",
    "iam",
    "iamcredentials",
    "logging",
    "monitoring",
    "pubsub",
    "run",
    "secretmanager",
    "storage",
)
CLOCK_SERVICE = "cloudscheduler"
LAYER_SERVICES: dict[Layer, tuple[str, ...]] = {
    Layer.PROCESSING: ("workflows", "workflowexecutions"),
    Layer.HOT_STORAGE: ("firestore",),
    Layer.TWIN_MANAGEMENT: ("firestore",),
}


def provider(scope: Construct, twin: Twin) -> tuple[str, str]:
    """Declare hashicorp/google for the twin's project and region, and return the two."""
    cloud = twin.config.clouds.gcp
    if cloud is None:
        raise ValueError("a layer is in gcp, but twin.yaml has no clouds.gcp")
    GoogleProvider(scope, "google", project=cloud.project, region=cloud.region)
    return cloud.project, cloud.region


class Foundation(Construct):
    """One per stack. Every other construct of this folder is given it."""

    project: str
    region: str
    channels: list[str]
    """Notification channels of the alarms; empty when twin.yaml names nobody."""
    dashboards: Mapping[str, Path]
    """Files of the dashboards, by name; empty when Grafana is elsewhere."""
    settled: Wait
    """Over when builds hold their role, and Pub/Sub's agent exists."""

    def __init__(self, scope: Construct, id_: str, *, twin: Twin, package: Package) -> None:
        super().__init__(scope, id_)
        self.twin = twin
        self.project, self.region = provider(self, twin)
        self._random: RandomProvider | None = None
        self._accounts: dict[str, Ref] = {}
        self._push_tokens = False
        TimeProvider(self)
        self._enabled = Wait(self, "enabled")
        self._enable()
        self.settled = Wait(self, "settled")
        self._clocks: Wait | None = None
        self.builds = Builds(self, "builds", foundation=self, package=package)
        Logs(self, "logs", foundation=self)
        self.channels = self._channels()
        self.dashboards = package.dashboards

    @property
    def ready(self) -> list[Any]:
        """For `depends_on` of a resource that refers to nothing which already waits for the services."""
        return [self._enabled.over.element]

    def path(self, collection: str, ref: Ref, attribute: str = "name") -> str:
        """Return the full name of a resource: `projects/<project>/<collection>/<name>`.

        Its `id` is the same text, but is known only after it was made: one value of that kind makes a whole
        map of environment variables unknown, and google's provider then fails its own plan.
        """
        return f"projects/{self.project}/{collection}/{ref[attribute]}"

    @property
    def pubsub_agent(self) -> str:
        """Google's own account that pushes messages and moves dead letters, as an IAM member."""
        number = self.builds.bucket["project_number"]
        return f"serviceAccount:service-{number}@gcp-sa-pubsub.iam.gserviceaccount.com"

    def need_random(self) -> None:
        """Declare hashicorp/random, once."""
        if self._random is None:
            self._random = RandomProvider(self)

    def account(self, scope: Construct, what: Role | str, *, purpose: str, optional: bool = False) -> Ref:
        """A service account of its own, named after a role or another purpose."""
        account = ServiceAccount(
            scope,
            f"account-{what}",
            account_id=names.account(self.twin.names, what),
            display_name=f"{self.twin.config.name}: {purpose}",
            depends_on=self.ready,
        )
        self._accounts[str(what)] = place(account, str(what), optional=optional)
        return self._accounts[str(what)]

    def member(self, function: parts.Function) -> str:
        """The identity of one of this stack's functions, as an IAM member."""
        return self._accounts[str(function.role)]["member"]

    def clock_account(self) -> Ref:
        """The identity under which Cloud Scheduler calls the scheduled functions."""
        if names.CLOCK_ACCOUNT not in self._accounts:
            self.account(self, names.CLOCK_ACCOUNT, purpose="Cloud Scheduler calls its functions")
        return self._accounts[names.CLOCK_ACCOUNT]

    def clocks_after(self, invoker: Ref, role: Role) -> Ref:
        """A wait until Cloud Scheduler may call the scheduled functions. `invoker` is the grant
        for the one of a role: a run that comes before it holds would fail, and raise an alarm.
        """
        if self._clocks is None:
            self._clocks = Wait(self, names.CLOCK_ACCOUNT)
        self._clocks.needs(role, invoker["id"])
        return self._clocks.over

    def push_account(self, topic: Ref) -> Ref:
        """The identity under which Pub/Sub calls functions, those alone that consume a queue.

        `topic` is what is pushed: with the first topic of a project Google makes the agent that is granted
        here, some time later.
        """
        if names.PUSH_ACCOUNT not in self._accounts:
            self.account(self, names.PUSH_ACCOUNT, purpose="Pub/Sub calls its functions")
        account = self._accounts[names.PUSH_ACCOUNT]
        if not self._push_tokens and not topic.optional:
            self._push_tokens = True
            self.settled.needs("pubsub", topic["id"])
            # Projects made before 8 April 2021 do not let Pub/Sub's agent make tokens by themselves.
            tokens = ServiceAccountIamMember(
                self,
                "push-tokens",
                service_account_id=account["name"],
                role="roles/iam.serviceAccountTokenCreator",
                member=self.pubsub_agent,
                depends_on=[self.settled.over.element],
            )
            place(tokens, "push_tokens")
        return account

    def _enable(self) -> None:
        topology = self.twin.topology
        layers = topology.layers_in(Cloud.GCP)
        services = {*SERVICES, *(name for layer in layers for name in LAYER_SERVICES.get(layer, ()))}
        if any(ROLES[role].schedule and cloud is Cloud.GCP for role, cloud in topology.roles.items()):
            services.add(CLOCK_SERVICE)
        # Left enabled on destroy: other things in the project may use them, and disabling deletes their
        # resources.
        enabled = ProjectService(
            self, "services", service="${each.value}.googleapis.com", disable_on_destroy=False
        )
        listed = ", ".join(f'"{service}"' for service in sorted(services))
        enabled.add_override("for_each", f"${{toset([{listed}])}}")
        placed = place(enabled, "required")
        each = f"[for service in {placed.address} : service.id]"
        self._enabled.needs("services", f'${{join(" ", {each})}}')

    def _channels(self) -> list[str]:
        alerts = self.twin.config.alerts
        if alerts is None:
            return []
        channel = MonitoringNotificationChannel(
            self,
            "alerts",
            display_name=f"{self.twin.config.name}: alerts",
            type="email",
            labels={"email_address": alerts.email},
            user_labels=self.twin.labels(None, "alerts"),
            depends_on=self.ready,
        )
        return [place(channel, "alerts")["name"]]
