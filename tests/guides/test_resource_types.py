"""The tables of Terraform types: every type that is deployed, no other, and the permissions that follow."""

from __future__ import annotations

from functools import cache

import pytest

from guides import resource_types, twins
from guides.resource_types import ANYWHERE, Need
from support.layouts import Layout, config_of, twin_data
from support.synth import stacks_of
from twin_runtime.roles import Cloud

PREFIXES = {Cloud.AWS: ("aws_",), Cloud.AZURE: ("azurerm_", "azapi_"), Cloud.GCP: ("google_",)}


@cache
def deployed() -> frozenset[str]:
    """Every type and data source of the guides' twins, and of each cloud alone with alarms by e-mail."""
    alarmed = (
        stacks_of(config_of(twin_data(Layout(*[cloud] * 7), alerts={"email": "ops@example.com"})))
        for cloud in Cloud
    )
    placed = (twins.stacks(placement) for placement in (*twins.SINGLE.values(), *twins.SPREAD))
    return frozenset(
        prefix + kind
        for stacks in (*alarmed, *placed)
        for stack in stacks.values()
        for section, prefix in (("resource", ""), ("data", "data."))
        for kind in stack.get(section, {})
    )


@pytest.mark.matrix
def test_every_type_is_known_and_no_other() -> None:
    assert set(resource_types.known()) == deployed()


@pytest.mark.parametrize("cloud", Cloud)
def test_each_table_has_its_cloud_s_types(cloud: Cloud) -> None:
    for name, each in resource_types.table(cloud).items():
        assert name.removeprefix("data.").startswith(PREFIXES[cloud])
        assert each.what[0].isupper()
        assert not each.what.endswith(".")
        if not name.startswith("data."):
            assert each.needs, f"{name}: nobody may make one without a permission"


def test_what_needs_no_account_needs_no_permission() -> None:
    assert not any(each.needs for each in resource_types.table(ANYWHERE).values())


def test_permissions_are_written_as_the_clouds_write_them() -> None:
    forms = {
        Cloud.AWS: lambda need: need.count(":") == 1 and need.split(":")[0].islower(),
        Cloud.AZURE: lambda need: need[0].isupper() and ":" not in need,
        Cloud.GCP: lambda need: need.startswith("roles/") and need.count(".") == 1,
    }
    for cloud, good in forms.items():
        wanted = [need for each in resource_types.table(cloud).values() for need in each.needs]
        assert [need for need in wanted if not good(need)] == []


def test_permissions_of_some_types() -> None:
    found = resource_types.needs(["aws_sqs_queue_policy", "data.aws_iot_endpoint"])
    assert found == (
        Need("iot", ("DescribeEndpoint",), ("data.aws_iot_endpoint",)),
        Need("sqs", ("GetQueueAttributes", "SetQueueAttributes"), ("aws_sqs_queue_policy",)),
    )
    (role,) = resource_types.needs(["google_pubsub_topic", "google_pubsub_topic_iam_member"])
    assert role == Need("roles/pubsub.admin", (), ("google_pubsub_topic", "google_pubsub_topic_iam_member"))


def test_a_type_that_no_table_has() -> None:
    with pytest.raises(KeyError, match="aws_quantum_ledger"):
        resource_types.needs(["aws_quantum_ledger"])
