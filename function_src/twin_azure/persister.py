"""persister: its function app."""

from twin_runtime.assembly import persister

from .triggers import queue_app

app = queue_app("persister", persister, together=True)
