"""archive_writer: its function app."""

from twin_runtime.assembly import archive_writer

from .triggers import http_app

app = http_app("archive_writer", archive_writer)
