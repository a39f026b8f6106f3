"""Logs and alarms."""

from functools import cached_property

from twin_runtime import deadlines
from twin_runtime.roles import Cloud, Layer, Role, Schedule
from twinspan import alarms
from twinspan.azure import names
from twinspan.azure.shared.group import Group
from twinspan.providers import Construct, TerraformResourceLifecycle
from twinspan.providers.azure import (
    ApplicationInsights,
    LogAnalyticsWorkspace,
    MonitorActionGroup,
    MonitorActionGroupEmailReceiver,
    MonitorMetricAlert,
    MonitorMetricAlertAction,
    MonitorMetricAlertCriteria,
    MonitorScheduledQueryRulesAlertV2,
    MonitorScheduledQueryRulesAlertV2Action,
    MonitorScheduledQueryRulesAlertV2Criteria,
)
from twinspan.sizing import LOG_RETENTION_DAYS
from twinspan.terraform.resources import Ref, place

_SEVERITY = 1  # 0 is critical, 4 verbose: something is lost until a person looks
_EVERY = f"PT{deadlines.EVERY_S // 60}M"
WINDOWS = {15: "PT15M", 30: "PT30M", 45: "PT45M", 60: "PT1H", 120: "PT2H", 180: "PT3H"}
"""What Azure takes as a window, by minutes."""
_LATE_S = deadlines.LATE_S[Cloud.AZURE]
"""By how much a line can be late."""
_NOT_OURS = [
    "arm_role_receiver",
    "email_receiver",
    "enabled",
    "location",
    "short_name",
    "tags",
    "webhook_receiver",
]
"""Arguments of the action group that Azure makes, and that Azure or people write."""


def _window(seconds: int) -> int:
    """The shortest of `WINDOWS` that is as long, in minutes."""
    return next(minutes for minutes in WINDOWS if minutes * 60 >= seconds)


_WINDOW_MIN = _window(deadlines.EVERY_S + _LATE_S)
"""A line that reaches the workspace minutes late is still seen."""
_WINDOW = WINDOWS[_WINDOW_MIN]


class Monitoring(Construct):
    """The workspace that all functions log to, through the component `insights`, and the alarms."""

    def __init__(self, scope: Construct, id_: str, *, group: Group) -> None:
        super().__init__(scope, id_)
        self._group = group
        tags = group.labels(None, "logs")
        self.workspace = place(
            LogAnalyticsWorkspace(
                self,
                "workspace",
                name=group.names.name("logs"),
                resource_group_name=group.group,
                location=group.location,
                sku="PerGB2018",
                retention_in_days=LOG_RETENTION_DAYS,
                tags=tags,
            ),
            "logs",
        )
        generated = self._generated_group()
        self.insights = place(
            ApplicationInsights(
                self,
                "insights",
                name=group.names.name("functions"),
                resource_group_name=group.group,
                location=group.location,
                application_type="web",
                workspace_id=self.workspace["id"],
                retention_in_days=LOG_RETENTION_DAYS,
                tags=tags,
                depends_on=[generated],
            ),
            "functions",
        )

    def _generated_group(self) -> MonitorActionGroup:
        """The action group that Azure makes for a component of Application Insights, made before it.

        Azure makes the group within hours, puts it into the resource group, and leaves it there, so that
        Terraform would refuse to delete the resource group. A group of that name that is there already is
        the one that Azure uses. What Azure and people write into it is left as it is; only another resource
        group makes another one.
        """
        group = MonitorActionGroup(
            self,
            "generated",
            name=names.GENERATED_ACTION_GROUP,
            short_name="SmartDetect",
            resource_group_name=self._group.group,
            tags=self._group.labels(None, "logs"),
            lifecycle=TerraformResourceLifecycle(ignore_changes=_NOT_OURS),
        )
        place(group, "smart_detection")
        return group

    @cached_property
    def _recipients(self) -> Ref | None:
        """The action group that alarms notify; None without `alerts` in twin.yaml."""
        alerts = self._group.twin.config.alerts
        if not alerts:
            return None
        group = MonitorActionGroup(
            self,
            "recipients",
            name=self._group.names.name("alerts"),
            short_name="twinspan",
            resource_group_name=self._group.group,
            email_receiver=[
                MonitorActionGroupEmailReceiver(
                    name="alerts", email_address=alerts.email, use_common_alert_schema=True
                )
            ],
            tags=self._group.labels(None, "alerts"),
        )
        return place(group, "alerts")

    def on_log(
        self,
        address: str,
        *,
        name: str,
        phrase: str,
        description: str,
        layer: Layer,
        role: Role | str,
        optional: bool,
    ) -> None:
        """Add the alarm `name`, which fires when a host or a function logs a line with `phrase`.

        Azure has no metrics per storage queue. Host and functions log the queue's name when they add a
        message: the host when it moves a message, the queue's adapter when a function sends one.
        """
        self._on_query(
            address,
            name=name,
            query=f'AppTraces | where Message has "{phrase}"',
            window=_WINDOW,
            description=description,
            layer=layer,
            role=role,
            optional=optional,
        )

    def _on_query(
        self,
        address: str,
        *,
        name: str,
        query: str,
        window: str,
        description: str,
        layer: Layer,
        role: Role | str,
        optional: bool,
        after: str | None = None,
    ) -> None:
        """Add an alarm that fires when a query of the workspace's last minutes finds a line. It is created
        after the resource `after`.
        """
        recipients = self._recipients
        rule = MonitorScheduledQueryRulesAlertV2(
            self,
            f"{address}-alarm",
            name=name,
            resource_group_name=self._group.group,
            location=self._group.location,
            scopes=[self.workspace["id"]],
            severity=_SEVERITY,
            evaluation_frequency=_EVERY,
            window_duration=window,
            criteria=[
                MonitorScheduledQueryRulesAlertV2Criteria(
                    query=query,
                    time_aggregation_method="Count",
                    operator="GreaterThan",
                    threshold=0,
                )
            ],
            auto_mitigation_enabled=True,
            # At first there is no such table: it comes with the first line.
            skip_query_validation=True,
            description=description,
            action=MonitorScheduledQueryRulesAlertV2Action(action_groups=[recipients["id"]])
            if recipients
            else None,
            tags=self._group.labels(layer, role),
        )
        if after:
            rule.add_override("depends_on", [after])
        place(rule, address, optional=optional)

    def on_failed_run(
        self, role: Role, schedule: Schedule, *, app: Ref, layer: Layer, optional: bool, after: str
    ) -> None:
        """Add an alarm that fires when a run of a scheduled function failed, or when no run succeeded: a host
        that does not start logs nothing. After the first apply it can fire until the first run has ended.
        It is created after the resource `after`.
        """
        # In any two periods a run begins and ends.
        least = max(2 * schedule.every_minutes * 60 + _LATE_S, deadlines.looks_back_s(role, Cloud.AZURE))
        counts = "failed = countif(Success == false), done = countif(Success == true)"
        self._on_query(
            f"{role}_failed",
            name=names.failed_alarm(self._group.names, role),
            query=f'AppRequests | where AppRoleName =~ "{app["name"]}" '
            f"| summarize {counts} | where failed > 0 or done == 0",
            window=WINDOWS[_window(least)],
            description=alarms.failed_run(self._group.names.name(role)),
            layer=layer,
            role=role,
            optional=optional,
            after=after,
        )

    def on_behind(self, role: Role, *, app: Ref, layer: Layer) -> None:
        """Add an alarm that fires when a mover logs that it lags."""
        self._on_query(
            f"{role}_behind",
            name=names.behind_alarm(self._group.names, role),
            query=f'AppTraces | where AppRoleName =~ "{app["name"]}" and Message has "{alarms.BEHIND}" '
            f'| extend line = parse_json(Message) | where line.event == "{alarms.BEHIND}"',
            window=WINDOWS[120],
            description=alarms.behind(self._group.names.name(role)),
            layer=layer,
            role=role,
            optional=False,
        )

    def on_refusals(self, role: Role, *, app: Ref, layer: Layer) -> None:
        """Add an alarm that fires when a reader refuses many requests."""
        many = alarms.REFUSALS_A_MINUTE * _WINDOW_MIN
        self._on_query(
            f"{role}_refusals",
            name=names.refusals_alarm(self._group.names, role),
            query=f'AppTraces | where AppRoleName =~ "{app["name"]}" and Message has "refused" '
            "| extend line = parse_json(Message) "
            '| where line.event == "refused" and toint(line.status) in (401, 429) '
            f'| summarize refused = sum(toint(line["count"])) | where refused > {many}',
            window=_WINDOW,
            description=alarms.refusals(self._group.names.name(role)),
            layer=layer,
            role=role,
            optional=False,
        )

    def on_metric(
        self,
        address: str,
        *,
        of: Ref,
        namespace: str,
        metric: str,
        description: str,
        layer: Layer,
        role: Role | str,
        optional: bool = False,
    ) -> None:
        """Add an alarm that notifies once of each few minutes in which a resource's metric is above zero.

        A stateful alarm would send a second message when the metric is zero again, and none of what happens
        before that. The window is as long as the frequency: no count is seen twice.
        """
        recipients = self._recipients
        rule = MonitorMetricAlert(
            self,
            f"{address}-alarm",
            name=self._group.names.name(address),
            resource_group_name=self._group.group,
            scopes=[of["id"]],
            severity=_SEVERITY,
            frequency=_EVERY,
            window_size=_EVERY,
            auto_mitigate=False,
            criteria=[
                MonitorMetricAlertCriteria(
                    metric_namespace=namespace,
                    metric_name=metric,
                    aggregation="Total",
                    operator="GreaterThan",
                    threshold=0,
                )
            ],
            description=description,
            action=[MonitorMetricAlertAction(action_group_id=recipients["id"])] if recipients else None,
            tags=self._group.labels(layer, role),
        )
        place(rule, address, optional=optional)
