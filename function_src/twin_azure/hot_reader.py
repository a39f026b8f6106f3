"""hot_reader: its function app."""

from twin_runtime.assembly import hot_reader

from .triggers import http_app

app = http_app("hot_reader", hot_reader)
