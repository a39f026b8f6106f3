"""How code and settings get into a function app.

One deploy is the only way that the Flex Consumption plan knows, and the provider has no resource for it: a
template deployment calls it. The same deployment writes the app's settings once more, without
`AzureWebJobsStorage`: the provider (4.55) adds that one by itself, as a connection string without a key, and
while it is there, even empty, the host does not use the identity that `AzureWebJobsStorage__…` names.

In the template the package has a deployment of its own: the time at which its signature ends is the default
of a parameter, and the provider would read that one back and plan a change every time.
"""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from twinspan.azure import names
from twinspan.azure.foundation import Foundation
from twinspan.providers import Construct
from twinspan.providers.azure import ResourceGroupTemplateDeployment
from twinspan.resources import Ref, place

if TYPE_CHECKING:
    from twinspan.azure.functions import Function


@cache
def template() -> str:
    """The ARM template, the same for every function; what differs is in its parameters."""
    content = json.loads(Path(__file__).with_name("onedeploy.json").read_text(encoding="utf-8"))
    return json.dumps(content, separators=(",", ":"))


def revision(arguments: Mapping[str, object]) -> str:
    """Changes whenever the app's own arguments do.

    The provider's update of an app brings back what the deployment took out, so the deployment comes again.
    """
    return hashlib.sha256(json.dumps(arguments, sort_keys=True).encode()).hexdigest()[:16]


class CodeDeployment(Construct):
    """Settings and package of one app. What needs the code to be there depends on `address`."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        foundation: Foundation,
        function: "Function",
        revision: str,
        needs: list[Ref],
    ) -> None:
        super().__init__(scope, id_)
        packages, app = foundation.packages, function.app
        parameters = {
            "site": app.path("name"),
            "settings": app.path("app_settings"),
            "insights": foundation.monitoring.insights.path("name"),
            "packageAccount": packages.account.path("name"),
            "packageContainer": packages.container.path("name"),
            "packageBlob": packages.blob.path("name"),
            "packageUrl": packages.blob.path("url"),
            "revision": f'"{revision}"',
        }
        pairs = ", ".join(f"{name} = {{value = {expression}}}" for name, expression in parameters.items())
        deployment = ResourceGroupTemplateDeployment(
            self,
            "code",
            name=names.code_deployment(foundation.names, function.role),
            resource_group_name=foundation.group,
            deployment_mode="Incremental",
            template_content=template(),
            parameters_content=f"${{jsonencode({{{pairs}}})}}",
            tags=foundation.labels(function.layer, function.role),
        )
        deployment.add_override("depends_on", [need.address for need in needs])
        self.address = place(deployment, function.role, optional=function.optional).address
