"""Records what this release writes, for the tests of the next one: `make record-release`."""

from __future__ import annotations

import json
import subprocess
import tempfile
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from azure.servers import KEY, azurite, queue
from receivers import stores
from releases import fixture, running
from releases.running import AWS, AZURE, GCP, Killed, Release, Twin, killed_at
from support.samples import event
from twin_azure.queues import MAX_MESSAGE_BYTES, StorageQueue
from twin_runtime import times
from twin_runtime.ports import Row
from twinspan import __version__

AT = times.to_epoch("2026-11-30T12:00:00.000000Z")
ROUNDS = 2


def main() -> None:
    commit = subprocess.check_output(["git", "rev-parse", "--short", "HEAD"], text=True).strip()
    folder = fixture.new(f"{__version__}-{commit}")
    fixture.pack_functions(folder, running.CODE)
    with tempfile.TemporaryDirectory() as scratch, Release(running.CODE, Path(scratch)) as release:
        with Twin(Path(scratch), AT) as twin:
            twin.deploy(release)
            state = flowing(twin)
            fixture.write(folder, "state.json", state)
            fixture.write(folder, "requests.json", requests(twin))
        fixture.write(folder, "killed.json.xz", killed(release, Path(scratch), state["clouds"]))
    rows = list(fixture.restored(state["clouds"])[GCP].store("hot").rows.values())
    rows = [row for row in rows if row.device in ("pump-1", "~devices", "~lifetimes")]
    fixture.write(folder, "stores.json", {"rows": kept(rows), "claim": claim()})


def flowing(twin: Twin) -> dict[str, Any]:
    """The twin in the midst of its work: each queue has messages, movers have rows before and behind them."""
    for number in range(ROUNDS):
        twin.round(number)
        twin.consume()
    twin.drain()
    twin.move()
    old = twin.clouds[AWS].queue("processing")
    strange = event("unknown") | {"source": "/twins/factory/devices/nobody"}
    old.send(["nonsense", json.dumps([strange])])
    for number in range(ROUNDS, ROUNDS + 3):
        twin.round(number)
        twin.consume()
    twin.round(ROUNDS + 3)
    twin.read("thermostat-1", tier="all")
    # What a queue moves by itself.
    twin.clouds[AWS].queue("dead").send([json.dumps([event("moved")])])
    assert all(twin.clouds[cloud].queue(name).bodies for cloud, name, _ in running._QUEUES)
    return {"at": twin.now(), "sent": list(twin.sent.values()), "clouds": fixture.dumped(twin.clouds)}


def requests(twin: Twin) -> list[dict[str, Any]]:
    """The last request of each kind to each receiver, and a read of the twin's own."""
    last: dict[tuple[str, str | None], dict[str, Any]] = {}
    for wire, reply in twin.server.seen:
        assert reply.status == 200
        last[wire.target, wire.header("content-type")] = {
            "role": wire.target.strip("/"),
            "headers": dict(wire.headers),
            "body": b64encode(wire.body).decode(),
        }
    asked = running.signed_get({"device": "thermostat-1", "tier": "all"}, twin.now())
    read = {"role": "hot_reader", "headers": dict(asked.headers), "query": dict(asked.query)}
    return [*last.values(), read]


def killed(release: Release, scratch: Path, state: Any) -> dict[str, list[Any]]:
    """What there is after a role was killed before its first call, its second, and so on; each state once."""

    def run(role: str) -> Callable[[Twin], object]:
        return lambda twin: twin.functions[role]("run", 0, 1, budget=60.0)

    drives: dict[str, Callable[[Twin], object]] = {
        "cold_mover": run("cold_mover"),
        "archive_mover": run("archive_mover"),
        "event_checker": lambda twin: twin.consume(),
    }
    found: dict[str, Any] = {}
    for role, drive in drives.items():
        found[role] = []
        for number in range(1, 1_000):
            clouds = fixture.restored(state)
            with Twin(scratch, AT + 60, clouds) as twin:
                twin.deploy(release)
                if role == "archive_mover":
                    run("cold_mover")(twin)
                try:
                    with killed_at(twin.functions[role], number):
                        drive(twin)
                except Killed:
                    left = fixture.dumped(clouds)
                    if role == "event_checker":  # its message comes again
                        left[AZURE]["queues"]["events"] = state[AZURE]["queues"]["events"]
                    if left not in found[role]:
                        found[role].append(left)
                    continue
            break
    return found


def kept(rows: list[Row]) -> dict[str, Any]:
    """The rows as each store has them."""
    late = Row(
        "pump-1",
        times.from_epoch(AT),
        "late",
        "twinspan.telemetry.v1",
        '{"flow":1.50}',
        rows[-1].traceparent,
        rows[-1].expires,
    )
    rows = [
        *rows,
        late,
        late._replace(
            id="behind", subject="pump", received=late.time, device_time=times.EARLIEST, clock="behind"
        ),
    ]
    with environment() as set_variable:
        aws: Any
        azure: Any
        gcp: Any
        with stores.dynamo_db(set_variable) as aws:
            aws.put(rows)
            items = aws._client.scan(TableName=stores.TABLE)["Items"]
        with stores.cosmos_db(set_variable) as azure:
            azure.put(rows)
            documents = [
                {name: value for name, value in each.items() if not name.startswith("_")}
                for each in azure._container.read_all_items()
            ]
        with stores.firestore_database(set_variable) as gcp:
            gcp.put(rows)
            found = [(each.id, each.to_dict()) for each in gcp._rows.stream()]
    firestore = [
        {
            "id": id,
            "fields": {
                name: {"timestamp": value.isoformat()} if hasattr(value, "isoformat") else value
                for name, value in fields.items()
            },
        }
        for id, fields in found
    ]
    assert len(items) == len(documents) == len(firestore) == len(rows)
    return {"aws": items, "azure": documents, "gcp": firestore}


def claim() -> dict[str, str]:
    """The message in a queue of Azure whose body is a blob, and the blob's name; the body is as any other."""
    with azurite() as storage:
        target = StorageQueue(queue(storage, "factory-processing"), KEY)
        target.send(["x" * (MAX_MESSAGE_BYTES + 1)])
        (message,) = target._client.receive_messages()
        (name,) = target._bodies._container.list_blob_names()
    return {"message": message.content, "blob": name}


@contextmanager
def environment() -> Iterator[Callable[[str, str], None]]:
    with pytest.MonkeyPatch.context() as patched:
        yield patched.setenv


if __name__ == "__main__":
    main()
