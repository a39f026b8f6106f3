"""The stack `azure`: what of the twin is in this cloud."""

from stacks.base import TwinStack
from stacks.cloud import lay_out
from twin_runtime.roles import Cloud
from twinspan.azure.foundation import Foundation
from twinspan.azure.kit import kit
from twinspan.packaging import Package
from twinspan.providers import Construct
from twinspan.twin import Twin


class AzureStack(TwinStack):
    """The cloud's own ground (provider, code, alarms), then its layers."""

    def __init__(self, scope: Construct, *, twin: Twin, package: Package) -> None:
        super().__init__(scope, Cloud.AZURE, twin=twin)
        foundation = Foundation(self, "foundation", twin=twin, package=package)
        self.inventory = foundation.inventory
        lay_out(self, kit(foundation))
