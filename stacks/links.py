"""The stack `links`: keys for every link that crosses clouds, written into the secrets at both of its ends.

It is the only stack that reads others: two clouds that send to each other cannot each depend on the other.
"""

from importlib import import_module

from stacks.base import TwinStack
from twinspan.backend import StateBackend
from twinspan.providers import Construct
from twinspan.providers.random import RandomPassword, RandomProvider
from twinspan.resources import generations, place
from twinspan.topology import LINKS_STACK, Link
from twinspan.twin import Twin
from twinspan.vocabulary import Cloud


class LinksStack(TwinStack):
    """Signing keys per link; a version of each end's secret.

    A sender's secret holds `{url, api_key, signing_keys}`, a receiver's `{signing_keys}`. The keys of two
    generations are valid at any time: a sender signs with both, a receiver accepts either.
    """

    def __init__(self, scope: Construct, *, twin: Twin, clouds: dict[Cloud, TwinStack]) -> None:
        super().__init__(scope, LINKS_STACK, twin=twin)
        self._writers = {}
        self._outputs: dict[Cloud, str] = {}
        backend = StateBackend(twin.config)
        RandomProvider(self)
        ends = {
            end for link in twin.topology.signed_links for end in (link.sender_cloud, link.receiver_cloud)
        }
        for cloud, stack in clouds.items():
            if cloud in ends:
                self.add_dependency(stack)
                self._outputs[cloud] = backend.read(self, cloud)
                self._writers[cloud] = import_module(f"twinspan.{cloud}.links").SecretWriter(
                    self, "secrets-" + cloud, twin=twin, outputs=self._outputs[cloud]
                )
        for link in twin.topology.signed_links:
            self._wire(link)

    def _wire(self, link: Link) -> None:
        keys = RandomPassword(
            self, f"keys-{link.name}", length=43, for_each=generations(optional=link.optional)
        )
        signing = place(keys, f"{link.name}_signing").address
        # Standard Webhooks writes a key as `whsec_` and base64. The newest comes last.
        keys = (
            "[for generation in range(var.key_generation - 1, var.key_generation + 1) : "
            f'"whsec_${{base64encode({signing}[tostring(generation)].result)}}"]'
        )
        receiver = f"{self._outputs[link.receiver_cloud]}.{link.receiver}"
        assert link.sender_cloud is not None  # a signed link has two ends
        self._writers[link.sender_cloud].write(
            link,
            f"${{jsonencode({{url = {receiver}_url, api_key = {receiver}_api_key, signing_keys = {keys}}})}}",
        )
        self._writers[link.receiver_cloud].write(link, f"${{jsonencode({{signing_keys = {keys}}})}}")
