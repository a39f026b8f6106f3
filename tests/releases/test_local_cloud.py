"""The functions of the release before run in the emulators of the three clouds, and are replaced by this
release's one by one, while devices send: nothing is lost or stored twice.
"""

from __future__ import annotations

import json
import random
from datetime import timedelta
from pathlib import Path

import pytest

from end_to_end.readings import Sent, exactly, made, messages
from end_to_end.test_layouts import started
from end_to_end.test_tiers import RETENTION, succeeds
from local_cloud.cloud import _FUNCTIONS, LocalCloud
from local_cloud.operator import Operator
from local_cloud.reader import Reader
from releases import fixture
from simulator import clients, endpoint
from support.layouts import Layout, config_of, twin_data
from support.local import local_twin, until
from twin_runtime.roles import Cloud
from twinspan import packaging

pytestmark = [pytest.mark.servers, pytest.mark.terraform, pytest.mark.slow]
AWS, AZURE, GCP = Cloud.AWS, Cloud.AZURE, Cloud.GCP
LAYOUTS = (
    Layout(AWS, AZURE, GCP, cold=AZURE, archive=GCP),
    Layout(GCP, AWS, AZURE, cold=AZURE, archive=AWS),
    Layout(AZURE, GCP, AWS, cold=AWS, archive=AZURE),
)
DEVICE = "thermostat-1"
AGES = (timedelta(minutes=10), timedelta(days=10))
EACH = 20
PATIENCE_S = 240


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_functions_are_replaced_while_devices_send(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    thermostat = {
        "telemetry": {"temperature": {"type": "number", "unit": "Cel"}},
        "commands": {"set_point": {"type": "number", "unit": "Cel"}},
        "clock": {"behind": "60d"},
    }
    data = twin_data(
        layout,
        device_types={"thermostat": thermostat},
        devices=[{"id": DEVICE, "type": "thermostat"}],
        retention=RETENTION,
    )
    config = config_of(data)
    monkeypatch.setattr(packaging, "SOURCE", fixture.unpack_functions(tmp_path))
    with local_twin(config, tmp_path / "twin") as twin:
        monkeypatch.undo()
        packages = {
            cloud: packaging.build(config, cloud, tmp_path / "packages").path for cloud in layout.clouds
        }
        assert not [each for path in packages.values() for each in (tmp_path / "twin").rglob(path.name)]
        sent: list[Sent] = []
        with clients.connect(endpoint.parse(twin.endpoint), DEVICE) as device:
            for number, (role, cloud) in enumerate(deployed(twin)):
                for age in AGES:
                    readings = made(DEVICE, EACH, age=age)
                    sent += readings
                    for body in messages(readings):
                        device.send(body)
                if number % 4 == 0:
                    succeeds(twin, "cold_mover")  # or not, while its two ends are of two releases
                twin.replace(role, packages[cloud])
        check(twin, sent)
        (tmp_path / "twin.yaml").write_text(json.dumps(data))
        assert Operator.of(twin, tmp_path / "twin.yaml", tmp_path).dead_letters() == []
        assert len(started(twin)) == len(set(started(twin)))


def deployed(twin: LocalCloud) -> list[tuple[str, Cloud]]:
    """Every function with its cloud, in an order of chance."""
    found = [
        (role, Cloud(name))
        for name in twin.clouds
        for role in sorted(twin.evaluated[name].of(_FUNCTIONS[name]))
    ]
    random.Random(len(found)).shuffle(found)
    return found


def check(twin: LocalCloud, sent: list[Sent]) -> None:
    """Every event is shown once and as it was sent, whatever tier it is in."""
    reader = Reader.of(twin.outputs, trust=twin.trust, decode=exactly)
    wanted = sorted((each.time, each.event_id, each.data) for each in sent)

    def shown() -> bool:
        found = list(reader.events(DEVICE, tier="all", limit=100))
        return [(each["time"], each["id"], each["data"]) for each in found] == [
            (time, id, exactly(data)) for time, id, data in wanted
        ]

    assert until(shown, seconds=PATIENCE_S, every=1.0)
