"""The words that everything else is written in: clouds, layers and roles."""

from enum import StrEnum


class Cloud(StrEnum):
    """Where a layer can live. The value is the word of twin.yaml and the name of the cloud's stack."""

    AWS = "aws"
    AZURE = "azure"
    GCP = "gcp"


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
