"""event_checker: its function app."""

from twin_runtime.assembly import event_checker

from .triggers import queue_app

app = queue_app("event_checker", event_checker)
