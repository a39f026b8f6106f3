"""dispatcher: tells which device sent a message, and hands it on."""

from typing import Any

from twin_runtime import assembly
from twin_runtime.ports import BrokerMessage

from . import devices, envelope
from .entry import DONE, Answer, guarded, parts

_parts = parts("dispatcher")
_dispatcher = assembly.dispatcher(_parts)
_fleet = _parts.secret("FLEET_SECRET")


def handle(request: Any) -> Answer:
    """One pushed message of the topic that devices publish to."""
    return guarded(_parts.log, lambda: _handle(envelope.parse(request.get_data())))


def _handle(pushed: envelope.Envelope) -> Answer:
    problem = devices.problem(_fleet.read_text(), pushed.attributes, pushed.data, pushed.published)
    message = BrokerMessage(
        device=None if problem else pushed.attributes["device_id"],
        body=pushed.data,
        received=pushed.published,
        problem=problem,
    )
    _dispatcher.handle([message])
    return DONE
