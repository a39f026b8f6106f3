"""writer."""

from twin_runtime import assembly

from .entry import parts, receiver

handle = receiver(assembly.writer(parts("writer")))
