"""What the functions of a Google Cloud stack share: provider, services, package, builds, logs, who hears
alarms.
"""

from collections.abc import Mapping
from pathlib import Path

from twin_runtime.roles import Role
from twinspan.gcp import names
from twinspan.gcp.shared.builds import Builds
from twinspan.gcp.shared.logs import Logs
from twinspan.gcp.shared.project import Project, provider
from twinspan.gcp.shared.waits import Wait
from twinspan.packaging import Package
from twinspan.providers import Construct
from twinspan.providers.gcp import (
    MonitoringNotificationChannel,
    ServiceAccountIamMember,
)
from twinspan.providers.random import RandomProvider
from twinspan.providers.time import TimeProvider
from twinspan.terraform.resources import Ref, place
from twinspan.twin import Twin

MAKE_TOKENS = "roles/iam.serviceAccountTokenCreator"


def providers(scope: Construct, twin: Twin) -> None:
    """The provider blocks of a stack without resources."""
    provider(scope, twin)
    TimeProvider(scope)
    RandomProvider(scope)


class Foundation(Project):
    """One per stack. Every other construct of this folder is given it."""

    channels: list[str]
    """Notification channels of the alarms; empty when twin.yaml names nobody."""
    dashboards: Mapping[str, Path]
    """Files of the dashboards, by name; empty when Grafana is elsewhere."""

    def __init__(self, scope: Construct, id_: str, *, twin: Twin, package: Package) -> None:
        super().__init__(scope, id_, twin=twin)
        self._push_tokens = False
        self._clocks: Wait | None = None
        self.builds = Builds(self, "builds", project=self, package=package)
        Logs(self, "logs", project=self)
        self.channels = self._channels()
        self.dashboards = package.dashboards

    @property
    def pubsub_agent(self) -> str:
        """Google's own account that pushes messages and moves dead letters, as an IAM member."""
        number = self.builds.bucket["project_number"]
        return f"serviceAccount:service-{number}@gcp-sa-pubsub.iam.gserviceaccount.com"

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
                role=MAKE_TOKENS,
                member=self.pubsub_agent,
                depends_on=[self.settled.over.element],
            )
            placed = place(tokens, "push_tokens")
            self.inventory.grant(placed, to=names.PUBSUB, may=MAKE_TOKENS, on=account)
        return account

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
