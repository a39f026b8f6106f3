"""The picker, driven as a reader drives it: what it answers is what the topology and the prices say, and the
file that it offers is the twin that was chosen.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from guides.prices import amounts, events
from support.browser import PROBES, WIDTHS, Tab, opened
from support.html import DOCS
from support.layouts import COVERING, PARTIAL, Layout
from twin_runtime.roles import Cloud, Layer
from twinspan.config import load
from twinspan.topology import Topology

pytestmark = pytest.mark.browser
DRIVER = (Path(__file__).parent / "picker.js").read_text(encoding="utf-8")
ALONE = tuple(Layout(*(cloud,) * 7) for cloud in Cloud)
MIXED = COVERING[:20]
LAYOUTS = (*ALONE, *MIXED, *PARTIAL)
LOCAL_HOPS, MORE_HOPS = 7, {"telemetry": 3, "write": 1}
"""From the device to the hot store in one cloud, and what each remote link adds: connector, ingestion and
their queue; the writer."""


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[Tab]:
    with opened(browser, DOCS / "index.html") as tab:
        tab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        tab.run(DRIVER)
        tab.show(WIDTHS[0])
        yield tab


def _choices(layout: Layout, *, on: bool, read_api: bool = True) -> dict[str, str]:
    clouds = {layer.value: cloud or "none" for layer, cloud in zip(Layer, layout, strict=True)}
    return {**clouds, "events": "on" if on else "off", "read_api": "on" if read_api else "off"}


def _topology(layout: Layout, *, read_api: bool = True) -> Topology:
    layers = {layer: cloud for layer, cloud in zip(Layer, layout, strict=True) if cloud is not None}
    return Topology(layers, read_api=read_api)


def _expected(twin: Topology, *, on: bool) -> dict[str, Any]:
    """What the page shall say, from the topology and the prices alone."""
    links = [link for link in twin.links if on or not link.optional]
    off = (
        set()
        if on
        else {role for link in twin.links if link.optional for role in (link.sender, link.receiver)}
    )
    roles = {role: cloud for role, cloud in twin.roles.items() if role not in off}
    remote = [link.name for link in links if link.remote and link.sender_cloud]
    hops = LOCAL_HOPS + sum(more for name, more in MORE_HOPS.items() if name in remote)
    costs = [_usd(sum(events.by_part(events.items(twin, on, each)).values())) for each in events.SETS]
    return {
        "clouds": sorted(twin.clouds),
        "stacks": list(twin.stacks),
        "functions": sorted(f"{cloud}/{role}" for role, cloud in roles.items()),
        "drawn": sorted(f"{cloud}/{role}" for role, cloud in roles.items()),
        "astray": [],
        "endpoints": sorted({link.receiver for link in links if link.public and link.receiver}),
        "links": {link.name: _kind(link.remote, link.sender_cloud) for link in links},
        "remote": sorted(remote),
        "counts": {
            "function": len(roles),
            "endpoint": len({link.receiver for link in links if link.public and link.receiver}),
            "link_is/remote": len(remote),
            "link_is/local": sum(not link.remote for link in links),
        },
        "hops": hops,
        "costs": costs,
        "cheapest": _usd(events.cheapest(twin, on)[1]),
    }


def _kind(remote: bool, sender: Cloud | None) -> str:
    return "client" if sender is None else "remote" if remote else "local"


def _usd(amount: Decimal | int) -> float:
    return float(round(Decimal(amount), 2))


@pytest.mark.parametrize("on", [True, False], ids=["events", "no events"])
def test_it_answers_what_the_topology_says(tab: Tab, on: bool, tmp_path: Path) -> None:
    for layout in LAYOUTS:
        answers = tab.run("choices => driver.choose(choices)", _choices(layout, on=on))
        said = {name: answers[name] for name in answers if name != "yaml"}
        _compare(said, _expected(_topology(layout), on=on), f"{layout}, events {on}")
        _loads(tmp_path, answers["yaml"], layout, on=on)


def test_it_shows_amounts_as_the_guides_do(tab: Tab) -> None:
    micros = [
        0,
        1,
        7,
        44,
        725,
        731,
        4_999,
        5_000,
        7_250,
        9_960,
        10_000,
        14_999,
        15_000,
        1_745_000,
        23_456_789,
    ]
    assert tab.run("micros => micros.map(usd)", micros) == [
        amounts.usd(Decimal(micro) / 1_000_000) for micro in micros
    ]


def test_without_a_read_api(tab: Tab, tmp_path: Path) -> None:
    for layout in (*ALONE, *PARTIAL):
        answers = tab.run("choices => driver.choose(choices)", _choices(layout, on=True, read_api=False))
        yaml = answers.pop("yaml")
        _compare(answers, _expected(_topology(layout, read_api=False), on=True), str(layout))
        _loads(tmp_path, yaml, layout, on=True, read_api=False)


def _compare(said: dict[str, Any], expected: dict[str, Any], twin: str) -> None:
    # The page adds up what it has rounded to a millionth.
    costs = {name: pytest.approx(expected[name], abs=0.0101) for name in ("costs", "cheapest")}
    assert said == expected | costs, twin


def _loads(folder: Path, yaml: str, layout: Layout, *, on: bool, read_api: bool = True) -> None:
    path = folder / "twin.yaml"
    path.write_text(yaml, encoding="utf-8")
    config = load(path)
    assert tuple(config.layers.cloud_of(layer) for layer in Layer) == tuple(layout)
    assert (config.events.enabled, config.read_api) == (on, read_api)


def test_what_twin_yaml_refuses_cannot_be_chosen(tab: Tab) -> None:
    """An archive takes its data from a cold tier."""
    tab.run(
        "choices => driver.choose(choices)", _choices(ALONE[0]._replace(cold=None, archive=None), on=True)
    )
    shut = tab.run("() => driver.shut()")
    assert shut == [f"archive_storage/{cloud}" for cloud in Cloud]
    tab.run("choices => driver.choose(choices)", _choices(ALONE[0], on=True))
    assert tab.run("() => driver.shut()") == []


def test_the_address_keeps_the_choices(tab: Tab) -> None:
    choices = _choices(MIXED[7], on=False)
    before = tab.run("choices => driver.choose(choices)", choices)
    tab.page.reload()
    tab.run(DRIVER)
    assert tab.run("() => driver.answers()") == before
    assert tab.run("() => driver.choices()") == choices


def test_an_address_with_nonsense_is_no_harm(tab: Tab) -> None:
    tab.run("() => { location.hash = 'acquisition=moon&archive_storage=none&x=y'; }")
    tab.page.reload()
    tab.run(DRIVER)
    assert tab.run("() => driver.choices()")["archive_storage"] == "none"


def test_the_file_and_the_address_are_copied(tab: Tab) -> None:
    answers = tab.run("choices => driver.choose(choices)", _choices(MIXED[3], on=True))
    tab.page.get_by_role("button", name="Copy twin.yaml").click()
    assert tab.page.get_by_text("Copied.").count() or tab.page.wait_for_selector("text=Copied.")
    assert tab.run("() => navigator.clipboard.readText()") == answers["yaml"]
    tab.page.get_by_role("button", name="Copy a link to these choices").click()
    assert tab.run("() => navigator.clipboard.readText()") == tab.page.url


def test_the_keyboard_is_enough(tab: Tab) -> None:
    """Tab reaches every control, and shows where it is; arrows choose, Space presses."""
    tab.run("choices => driver.choose(choices)", _choices(ALONE[0], on=True))
    tab.run("() => document.querySelector('.skip').focus()")
    reached: dict[str, str] = {}
    for _ in range(60):
        tab.page.keyboard.press("Tab")
        where = tab.run("() => driver.focus()")
        if where is None:
            break
        reached[where["name"]] = where["ring"]
        if where["name"] == "processing":
            tab.page.keyboard.press("ArrowRight")
            assert tab.run("() => driver.choices()")["processing"] == Cloud.AZURE
            assert tab.run("() => driver.answers()")["links"]["telemetry"] == "remote"
            assert tab.run("() => driver.focus()")["name"] == "processing"
        if where["name"] == "Copy twin.yaml":
            tab.page.keyboard.press("Space")
            tab.page.wait_for_selector("text=Copied.")
    assert reached.keys() >= {
        *(layer.value for layer in Layer),
        "events",
        "read_api",
        "presets",
        "Copy twin.yaml",
    }
    assert "Copy a link to these choices" in reached
    assert [name for name, ring in reached.items() if not ring] == []


def test_a_preset_chooses_every_layer(tab: Tab) -> None:
    for name, cloud in {
        "AWS alone": Cloud.AWS,
        "Azure alone": Cloud.AZURE,
        "Google Cloud alone": Cloud.GCP,
    }.items():
        tab.page.get_by_label("Start from").select_option(name)
        assert tab.run("() => driver.choices()") == _choices(Layout(*(cloud,) * 7), on=True)
        assert tab.run("() => driver.answers()")["stacks"] == [cloud]


@pytest.mark.parametrize("layout", [ALONE[1], MIXED[5], PARTIAL[4]], ids=str)
def test_every_state_is_accessible_and_whole(tab: Tab, layout: Layout) -> None:
    tab.run(PROBES)
    for on, width, scheme in ((True, WIDTHS[0], "dark"), (False, WIDTHS[-1], "light")):
        tab.show(width, scheme)
        tab.run("choices => driver.choose(choices)", _choices(layout, on=on))
        assert tab.violations() == []
        assert (
            tab.run(
                "() => [...probe.sideways(), ...probe.clipped(), ...probe.drawings(), ...probe.contrast()]"
            )
            == []
        )
    tab.show(WIDTHS[0])


def test_it_says_and_asks_nothing(tab: Tab) -> None:
    """Last: of all that was done to it."""
    assert tab.said == []
    assert {address.partition("#")[0] for address in tab.asked} == {tab.page.url.partition("#")[0]}
