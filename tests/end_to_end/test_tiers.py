"""Events come in at the broker with old times, and go on from tier to tier as they age: each is in a file of
one of them, and is read back as it was sent.
"""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from end_to_end.readings import Sent, exactly, made, messages
from local_cloud.cloud import LocalCloud
from local_cloud.errors import LocalCloudError
from local_cloud.reader import Reader
from simulator import clients, endpoint
from support.layouts import Layout, config_of, twin_data
from support.local import local_twin, until
from twin_runtime.roles import Cloud

pytestmark = [pytest.mark.servers, pytest.mark.terraform, pytest.mark.slow]

AWS, AZURE, GCP = Cloud.AWS, Cloud.AZURE, Cloud.GCP
LAYOUTS = (
    Layout(GCP, GCP, GCP, cold=AZURE, archive=AWS),
    Layout(AZURE, AZURE, AZURE, cold=AWS, archive=GCP),
    Layout(AWS, AWS, AWS, cold=GCP, archive=AZURE),
    Layout(GCP, GCP, GCP, cold=GCP, archive=GCP),
    Layout(AZURE, AZURE, AZURE, cold=AZURE, archive=AZURE),
    Layout(AWS, AWS, AWS, cold=AWS, archive=AWS),
)
"""Every cloud in every tier, behind remote links and behind local ones."""
DEVICES = ("thermostat-1", "thermostat-2")
EACH = 60
AGES = {"hot": timedelta(minutes=10), "cold": timedelta(days=10), "archive": timedelta(days=40)}
RETENTION = {"hot_days": 2, "cold_days": 20, "archive_days": 400}
PATIENCE_S = 180
FILE = re.compile(
    r"(cold|archive)/events/type=thermostat/day=[0-9-]{10}/[^/]+~[^/]+~(\d+)~[0-9a-f]{16}\.jsonl\.gz"
)


def data(layout: Layout) -> dict[str, Any]:
    """A twin whose processor leaves everything as it is: there is no user code."""
    thermostat = {
        "telemetry": {"temperature": {"type": "number", "unit": "Cel"}},
        "commands": {"set_point": {"type": "number", "unit": "Cel"}},
        "clock": {"behind": "60d"},
    }
    devices = [{"id": device, "type": "thermostat"} for device in DEVICES]
    return twin_data(
        layout,
        events=False,
        device_types={"thermostat": thermostat},
        devices=devices,
        retention=RETENTION,
    )


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_events_age_from_tier_to_tier_and_each_is_in_one(layout: Layout, tmp_path: Path) -> None:
    with local_twin(config_of(data(layout)), tmp_path, links=False) as twin:
        sent = send(twin)
        total = len(DEVICES) * len(AGES) * EACH
        assert until(lambda: len(twin.rows()) >= total, seconds=PATIENCE_S), len(twin.rows())
        assert twin.files() == []
        with pytest.raises(LocalCloudError, match="This twin has no twin_sync"):
            twin.run("twin_sync")

        if layout.cold is not layout.l3:
            with pytest.raises(LocalCloudError, match="A run of cold_mover failed"):
                twin.run("cold_mover")  # there is no key yet
            assert (len(twin.rows()), twin.files()) == (total, [])
            twin.link()
        assert until(lambda: succeeds(twin, "cold_mover"), seconds=PATIENCE_S)
        assert {key for _, key in twin.rows()} == left(sent, layout)
        assert files(twin) == {"cold": total - len(DEVICES) * EACH}
        check_read(twin, sent, layout)

        moved = sorted(twin.files())
        twin.run("cold_mover")
        assert sorted(twin.files()) == moved

        if layout.archive is not layout.cold:
            assert until(lambda: succeeds(twin, "archive_mover"), seconds=PATIENCE_S)
            assert files(twin) == {"cold": len(DEVICES) * EACH, "archive": len(DEVICES) * EACH}
            twin.run("archive_mover")
            assert files(twin) == {"cold": len(DEVICES) * EACH, "archive": len(DEVICES) * EACH}
        check_read(twin, sent, layout)


def succeeds(twin: LocalCloud, role: str) -> bool:
    """Whether a run does: a function that found no key asks for it again a little later."""
    try:
        twin.run(role)
    except LocalCloudError:
        return False
    return True


def send(twin: LocalCloud) -> dict[str, dict[str, list[Sent]]]:
    """Readings of every age from every device: by age and device."""
    where = endpoint.parse(twin.endpoint)
    sent = {age: {device: made(device, EACH, age=ago) for device in DEVICES} for age, ago in AGES.items()}
    for device in DEVICES:
        with clients.connect(where, device) as client:
            for by_device in sent.values():
                for body in messages(by_device[device]):
                    client.send(body)
    return sent


def keys(sent: dict[str, dict[str, list[Sent]]], age: str) -> set[str]:
    return {f"{each.time}#{each.event_id}" for readings in sent[age].values() for each in readings}


def left(sent: dict[str, dict[str, list[Sent]]], layout: Layout) -> set[str]:
    """The keys that are in the hot store after the mover: in AWS all, until they expire."""
    ages = AGES if layout.l3 is AWS else ("hot",)
    return set[str]().union(*(keys(sent, age) for age in ages))


def files(twin: LocalCloud) -> dict[str, int]:
    """How many rows the files of each tier hold, by their names; but for the index there is nothing else."""
    rows: dict[str, int] = {}
    for file in twin.files():
        if file.startswith("cold/index/"):
            continue
        found = FILE.fullmatch(file)
        assert found, file
        rows[found[1]] = rows.get(found[1], 0) + int(found[2])
    return rows


def check_read(twin: LocalCloud, sent: dict[str, dict[str, list[Sent]]], layout: Layout) -> None:
    """hot_reader gives each event once, in order and as it was sent: those of the hot store, in AWS all, and
    with `tier=all` those of the cold tier. What is old enough for the archive is not read from there, whether
    it is there still or not.
    """
    hot = ("archive", "cold", "hot") if layout.l3 is AWS else ("hot",)
    whole = hot if layout.l3 is AWS else ("cold", "hot")
    reader = Reader.of(twin.outputs, trust=twin.trust, decode=exactly)
    for device in DEVICES:
        for tier, ages in (({"tier": "all"}, whole), ({}, hot)):
            readings = [reading for age in ages for reading in sent[age][device]]
            events = list(reader.events(device, **tier, limit=50))
            assert [event["id"] for event in events] == [reading.event_id for reading in readings]
            for event, reading in zip(events, readings, strict=True):
                assert (event["time"], event["data"]) == (reading.time, exactly(reading.data))
