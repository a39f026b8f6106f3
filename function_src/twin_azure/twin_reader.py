"""twin_reader: its function app."""

from twin_runtime.assembly import twin_reader

from .triggers import http_app

app = http_app("twin_reader", twin_reader)
