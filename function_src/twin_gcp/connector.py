"""connector."""

from twin_runtime import assembly

from .entry import consumer, parts

_parts = parts("connector")
handle = consumer(assembly.connector(_parts), _parts.log, together=True)
