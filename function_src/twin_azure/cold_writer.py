"""cold_writer: its function app."""

from twin_runtime.assembly import cold_writer

from .triggers import http_app

app = http_app("cold_writer", cold_writer)
