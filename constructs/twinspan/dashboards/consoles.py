"""Where a cloud's console shows the hops that this Grafana cannot query."""

from twin_runtime.roles import Cloud
from twinspan.config import Config


def links(config: Config, cloud: Cloud) -> list[tuple[str, str]]:
    """Title and URL of the pages for a twin's functions, queues and logs."""
    return _PAGES[cloud](config)


def _aws(config: Config) -> list[tuple[str, str]]:
    assert config.clouds.aws is not None  # called for clouds in use only
    region = config.clouds.aws.region
    console = f"https://{region}.console.aws.amazon.com"
    return [
        ("Functions", f"{console}/lambda/home?region={region}#/functions?fo=and&o0=%3A&v0={config.name}-"),
        ("Queues", f"{console}/sqs/v3/home?region={region}#/queues"),
        ("Logs", f"{console}/cloudwatch/home?region={region}#logsV2:log-groups"),
    ]


def _azure(config: Config) -> list[tuple[str, str]]:
    assert config.clouds.azure is not None
    group = f"/subscriptions/{config.clouds.azure.subscription_id}/resourceGroups/{config.name}-twin"
    insights = f"{group}/providers/Microsoft.Insights/components/{config.name}-functions"
    portal = "https://portal.azure.com/#resource"
    return [
        ("Functions", f"{portal}{insights}/performance"),
        ("Failures", f"{portal}{insights}/failures"),
        ("Queues and everything else", f"{portal}{group}/overview"),
    ]


def _gcp(config: Config) -> list[tuple[str, str]]:
    assert config.clouds.gcp is not None
    console, project = "https://console.cloud.google.com", f"project={config.clouds.gcp.project}"
    return [
        ("Functions", f"{console}/run?{project}"),
        ("Queues", f"{console}/cloudpubsub/subscription/list?{project}"),
        ("Logs", f"{console}/logs/query?{project}"),
    ]


_PAGES = {Cloud.AWS: _aws, Cloud.AZURE: _azure, Cloud.GCP: _gcp}
