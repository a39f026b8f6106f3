"""The stack `links`: keys for every link that crosses clouds, written into the secrets at both of its ends.

It is the only stack that reads others: two clouds that send to each other cannot each depend on the other.
"""

from importlib import import_module

from stacks.base import TwinStack
from twin_runtime.roles import Cloud
from twinspan import datasource, outputs
from twinspan.inventory import Inventory, LinkEnd
from twinspan.providers import Construct
from twinspan.providers.random import RandomPassword, RandomProvider
from twinspan.terraform.backend import StateBackend, output
from twinspan.terraform.resources import ACCEPTED_GENERATIONS, generations, place
from twinspan.topology import LINKS_STACK, Link
from twinspan.twin import Twin


class LinksStack(TwinStack):
    """Signing keys per signed link; a version of each end's secret.

    A sender's secret holds `{url, api_key, signing_keys}`, a receiver's `{signing_keys}`. The keys of two
    generations are valid at any time: a sender signs with both, a receiver accepts either. Of a link whose
    requests carry the API key alone only the sender has a secret (see `twinspan.datasource`).
    """

    def __init__(self, scope: Construct, *, twin: Twin, clouds: dict[Cloud, TwinStack]) -> None:
        super().__init__(scope, LINKS_STACK, twin=twin)
        self.inventory = Inventory()
        self._writers = {}
        self._outputs: dict[Cloud, str] = {}
        backend = StateBackend(twin.config)
        if any(link.signed for link in twin.topology.wired_links):
            RandomProvider(self)
        ends = {end for link in twin.topology.wired_links for end in (link.sender_cloud, link.receiver_cloud)}
        for cloud, stack in clouds.items():
            if cloud in ends:
                self.add_dependency(stack)
                self._outputs[cloud] = backend.read(self, cloud)
                self._writers[cloud] = import_module(f"twinspan.{cloud}.links").SecretWriter(
                    self, "secrets-" + cloud, twin=twin, outputs=self._outputs[cloud]
                )
        for link in twin.topology.wired_links:
            self._wire(link)

    def _wire(self, link: Link) -> None:
        assert link.receiver is not None  # a wired link has both ends
        stack = self._outputs[link.receiver_cloud]
        url = output(f"{stack}.{outputs.url(link.receiver)}")
        api_key = output(f"{stack}.{outputs.api_key(link.receiver)}")
        assert link.sender_cloud is not None  # a wired link has a sender in the twin
        if not link.signed:
            value = datasource.secret(link, url=url, api_key=api_key)
            self._write(link, link.sender_cloud, value, "url", "api_key")
            return
        keys = self._signing_keys(link)
        sent = {"url": url, "api_key": api_key, "signing_keys": keys}
        for cloud, fields in ((link.sender_cloud, sent), (link.receiver_cloud, {"signing_keys": keys})):
            listed = ", ".join(f"{name} = {value}" for name, value in fields.items())
            self._write(link, cloud, f"${{jsonencode({{{listed}}})}}", *fields)

    def _write(self, link: Link, cloud: Cloud, value: str, *fields: str) -> None:
        """The value of the secret at one end."""
        self.inventory.record(
            LinkEnd(
                address=self._writers[cloud].write(link, value).address,
                cloud=cloud,
                link=link,
                sends=cloud is link.sender_cloud,
                fields=fields,
            )
        )

    def _signing_keys(self, link: Link) -> str:
        """The list of a link's keys, a bare expression. The newest comes last."""
        keys = RandomPassword(
            self, f"keys-{link.name}", length=43, for_each=generations(optional=link.optional)
        )
        signing = place(keys, f"{link.name}_signing").address
        # Standard Webhooks writes a key as `whsec_` and base64.
        return (
            f"[for generation in {ACCEPTED_GENERATIONS} : "
            f'"whsec_${{base64encode({signing}[tostring(generation)].result)}}"]'
        )
