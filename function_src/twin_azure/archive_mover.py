"""archive_mover: its function app."""

from twin_runtime.assembly import archive_mover

from .triggers import timer_app

app = timer_app("archive_mover", archive_mover)
