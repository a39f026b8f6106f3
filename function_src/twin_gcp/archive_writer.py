"""archive_writer."""

from twin_runtime import assembly

from .entry import parts, receiver

handle = receiver(assembly.archive_writer(parts("archive_writer")))
