"""dashboard_sync: its function app."""

from twin_runtime.assembly import dashboard_sync

from .triggers import timer_app

app = timer_app("dashboard_sync", dashboard_sync)
