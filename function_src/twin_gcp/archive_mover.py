"""archive_mover."""

from twin_runtime import assembly

from .entry import parts, scheduled

_parts = parts("archive_mover")
handle = scheduled(assembly.archive_mover(_parts), _parts.log)
