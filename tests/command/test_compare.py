"""Two files compared, as `twinspan plan --against` prints it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from command.compare import Comparison, against, compare
from command.compare.schema import SCHEMA
from command.exits import Exit
from support.layouts import CLOUDS, EXAMPLES, PARTIAL, Layout, config_of, twin_data
from support.synth import stacks_of
from support.terraform_json import resources
from support.twinspan_command import session_of
from twin_runtime.roles import Cloud
from twinspan.config import Config, ConfigErrors

AWS, AZURE, GCP = Cloud
SPREAD = Layout(AWS, AZURE, GCP, cold=AZURE, archive=GCP, l4=AZURE, l5=AWS)


def edited(layout: Layout = SPREAD, **fields: Any) -> dict[str, Any]:
    data = twin_data(layout, **{"clouds": CLOUDS, **fields, "events": True})
    return {**data, "events": {**data["events"], **fields.get("events", {})}}


def differences(**fields: Any) -> dict[tuple[str, str], tuple[Any, Any]]:
    """What an edit of top-level fields changes: section and name, before and after."""
    comparison = compare(config_of(edited()), config_of(edited(**fields)))
    return {(each.section, each.name): (each.before, each.after) for each in comparison.changes}


def test_equal_twins_differ_in_nothing() -> None:
    comparison = compare(config_of(edited()), config_of(edited()))
    assert not (comparison.changes or comparison.deletions or comparison.code or comparison.stranded)
    assert not comparison.refusals()
    assert comparison.costs.before == comparison.costs.after


TYPE = twin_data(SPREAD)["device_types"]["thermostat"]
_RULE = {
    "device_type": "thermostat",
    "when": {"metric": "temperature", "above": 80.0},
    "cooldown": "1m",
    "max_age": "15m",
    "then": {"feedback": {"command": "set_point", "value": 20.0, "expires_in": "5m"}, "workflow": True},
}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"twin": "plant"}, {("twin", "name"): ("factory", "plant")}),
        ({"layers": {**SPREAD.layers, "hot_storage": "aws"}}, {("layers", "hot_storage"): ("gcp", "aws")}),
        (
            {"layers": {n: c for n, c in SPREAD.layers.items() if n != "visualization"}},
            {("layers", "visualization"): ("aws", None)},
        ),
        (
            {"clouds": {**CLOUDS, "aws": {**CLOUDS["aws"], "region": "eu-west-1"}}},
            {("clouds", "aws.region"): ("eu-central-1", "eu-west-1")},
        ),
        (
            {"device_types": {"thermostat": TYPE, "door": {"telemetry": {"open": {"type": "boolean"}}}}},
            {
                ("device_types", "door"): (
                    None,
                    {
                        "telemetry": {"open": {"type": "boolean"}},
                        "commands": {},
                        "clock": {"ahead": "5m", "behind": "30d", "outside": "keep"},
                        "rate": {"per_second": 100, "burst": 100_000},
                    },
                )
            },
        ),
        (
            {"devices": []},
            {("devices", "thermostat-1"): ({"type": "thermostat", "key": 1, "revoked": False}, None)},
        ),
        (
            {"devices": [{"id": "thermostat-1", "type": "thermostat", "revoked": True}]},
            {
                ("devices", "thermostat-1"): (
                    {"type": "thermostat", "key": 1, "revoked": False},
                    {"type": "thermostat", "key": 1, "revoked": True},
                )
            },
        ),
        ({"retention": {"hot_days": 10}}, {("retention", "hot_days"): (30, 10)}),
        ({"keys": {"generation": 2}}, {("keys", "generation"): (1, 2)}),
        (
            {"read_api": {"clients": ["erp", {"name": "mobile", "generation": 2}]}},
            {
                ("clients", "erp"): (None, {"generation": 1, "revoked_before": 0}),
                ("clients", "mobile"): (None, {"generation": 2, "revoked_before": 0}),
            },
        ),
        ({"read_api": False}, {("read_api", "public"): (True, False)}),
        ({"protect": {"hot_storage": False}}, {("protect", "hot_storage"): (True, False)}),
        ({"former": ["hot_storage@aws"]}, {("former", "hot_storage@aws"): (None, True)}),
        ({"tags": {"cost-center": "4711"}}, {("tags", "cost-center"): (None, "4711")}),
        ({"alerts": {"email": "ops@example.com"}}, {("alerts", "email"): (None, "ops@example.com")}),
        ({"events": {"rules": []}}, {("rules", "overheating"): (_RULE, None)}),
        ({"events": {"enabled": False}}, {("events", "enabled"): (True, False)}),
        (
            {
                "model": {
                    "types": {"hall": {}},
                    "entities": [{"id": "hall-1", "type": "hall"}],
                    "relationships": [{"from": "hall-1", "name": "contains", "to": "thermostat-1"}],
                }
            },
            {
                ("model.types", "hall"): (None, {"properties": {}}),
                ("model.entities", "hall-1"): (None, {"type": "hall", "properties": {}}),
                ("model.relationships", "hall-1 contains thermostat-1"): (None, True),
            },
        ),
        (
            {"backend": {"type": "gcs", "bucket": "state"}},
            {
                ("backend", "type"): ("local", "gcs"),
                ("backend", "bucket"): (None, "state"),
                ("backend", "prefix"): (None, "{twin}/{stack}"),
            },
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(next(iter(value)), str) else "",
)
def test_it_says_what_a_section_changes(fields: dict[str, Any], expected: dict[Any, Any]) -> None:
    assert differences(**fields) == expected


def test_a_processor_whose_file_changes_is_named(tmp_path: Path) -> None:
    before = _with_processor(tmp_path / "a", "    return event\n")
    after = _with_processor(tmp_path / "b", "    return [event]\n")
    comparison = compare(before, after)
    assert [(each.section, each.name, each.kind) for each in comparison.changes] == [
        ("processors", "thermostat", "changed")
    ]
    assert {each.cloud: each.why for each in comparison.code} == dict.fromkeys(
        Cloud, ("processor of thermostat",)
    )
    assert all(each.before != each.after for each in comparison.code)
    (azure,) = (each for each in comparison.code if each.cloud is AZURE)
    assert "processor" in azure.functions


def _with_processor(folder: Path, body: str) -> Config:
    (folder / "processors").mkdir(parents=True)
    (folder / "processors" / "thermostat.py").write_text(f"def process(event):\n{body}", encoding="utf-8")
    return Config.model_validate(edited(), context={"folder": folder})


def test_code_changes_by_twin_json_are_explained() -> None:
    comparison = compare(config_of(edited()), config_of(edited(retention={"hot_days": 10}, devices=[])))
    why = {each.cloud: each.why for each in comparison.code}
    assert why[AZURE] == ("twin.json: devices, hot_days",)
    assert "dashboards" in why[AWS]  # visualization is there


def test_functions_of_an_event_system_that_is_off_are_left_out() -> None:
    on = compare(config_of(edited()), config_of(edited(devices=[])))
    off = compare(
        config_of(edited(events={"enabled": False})), config_of(edited(events={"enabled": False}, devices=[]))
    )
    assert "event_checker" in {name for each in on.code for name in each.functions}
    assert "event_checker" not in {name for each in off.code for name in each.functions}


def reasons(comparison: Comparison, store: str) -> set[str]:
    return {each.reason for each in comparison.deletions if each.store == store}


@pytest.mark.parametrize(
    ("before", "after", "store", "reason"),
    [
        (
            {},
            {"layers": {**SPREAD.layers, "hot_storage": "aws"}},
            "hot_storage@gcp",
            "hot_storage moves to AWS",
        ),
        (
            {},
            {"layers": {n: c for n, c in SPREAD.layers.items() if n != "twin_management"}},
            "twin_management@azure",
            "twin_management leaves the twin",
        ),
        (
            {},
            {"clouds": {**CLOUDS, "gcp": {**CLOUDS["gcp"], "region": "europe-west3"}}},
            "hot_storage@gcp",
            "clouds.gcp.region changes from europe-west1 to europe-west3",
        ),
        (
            {},
            {"clouds": {**CLOUDS, "gcp": {**CLOUDS["gcp"], "project": "other-project"}}},
            "archive_storage@gcp",
            "clouds.gcp.project changes from my-project to other-project",
        ),
        ({}, {"twin": "plant"}, "cold_storage@azure", "the twin's name changes from factory to plant"),
        (
            {"former": ["hot_storage@azure"]},
            {},
            "hot_storage@azure",
            "former no longer lists hot_storage@azure",
        ),
        (
            {},
            {"layers": {**SPREAD.layers, "acquisition": "gcp"}},
            "acquisition@aws",
            "acquisition moves to Google Cloud",
        ),
    ],
)
def test_a_deletion_has_its_reason(
    before: dict[str, Any], after: dict[str, Any], store: str, reason: str
) -> None:
    comparison = compare(config_of(edited(**before)), config_of(edited(**after)))
    assert reason in reasons(comparison, store)
    assert store in comparison.deleted
    assert any(f"--delete-data {store}" in each for each in comparison.refusals())
    assert not any(f"--delete-data {store}" in each for each in comparison.refusals({store}))


def test_queues_of_the_event_system_go_with_it() -> None:
    layout = Layout(GCP, GCP, GCP)
    comparison = compare(config_of(edited(layout)), config_of(edited(layout, events={"enabled": False})))
    (acquisition,) = (each for each in comparison.deletions if each.store == "acquisition@gcp")
    assert acquisition.reason == "the event system is switched off"
    assert 'google_pubsub_subscription.devices["thermostat-1"]' in str(acquisition.resources)


def test_protection_that_is_switched_off_deletes_nothing() -> None:
    comparison = compare(config_of(edited()), config_of(edited(protect=False)))
    assert not comparison.deletions and not comparison.refusals()


@pytest.mark.parametrize("cloud", Cloud)
def test_a_queue_alone_is_named_and_not_refused(cloud: Cloud) -> None:
    """Whether it holds messages only the cloud can tell: the event system can be switched off."""
    layout = Layout(*[cloud] * 7)
    comparison = compare(config_of(edited(layout)), config_of(edited(layout, events={"enabled": False})))
    assert {each.store for each in comparison.deletions} == {f"acquisition@{cloud}", f"processing@{cloud}"}
    assert not any(each.refused for each in comparison.deletions)
    assert not comparison.refusals()


def test_a_line_of_former_is_offered_and_keeps_the_store() -> None:
    after = edited(layers={**SPREAD.layers, "hot_storage": "aws", "archive_storage": "azure"})
    comparison = compare(config_of(edited()), config_of(after))
    assert comparison.former == ("hot_storage@gcp", "archive_storage@gcp")
    kept = compare(config_of(edited()), config_of({**after, "former": list(comparison.former)}))
    gone = {address for each in kept.deletions for found in each.resources.values() for address in found}
    assert not gone & {"google_firestore_database.hot", "google_storage_bucket.files"}


def test_nothing_is_offered_for_another_region() -> None:
    clouds = {**CLOUDS, "gcp": {**CLOUDS["gcp"], "region": "europe-west3"}}
    assert not compare(config_of(edited()), config_of(edited(clouds=clouds))).former


def test_a_cloud_without_an_entry_is_left_behind() -> None:
    after = twin_data(SPREAD._replace(l1=AZURE, l5=AZURE))
    assert "aws" not in after["clouds"]
    comparison = compare(config_of(edited()), config_of(after))
    assert comparison.stranded == ("aws",)
    assert not any(each.store.endswith("@aws") for each in comparison.deletions)


@pytest.mark.parametrize(
    ("was", "now", "refused"), [(1, 2, False), (2, 2, False), (1, 3, True), (2, 1, True)]
)
def test_keys_turn_by_one_generation(was: int, now: int, refused: bool) -> None:
    comparison = compare(
        config_of(edited(keys={"generation": was})), config_of(edited(keys={"generation": now}))
    )
    assert bool(comparison.refusals()) is refused


def test_costs_follow_the_layers() -> None:
    costs = compare(config_of(edited()), config_of(edited(Layout(GCP, GCP, GCP)))).costs
    assert costs.after.month < costs.before.month
    assert costs.after.million < costs.before.million
    assert "500 devices" in costs.lines()[1]


@pytest.mark.parametrize("layout", PARTIAL, ids=str)
def test_twins_without_a_layer_have_a_cost(layout: Layout) -> None:
    config = config_of(twin_data(layout))
    cost = compare(config, config).costs.after
    assert cost.month > 0
    assert cost.million > 0


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """An older twin.yaml and its edit, in which the hot store moves."""
    shutil.copytree(EXAMPLES / "processors", tmp_path / "processors")
    old, new = tmp_path / "old.yaml", tmp_path / "twin.yaml"
    for file, layout in ((old, Layout(AWS, AWS, GCP)), (new, Layout(AWS, AWS, AWS))):
        text = yaml.safe_dump(json.loads(json.dumps({**twin_data(layout), "clouds": CLOUDS})))
        file.write_text(text, encoding="utf-8")
    return old, new


@pytest.mark.matrix
def test_against_prints_the_page_and_refuses(files: tuple[Path, Path]) -> None:
    old, new = files
    session = session_of(new)
    assert against.run(session, old) is Exit.REFUSED
    page = session.stdout.getvalue()  # pyright: ignore[reportAttributeAccessIssue]
    for words in (
        "hot_storage moves from Google Cloud to AWS",
        "because hot_storage moves to AWS",
        "google_firestore_database.hot",
        "former: [hot_storage@gcp]",
        "a month",
        "--delete-data hot_storage@gcp",
    ):
        assert words in page


@pytest.mark.matrix
def test_against_counts_the_resources_of_the_json(files: tuple[Path, Path]) -> None:
    old, new = files
    session = session_of(new, as_json=True)
    comparison = against.against(session, old)
    assert against.run(session, old, delete_data=comparison.deleted) is Exit.DONE
    document = json.loads(session.stdout.getvalue())  # pyright: ignore[reportAttributeAccessIssue]
    Draft202012Validator.check_schema(SCHEMA)
    Draft202012Validator(SCHEMA).validate(document)
    was, now = (
        {
            (stack, f"{each.kind}.{each.name}")
            for stack, content in stacks_of(config).items()
            for each in resources(content)
        }
        for config in (comparison.before, comparison.after)
    )
    said = document["resources"]["stacks"]
    listed = {
        kind: {(stack, address) for stack, found in said.items() for address in found[kind]}
        for kind in ("appear", "vanish", "replaced", "changed")
    }
    assert listed["appear"] == now - was
    assert listed["vanish"] == was - now
    assert not listed["replaced"]
    assert listed["changed"] <= was & now


def test_a_new_name_replaces_what_is_called_by_it() -> None:
    layout = Layout(AWS, AWS, AWS, l5=AWS)
    before, after = config_of(twin_data(layout)), config_of(twin_data(layout, twin="plant"))
    counts = compare(before, after).resources.stacks["aws"]
    assert not counts.appear and not counts.vanish
    assert {"aws_dynamodb_table.hot", "aws_lambda_function.processor", "aws_sqs_queue.events"} <= set(
        counts.replaced
    )
    kept = {"aws_iot_thing.devices", "aws_grafana_workspace.grafana"}
    assert kept <= set(counts.changed)


def test_problems_of_either_file_are_told(files: tuple[Path, Path]) -> None:
    old, new = files
    old.write_text("twin: X\n", encoding="utf-8")
    with pytest.raises(ConfigErrors) as refused:
        against.run(session_of(new), old)
    assert refused.value.path == old


def test_a_device_that_leaves_the_file_is_no_loss_while_its_broker_stays() -> None:
    comparison = compare(config_of(edited()), config_of(edited(devices=[])))
    assert comparison.deletions == ()
    assert not comparison.refusals()
