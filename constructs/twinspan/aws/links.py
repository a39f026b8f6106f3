"""The AWS side of the stack `links`: versions of the links' secrets."""

from twinspan.aws.foundation import provider
from twinspan.providers import Construct
from twinspan.providers.aws import SecretsmanagerSecretVersion
from twinspan.resources import place
from twinspan.topology import Link
from twinspan.twin import Twin


class SecretWriter(Construct):
    """Writes the secrets that the stack `aws` left empty. `outputs` is the expression of that stack's
    outputs."""

    def __init__(self, scope: Construct, id_: str, *, twin: Twin, outputs: str) -> None:
        super().__init__(scope, id_)
        self._outputs = outputs
        provider(self, twin)

    def write(self, link: Link, value: str) -> None:
        """Make `value`, an interpolation, the newest version of this cloud's end of the link."""
        version = SecretsmanagerSecretVersion(
            self,
            link.name,
            secret_id=f"${{{self._outputs}.link_{link.name}_secret}}",
            secret_string=value,
        )
        place(version, f"link_{link.name}", optional=link.optional)
