"""ingestion."""

from twin_runtime import assembly

from .entry import parts, receiver

handle = receiver(assembly.ingestion(parts("ingestion")))
