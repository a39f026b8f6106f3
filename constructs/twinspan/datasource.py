"""Grafana's data sources: how dashboards name them, what they are, and the secret behind the twin's own."""

import json
from typing import TYPE_CHECKING, Any

from twin_runtime.roles import Cloud
from twinspan.topology import Link

if TYPE_CHECKING:
    from twinspan.config import Config

UID = "twinspan"
"""How dashboards name the data source of the twin's events."""
METRICS_UID = "twinspan-metrics"
"""How they name the one of the cloud's own metrics."""
METRICS = {
    Cloud.AWS: "cloudwatch",
    Cloud.AZURE: "grafana-azure-monitor-datasource",
    Cloud.GCP: "stackdriver",
}
"""Its type."""
PLUGIN = "yesoreyeram-infinity-datasource"
PLUGIN_VERSION = "3.11.1"
"""The one whose queries the dashboards are written in; it takes Grafana 11.6 or newer."""
KEY_HEADER = "x-api-key"
_EVENTS: dict[str, Any] = {
    "uid": UID,
    "name": "Twinspan",
    "type": PLUGIN,
    "access": "proxy",
    "isDefault": False,
}
_EVENTS_DATA = {"auth_method": "none", "httpHeaderName1": KEY_HEADER}


def settings(config: "Config", cloud: Cloud) -> dict[str, Any]:
    """Return the content of `grafana.json`: what a function configures in Grafana beside the dashboards.

    URL and key are in the function's secret.
    """
    return {
        "plugin": {"id": PLUGIN, "version": PLUGIN_VERSION},
        "folder": {"uid": UID, "title": f"Twin {config.name}"},
        "events": {**_EVENTS, "jsonData": _EVENTS_DATA},
        "metrics": _metrics(cloud, _where(config, cloud)),
    }


def secret(link: Link, *, url: str, api_key: str) -> str:
    """`${jsonencode(…)}` of what the reader of the secret takes; `url` and `api_key` are bare expressions.

    A function takes `{url, api_key}`, as every sender does. Where Grafana itself reads the secret it is a
    file of its provisioning: JSON is YAML.
    """
    given = f"{{url = {url}, api_key = {api_key}}}"
    if link.sender is not None:
        return f"${{jsonencode({given})}}"
    data = f"merge({_literal(_EVENTS_DATA)}, {{allowedHosts = [it.url]}})"
    key = "{httpHeaderValue1 = it.api_key}"
    own = f"{{editable = false, url = it.url, jsonData = {data}, secureJsonData = {key}}}"
    metrics = _literal(_metrics(link.sender_cloud or link.receiver_cloud, {}))
    sources = f"[merge({_literal(_EVENTS)}, {own}), {metrics}]"
    return f"${{jsonencode([for it in [{given}] : {{apiVersion = 1, datasources = {sources}}}][0])}}"


def without_key() -> str:
    """The same file before the twin's data source is known."""
    return "${jsonencode({apiVersion = 1, datasources = []})}"


def _where(config: "Config", cloud: Cloud) -> dict[str, Any]:
    """Return the settings of a cloud's metrics data source; none for Google Cloud."""
    clouds = config.clouds
    if cloud is Cloud.AWS and clouds.aws:
        return {"defaultRegion": clouds.aws.region}
    if cloud is Cloud.AZURE and clouds.azure:
        return {"subscriptionId": clouds.azure.subscription_id}
    return {}


_IDENTITY = {
    Cloud.AWS: {"authType": "ec2_iam_role"},
    Cloud.AZURE: {"azureAuthType": "msi"},
    Cloud.GCP: {"authenticationType": "gce"},
}
"""How each data source says that it reads with the identity of the Grafana that it is in."""


def _metrics(cloud: Cloud, where: dict[str, Any]) -> dict[str, Any]:
    return {
        "uid": METRICS_UID,
        "name": "Twinspan: metrics of the cloud",
        "type": METRICS[cloud],
        "access": "proxy",
        "isDefault": False,
        "jsonData": {**_IDENTITY[cloud], **where},
    }


def _literal(value: object) -> str:
    """A value as an expression of Terraform, whose objects JSON's are."""
    return json.dumps(value, sort_keys=True)
