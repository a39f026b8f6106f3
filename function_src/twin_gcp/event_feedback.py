"""event_feedback: consumes `commands`, or receives over HTTPS when the rules are checked in another cloud."""

from twin_runtime import assembly

from .entry import consumer, parts, receiver

_parts = parts("event_feedback")
handle = (
    receiver(assembly.feedback_receiver(_parts))
    if _parts.settings.remote
    else consumer(assembly.event_feedback(_parts), _parts.log)
)
