"""A twin with dashboards here: dashboard_sync fills a managed Grafana, whose queries are answered."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from ssl import create_default_context
from typing import Any

import pytest

from dashboards.grafana_panels import shown
from dashboards.twins import boards, panel
from local_cloud.aws.cloud import LocalAws
from local_cloud.azure.cloud import LocalAzure
from local_cloud.azure.managed_grafana import AUDIENCE
from local_cloud.cloud import LocalCloud
from simulator import clients, endpoint
from support.infinity import Infinity, time_range
from support.layouts import Layout, config_of, twin_data
from support.local import local_twin, until
from twin_runtime.roles import Cloud
from twinspan import datasource

pytestmark = [pytest.mark.servers, pytest.mark.terraform]

AWS, AZURE, GCP = Cloud.AWS, Cloud.AZURE, Cloud.GCP
Get = Callable[[str], Any]


def reader(twin: LocalCloud) -> Get:
    """Reads of Grafana's API at the stack's output, as an administrator."""
    context = create_default_context(cafile=str(twin.trust))

    def get(path: str) -> Any:
        headers = {"authorization": f"Bearer {administrator(twin)}"}
        request = urllib.request.Request(f"{twin.outputs['grafana_url']}{path}", headers=headers)
        with urllib.request.urlopen(request, context=context, timeout=30) as answer:
            return json.load(answer)

    return get


def administrator(twin: LocalCloud) -> str:
    """A token of who deployed the twin."""
    for cloud in twin.clouds.values():
        if isinstance(cloud, LocalAws) and cloud.grafana:
            return cloud.grafana.token()
        if isinstance(cloud, LocalAzure):
            return cloud.token(AUDIENCE)
    raise AssertionError("no cloud with a managed Grafana")


def located(twin: LocalCloud, url: str) -> str:
    """Where a URL of the twin is found on this machine."""
    for cloud in twin.clouds.values():
        url = cloud.address(url) if isinstance(cloud, LocalAws) else url
    return url


def key(twin: LocalCloud) -> str:
    """The API key in the link's secret, wherever that was written."""
    for evaluated in twin.evaluated.values():
        for kind, argument in (
            ("aws_secretsmanager_secret_version", "secret_string"),
            ("azurerm_key_vault_secret", "value"),
        ):
            for name, values in evaluated.of(kind).items():
                if name == "link_dashboards":
                    return json.loads(values[argument])["api_key"]
    raise AssertionError("no secret of the link")


@pytest.mark.parametrize(
    "layout",
    [
        pytest.param(Layout(AWS, AWS, AWS, l5=AWS), id="aws", marks=pytest.mark.slow),
        pytest.param(Layout(GCP, GCP, GCP, l5=AZURE), id="azure"),
    ],
)
def test_dashboards_of_a_whole_twin(layout: Layout, tmp_path: Path) -> None:
    config = config_of(twin_data(layout, events=False))
    generated = boards(config)
    with local_twin(config, tmp_path) as twin:
        at = datetime.now(UTC).replace(microsecond=0)
        with clients.connect(endpoint.parse(twin.endpoint), "thermostat-1") as client:
            reading = {"id": "e1", "time": at.isoformat(), "data": {"temperature": 21.5}}
            client.send(json.dumps(reading).encode())
        assert until(twin.rows, seconds=120)
        twin.run("dashboard_sync")
        get = reader(twin)
        assert {uid: get(f"/api/dashboards/uid/{uid}")["dashboard"] for uid in generated} == generated
        source = get(f"/api/datasources/uid/{datasource.UID}")
        url = located(twin, source["url"])
        assert url == twin.outputs["telemetry_api_url"]
        assert source["jsonData"]["allowedHosts"] == [source["url"]]
        assert source["secureJsonFields"] == {"httpHeaderValue1": True}
        assert key(twin) not in json.dumps(source)

        settings = {**source["jsonData"], "allowedHosts": [url]}
        infinity = Infinity(url, settings, {"httpHeaderValue1": key(twin)}, twin.trust)
        board = generated["factory-type-thermostat"]
        range_ = time_range(at - timedelta(hours=1), at + timedelta(hours=1))
        frame = shown(board, panel(board, "temperature"), infinity, {**range_, "device": "thermostat-1"})
        assert frame["temperature"] == ("number", [21.5])
        fleet = generated["factory-fleet"]
        table = panel(fleet, "Latest values of thermostat")
        assert shown(fleet, table, infinity, range_)["temperature"] == ("number", [21.5])

        twin.run("dashboard_sync")
        for uid in generated:
            assert get(f"/api/dashboards/uid/{uid}")["meta"]["version"] == 1
        assert get(f"/api/datasources/uid/{datasource.UID}")["version"] == source["version"]
