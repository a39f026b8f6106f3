"""Random sequences of edits on a twin in memory: a comparison names every store that a deployment deletes.

What is deployed, and with it what an edit deletes, is worked out here from the plain content of twin.yaml,
without the code under test.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from command.compare import Comparison, compare, data
from support.layouts import Layout, config_of, twin_data
from twin_runtime.roles import Cloud
from twinspan import stores

Twin = dict[str, Any]
CLOUDS = ("aws", "azure", "gcp")
TIERS = ("cold_storage", "archive_storage")
LAYERS = ("acquisition", "processing", "hot_storage", *TIERS, "twin_management", "visualization")
REGIONS = {
    "aws": ("eu-central-1", "eu-west-1"),
    "azure": ("westeurope", "northeurope"),
    "gcp": ("europe-west1", "europe-west3"),
}
ACCOUNTS = {
    "aws": ("111111111111", "222222222222"),
    "azure": ("11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"),
    "gcp": ("my-project", "other-project"),
}
WORDS = {
    "aws": ("region", "account_id"),
    "azure": ("location", "subscription_id"),
    "gcp": ("region", "project"),
}


# -- The model: which things with data a deployment of a twin.yaml leaves.


class Thing(NamedTuple):
    """A thing in a cloud. `whose` and `place` are what makes it this one and no other."""

    cloud: str
    address: str
    whose: str
    place: str


HOT = {
    "aws": ("aws_dynamodb_table.hot",),
    "azure": ("azurerm_cosmosdb_account.store", "azurerm_cosmosdb_sql_container.store"),
    "gcp": ("google_firestore_database.hot",),
}
FILES = {
    "aws": ("aws_s3_bucket.files",),
    "azure": ("azurerm_storage_account.files", "azurerm_storage_container.files"),
    "gcp": ("google_storage_bucket.files",),
}
GRAPH = {
    "aws": ("aws_cloudformation_stack.graph",),
    "azure": ("azurerm_digital_twins_instance.graph",),
    "gcp": ("google_firestore_database.graph",),
}
LASTING = {
    *(address for table in (HOT, FILES, GRAPH) for addresses in table.values() for address in addresses),
    "azurerm_iothub.broker",
    "aws_grafana_workspace.grafana",
}


def is_lasting(address: str) -> bool:
    """Whether the model knows of a thing; of queues, secrets and code it knows nothing."""
    return address in LASTING or address.startswith("aws_iot_thing.")


def things(twin: Twin) -> set[Thing]:
    """What a deployment leaves."""
    return {
        Thing(cloud, address, twin["twin"] if named else "", "/".join(twin["clouds"][cloud].values()))
        for cloud, address, named in _placed(twin)
    }


def dismissed(before: Twin, after: Twin) -> set[Thing]:
    """The things of devices that an edit takes out of the file, where their broker stays in its place."""
    listed = {f'aws_iot_thing.devices["{each["id"]}"]' for each in after["devices"]}
    stays = after["layers"]["acquisition"] == "aws" and before["clouds"].get("aws") == after["clouds"].get(
        "aws"
    )
    return {
        each
        for each in things(before)
        if stays and each.address.startswith("aws_iot_thing.") and each.address not in listed
    }


def _placed(twin: Twin) -> Iterator[tuple[str, str, bool]]:
    layers = twin["layers"]
    left = [store.split("@") for store in twin["former"]]
    for cloud in {layers["hot_storage"], *(c for layer, c in left if layer == "hot_storage")}:
        yield from ((cloud, address, True) for address in HOT[cloud])
    files = {layers[tier] for tier in TIERS} | {c for layer, c in left if layer in TIERS}
    for cloud in files - {"none"}:
        yield from ((cloud, address, True) for address in FILES[cloud])
    if graph := layers.get("twin_management"):
        yield from ((graph, address, True) for address in GRAPH[graph])
    if layers["acquisition"] == "aws":  # a thing is called by its device alone
        yield from (("aws", f'aws_iot_thing.devices["{each["id"]}"]', False) for each in twin["devices"])
    if layers["acquisition"] == "azure":
        yield "azure", "azurerm_iothub.broker", True
    if layers.get("visualization") == "aws":  # AWS numbers workspaces
        yield "aws", "aws_grafana_workspace.grafana", False


def used(twin: Twin) -> set[str]:
    """The clouds in which a twin has anything."""
    placed = {cloud for cloud in twin["layers"].values() if cloud != "none"}
    return placed | {store.split("@")[1] for store in twin["former"]}


# -- Edits, each on a copy of a twin.


def site(cloud: str) -> dict[str, str]:
    region, account = WORDS[cloud]
    return {region: REGIONS[cloud][0], account: ACCOUNTS[cloud][0]}


def move(draw: Callable[..., Any], twin: Twin) -> None:
    layer = draw(st.sampled_from(LAYERS))
    optional = layer in (*TIERS, "twin_management", "visualization")
    cloud = draw(st.sampled_from((*CLOUDS, "none") if optional else CLOUDS))
    if cloud == "none" and layer not in TIERS:
        twin["layers"].pop(layer, None)
    else:
        twin["layers"][layer] = cloud


def leave(draw: Callable[..., Any], twin: Twin) -> None:
    """Everything leaves a cloud for another one; its entry stays or goes."""
    cloud, other = draw(st.permutations(CLOUDS))[:2]
    for layer, place in twin["layers"].items():
        twin["layers"][layer] = other if place == cloud else place
    if draw(st.booleans()):
        twin["clouds"].pop(cloud, None)
        twin["former"] = [store for store in twin["former"] if not store.endswith(cloud)]


def enter(draw: Callable[..., Any], twin: Twin) -> None:
    cloud = draw(st.sampled_from(CLOUDS))
    twin["clouds"].setdefault(cloud, site(cloud))


def relocate(draw: Callable[..., Any], twin: Twin) -> None:
    """Another region, or another account."""
    cloud = draw(st.sampled_from(sorted(twin["clouds"])))
    which = draw(st.integers(0, 1))
    word, (one, other) = WORDS[cloud][which], (REGIONS, ACCOUNTS)[which][cloud]
    here = twin["clouds"][cloud]
    twin["clouds"][cloud] = {**here, word: other if here[word] == one else one}


def rename(draw: Callable[..., Any], twin: Twin) -> None:
    twin["twin"] = draw(st.sampled_from(("factory", "plant")))


def add_former(draw: Callable[..., Any], twin: Twin) -> None:
    store = f"{draw(st.sampled_from(('hot_storage', *TIERS)))}@{draw(st.sampled_from(CLOUDS))}"
    twin["former"] = list(dict.fromkeys((*twin["former"], store)))


def drop_former(draw: Callable[..., Any], twin: Twin) -> None:
    if twin["former"]:
        twin["former"].remove(draw(st.sampled_from(twin["former"])))


def switch_protection(draw: Callable[..., Any], twin: Twin) -> None:
    twin["protect"] = draw(st.sampled_from((True, False, {"hot_storage": False}, {"visualization": True})))


def switch_events(draw: Callable[..., Any], twin: Twin) -> None:
    twin["events"]["enabled"] = draw(st.booleans())


def turn_keys(draw: Callable[..., Any], twin: Twin) -> None:
    generation = twin["keys"]["generation"] + 1
    twin["keys"] = {"generation": generation, "revoked_before": draw(st.sampled_from((0, generation)))}


def keep_longer(draw: Callable[..., Any], twin: Twin) -> None:
    twin["retention"] = {"hot_days": draw(st.integers(1, 89))}


def change_devices(draw: Callable[..., Any], twin: Twin) -> None:
    numbers = draw(st.sets(st.integers(1, 4)))
    twin["devices"] = [{"id": f"thermostat-{number}", "type": "thermostat"} for number in sorted(numbers)]


EDITS = (
    *(move, move, leave, enter, relocate, rename, add_former, drop_former, switch_protection),
    *(switch_events, turn_keys, keep_longer, change_devices),
)


def settle(twin: Twin) -> None:
    """What `check` asks for after an edit: an entry for each cloud, no archive without a cold tier, no former
    store where its layer is.
    """
    layers = twin["layers"]
    if layers["cold_storage"] == "none":
        layers["archive_storage"] = "none"
    here = {("hot_storage", layers["hot_storage"])}
    here |= {(tier, layers[other]) for tier in TIERS for other in TIERS}
    twin["former"] = [store for store in twin["former"] if tuple(store.split("@")) not in here]
    for cloud in used(twin):
        twin["clouds"].setdefault(cloud, site(cloud))


@st.composite
def sequences(draw: Callable[..., Any]) -> list[Twin]:
    """A twin, and what it is after each of some edits."""
    clouds = [draw(st.sampled_from(list(Cloud))) for _ in range(7)]
    twin: Twin = {**twin_data(Layout(*clouds)), "twin": "factory", "former": [], "keys": {"generation": 1}}
    twin["clouds"] = {}
    settle(twin)
    found = [twin]
    for _ in range(draw(st.integers(1, 5))):
        twin = copy.deepcopy(twin)
        for change in draw(st.lists(st.sampled_from(EDITS), min_size=1, max_size=2)):
            change(draw, twin)
            settle(twin)
        found.append(twin)
    return found


# -- The property.


def addresses(comparison: Comparison) -> set[tuple[str, str]]:
    """The lasting things that a comparison names: cloud and address."""
    return {
        (each.store.partition("@")[2], address)
        for each in comparison.deletions
        for found in each.resources.values()
        for address in found
        if is_lasting(address)
    }


def compared(before: Twin, after: Twin) -> Comparison:
    return compare(config_of(before), config_of(after))


def check(sequence: list[Twin]) -> None:
    """Deploy one edit after the other: first without permission, then with it."""
    deployed = sequence[0]
    for edit in sequence[1:]:
        comparison = compared(deployed, edit)
        left = used(deployed) - edit["clouds"].keys()
        assert set(comparison.stranded) == left
        gone = things(deployed) - things(edit) - dismissed(deployed, edit)
        lost = {(each.cloud, each.address) for each in gone if each.cloud not in left}
        assert addresses(comparison) == lost
        named = {each.store for each in comparison.deletions if each.refused}
        assert set(comparison.deleted) == named
        # Without --delete-data nothing is deployed that deletes; with all but one neither.
        turned = edit["keys"]["generation"] - deployed["keys"]["generation"]
        others = 0 if turned in (0, 1) else 1
        assert len(comparison.refusals()) == len(named) + others
        assert not lost or named
        for store in named:
            assert len(comparison.refusals(named - {store})) == 1 + others
        assert len(comparison.refusals(named)) == others
        _offered(deployed, edit, comparison, left)
        if not left and not others:  # else the operator takes the edit back
            deployed = edit


def _offered(deployed: Twin, edit: Twin, comparison: Comparison, left: set[str]) -> None:
    """What `former:` is offered for stays with it, and nothing is offered in vain."""
    if not comparison.former:
        return
    kept = copy.deepcopy(edit)
    kept["former"] = list(comparison.former)
    settled = copy.deepcopy(kept)
    settle(settled)
    assert settled["former"] == kept["former"], "an entry is offered that check refuses"
    lost = {each.address for each in things(deployed) - things(kept) if each.cloud not in left}
    for each in comparison.deletions:
        if each.former:
            found = {address for listed in each.resources.values() for address in listed}
            held = {address for address in found if is_lasting(address)}
            assert held
            assert not held & lost
    assert set(compared(deployed, kept).former) <= set(kept["former"])


def bound(count: int, *phases: Phase) -> settings:
    return settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=phases or (Phase.generate, Phase.shrink),
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


@pytest.mark.matrix
@bound(500)
@given(sequences())
def test_a_comparison_names_every_store_that_is_deleted(sequence: list[Twin]) -> None:
    check(sequence)


def _without(part: str) -> Callable[[pytest.MonkeyPatch], None]:
    whole = stores._Twin._identity

    def fault(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(
            stores._Twin, "_identity", lambda twin, kind: whole(twin, kind)._replace(**{part: None})
        )

    return fault


def _no_former_hot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores._Twin, "hot", lambda twin: twin.has(stores.Layer.HOT_STORAGE))


def _no_archive(monkeypatch: pytest.MonkeyPatch) -> None:
    cold = stores.Layer.COLD_STORAGE
    monkeypatch.setattr(stores._Twin, "files", lambda twin: cold if twin.has(cold) else None)


def _no_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores._Twin, "devices", lambda _: ())


def _replaced_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(edit: Any) -> Iterator[Any]:
        new = {(each.stack, one) for each in stores.held(edit._after) for one in each.instances}
        for each in stores.held(edit._before):
            if each.stack in edit._is.stacks:
                yield from ((each, one) for one in each.instances if (each.stack, one) not in new)

    monkeypatch.setattr(data._Edit, "gone", gone)


def _left_clouds_are_emptied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "stranded", lambda before, after: ())


FAULTS: dict[str, Callable[[pytest.MonkeyPatch], None]] = {
    "the region does not matter": _without("region"),
    "the name does not matter": _without("twin"),
    "the account does not matter": _without("account"),
    "former hot stores are forgotten": _no_former_hot,
    "archives are forgotten": _no_archive,
    "devices are forgotten": _no_devices,
    "what is replaced counts as kept": _replaced_is_kept,
    "a cloud without an entry is forgotten": _left_clouds_are_emptied,
}


@pytest.mark.matrix
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_store_logic_is_found(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    FAULTS[fault](monkeypatch)
    faulty = bound(200, Phase.generate)(given(sequences())(check))
    with pytest.raises(AssertionError):
        faulty()
