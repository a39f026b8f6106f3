"""Stacks of what an earlier layout had and the twin has no more: providers, and nothing else.

Terraform needs the providers to remove what is still there.
"""

from importlib import import_module

from stacks.base import TwinStack
from twin_runtime.roles import Cloud
from twinspan.inventory import Inventory
from twinspan.providers import Construct
from twinspan.providers.random import RandomProvider
from twinspan.topology import LINKS_STACK
from twinspan.twin import Twin


class IdleStack(TwinStack):
    """The stack of a cloud that twin.yaml names and that holds no layer."""

    def __init__(self, scope: Construct, cloud: Cloud, *, twin: Twin) -> None:
        super().__init__(scope, cloud, twin=twin)
        self.inventory = Inventory()
        import_module(f"twinspan.{cloud}.foundation").providers(self, twin)


class IdleLinks(TwinStack):
    """The stack `links` of a twin that has no link between clouds any more."""

    def __init__(self, scope: Construct, *, twin: Twin) -> None:
        super().__init__(scope, LINKS_STACK, twin=twin)
        self.inventory = Inventory()
        RandomProvider(self)
        for cloud in twin.topology.entries:
            import_module(f"twinspan.{cloud}.links").SecretWriter(
                self, "secrets-" + cloud, twin=twin, outputs=""
            )
