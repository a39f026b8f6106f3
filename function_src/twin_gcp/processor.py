"""processor."""

from twin_runtime import assembly

from .entry import consumer, parts

_parts = parts("processor")
handle = consumer(assembly.processor(_parts), _parts.log)
