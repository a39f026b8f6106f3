"""connector: its function app."""

from twin_runtime.assembly import connector

from .triggers import queue_app

app = queue_app("connector", connector, together=True)
