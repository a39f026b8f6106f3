"""Dead letters of a twin that runs go back by the command, and what they hold is stored once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from end_to_end import fleet
from local_cloud.operator import Operator
from operations.access import Access, endpoints_of
from support.layouts import Layout, config_of
from support.local import local_twin, until
from twin_runtime import times
from twin_runtime.delivery import dead_letters
from twin_runtime.delivery.dead_letters import DeadLetter
from twin_runtime.events import cloudevents
from twin_runtime.roles import Cloud

pytestmark = [pytest.mark.servers, pytest.mark.terraform, pytest.mark.slow]

REASON = "The database was away for good."
COUNT = 250
PATIENCE_S = 120


def letter(number: int) -> str:
    event = cloudevents.make(
        cloudevents.TELEMETRY,
        twin="factory",
        device=fleet.DEVICES[number % 2],
        subject="thermostat",
        data={"temperature": number / 4},
        time=times.normalise(f"2026-01-31T12:{number // 60:02}:{number % 60:02}Z"),
        id=f"n{number}",
    )
    made = DeadLetter(REASON, event=event)
    return dead_letters.encode(made, role="persister", time="2026-01-31T13:00:00.000000Z", max_bytes=40_000)


@pytest.mark.parametrize("cloud", list(Cloud), ids=str)
def test_letters_go_back_and_are_stored_once(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout(cloud, cloud, cloud)
    with local_twin(config_of(fleet.twin(layout)), tmp_path) as twin:
        twin_file = tmp_path / "twin.yaml"
        twin_file.write_text(json.dumps(fleet.twin(layout)))
        operator = Operator.of(twin, twin_file, tmp_path)
        for name, value in operator.environment.items():
            monkeypatch.setenv(name, value)
        access = Access(region="eu-central-1", endpoints=endpoints_of(operator.endpoints))
        hop: dict[str, Any] = twin.outputs["dead_letter_queues"]["persisting"]
        # On Google Cloud letters are read from a subscription, to the topic of the same name.
        queue = access.to(cloud).queue(hop["letters"].replace("/subscriptions/", "/topics/"))

        queue.send([letter(number) for number in range(COUNT)])
        listed = operator.dead_letters("--hop", "persisting")
        assert {each["reason"] for each in listed} == {REASON}
        assert len({each["event_id"] for each in listed}) == len(listed) == COUNT
        assert twin.rows() == []

        one = ("--hop", "persisting", "--device", fleet.DEVICES[0])
        operator.run("dead-letters", "resend", *one, "--dry-run")
        assert len(operator.dead_letters("--hop", "persisting")) == COUNT
        operator.run("dead-letters", "resend", *one)
        assert until(lambda: len(twin.rows()) == COUNT // 2, seconds=PATIENCE_S)
        assert {device for device, _ in twin.rows()} == {fleet.DEVICES[0]}

        # Whoever is not sure whether a run went through runs it again: so do the letters come twice here.
        queue.send([letter(number) for number in range(COUNT)])
        operator.run("dead-letters", "resend", "--hop", "persisting", "--all")
        assert until(lambda: len(twin.rows()) >= COUNT, seconds=PATIENCE_S)
        assert until(lambda: operator.dead_letters("--hop", "persisting") == [], seconds=PATIENCE_S)
        rows = twin.rows()
        assert len(rows) == len(set(rows)) == COUNT
