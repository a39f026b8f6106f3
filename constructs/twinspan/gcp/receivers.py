"""Endpoints: what makes a receiver reachable from another cloud."""

from twinspan.gcp import names
from twinspan.gcp.foundation import Foundation
from twinspan.gcp.functions import Function
from twinspan.gcp.secrets import ApiKeys
from twinspan.providers import Construct, TerraformOutput


class Endpoint(Construct):
    """The public HTTPS endpoint of a receiver, and the outputs `<role>_url` and `<role>_api_key`.

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
        role = function.role
        self.url, self.api_key = function.uri, api_keys.newest
        url = TerraformOutput(
            self,
            "url",
            value=self.url,
            description=f"HTTPS address of the {role}, in {foundation.region}",
        )
        url.override_logical_id(f"{role}_url")
        key = TerraformOutput(
            self,
            "api-key",
            value=self.api_key,
            sensitive=True,
            description=f"API key of the {role}, of the generation key_generation",
        )
        key.override_logical_id(f"{role}_api_key")
