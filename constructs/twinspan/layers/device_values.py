"""The output `device_values` of a stack: where values of devices are, beside the tiers."""

from typing import Any

from twinspan import outputs
from twinspan.kit import Kit
from twinspan.layers.events import EventCheck
from twinspan.layers.twin_management import TwinManagement
from twinspan.providers import Construct


def publish(
    scope: Construct, *, kit: Kit, management: TwinManagement | None, events: EventCheck | None
) -> None:
    """Add the output: cloud and address of the twin graph and of the rules' state, where they are here."""
    value: dict[str, Any] = {}
    if management:
        value["graph"] = {"cloud": kit.cloud.value, "address": management.graph.address}
    if events:
        state = {"cloud": kit.cloud.value, "address": events.state.address}
        value["rule_state"] = outputs.while_events_are_on(state)
    outputs.publish(scope, outputs.DEVICE_VALUES, value)
