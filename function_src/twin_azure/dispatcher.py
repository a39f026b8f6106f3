"""dispatcher: its function app."""

from twin_runtime.assembly import dispatcher

from .triggers import event_grid_app

app = event_grid_app("dispatcher", dispatcher)
