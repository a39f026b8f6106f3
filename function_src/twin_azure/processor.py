"""processor: its function app."""

from twin_runtime.assembly import processor

from .triggers import queue_app

app = queue_app("processor", processor)
