"""twin_sync."""

from twin_runtime import assembly

from .entry import parts, scheduled

_parts = parts("twin_sync")
handle = scheduled(assembly.twin_sync(_parts), _parts.log)
