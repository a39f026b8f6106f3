"""What an erasure leaves, and for how long."""

from __future__ import annotations

from collections.abc import Iterator

from operations.erase.places import Places
from operations.restore.files import Range
from twin_runtime import times
from twin_runtime.model import Twin
from twin_runtime.roles import CLOUD_NAMES, Cloud, Layer, Role
from twinspan.config import Config
from twinspan.lifecycle import PARTS_DAYS, RESTORABLE_DAYS, UNDELETE_DAYS
from twinspan.sizing import LOG_RETENTION_DAYS
from twinspan.topology import Topology

RUN_DAYS = 90
"""Each cloud keeps the input of a workflow's run for as long after the run."""
_HOT = {
    Cloud.AWS: "DynamoDB's point-in-time recovery",
    Cloud.AZURE: "Cosmos DB's continuous backup",
    Cloud.GCP: "Firestore's point-in-time recovery",
}
_FILES = {
    Cloud.AWS: "S3 keeps the old versions of deleted files",
    Cloud.AZURE: "Blob Storage keeps deleted files (soft delete)",
    Cloud.GCP: "Cloud Storage keeps deleted files (soft delete)",
}


def sentences(config: Config, twin: Twin, places: Places, wanted: Range, now: float) -> list[str]:
    """Return a sentence for each thing that stays."""
    return list(_sentences(config, twin, places, wanted, now))


def _sentences(config: Config, twin: Twin, places: Places, wanted: Range, now: float) -> Iterator[str]:
    if wanted.device in twin.devices and wanted.end > times.from_epoch(now):
        yield (
            f"{wanted.device} is still in twin.yaml: readings that it sends make new rows. To stop them, set "
            "revoked: true or remove the device, and deploy, before you erase."
        )
    for cloud in dict.fromkeys(Cloud(each.cloud) for each in places.hot):
        yield f"{_HOT[cloud]} can restore deleted rows for {RESTORABLE_DAYS[cloud]} days."
    for cloud in dict.fromkeys(Cloud(each.cloud) for each in places.files):
        yield f"{_FILES[cloud]} for {UNDELETE_DAYS} days."
    topology = Topology.of(config)
    if {Role.COLD_WRITER, Role.ARCHIVE_WRITER} & topology.roles.keys():
        yield (
            f"Parts of files whose transfer between clouds was given up stay below parts/ for {PARTS_DAYS} "
            "days."
        )
    yield (
        "Messages in queues and dead letters are not searched. A message in a queue is stored when it is "
        f"processed. Delete dead letters with: twinspan dead-letters purge --device {wanted.device}"
    )
    if any(rule.workflow for rule in twin.rules):
        cloud = topology.layers[Layer.PROCESSING]
        yield (
            f"{CLOUD_NAMES[cloud]} keeps the input of the workflow's runs, which has the event, for "
            f"{RUN_DAYS} days."
        )
    yield (
        f"Logs ({LOG_RETENTION_DAYS} days), the notes of movers, the index of the files (with months) and "
        "the audit line name the device. They have no readings, unless a processor prints them."
    )
