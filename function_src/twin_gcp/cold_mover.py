"""cold_mover."""

from twin_runtime import assembly

from .entry import parts, scheduled

_parts = parts("cold_mover")
handle = scheduled(assembly.cold_mover(_parts), _parts.log)
