"""Endpoints: what makes a receiver reachable from another cloud."""

from twin_runtime.roles import READERS
from twinspan import outputs
from twinspan.gcp import names
from twinspan.gcp.foundation import Foundation
from twinspan.gcp.functions import Function
from twinspan.gcp.secrets import ApiKeys
from twinspan.gcp.shared.alarms import fire_when_many_are_refused
from twinspan.providers import Construct


class Endpoint(Construct):
    """The public HTTPS endpoint of a receiver, with its URL and API key as outputs.

    Cloud Run lets everybody call the service, because callers in other clouds have no identity here. The
    function itself refuses a request without the API key, and on a signed link one without a valid signature,
    before it looks at the events.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        foundation: Foundation,
        function: Function,
        api_keys: ApiKeys,
    ) -> None:
        super().__init__(scope, id_)
        function.grant_invoke(self, names.PUBLIC, names.EVERYBODY)
        self.url, self.api_key = function.uri, api_keys.newest
        outputs.publish_receiver(
            self, function.role, address=self.url, key=self.api_key, clients=api_keys.clients
        )
        if function.role in READERS:
            fire_when_many_are_refused(self, function.role, foundation=foundation, layer=function.layer)
