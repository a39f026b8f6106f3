"""Keys of the clients of the read API, and stores that a layer has left."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stacks import summary
from support.layouts import CLOUDS, Layout, twin_config
from twin_runtime.roles import Cloud
from twinspan.aws.names import planned
from twinspan.naming import Names
from twinspan.topology import Topology

AWS, AZURE, GCP = Cloud.AWS, Cloud.AZURE, Cloud.GCP
Stack = dict[str, Any]
Synthesize = Callable[..., Path]
WHOLE = Layout(*[AWS] * 6)
READERS = {"hot_reader": "telemetry", "twin_reader": "graph"}
CLIENTS = ["erp", {"name": "my-app", "generation": 7, "revoked_before": 7}, {"name": "for", "generation": 2}]
LAMBDA_ENVIRONMENT_BYTES = 4096
"""docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: all variables of a function together."""


def read(folder: Path) -> Stack:
    return json.loads((folder / "cdk.tf.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def stack(synthesized: Synthesize) -> Stack:
    return read(synthesized(WHOLE, read_api={"clients": CLIENTS}))


@pytest.mark.parametrize("role", READERS)
def test_a_client_has_a_key_of_each_of_its_accepted_generations(stack: Stack, role: str) -> None:
    keys = stack["resource"]["aws_api_gateway_api_key"]
    assert keys[f"{role}_clients"]["for_each"] == {
        "erp-0": "erp",
        "erp-1": "erp",
        "my-app-7": "my-app",
        "for-1": "for",
        "for-2": "for",
    }
    assert keys[f"{role}_clients"]["name"] == f"factory-{role.replace('_', '-')}-${{each.key}}"
    assert "var.key_generation" in keys[role]["for_each"]  # the twin's own are there as before
    opened = stack["resource"]["aws_api_gateway_usage_plan_key"]
    assert opened[f"{role}_clients"] | {"//": 0} == opened[role] | {
        "//": 0,
        "for_each": f"${{aws_api_gateway_api_key.{role}_clients}}",
    }


@pytest.mark.parametrize(("role", "output"), READERS.items())
def test_each_client_s_newest_key_is_an_output(stack: Stack, role: str, output: str) -> None:
    keys = f"aws_api_gateway_api_key.{role}_clients"
    published = stack["output"][f"{output}_api_client_keys"]
    assert published["sensitive"] is True
    newest = {"erp": "erp-1", "my-app": "my-app-7", "for": "for-2"}
    listed = ", ".join(f'"{client}" = {keys}["{key}"].value' for client, key in newest.items())
    assert published["value"] == f"${{{{{listed}}}}}"


@pytest.mark.parametrize("role", READERS)
def test_the_function_is_told_whose_key_it_is(stack: Stack, role: str) -> None:
    told = stack["resource"]["aws_lambda_function"][role]["environment"]["variables"]["API_CLIENTS"]
    found = dict(re.findall(r'\(aws_api_gateway_api_key\.\w+\["([\w-]+)"\]\.id\) = "([\w-]+)"', told))
    assert found == stack["resource"]["aws_api_gateway_api_key"][f"{role}_clients"]["for_each"]


def test_the_summary_names_the_outputs_with_their_keys(synthesized: Synthesize) -> None:
    given: dict[str, Any] = {"read_api": {"clients": CLIENTS}}
    out = synthesized(WHOLE, **given).parents[1]
    said = summary.text(summary.document(twin_config(WHOLE, **given), Path("twin.yaml"), out))
    for output in READERS.values():
        assert f"outputs {output}_api_url, {output}_api_key, {output}_api_client_keys" in said


def test_without_clients_there_is_nothing_of_them(tiers: Stack) -> None:
    assert "API_CLIENTS" not in json.dumps(tiers)
    assert "_clients" not in json.dumps(tiers)
    assert not [name for name in tiers["output"] if "client" in name]


def test_what_no_client_calls_has_no_keys_of_theirs(synthesized: Synthesize) -> None:
    made = read(synthesized(Layout(AZURE, AZURE, AWS), read_api={"clients": CLIENTS}))
    assert set(made["resource"]["aws_api_gateway_api_key"]) == {"writer", "hot_reader", "hot_reader_clients"}


def test_the_environment_has_room_for_twenty_clients_with_the_longest_names(synthesized: Synthesize) -> None:
    names = [f"client-of-the-api-{number}" for number in range(10, 30)]
    layout = Layout(AZURE, AZURE, AWS, cold=GCP, l4=GCP)
    twin = "a-twin-with-20-chars"
    made = read(synthesized(layout, twin=twin, read_api={"clients": names}))
    told: dict[str, str] = made["resource"]["aws_lambda_function"]["hot_reader"]["environment"]["variables"]
    assert {"LINK_SECRET", "COLD_LINK_SECRET", "STORE", "API_CLIENTS"} <= told.keys()
    arn = f"arn:aws:secretsmanager:ap-southeast-1:123456789012:secret:{twin}-link-dashboards-AbCdEf"
    ids = {f"{number:010}": name for number, name in enumerate([*names, *names])}
    longest = {"API_CLIENTS": json.dumps(ids, separators=(",", ":")), "STORE": f"{twin}-hot"}
    longest |= {name: arn for name in told if name.endswith("LINK_SECRET")}
    assert (
        sum(len(name + longest.get(name, value)) for name, value in told.items()) < LAMBDA_ENVIRONMENT_BYTES
    )


def test_a_store_that_becomes_a_former_one_is_changed_in_what_expires_alone(
    synthesized: Synthesize, tiers: Stack
) -> None:
    former = ["hot_storage@aws", "cold_storage@aws", "archive_storage@aws"]
    moved = Layout(AWS, AWS, AZURE, AZURE, AZURE)
    clouds = {cloud: CLOUDS[cloud] for cloud in (AWS, AZURE)}
    after = read(synthesized(moved, former=former, clouds=clouds))["resource"]
    before = tiers["resource"]
    for kind, name, changed in (
        ("aws_dynamodb_table", "hot", {"lifecycle"}),  # the mover no longer switches its expiry
        ("aws_s3_bucket", "files", set[str]()),
        ("aws_s3_bucket_lifecycle_configuration", "files", {"rule"}),
        ("aws_s3_bucket_versioning", "files", set[str]()),
    ):
        old, new = before[kind][name], after[kind][name]
        assert {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)} - {"//"} == changed
    assert after["aws_dynamodb_table"]["hot"]["ttl"] == {"attribute_name": "expires", "enabled": False}
    events = after["aws_s3_bucket_lifecycle_configuration"]["files"]["rule"][0]
    assert "transition" not in events


def test_the_name_of_a_former_store_is_planned() -> None:
    """twin.yaml is checked against the planned names."""
    clouds = {cloud: CLOUDS[cloud] for cloud in (AWS, AZURE)}
    config = twin_config(
        Layout(*[AZURE] * 5), former=["hot_storage@aws", "archive_storage@aws"], clouds=clouds
    )
    names = dict(planned(Names.of(config), Topology.of(config)))
    assert names["aws_dynamodb_table"] == "factory-hot"
    assert names["aws_s3_bucket"].startswith("factory-files-")
