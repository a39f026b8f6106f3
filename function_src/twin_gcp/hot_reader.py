"""hot_reader."""

from twin_runtime import assembly

from .entry import parts, receiver

handle = receiver(assembly.hot_reader(parts("hot_reader")))
