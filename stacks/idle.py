"""The stack of a cloud that twin.yaml names and that holds no layer: providers, and nothing else.

Terraform needs the providers to remove what an earlier layout had in this cloud.
"""

from importlib import import_module

from stacks.base import TwinStack
from twin_runtime.roles import Cloud
from twinspan.inventory import Inventory
from twinspan.providers import Construct
from twinspan.twin import Twin


class IdleStack(TwinStack):
    """A stack without resources."""

    def __init__(self, scope: Construct, cloud: Cloud, *, twin: Twin) -> None:
        super().__init__(scope, cloud, twin=twin)
        self.inventory = Inventory()
        import_module(f"twinspan.{cloud}.foundation").providers(self, twin)
