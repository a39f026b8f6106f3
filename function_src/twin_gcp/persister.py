"""persister."""

from twin_runtime import assembly

from .entry import consumer, parts

_parts = parts("persister")
handle = consumer(assembly.persister(_parts), _parts.log, together=True)
