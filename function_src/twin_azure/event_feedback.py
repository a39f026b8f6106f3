"""event_feedback: its function app, on the queue of a local link or behind HTTPS for a remote one."""

from twin_runtime import assembly

from . import settings
from .triggers import http_app, queue_app

if settings.has_trigger_queue():
    app = queue_app("event_feedback", assembly.event_feedback)
else:
    app = http_app("event_feedback", assembly.feedback_receiver)
