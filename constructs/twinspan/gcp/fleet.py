"""The secret behind the devices' keys."""

from twin_runtime.roles import Layer
from twinspan.gcp import names
from twinspan.gcp.foundation import Foundation
from twinspan.gcp.secret import Secret
from twinspan.providers import Construct
from twinspan.providers.random import RandomPassword
from twinspan.resources import place


class FleetSecret(Secret):
    """The secret from which every device's key is derived (`twin_gcp.devices`): whoever holds it can be any
    device.
    """

    def __init__(self, scope: Construct, id_: str, *, foundation: Foundation) -> None:
        super().__init__(
            scope,
            id_,
            foundation=foundation,
            name=names.in_region(foundation.twin.names, names.FLEET),
            key=names.FLEET,
            labels=foundation.twin.labels(Layer.ACQUISITION, "broker"),
        )
        foundation.need_random()
        fleet = place(RandomPassword(self, "random", length=48), names.FLEET)
        self.write(fleet["result"])
