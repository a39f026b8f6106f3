"""The Google Cloud side of the stack `links`: versions of the links' secrets."""

import json

from twinspan.gcp import names
from twinspan.gcp.shared.project import provider
from twinspan.outputs import link_secret
from twinspan.providers import Construct, TerraformResourceLifecycle
from twinspan.providers.gcp import SecretManagerSecretVersion
from twinspan.terraform.backend import output
from twinspan.terraform.resources import Ref, place
from twinspan.topology import Link
from twinspan.twin import Twin


class SecretWriter(Construct):
    """Writes the secrets that the stack `gcp` left empty. `outputs` is the expression of that stack's
    outputs.
    """

    def __init__(self, scope: Construct, id_: str, *, twin: Twin, outputs: str) -> None:
        super().__init__(scope, id_)
        self._outputs = outputs
        self._twin = twin
        provider(self, twin)

    def write(self, link: Link, value: str) -> Ref:
        """Make `value`, an interpolation, the newest version of this cloud's end of the link."""
        gcp = self._twin.config.clouds.gcp
        assert gcp is not None  # a cloud in use has its entry
        secret = f"projects/{gcp.project}/secrets/{names.link_secret(self._twin.names, link.name)}"
        version = SecretManagerSecretVersion(
            self,
            link.name,
            secret=f"${{{output(f'{self._outputs}.{link_secret(link)}', json.dumps(secret))}}}",
            secret_data=value,
            # A new version first: readers would otherwise find none for a moment.
            lifecycle=TerraformResourceLifecycle(create_before_destroy=True),
        )
        return place(version, f"link_{link.name}", optional=link.optional)
