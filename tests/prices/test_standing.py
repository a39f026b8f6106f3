"""What is billed by the month: counted as the stacks have it, and never part of the figures per event."""

from __future__ import annotations

from decimal import Decimal

import pytest

from guides import twins
from guides.prices import events
from guides.prices.standing import MINUTES, Fixed
from support.inventory import ROOT, recorded
from twin_runtime.roles import MOVERS, SCHEDULES, Cloud, Layer
from twinspan.topology import Topology
from twinspan.twinfile import checked

AWS, AZURE, GCP = Cloud


def bill(cloud: Cloud, *, on: bool = True) -> dict[tuple[str, str], Fixed]:
    found = events.fixed(twins.topology(twins.SINGLE[cloud]), on)
    return {(each.part, each.price.item): each for each in found}


@pytest.mark.parametrize("cloud", Cloud)
def test_a_month_costs_something_and_is_said(cloud: Cloud) -> None:
    found = bill(cloud)
    assert Decimal(1) < sum(each.usd for each in found.values()) < 100
    assert all(each.cloud is cloud and each.usd > 0 and each.text for each in found.values())
    assert len(found) == len(events.fixed(twins.topology(twins.SINGLE[cloud]), True)), "each once"


@pytest.mark.parametrize("cloud", Cloud)
def test_alarms_and_secrets_are_those_of_the_stacks(cloud: Cloud) -> None:
    """The examples' inventories have them. AWS: the alarm of a schedule looks at three metrics, a mover's at
    two.
    """
    example = ROOT / "examples" / f"single-{cloud}.yaml"
    blocks = recorded(example)[cloud]
    topology = Topology.of(checked(example))
    found = {each.price.item: each.quantity for each in events.fixed(topology, True)}
    clocks = [role for role in topology.roles if role in SCHEDULES]
    movers = [role for role in topology.roles if role in MOVERS]
    if cloud is AWS:
        assert found["alarm"] == blocks["aws_cloudwatch_metric_alarm"] + 2 * len(clocks) + len(movers)
        assert found["metric"] == blocks["aws_cloudwatch_log_metric_filter"]
        assert found["secret"] == blocks["aws_secretsmanager_secret"]
    elif cloud is AZURE:
        assert found["log_alarm"] == blocks["azurerm_monitor_scheduled_query_rules_alert_v2"]
    else:
        assert found["secret"] == blocks["google_secret_manager_secret"]
        assert found["job"] == sum(SCHEDULES[role].partitions for role in clocks), "for_each over four"
        assert blocks["google_cloud_scheduler_job"] == len(clocks)


def test_a_unit_of_iot_hub_is_apart() -> None:
    unit = bill(AZURE)["broker", "unit"]
    assert unit.usd == 25
    assert "would need 6" in unit.text, "five messages of 4 KB in one of a hundred events: 2,160,000 a day"
    (single,) = (
        each
        for each in events.fixed(twins.topology(twins.SINGLE[AZURE]), True, "single")
        if each.price is unit.price
    )
    assert "would need 108" in single.text
    assert ("broker", "unit") not in bill(AWS)


def test_dashboards_and_devices() -> None:
    assert bill(AZURE)["grafana", "grafana"].usd == Decimal("0.0445") * 730
    assert bill(AWS)["grafana", "editor"].usd == 9
    assert bill(AWS)["broker", "connection"].quantity == 500 * MINUTES == 500 * 43_800
    assert bill(AWS)["twin_graph", "entity"].usd == 500 * Decimal("0.0525")
    assert not [part for part, _ in bill(GCP) if part == "grafana"], "its instance ends when nobody looks"


def test_runs_by_the_clock_are_billed_by_the_month() -> None:
    runs = {part: each.quantity for (part, item), each in bill(GCP).items() if item == "request"}
    assert runs == {"twin_sync": 43_800, "cold_mover": 4 * 2_920}


def test_without_the_event_system_there_is_less() -> None:
    for cloud in Cloud:
        off, on = (sum(each.usd for each in bill(cloud, on=flag).values()) for flag in (False, True))
        assert off <= on
    assert bill(AWS, on=False)["queues", "request"].quantity * 2 == bill(AWS)["queues", "request"].quantity


def test_each_cloud_in_use_has_its_month() -> None:
    spread = Topology({Layer.ACQUISITION: AWS, Layer.PROCESSING: AZURE, Layer.HOT_STORAGE: GCP})
    found = events.fixed(spread, True)
    assert {each.cloud for each in found} == set(Cloud)
    assert not [each for each in found if each.part in ("grafana", "twin_graph")]
