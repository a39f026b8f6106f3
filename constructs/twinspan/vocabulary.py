"""The words that everything else is written in: clouds, layers and roles."""

from enum import StrEnum


class Cloud(StrEnum):
    """Where a layer can live. The value is the word of twin.yaml and the name of the cloud's stack."""

    AWS = "aws"
    AZURE = "azure"
    GCP = "gcp"


CLOUD_NAMES = {Cloud.AWS: "AWS", Cloud.AZURE: "Azure", Cloud.GCP: "Google Cloud"}
"""What each cloud is called where people read."""


class Layer(StrEnum):
    """A layer of the twin, L1 to L5. The value is the key of `layers:` in twin.yaml."""

    ACQUISITION = "acquisition"
    PROCESSING = "processing"
    HOT_STORAGE = "hot_storage"
    COLD_STORAGE = "cold_storage"
    ARCHIVE_STORAGE = "archive_storage"
    TWIN_MANAGEMENT = "twin_management"
    VISUALIZATION = "visualization"


class Role(StrEnum):
    """What one deployed function does. The value names its code, its resources and its outputs."""

    DISPATCHER = "dispatcher"
    CONNECTOR = "connector"
    INGESTION = "ingestion"
    PROCESSOR = "processor"
    PERSISTER = "persister"
    WRITER = "writer"
    HOT_READER = "hot_reader"
    EVENT_CHECKER = "event_checker"
    EVENT_FEEDBACK = "event_feedback"
    COLD_MOVER = "cold_mover"
    COLD_WRITER = "cold_writer"
    ARCHIVE_MOVER = "archive_mover"
    ARCHIVE_WRITER = "archive_writer"
    TWIN_SYNC = "twin_sync"
    TWIN_CONNECTOR = "twin_connector"
    TWIN_READER = "twin_reader"
    DASHBOARD_SYNC = "dashboard_sync"


EVENT_SYSTEM = (Role.EVENT_CHECKER, Role.EVENT_FEEDBACK)
"""The roles that a deployment without the event system does without."""
ABSENT: dict[Role, dict[Cloud, str]] = {
    Role.TWIN_CONNECTOR: {
        Cloud.AZURE: "Digital Twins asks nobody: twin_sync writes the values into it",
        Cloud.GCP: "the graph in Firestore asks nobody: twin_sync writes the values into it",
    },
    Role.DASHBOARD_SYNC: {
        Cloud.GCP: "Grafana on Cloud Run reads dashboards and data sources from files",
    },
}
"""The roles that a cloud does without, and why."""
