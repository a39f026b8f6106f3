"""twin_reader."""

from twin_runtime import assembly

from .entry import parts, receiver

handle = receiver(assembly.twin_reader(parts("twin_reader")))
