"""ingestion: its function app."""

from twin_runtime.assembly import ingestion

from .triggers import http_app

app = http_app("ingestion", ingestion)
