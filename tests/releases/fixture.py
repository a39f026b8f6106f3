"""What a release left behind, as files: the state of a twin in three clouds, and the functions themselves.

| file of a release's folder | |
|---|---|
| `state.json` | queues, rows, notes, files, records, dead letters, commands, while telemetry flows |
| `requests.json` | a request to each receiver, as it is on the wire, signed |
| `stores.json` | the rows and notes as DynamoDB, Cosmos DB and Firestore keep them |
| `killed.json.xz` | the state after a mover or the event checker was killed, at each of its calls |
| `functions.tar.xz` | `function_src` |
"""

from __future__ import annotations

import io
import json
import lzma
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from releases import worker
from support.memory import MemoryCloud, MemoryObjects
from twin_runtime import ports
from twin_runtime.tiers.tier_files import EVENTS

FOLDER = Path(__file__).parent
BEFORE = next(FOLDER.glob("*/state.json")).parent
"""The release before this one, by version and commit; there is one."""


def new(name: str) -> Path:
    """The folder for a release, in the place of the one before."""
    shutil.rmtree(BEFORE)
    (FOLDER / name).mkdir()
    return FOLDER / name


def names(objects: MemoryObjects, prefix: str = "") -> Iterator[str]:
    """The names of all objects that begin with `prefix`."""
    after = ""
    while page := objects.names(prefix, after=after):
        yield from page
        after = page[-1]


def dumped(clouds: Mapping[str, MemoryCloud]) -> dict[str, Any]:
    """The durable state of clouds, but for the secrets."""
    return {
        name: {
            "queues": {address: queue.bodies for address, queue in cloud.queues.items()},
            "stores": {
                address: [worker.pack(row) for _, row in sorted(store.rows.items())]
                for address, store in cloud.stores.items()
            },
            "tiers": {
                address: [worker.pack([objects.get(each), objects.stat(each)]) for each in names(objects)]
                for address, objects in cloud.tiers.items()
            },
            "records": {
                address: {name: record.text for name, record in states.records.items()}
                for address, states in cloud.state_stores.items()
            },
            "commands": {
                address: [list(each) for each in broker.sent] for address, broker in cloud.brokers.items()
            },
            "executions": {address: flow.started for address, flow in cloud.workflows.items()},
        }
        for name, cloud in clouds.items()
    }


def restored(state: dict[str, Any]) -> dict[str, MemoryCloud]:
    """The clouds of a state."""
    clouds = {name: MemoryCloud(name) for name in state}
    for name, kept in state.items():
        cloud = clouds[name]
        for address, bodies in kept["queues"].items():
            cloud.queue(address).send(bodies)
        for address, rows in kept["stores"].items():
            cloud.store(address).put([worker.unpack(row, ports) for row in rows])
        for address, objects in kept["tiers"].items():
            for body, stored in (worker.unpack(each, ports) for each in objects):
                if stored.name.startswith(EVENTS):
                    cloud.objects(address).put(stored.name, body, rows=stored.rows, sha256=stored.sha256)
                else:
                    cloud.objects(address).replace(stored.name, body, version=None)
        for address, records in kept["records"].items():
            for record, text in records.items():
                cloud.state_store(address).put_if_absent(record, text)
        for address, commands in kept["commands"].items():
            cloud.broker(address).sent += [(device, command) for device, command in commands]
        for address, started in kept["executions"].items():
            for execution, payload in started.items():
                cloud.workflow(address).start(execution, payload)
    return clouds


def read(name: str, folder: Path = BEFORE) -> Any:
    """The JSON of one file."""
    packed = (folder / name).read_bytes()
    return json.loads(lzma.decompress(packed) if name.endswith(".xz") else packed)


def write(folder: Path, name: str, value: Any) -> None:
    text = json.dumps(value, separators=(",", ":")) + "\n"
    (folder / name).write_bytes(_packed(text.encode()) if name.endswith(".xz") else text.encode())


def pack_functions(folder: Path, code: Path) -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for path in sorted(each for each in code.rglob("*.*") if each.suffix != ".pyc" and each.is_file()):
            entry = tarfile.TarInfo(path.relative_to(code).as_posix())
            entry.size = path.stat().st_size
            archive.addfile(entry, io.BytesIO(path.read_bytes()))
    (folder / "functions.tar.xz").write_bytes(_packed(made.getvalue()))


def unpack_functions(target: Path, folder: Path = BEFORE) -> Path:
    """The `function_src` of the release."""
    code = target / "function_src"
    with tarfile.open(folder / "functions.tar.xz") as archive:
        archive.extractall(code, filter="data")
    return code


def _packed(data: bytes) -> bytes:
    return lzma.compress(data, preset=9 | lzma.PRESET_EXTREME)
