"""cold_writer."""

from twin_runtime import assembly

from .entry import parts, receiver

handle = receiver(assembly.cold_writer(parts("cold_writer")))
