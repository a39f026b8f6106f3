"""The generated dashboards: as Grafana takes them, with the twin's units and thresholds, and with no key."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from itertools import combinations
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import units as known_units

from support.layouts import EVERY_LAYOUT, Layout, config_of, twin_config, twin_data
from twin_runtime.roles import Cloud
from twinspan import dashboards, datasource
from twinspan.aws import names as aws_names
from twinspan.dashboards import hops, naming, units
from twinspan.gcp import names as gcp_names
from twinspan.naming import Names
from twinspan.topology import Topology

from .twins import asked_by, boards, config, panel, panels

TYPE = "factory-type-thermostat"
SOURCES = {datasource.UID, datasource.METRICS_UID, "-- Dashboard --"}


@pytest.fixture(params=list(Cloud), scope="module")
def made(request: pytest.FixtureRequest) -> dict[str, dict[str, Any]]:
    return boards(config(request.param, cold=True))


def test_a_dashboard_per_type_the_fleet_and_operations(made: dict[str, dict[str, Any]]) -> None:
    assert len(made) == 5
    assert {"factory-fleet", "factory-operations", "factory-type-door", TYPE} < set(made)
    assert all(uid == board["uid"] and re.fullmatch(r"[a-z0-9_-]{1,40}", uid) for uid, board in made.items())


def test_no_visualization_no_dashboards() -> None:
    """And no wait for Grafana's SDK."""
    script = (
        "import sys; from support.layouts import *; from twinspan import dashboards\n"
        "assert not dashboards.generate(config_of(twin_data(LAYOUTS[0])))\n"
        "assert not any(name.startswith('grafana') for name in sys.modules)"
    )
    paths = json.dumps([path for path in sys.path if path])
    subprocess.run([sys.executable, "-c", f"import sys; sys.path[:0] = {paths}\n{script}"], check=True)


def test_they_are_what_the_sdk_reads_back(made: dict[str, dict[str, Any]]) -> None:
    """Each value comes back; the SDK adds defaults of its own to what says nothing."""
    register_default_plugins()
    for board in made.values():
        again = json.loads(json.dumps(models.Dashboard.from_json(board), cls=JSONEncoder))
        assert _kept(board, again)


def _kept(written: Any, read: Any) -> bool:
    if isinstance(written, dict):
        return all(name in read and _kept(value, read[name]) for name, value in written.items())
    if isinstance(written, list):
        return len(written) == len(read) and all(map(_kept, written, read))
    return type(written) is type(read) and written == read


def test_panels_lie_beside_each_other(made: dict[str, dict[str, Any]]) -> None:
    for board in made.values():
        ids = [each["id"] for each in board["panels"]]
        assert len(set(ids)) == len(ids)
        places = [each["gridPos"] for each in board["panels"]]
        assert all(at["x"] >= 0 and at["x"] + at["w"] <= 24 and at["h"] > 0 for at in places)
        for one, other in combinations(places, 2):
            beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
            under = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
            assert beside or under, (board["uid"], one, other)


def test_every_data_source_is_one_that_is_made(made: dict[str, dict[str, Any]]) -> None:
    for board in made.values():
        for each in panels(board):
            if each["type"] == "text":
                assert "targets" not in each
                continue
            used = {each["datasource"]["uid"], *(target["datasource"]["uid"] for target in each["targets"])}
            assert used <= SOURCES
            assert len({target["refId"] for target in each["targets"]}) == len(each["targets"])
            if each["datasource"]["uid"] != datasource.METRICS_UID:
                asked_by(board, each)


def test_no_address_and_no_key_is_in_a_dashboard(made: dict[str, dict[str, Any]]) -> None:
    text = json.dumps([each for board in made.values() for each in panels(board) if each["type"] != "text"])
    for word in ("http", "api_key", "x-api-key", "secret", "password", "token"):
        assert word not in text.lower(), word


def test_variables_are_those_that_queries_use(made: dict[str, dict[str, Any]]) -> None:
    for board in made.values():
        used = {
            name
            for each in panels(board)
            for name in re.findall(r"\$\{(\w+)\}", json.dumps(each.get("targets", [])))
        }
        assert used == {variable["name"] for variable in board.get("templating", {}).get("list", [])}


@pytest.mark.parametrize(
    ("metric", "unit", "steps"),
    [
        ("temperature", "celsius", [(None, "red"), (-5, "green"), (80, "red")]),
        ("humidity", "percent", [(None, "green"), (20, "red"), (30, "green")]),
        ("starts", "none", [(None, "green"), (3, "red"), (4, "green")]),
        ("torque", "suffix: [lbf_av].[ft_i]", [(None, "green")]),
    ],
)
def test_units_and_thresholds_are_twin_yamls(metric: str, unit: str, steps: list[Any]) -> None:
    made = boards(config(Cloud.AWS))
    fields = panel(made[TYPE], metric, "timeseries")["fieldConfig"]["defaults"]
    assert fields["unit"] == unit
    assert [(s["value"], s["color"]) for s in fields["thresholds"]["steps"]] == steps
    table = panel(made["factory-fleet"], "Latest values of thermostat")
    (own,) = (o for o in table["fieldConfig"]["overrides"] if o["matcher"]["options"] == metric)
    properties = {each["id"]: each["value"] for each in own["properties"]}
    assert properties["unit"] == unit
    coloured = properties.get("thresholds", {"steps": [{"value": None, "color": "green"}]})
    assert [(s["value"], s["color"]) for s in coloured["steps"]] == steps


def test_states_are_red_where_a_rule_fires() -> None:
    board = boards(config(Cloud.AWS))[TYPE]
    is_open = panel(board, "open", "state-timeline")["fieldConfig"]["defaults"]
    (mapping,) = is_open["mappings"]
    assert {value: each["color"] for value, each in mapping["options"].items()} == {
        "false": "green",
        "true": "red",
    }
    mode = panel(board, "mode", "state-timeline")["fieldConfig"]["defaults"]
    (mapping,) = mode["mappings"]
    assert {value: each["color"] for value, each in mapping["options"].items()} == {"auto": "green"}
    assert [step["color"] for step in mode["thresholds"]["steps"]] == ["red"]


def test_a_rule_for_one_device_is_told_and_not_drawn() -> None:
    shown = panel(boards(config(Cloud.AWS))["factory-type-door"], "open", "state-timeline")
    assert "Rule one, for door-1 alone: open equals true" in shown["description"]
    (mapping,) = shown["fieldConfig"]["defaults"]["mappings"]
    assert {each["color"] for each in mapping["options"].values()} == {"green"}


def test_one_query_serves_all_panels_of_a_type() -> None:
    board = boards(config(Cloud.AWS))[TYPE]
    asking = [p for p in panels(board) if p["datasource"]["uid"] == datasource.UID]
    assert len(asking) == 1
    assert len(list(panels(board))) == 9  # two figures, six metrics, the events


def test_units_are_grafanas() -> None:
    """Spelled as the SDK knows them: Grafana shows an unknown id behind the value, without a word."""
    known = {value for name, value in vars(known_units).items() if not name.startswith("_")}
    assert set(units.GRAFANA.values()) <= known


def test_the_tier_can_be_chosen_where_there_is_a_cold_one() -> None:
    names = [v["name"] for v in boards(config(Cloud.AWS, cold=True))[TYPE]["templating"]["list"]]
    assert names == ["device", "tier"]
    board = boards(config(Cloud.AWS))[TYPE]
    assert [v["name"] for v in board["templating"]["list"]] == ["device"]
    parameters = [p["key"] for p in asked_by(board, panel(board, "temperature"))["url_options"]["params"]]
    assert "tier" not in parameters


@pytest.mark.parametrize(
    ("count", "kind"), [(0, "textbox"), (3, "custom"), (1_000, "custom"), (1_001, "textbox")]
)
def test_devices_are_listed_as_long_as_a_list_helps(count: int, kind: str) -> None:
    (variable,) = boards(config(Cloud.AWS, devices=count))[TYPE]["templating"]["list"]
    assert variable["type"] == kind
    assert variable["current"]["value"] == ("thermostat-0" if count else "")
    if kind == "custom":
        assert variable["query"].split(",") == [each["value"] for each in variable["options"]]


def test_the_same_twin_makes_the_same_bytes() -> None:
    script = (
        "from dashboards.twins import config; from twinspan import dashboards\n"
        "from twin_runtime.roles import Cloud; import hashlib\n"
        "print(hashlib.sha256(repr(dashboards.generate(config(Cloud.GCP))).encode()).hexdigest())"
    )
    paths = json.dumps([path for path in sys.path if path])
    digests = {
        subprocess.run(
            [sys.executable, "-c", f"import sys; sys.path[:0] = {paths}\n{script}"],
            env={"PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_thousands_of_twins_are_quick() -> None:
    """What differs between layouts alone is made again; a twin's share is a few hundredths of a second."""
    configs = [config_of(twin_data(layout)) for layout in EVERY_LAYOUT[::100]]
    dashboards.generate(configs[0])
    started = time.process_time()
    for each in configs:
        assert len(dashboards.generate(each)) == 3
    assert (time.process_time() - started) / len(configs) < 0.1


def test_hops_are_the_queues_that_the_clouds_have() -> None:
    for layout in EVERY_LAYOUT[::50]:
        made = config_of(twin_data(layout))
        topology, names = Topology.of(made), Names.of(made)
        for cloud, module, kind in (
            (Cloud.AWS, aws_names, "aws_sqs_queue"),
            (Cloud.GCP, gcp_names, "google_pubsub_topic"),
        ):
            if cloud not in layout.clouds:
                continue
            found = hops.of(topology, cloud)
            planned = {name for type_, name in module.planned(names, topology) if type_ == kind}
            extra = {names.name(gcp_names.TELEMETRY), names.name(gcp_names.DEVICE_COMMANDS)}
            ours = {names.name(queue) for queue in (*found.queues, *found.dead_letters)}
            assert ours == planned - extra, (layout, cloud)


@pytest.mark.parametrize("cloud", list(Cloud))
def test_operations_show_each_hop_of_grafanas_cloud(cloud: Cloud) -> None:
    """And name the consoles of the others."""
    board = boards(config(cloud, others=cloud))["factory-operations"]
    shown = json.dumps([each["targets"] for each in panels(board)])
    dead = "factory-processing-poison" if cloud is Cloud.AZURE else "factory-processing-dead"
    assert dead in shown
    assert not [each for each in panels(board) if each["type"] == "text"]
    elsewhere = Cloud.GCP if cloud is Cloud.AWS else Cloud.AWS
    board = boards(config(cloud, others=elsewhere))["factory-operations"]
    (note,) = (each for each in panels(board) if each["type"] == "text")
    assert "persister" in note["options"]["content"]
    assert "https://" in note["options"]["content"]


def test_operations_follow_the_read_api_whatever_was_made_before() -> None:
    def operations(read_api: bool) -> bytes:
        layout = Layout(Cloud.GCP, Cloud.AWS, Cloud.AWS, l4=Cloud.GCP, l5=Cloud.GCP)
        return dashboards.generate(twin_config(layout, read_api=read_api))["factory-operations.json"]

    with_it, without = operations(True), operations(False)
    assert with_it != without
    assert (operations(True), operations(False)) == (with_it, without)


def test_a_uid_that_is_too_long_or_has_capitals_ends_in_a_hash() -> None:
    long = naming.type_uid("a" * 20, "b" * 64)
    assert len(long) == 40
    assert naming.type_uid("a", "Door") != naming.type_uid("a", "door")
    assert naming.type_uid("a", "Door").lower() == naming.type_uid("a", "Door")
