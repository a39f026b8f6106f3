"""dashboard_sync and a strict stand-in for Grafana: what it writes, what it leaves alone, its sentences."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from local_cloud.grafana import Dashboard, GrafanaApi
from local_cloud.web import Server
from support.layouts import Layout, config_of, twin_data
from support.memory import MemorySecret
from support.samples import TWIN, log
from twin_runtime.errors import ConfigurationError, Retry, SecretMissing
from twin_runtime.functions.dashboard_sync import DashboardSync
from twin_runtime.roles import Cloud
from twin_runtime.wire.secret_cache import CachedSecret
from twinspan import dashboards, datasource

AZURE = Cloud.AZURE
CONFIG = config_of(twin_data(Layout(AZURE, AZURE, AZURE, l5=AZURE)))
TOKEN = "Bearer token-of-an-administrator"
URL = "https://reader.example/hot_reader"
SECRET = {"url": URL, "api_key": "key-1"}
UIDS = {name.removesuffix(".json") for name in dashboards.generate(CONFIG)}


class Access:
    """`ports.Grafana`; `open` counts tokens that are in use."""

    def __init__(self, url: str, *, installs: bool) -> None:
        self.url = url
        self.installs = installs
        self.token = TOKEN
        self.open = 0

    @contextmanager
    def access(self) -> Iterator[str]:
        self.open += 1
        try:
            yield self.token
        finally:
            self.open -= 1


class Bench:
    """A Grafana, a package, and runs of the role."""

    def __init__(self, url: str, api: GrafanaApi, root: Path) -> None:
        self.api = api
        self.root = root
        self.secret = MemorySecret(json.dumps(SECRET))
        self.access = Access(url, installs=True)
        self.slept: list[float] = []
        self.lines: list[dict[str, Any]] = []
        self.package()

    def package(self, **changes: bytes | None) -> None:
        """The files of a package; `changes` replace dashboards, or leave them out."""
        (self.root / "dashboards").mkdir(exist_ok=True)
        for name, content in dashboards.generate(CONFIG).items():
            made = changes.get(name.removesuffix(".json").replace("-", "_"), content)
            path = self.root / "dashboards" / name
            path.unlink(missing_ok=True)
            if made is not None:
                path.write_bytes(made)
        (self.root / "grafana.json").write_text(json.dumps(datasource.settings(CONFIG, AZURE)))

    def run(self) -> dict[str, Any]:
        """Runs it as the clock does, and returns what it says of the run."""
        sink, lines = log("dashboard_sync")
        role = DashboardSync(
            twin=TWIN,
            root=self.root,
            grafana=self.access,
            secret=CachedSecret(self.secret),
            log=sink,
            sleep=self.slept.append,
        )
        self.api.writes.clear()
        try:
            role.run(0, 1, budget=30)
        finally:
            assert self.access.open == 0
            self.lines += lines.named("synced")
        return self.lines[-1]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    api = GrafanaApi(
        lambda header: {TOKEN: True, "Bearer viewer": False}.get(header or ""),
        catalog={datasource.PLUGIN: ["3.10.0", datasource.PLUGIN_VERSION]},
    )
    with Server(0, api) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.005,), daemon=True)
        thread.start()
        yield Bench(f"http://127.0.0.1:{server.server_port}", api, tmp_path)
        server.shutdown()
        thread.join()


def test_an_empty_grafana_gets_everything(bench: Bench) -> None:
    said = bench.run()
    assert (said["written"], said["unchanged"], said["deleted"]) == (len(UIDS) + 2, 0, 0)
    assert bench.api.plugins[datasource.PLUGIN] == datasource.PLUGIN_VERSION
    assert set(bench.api.dashboards) == UIDS
    assert {each.folder for each in bench.api.dashboards.values()} == set(bench.api.folders) == {"twinspan"}
    for name, content in dashboards.generate(CONFIG).items():
        assert bench.api.dashboards[name.removesuffix(".json")].content == json.loads(content)
    events = bench.api.data_sources[datasource.UID]
    assert (events["type"], events["url"]) == (datasource.PLUGIN, URL)
    assert events["jsonData"]["allowedHosts"] == [URL]
    assert events["jsonData"]["httpHeaderName1"] == "x-api-key"
    assert bench.api.secrets[datasource.UID] == {"httpHeaderValue1": "key-1"}
    metrics = bench.api.data_sources[datasource.METRICS_UID]
    assert metrics["jsonData"]["azureAuthType"] == "msi"


def test_every_data_source_that_dashboards_name_is_there(bench: Bench) -> None:
    bench.run()
    text = json.dumps([each.content for each in bench.api.dashboards.values()])
    for uid in (datasource.UID, datasource.METRICS_UID):
        assert f'"uid": "{uid}"' in text
        kind = bench.api.data_sources[uid]["type"]
        assert f'{{"type": "{kind}", "uid": "{uid}"}}' in text


def test_a_second_run_writes_nothing(bench: Bench) -> None:
    bench.run()
    said = bench.run()
    assert (said["written"], said["unchanged"]) == (0, len(UIDS) + 2)
    assert bench.api.writes == []


def test_no_key_can_be_read_back(bench: Bench) -> None:
    bench.run()
    told = json.dumps([bench.api.data_sources, [d.content for d in bench.api.dashboards.values()]])
    assert "key-1" not in told
    assert TOKEN not in json.dumps(bench.lines)


def test_a_rotated_key_is_written_and_nothing_else(bench: Bench) -> None:
    bench.run()
    bench.secret.text = json.dumps(SECRET | {"api_key": "key-2"})
    assert bench.run()["written"] == 1
    assert bench.api.writes == ["PUT /api/datasources/uid/twinspan"]
    assert bench.api.secrets[datasource.UID] == {"httpHeaderValue1": "key-2"}


def test_a_moved_reader_is_followed(bench: Bench) -> None:
    bench.run()
    bench.secret.text = json.dumps(SECRET | {"url": "https://elsewhere.example"})
    assert bench.run()["written"] == 1
    events = bench.api.data_sources[datasource.UID]
    assert events["url"] == events["jsonData"]["allowedHosts"][0] == "https://elsewhere.example"


@pytest.mark.parametrize("field", ["url", "secret", "jsonData"])
def test_a_data_source_that_a_person_changed_is_put_right(bench: Bench, field: str) -> None:
    """Also its key, which Grafana tells to nobody: a newer version of it is not this function's."""
    bench.run()
    there = bench.api.data_sources[datasource.UID]
    there["version"] += 1
    if field == "secret":
        bench.api.secrets[datasource.UID]["httpHeaderValue1"] = "other"
    elif field == "url":
        there["url"] = "https://wrong.example"
    else:
        there["jsonData"] = {}
    assert bench.run()["written"] == 1
    assert bench.api.data_sources[datasource.UID]["url"] == URL
    assert bench.api.secrets[datasource.UID] == {"httpHeaderValue1": "key-1"}
    assert bench.run()["written"] == 0


def test_a_dashboard_that_a_person_changed_is_put_right(bench: Bench) -> None:
    bench.run()
    uid = min(UIDS)
    kept = bench.api.dashboards[uid]
    kept.versions.append(({**kept.content, "title": "Mine"}, "my change"))
    assert bench.run()["written"] == 1
    assert bench.api.dashboards[uid].content["title"] != "Mine"
    assert len(bench.api.dashboards[uid].versions) == 3


def test_a_dashboard_that_was_moved_comes_back(bench: Bench) -> None:
    bench.run()
    bench.api.folders["mine"] = "Mine"
    bench.api.dashboards[min(UIDS)].folder = "mine"
    assert bench.run()["written"] == 1
    assert bench.api.dashboards[min(UIDS)].folder == "twinspan"


def test_what_was_deleted_by_hand_comes_back(bench: Bench) -> None:
    bench.run()
    bench.api.dashboards.clear()
    bench.api.folders.clear()
    bench.api.data_sources.clear()
    assert bench.run()["written"] == len(UIDS) + 2


def test_a_new_deployment_updates_and_deletes(bench: Bench) -> None:
    bench.run()
    changed = dashboards.generate(CONFIG)["factory-fleet.json"].replace(b"factory: fleet", b"factory: all")
    bench.package(factory_fleet=changed, factory_type_thermostat=None)
    said = bench.run()
    assert (said["written"], said["deleted"]) == (1, 1)
    assert bench.api.dashboards["factory-fleet"].content["title"] == "factory: all"
    assert "factory-type-thermostat" not in bench.api.dashboards


def test_what_is_not_its_own_is_left_alone(bench: Bench) -> None:
    """A person's dashboards, also a copy of a generated one, and data sources."""
    bench.run()
    fleet = bench.api.dashboards["factory-fleet"].content
    own = {
        "mine-in-the-folder": ({"title": "Mine", "uid": "mine-in-the-folder"}, "twinspan"),
        "adk2x91": ({**fleet, "uid": "adk2x91"}, "twinspan"),
        "factory-of-mine": ({**fleet, "uid": "factory-of-mine"}, ""),
    }
    for uid, (content, folder) in own.items():
        bench.api.dashboards[uid] = Dashboard(folder, [(content, "")])
    bench.api.data_sources["mine"] = {"uid": "mine", "name": "Mine", "type": "prometheus", "version": 1}
    assert bench.run()["deleted"] == 0
    assert bench.api.writes == []
    assert own.keys() <= bench.api.dashboards.keys()


def test_a_foreign_data_source_of_the_same_name_is_said_and_kept(bench: Bench) -> None:
    foreign = {"uid": "mine", "name": "Twinspan", "type": "prometheus", "version": 1}
    bench.api.data_sources["mine"] = dict(foreign)
    with pytest.raises(Retry, match="another data source named 'Twinspan'"):
        bench.run()
    assert bench.api.data_sources["mine"] == foreign
    assert set(bench.api.dashboards) == UIDS


def test_dashboards_are_there_before_the_link_is(bench: Bench) -> None:
    """Until the stack `links` is applied the secret has no value."""
    bench.secret.text = None
    with pytest.raises(SecretMissing):
        bench.run()
    assert set(bench.api.dashboards) == UIDS
    assert set(bench.api.data_sources) == {datasource.METRICS_UID}


@pytest.mark.parametrize("text", ["{}", '{"url": 1, "api_key": "k"}'])
def test_an_unusable_secret_is_said(bench: Bench, text: str) -> None:
    bench.secret.text = text
    with pytest.raises(Retry, match=r"secret lacks url or api_key"):
        bench.run()


def test_a_plugin_version_that_this_grafana_lacks(bench: Bench) -> None:
    """The newest that fits is taken then."""
    bench.api._catalog[datasource.PLUGIN] = ("3.9.0", "3.10.0")
    bench.run()
    assert bench.api.plugins[datasource.PLUGIN] == "3.10.0"


def test_a_grafana_that_installs_nothing(bench: Bench) -> None:
    bench.api._catalog.clear()
    with pytest.raises(Retry, match="is plugin management enabled"):
        bench.run()
    bench.access.installs = False
    with pytest.raises(Retry, match="Terraform installs it"):
        bench.run()
    assert not [each for each in bench.api.writes if "install" in each]


@pytest.mark.parametrize(("token", "status"), [("Bearer expired", 401), ("Bearer viewer", 403)])
def test_who_is_no_administrator_is_told(bench: Bench, token: str, status: int) -> None:
    bench.access.token = token
    with pytest.raises(
        Retry, match=f"answered {status} to GET /api/plugins/.*must be an administrator"
    ) as said:
        bench.run()
    assert token not in str(said.value)
    assert not bench.api.dashboards


def test_passing_faults_are_waited_for(bench: Bench) -> None:
    bench.api.ahead += [503, 502]
    bench.run()
    assert len(bench.slept) == 2
    assert set(bench.api.dashboards) == UIDS


def test_a_fault_in_one_thing_keeps_the_others_going(bench: Bench) -> None:
    """The first request of all is refused for good; everything after it is done."""
    bench.api.plugins[datasource.PLUGIN] = "3.11.1"
    bench.api.ahead += [500, 500, 500]
    with pytest.raises(Retry, match="answered 500"):
        bench.run()
    assert set(bench.api.dashboards) == UIDS
    assert set(bench.api.data_sources) == {datasource.UID, datasource.METRICS_UID}


def test_a_grafana_that_is_away(bench: Bench) -> None:
    bench.access.url = "http://127.0.0.1:9"
    with pytest.raises(Retry, match="could not be reached"):
        bench.run()


def test_other_partitions_have_nothing_to_do(bench: Bench) -> None:
    role = DashboardSync(
        twin=TWIN,
        root=bench.root,
        grafana=bench.access,
        secret=CachedSecret(bench.secret),
        log=log("dashboard_sync")[0],
    )
    role.run(1, 2, budget=30)
    assert not bench.api.writes


@pytest.mark.parametrize("content", [None, "{}", "nonsense"])
def test_a_package_without_settings(bench: Bench, content: str | None) -> None:
    path = bench.root / "grafana.json"
    path.unlink()
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigurationError, match=r"grafana\.json"):
        bench.run()
