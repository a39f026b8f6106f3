"""The figures of usage.toml, held against the product that they are about and against its benchmarks."""

from __future__ import annotations

import inspect
import json
import re
from decimal import Decimal
from pathlib import Path

import pytest

from benchmarks import links, roles, row_sizes, wire
from benchmarks.hops import sample
from guides.prices import aws, azure, bill, carry, gcp, older, usage
from twin_aws import dynamodb
from twin_azure import store as azure_store
from twin_gcp import store as gcp_store
from twin_runtime.delivery import batching
from twin_runtime.roles import ROLES, Cloud, Role, Trigger
from twin_runtime.tiers import cold_run
from twinspan.azure import functions as azure_functions
from twinspan.sizing import at_once

ROOT = Path(__file__).resolve().parents[2]
USAGE = usage.read("batches")


def about(figure: Decimal, measured: float | Decimal, percent: int = 3) -> bool:
    return abs(figure - Decimal(measured)) <= figure * percent / 100


def test_the_sets_differ_in_the_messages_alone() -> None:
    batches, single = map(usage.read, usage.names())
    assert (batches.events_per_message, single.events_per_message) == (100, 1)
    assert batches.rate == single.rate == 500
    assert batches.seconds == 2_000
    assert batches.sentences[0] != single.sentences[0]
    assert batches.sentences[1:] == single.sentences[1:]


def test_bytes_are_those_of_the_benchmarks() -> None:
    sizes = row_sizes.measure()
    assert about(USAGE.bytes["data"], sizes.data)
    assert about(USAGE.bytes["file_row"], sizes.file)
    assert USAGE.bytes["file_rows"] == row_sizes.ROWS_PER_FILE
    # Cosmos DB's index is stored, and no part of what is written.
    index = {Cloud.AZURE: row_sizes.COSMOS_INDEX}
    for cloud in Cloud:
        assert about(USAGE.row_bytes[cloud], sizes.hot[cloud] / index.get(cloud, 1)), cloud
    assert about(USAGE.bytes["event"], len(sample.body(100)) / 100)
    assert about(USAGE.bytes["reading"], len(json.dumps(sample.readings(100))) / 100)


@pytest.mark.parametrize("count", [31, 50, 100])
def test_requests_between_clouds_are_as_large_as_those_that_are_sent(count: int) -> None:
    sent = wire.send(count, gzip=True)
    assert about(USAGE.request_bytes(Decimal(count)), sent.head + sent.body)


def test_what_is_gathered_is_below_what_was_asked_for() -> None:
    requests = {cloud: 1_000 / each for cloud, each in USAGE.gathered.items()}
    assert requests == {Cloud.AWS: Decimal("20.2"), Cloud.AZURE: Decimal("32.4"), Cloud.GCP: Decimal("21.0")}
    assert all(each < links.TARGET for each in requests.values())


def test_a_file_is_of_one_device_and_written_with_its_index() -> None:
    a_day = USAGE.rate * 86_400 / USAGE.devices
    assert a_day > 10 * USAGE.bytes["file_rows"]
    assert USAGE.stores["file_puts"] == row_sizes.puts(row_sizes.twin(1))


def test_instances_are_the_products() -> None:
    instances = USAGE.instances
    assert tuple(instances[Cloud.AZURE].sizes_mb) == azure_functions.MEMORY_MB
    assert instances[Cloud.AZURE].together["queue"] == at_once(Role.PERSISTER, Cloud.AZURE, Trigger.QUEUE)
    together = instances[Cloud.GCP].together
    assert (together["queue"], together["gather"]) == (
        at_once(Role.EVENT_CHECKER, Cloud.GCP, Trigger.QUEUE),
        at_once(Role.PERSISTER, Cloud.GCP, Trigger.QUEUE),
    )
    for size in ROLES.values():
        assert instances[Cloud.AZURE].memory_mb(size.memory_mb) == azure_functions.memory_mb(size.memory_mb)
        assert instances[Cloud.AWS].memory_mb(size.memory_mb) == size.memory_mb


def test_who_gathers_is_the_products() -> None:
    triggers = (ROOT / "function_src" / "twin_azure" / "triggers.py").read_text()
    assert "Coalescer(dispatch)" in triggers, "Azure's dispatcher puts events together"
    assert set(bill.GATHERS) == {Role.DISPATCHER, Role.CONNECTOR, Role.PERSISTER}
    assert carry.MAX_EVENTS_PER_MESSAGE == batching.MAX_EVENTS_PER_MESSAGE


def test_stores_take_as_many_rows_at_a_time() -> None:
    stores = USAGE.stores
    assert stores["aws"]["rows"] == dynamodb.MAX_BATCH
    assert stores["azure"]["together"] == azure_store._WRITERS
    assert stores["gcp"]["rows"] == gcp_store.MAX_COMMIT_ROWS
    assert all(each == 8 for each in stores["deleting"].values()), "workers of cold_mover"
    assert "workers" in inspect.getsource(cold_run.ColdRun._delete)


VARIANTS = ("_without_code", "_in_process")
"""Of a role, compared in another way."""


@pytest.mark.parametrize("cloud", Cloud)
def test_what_handles_events_has_its_cpu(cloud: Cloud) -> None:
    known = set(USAGE.cpu_us[cloud])
    assert {role for role in roles.ROLES if not role.endswith(VARIANTS)} - known == {
        "hot_reader",
        "event_checker_at_rest",
    }
    movers = {Role.COLD_MOVER, Role.COLD_WRITER, Role.ARCHIVE_MOVER, Role.ARCHIVE_WRITER}
    assert movers | {Role.EVENT_FEEDBACK} <= known
    assert all(0 <= call < 10_000 and 0 < event < 10_000 for call, event in USAGE.cpu_us[cloud].values())
    assert not [
        role for role in known if cloud in ROLES[Role(role.partition("_l")[0].removesuffix("_remote"))].absent
    ]


def test_workflows_have_as_many_steps() -> None:
    """Those of a run that somebody acknowledges."""
    folder = ROOT / "templates" / "workflow"
    states = json.loads((folder / "aws.asl.json").read_text())
    assert states["StartAt"] == "Notify" and states["States"]["Notify"]["Next"] == "Acknowledged"
    assert aws.STEPS == 2
    actions = json.loads((folder / "azure.json").read_text())["actions"]
    first = [name for name, action in actions.items() if not action["runAfter"]]
    assert 1 + len(first) == azure.ACTIONS
    steps = re.findall(r"^ {4}- (\w+):$", (folder / "gcp.yaml").read_text(), re.MULTILINE)
    assert steps == ["offer_acknowledgement", "notify", "wait", "acknowledged"]
    assert len(steps) == gcp.INTERNAL + gcp.EXTERNAL


def test_the_host_asks_for_changes_as_often() -> None:
    host = json.loads((ROOT / "function_src" / "twin_azure" / "root" / "host.json").read_text())
    assert "cosmosDB" not in host["extensions"], "else its feedPollDelay counts, not the default of 5 seconds"
    assert older.CHANGES_S == 5


def test_a_set_that_is_none() -> None:
    with pytest.raises(KeyError, match=r"usage\.toml has no set 'none'; it must be one of batches, single"):
        usage.read("none")
