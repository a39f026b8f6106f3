"""cold_mover: its function app."""

from twin_runtime.assembly import cold_mover

from .triggers import timer_app

app = timer_app("cold_mover", cold_mover)
