"""Public endpoints: HTTP triggers."""

from twin_runtime.roles import READERS
from twinspan import outputs
from twinspan.azure import facts
from twinspan.azure.foundation import Foundation
from twinspan.azure.functions import Function
from twinspan.azure.secrets import ApiKeys
from twinspan.providers import Construct


class Endpoint(Construct):
    """A receiver's URL and newest API keys, as outputs.

    The trigger's level is anonymous, since the function checks more than the host could: the API key in
    `x-api-key`, of the accepted generations, and on a signed link each request's signature. Keys of the
    host's own would be in its storage, could not be created by Terraform, and would need a header that only
    Azure has.
    """

    def __init__(
        self, scope: Construct, id_: str, *, foundation: Foundation, function: Function, api_keys: ApiKeys
    ) -> None:
        super().__init__(scope, id_)
        self.url = f"https://{function.app['default_hostname']}/{function.role}"
        if function.optional:  # null when the app is off, where a template would fail
            hosts = f"{function.app.address}[*].default_hostname"
            self.url = f'${{one([for host in {hosts} : "https://${{host}}/{function.role}"])}}'
        self.api_key = api_keys.newest
        foundation.inventory.record(
            facts.Endpoint(
                address=function.app.address,
                to=function.role,
                path=f"/{function.role}",
                output=outputs.url(function.role),
            )
        )
        outputs.publish_receiver(
            self, function.role, address=self.url, key=self.api_key, clients=api_keys.clients
        )
        if function.role in READERS:
            foundation.monitoring.on_refusals(function.role, app=function.app, layer=function.layer)
