"""The clouds are equals: what one lacks says why, and what is said is so."""

from __future__ import annotations

from typing import Any

import pytest

from guides import parity, twins
from guides.deployment import guide as guides
from guides.deployment.guide import ParityError, guide
from support.read_stacks import alone, said
from twin_runtime.roles import ROLES, Cloud, Layer, Role


def all_guides() -> dict[Cloud, guides.Guide]:
    return {cloud: guide(cloud) for cloud in Cloud}


@pytest.mark.matrix
def test_every_role_is_in_every_cloud_or_says_why_not() -> None:
    rows = parity.layers(all_guides())
    assert [row.id for row in rows] == [layer.value.replace("_", "-") for layer in Layer]
    cards = {card.role: row.cards for layer in rows for row in layer.roles for card in row.cards.values()}
    assert set(cards) == set(Role)
    for role, of_cloud in cards.items():
        assert set(of_cloud) == set(Cloud)
        for cloud, card in of_cloud.items():
            assert card.role is role
            assert card.absent == ROLES[role].absent.get(cloud, "")
            assert (card.facts is None) == bool(card.absent)


@pytest.mark.parametrize(
    ("role", "cloud"), [(role, cloud) for role, spec in ROLES.items() for cloud in spec.absent]
)
def test_what_is_absent_is_so(role: Role, cloud: Cloud) -> None:
    """In no twin does the cloud have it, and another cloud does: a role that no cloud has is none."""
    for placement in (*twins.SINGLE.values(), *twins.SPREAD):
        assert twins.topology(placement).roles.get(role) is not cloud
    assert role not in said(alone(cloud), cloud).functions
    others = [other for other in Cloud if other not in ROLES[role].absent]
    assert any(role in said(alone(other), other).functions for other in others)


@pytest.mark.parametrize("cloud", Cloud)
def test_a_role_that_is_gone_is_missed(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    read = guides.read

    def without(*arguments: Any) -> Any:
        found = read(*arguments)
        return type(found)(
            found.cloud,
            found.resources,
            {role: each for role, each in found.functions.items() if role is not Role.TWIN_READER},
            found.outputs,
            found.variables,
        )

    monkeypatch.setattr(guides, "read", without)
    with pytest.raises(
        ParityError, match=f"{cloud} neither has twin_reader nor says in twin_runtime.roles why not"
    ):
        guide(cloud)


def test_a_role_that_is_there_all_the_same_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    said = ROLES[Role.PERSISTER]._replace(absent={Cloud.AWS: "it is said to do without"})
    monkeypatch.setitem(ROLES, Role.PERSISTER, said)
    with pytest.raises(
        ParityError, match=r"aws has persister, which twin_runtime\.roles says it does without"
    ):
        guide(Cloud.AWS)


def test_the_classes_of_the_clouds_are_alike() -> None:
    for part in parity.parts():
        assert set(part.classes) == set(Cloud)
        assert len({where.partition(": ")[2] for where in part.classes.values()}) == 1, part.classes
        assert len({where.split("/")[1] for where in part.classes.values()}) == 1, part.classes
        assert len(set(part.arguments.values())) == 1, part.arguments
