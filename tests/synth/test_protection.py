"""What holds data is protected, by Terraform and by the cloud itself, unless twin.yaml says otherwise."""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import NamedTuple

import pytest

from support import azure_rules
from support.layouts import CLOUDS, SYNTHESIZED, Layout, twin_config
from support.synth import Stack, stacks, stacks_of
from twin_runtime.roles import Cloud, Layer
from twinspan.terraform.holdings import REMADE, TYPES, Holding, holding
from twinspan.terraform.stackjson import Block, Blocks, resources
from twinspan.topology import LINKS_STACK

AWS, AZURE, GCP = Cloud.AWS, Cloud.AZURE, Cloud.GCP
Native = Callable[[Stack, Block], bool]


class Kept(NamedTuple):
    """What protects the resources of a type: the cloud itself, if `native` says so of a block of a stack; and
    Terraform, unless `refused` is False.
    """

    native: Native | None = None
    refused: bool = True


def argument(name: str, value: object) -> Native:
    """Protection that is one argument of the resource."""
    return lambda _, block: block.body.get(name) == value


def goes_after_a_lock(stack: Stack, block: Block) -> bool:
    """Whether Terraform deletes a block no sooner than something that Azure refuses to delete."""
    return any(
        block.address in {scope, *azure_rules.needed(stack, scope)}
        for scope in azure_rules.locked(stack).values()
    )


KEPT: Mapping[Cloud, Mapping[str, Kept]] = {
    # registry.terraform.io/providers/hashicorp/aws/5.100.0/docs/resources/<type>, and the API that it calls.
    AWS: {
        # "deletion_protection_enabled": DeleteTable is refused while it is on.
        "aws_dynamodb_table": Kept(argument("deletion_protection_enabled", True)),
        # "force_destroy": all objects are deleted before the bucket; DeleteBucket refuses one that has any.
        "aws_s3_bucket": Kept(argument("force_destroy", False)),
        "aws_s3_object": Kept(),
        # Creation takes so long that an interrupted apply leaves one tainted: the next must replace it.
        "aws_sqs_queue": Kept(refused=False),
        # The provider has no argument for CloudFormation's termination protection.
        "aws_cloudformation_stack": Kept(),
        "aws_grafana_workspace": Kept(),
        # One block for all devices: `prevent_destroy` would refuse to take out one. AWS deletes no thing that
        # a certificate is attached to.
        "aws_iot_thing": Kept(refused=False),
    },
    # learn.microsoft.com/azure/azure-resource-manager/management/lock-resources, "Lock inheritance".
    AZURE: {
        "azurerm_cosmosdb_account": Kept(goes_after_a_lock),
        "azurerm_cosmosdb_sql_container": Kept(goes_after_a_lock),
        "azurerm_cosmosdb_sql_database": Kept(goes_after_a_lock),
        "azurerm_digital_twins_instance": Kept(goes_after_a_lock),
        "azurerm_iothub": Kept(goes_after_a_lock),
        # The tiers' goes after a lock, too. What is deleted in the others can be brought back for days.
        "azurerm_storage_account": Kept(),
        "azurerm_storage_container": Kept(),
        "azurerm_storage_queue": Kept(),
        # Purge protection is on whatever twin.yaml says.
        "azurerm_key_vault": Kept(),
    },
    # registry.terraform.io/providers/hashicorp/google/6.50.0/docs/resources/<type>.
    GCP: {
        # "delete_protection_state": enabled, the API refuses DeleteDatabase.
        "google_firestore_database": Kept(argument("delete_protection_state", "DELETE_PROTECTION_ENABLED")),
        # "force_destroy": without it, the deletion of a bucket that has objects fails.
        "google_storage_bucket": Kept(argument("force_destroy", False)),
        # "deletion_protection": true in the state, an apply that would delete the secret fails.
        "google_secret_manager_secret": Kept(argument("deletion_protection", True)),
        "google_pubsub_subscription": Kept(),
        "random_password": Kept(),
    },
}
"""Every type of a cloud that holds data, with the provider's documentation as source."""
EACH_CLOUD = pytest.mark.parametrize("cloud", list(Cloud))
SPREAD = Layout(AWS, AZURE, GCP, AZURE, AWS, AWS, AZURE)
"""Every two neighbours are in two clouds."""


def whole(cloud: Cloud) -> tuple[Layout, ...]:
    """All layers in one cloud, and one after the other in it, with the queues of their public endpoints."""
    other = GCP if cloud is AWS else AWS
    return Layout(*[cloud] * 7), Layout(cloud, other, cloud, cloud, other, cloud, other), SPREAD


@cache
def stack_of(layout: Layout, cloud: Cloud, fields: str = "") -> Stack:
    """The stack of a cloud; `fields` are more fields of twin.yaml, as JSON."""
    made = stacks_of(twin_config(layout, **json.loads(fields))) if fields else stacks(layout)
    return made.get(cloud, {})


def held(stack: Stack) -> Iterator[Block]:
    """The resources that hold data and stay when the event system is switched off."""
    blocks = Blocks(stack)
    for block in blocks.resources:
        if holding(block.address) is not Holding.NOTHING and not blocks.optional(block):
            yield block


def refused(block: Block) -> bool:
    return block.body.get("lifecycle", {}).get("prevent_destroy", False)


def unprotected(stack: Stack, cloud: Cloud) -> Iterator[str]:
    """What holds data and is not protected as its type can be."""
    for block in held(stack):
        kept = KEPT[cloud][block.kind]
        if refused(block) != kept.refused:
            yield f"{block.address}: prevent_destroy is {refused(block)}"
        if kept.native and not kept.native(stack, block):
            yield f"{block.address}: the cloud would delete it"


def protected(stack: Stack, cloud: Cloud) -> Iterator[str]:
    """What is protected in any way, whatever it holds."""
    for block in resources(stack):
        native = KEPT[cloud].get(block.kind, Kept()).native
        if refused(block) or (native and native(stack, block)):
            yield block.address


@pytest.mark.parametrize("layout", SYNTHESIZED, ids=str)
@pytest.mark.parametrize("stack", [*Cloud, LINKS_STACK])
def test_every_type_has_a_row(layout: Layout, stack: str) -> None:
    kinds = {block.kind for block in resources(stacks(layout).get(stack, {}))}
    assert kinds <= TYPES.keys()


@pytest.mark.parametrize("cloud", list(Cloud))
@pytest.mark.parametrize("layout", SYNTHESIZED, ids=str)
def test_what_holds_data_is_protected(layout: Layout, cloud: Cloud) -> None:
    assert not list(unprotected(stacks(layout).get(cloud, {}), cloud))


@pytest.mark.parametrize("layout", SYNTHESIZED, ids=str)
def test_the_stack_of_links_holds_nothing(layout: Layout) -> None:
    assert not list(held(stacks(layout).get(LINKS_STACK, {})))


@EACH_CLOUD
def test_every_row_is_of_a_type_in_use_that_holds_data(cloud: Cloud) -> None:
    used = [block for layout in whole(cloud) for block in resources(stack_of(layout, cloud))]
    assert KEPT[cloud].keys() == {
        block.kind for block in used if {TYPES[block.kind], holding(block.address)} != {Holding.NOTHING}
    }


@EACH_CLOUD
def test_every_remade_resource_is_of_a_type_that_holds_data(cloud: Cloud) -> None:
    blocks = [block for layout in whole(cloud) for block in resources(stack_of(layout, cloud))]
    for block in blocks:
        if block.address in REMADE:
            assert block.kind in KEPT[cloud], f"{block.address} needs no row in REMADE"


@pytest.mark.matrix
@EACH_CLOUD
def test_a_trial_is_not_protected(cloud: Cloud) -> None:
    for layout in whole(cloud):
        assert not list(protected(stack_of(layout, cloud, '{"protect": false}'), cloud))


@pytest.mark.matrix
@EACH_CLOUD
@pytest.mark.parametrize("layer", list(Layer))
def test_one_layer_can_do_without(cloud: Cloud, layer: Layer) -> None:
    """What the layer holds is not protected; everything else is as before."""
    layout = whole(cloud)[0]
    stack = stack_of(layout, cloud)
    without = stack_of(layout, cloud, json.dumps({"protect": {layer: False}}))
    of_layer = {block.address for block in held(stack) if Blocks(stack).layer(block) is layer}
    assert set(protected(without, cloud)) == set(protected(stack, cloud)) - of_layer


FORMER = {Layer.HOT_STORAGE: "l3", Layer.COLD_STORAGE: "cold", Layer.ARCHIVE_STORAGE: "archive"}
"""The layers whose store can outlive them, and their name in a `Layout`."""
ALL_STORES = tuple(FORMER)


@pytest.mark.matrix
@EACH_CLOUD
@pytest.mark.parametrize(
    "layers",
    [ALL_STORES[:1], ALL_STORES[1:], ALL_STORES[2:], ALL_STORES],
    ids=lambda layers: "-".join(layers),
)
def test_a_former_store_is_protected_where_it_was(cloud: Cloud, layers: tuple[Layer, ...]) -> None:
    """It has the same address, the same labels, and the same protection."""
    other = GCP if cloud is AWS else AWS
    before = Layout(*[cloud] * 5)
    if Layer.COLD_STORAGE not in layers:  # both tiers have one bucket, which the archive alone cannot leave
        before = before._replace(cold=other)
    moved = before._replace(**{FORMER[layer]: other for layer in layers})
    former = {
        "former": [f"{layer}@{cloud}" for layer in layers],
        "clouds": {str(each): CLOUDS[each] for each in (cloud, other)},
    }
    stack = stack_of(before, cloud)
    after = stack_of(moved, cloud, json.dumps(former))
    assert not list(unprotected(after, cloud))
    stores = [
        block
        for block in held(stack)
        if Blocks(stack).layer(block) in layers and TYPES[block.kind] in (Holding.ROWS, Holding.FILES)
    ]
    assert stores
    kept = {block.address: block.labels for block in resources(after)}
    assert {block.address: block.labels for block in stores}.items() <= kept.items()
