"""writer: its function app."""

from twin_runtime.assembly import writer

from .triggers import http_app

app = http_app("writer", writer)
