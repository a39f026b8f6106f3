"""The stores of a twin, as `twinspan.stores` lists them, against the synthesized stacks."""

from typing import Any

import pytest

from support.layouts import CLOUDS, SYNTHESIZED, Layout, twin_config
from support.replacement import KINDS
from support.synth import Stack, stacks, stacks_of
from twin_runtime.roles import Cloud
from twinspan.config import Config
from twinspan.stores import Held, held, name_of, stores
from twinspan.terraform.holdings import Holding, holding
from twinspan.terraform.stackjson import Blocks, references

AWS, AZURE, GCP = Cloud
FORMER = (
    (Layout(AWS, AZURE, GCP), ["hot_storage@aws"]),
    (Layout(AWS, AZURE, GCP, cold=GCP, archive=GCP), ["hot_storage@aws", "cold_storage@aws"]),
    (Layout(AWS, AWS, AWS, cold=GCP, archive=GCP), ["hot_storage@azure", "archive_storage@azure"]),
    (Layout(AZURE, AZURE, AZURE, cold=AZURE, archive=AWS, l4=AZURE), ["hot_storage@gcp", "cold_storage@gcp"]),
    (Layout(GCP, GCP, GCP, l4=AZURE), ["hot_storage@azure", "hot_storage@aws", "archive_storage@aws"]),
)
"""Layouts with stores that layers have left."""
_SEVEN = [Layout(*[cloud] * 7) for cloud in Cloud]
_ARGUMENTS = {
    "aws_cloudformation_stack": ("name",),
    "aws_dynamodb_table": ("name",),
    "aws_grafana_workspace": (),  # AWS numbers workspaces, and renames one
    "aws_iot_thing": ("name",),
    "aws_s3_bucket": ("bucket",),
    "aws_s3_object": ("bucket", "key"),
    "aws_sqs_queue": ("name",),
    "azurerm_cosmosdb_account": ("name", "location", "resource_group_name"),
    "azurerm_cosmosdb_sql_container": ("name", "account_name", "database_name"),
    "azurerm_cosmosdb_sql_database": ("name", "account_name"),
    "azurerm_digital_twins_instance": ("name", "location", "resource_group_name"),
    "azurerm_iothub": ("name", "location", "resource_group_name"),
    "azurerm_key_vault": ("name", "location", "resource_group_name"),
    "azurerm_resource_group": ("name", "location"),
    "azurerm_storage_account": ("name", "location", "resource_group_name"),
    "azurerm_storage_container": ("name", "storage_account_id"),
    "azurerm_storage_queue": ("name", "storage_account_id", "storage_account_name"),
}
"""By type: the arguments whose change replaces a resource, from the sources of the providers (`ForceNew`)."""


def former(layout: Layout, kept: list[str], **fields: Any) -> Config:
    return twin_config(layout, former=kept, clouds=CLOUDS, **fields)


def in_json(made: dict[str, Stack]) -> dict[tuple[str, str], tuple[str, Holding, bool]]:
    """What holds something in the JSON: stack and address, with store, holding and whether it is optional."""
    found = {}
    for stack, content in made.items():
        blocks = Blocks(content)
        for block in blocks.resources:
            if (holds := holding(block.address)) is not Holding.NOTHING:
                store = name_of(blocks.layer(block), stack)
                found[stack, block.address] = (store, holds, blocks.optional(block))
    return found


def listed(config: Config) -> dict[tuple[str, str], tuple[str, Holding, bool]]:
    """What the module lists."""
    return {
        (each.stack, each.address): (name_of(each.layer, each.stack), each.holding, each.optional)
        for each in held(config)
    }


@pytest.mark.matrix
@pytest.mark.parametrize("layout", SYNTHESIZED, ids=str)
def test_it_lists_exactly_what_the_stacks_have(layout: Layout) -> None:
    assert listed(twin_config(layout)) == in_json(stacks(layout))


def test_an_event_system_that_is_off_leaves_nothing() -> None:
    for layout in _SEVEN:
        on, off = held(twin_config(layout)), held(twin_config(layout, events=False))
        for there, gone in zip(on, off, strict=True):
            assert bool(there.instances)
            assert bool(gone.instances) is not there.optional


@pytest.mark.matrix
@pytest.mark.parametrize("number", range(len(FORMER)))
def test_it_lists_former_stores(number: int) -> None:
    config = former(*FORMER[number])
    assert listed(config) == in_json(stacks_of(config))


@pytest.mark.parametrize("count", (0, 3))
@pytest.mark.parametrize("cloud", (AWS, GCP))
def test_it_lists_every_device(cloud: Cloud, count: int) -> None:
    names = [f"thermostat-{number}" for number in range(count)]
    config = twin_config(
        Layout(cloud, cloud, cloud), devices=[{"id": n, "type": "thermostat"} for n in names]
    )
    assert listed(config) == in_json(stacks_of(config))
    repeated = {each.address: each.instances for each in held(config) if each.address.endswith(".devices")}
    address = "aws_iot_thing.devices" if cloud is AWS else "google_pubsub_subscription.devices"
    per_device = tuple(f'{address}["{name}"]' for name in names)
    assert repeated == ({address: per_device} if cloud is AWS or count else {})


def test_a_store_gathers_what_its_layer_holds() -> None:
    config = twin_config(Layout(AWS, AZURE, AWS, cold=AWS, archive=AWS))
    by_name = {store.name: store for store in stores(config)}
    assert by_name["cold_storage@aws"].addresses == ("aws_s3_bucket.files",)
    assert "archive_storage@aws" not in by_name
    hot = by_name["hot_storage@aws"]
    assert hot.addresses == ("aws_sqs_queue.writing_dead", "aws_dynamodb_table.hot")
    assert hot.holdings == (Holding.MESSAGES, Holding.ROWS)


_ELSEWHERE: dict[str, dict[str, dict[str, Any]]] = {
    "region": {
        "aws": {**CLOUDS["aws"], "region": "eu-west-1"},
        "azure": {**CLOUDS["azure"], "location": "northeurope"},
        "gcp": {**CLOUDS["gcp"], "region": "europe-west3"},
    },
    "account": {
        "aws": {**CLOUDS["aws"], "account_id": "111111111111"},
        "azure": {**CLOUDS["azure"], "subscription_id": "11111111-1111-1111-1111-111111111111"},
        "gcp": {**CLOUDS["gcp"], "project": "other-project"},
    },
}


@pytest.mark.matrix
@pytest.mark.parametrize("change", ("twin", "region", "account"))
@pytest.mark.parametrize("layout", _SEVEN, ids=str)
def test_an_identity_changes_where_terraform_replaces(layout: Layout, change: str) -> None:
    """Held against the arguments in the JSON that force another resource."""
    fields: dict[str, Any] = {"twin": "plant"} if change == "twin" else {"clouds": _ELSEWHERE[change]}
    config, edited = twin_config(layout), twin_config(layout, **fields)
    cloud = layout.l1
    before, after = stacks(layout)[cloud], stacks_of(edited)[cloud]
    old, new = _by_address(config), _by_address(edited)
    assert old.keys() == new.keys()
    for address in old:
        if old[address].stack != cloud:
            continue
        replaced = _replaced(address, before, after)
        # The provider itself is bound to account and region: what it made in one is not in the other.
        if not address.startswith("random_"):
            replaced |= change == "account"
            replaced |= change == "region" and cloud is AWS
        assert (old[address].identity != new[address].identity) is replaced, address


def _by_address(config: Config) -> dict[str, Held]:
    return {each.address: each for each in held(config)}


def _replaced(address: str, before: Stack, after: Stack) -> bool:
    """Whether an argument that forces another resource differs, followed through references."""
    kind, name = address.split(".")
    old, new = (stack["resource"][kind][name] for stack in (before, after))
    forces = KINDS[kind].forces if kind in KINDS else _ARGUMENTS[kind]
    if any(old.get(each) != new.get(each) for each in forces):
        return True
    return any(
        _replaced(each.address, before, after)
        for force in forces
        for each in references(old.get(force))
        if each.kind in KINDS or each.kind in _ARGUMENTS
    )
