"""The AWS side of the stack `links`: versions of the links' secrets."""

import json

from twinspan.aws import names
from twinspan.aws.foundation import provider
from twinspan.outputs import link_secret
from twinspan.providers import Construct
from twinspan.providers.aws import SecretsmanagerSecretVersion
from twinspan.terraform.backend import output
from twinspan.terraform.resources import Ref, place
from twinspan.topology import Link
from twinspan.twin import Twin


class SecretWriter(Construct):
    """Writes the secrets that the stack `aws` left empty. `outputs` is the expression of that stack's
    outputs."""

    def __init__(self, scope: Construct, id_: str, *, twin: Twin, outputs: str) -> None:
        super().__init__(scope, id_)
        self._outputs = outputs
        self._names = twin.names
        provider(self, twin)

    def write(self, link: Link, value: str) -> Ref:
        """Make `value`, an interpolation, the newest version of this cloud's end of the link."""
        name = names.link_secret(self._names, link.name)
        version = SecretsmanagerSecretVersion(
            self,
            link.name,
            secret_id=f"${{{output(f'{self._outputs}.{link_secret(link)}', json.dumps(name))}}}",
            secret_string=value,
        )
        return place(version, f"link_{link.name}", optional=link.optional)
