"""event_checker."""

from twin_runtime import assembly

from .entry import consumer, parts

_parts = parts("event_checker")
handle = consumer(assembly.event_checker(_parts), _parts.log)
