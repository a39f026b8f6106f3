"""How code and settings get into a function app.

One deploy is the only way that the Flex Consumption plan knows, and the providers have no resource for it: a
deployment of a template calls it. The same deployment writes the app's settings once more, without
`AzureWebJobsStorage`: the provider (4.55) adds that one by itself, as a connection string without a key, and
while it is there, even empty, the host does not use the identity that `AzureWebJobsStorage__…` names.

azurerm's own resource for template deployments never repeats one: a first deployment that failed must be
imported, and a later one that failed is taken for done. As an action of azapi, a deployment that failed is
sent again by the next apply. It also follows each change of the app, by whomever it was made.

In the template the package has a deployment of its own. The hour for which its signature is valid then begins
when the settings are written.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

from twin_runtime.roles import Layer, Role
from twinspan.azure import names
from twinspan.azure.foundation import Foundation
from twinspan.providers import Construct
from twinspan.providers.azapi import AzapiResourceAction
from twinspan.terraform.resources import Ref, place

TYPE = "Microsoft.Resources/deployments@2022-09-01"


@cache
def template() -> dict[str, Any]:
    """The ARM template, the same for every function; what differs is in its parameters."""
    return json.loads(Path(__file__).with_name("onedeploy.json").read_text(encoding="utf-8"))


class CodeDeployment(Construct):
    """Settings and package of one app. What needs the code to be there depends on `address`."""

    def __init__(
        self, scope: Construct, id_: str, *, foundation: Foundation, app: Ref, role: Role, layer: Layer
    ) -> None:
        super().__init__(scope, id_)
        packages = foundation.packages
        blob = packages.blob(role)
        parameters = {
            "site": app["name"],
            "settings": app["app_settings"],
            "insights": foundation.monitoring.insights["name"],
            "packageAccount": packages.account["name"],
            "packageContainer": packages.container["name"],
            "packageBlob": blob["name"],
            "packageUrl": blob["url"],
        }
        name = names.code_deployment(foundation.names, role)
        deployment = AzapiResourceAction(
            self,
            "code",
            kind=TYPE,
            resource_id=f"{foundation.group_id}/providers/Microsoft.Resources/deployments/{name}",
            method="PUT",
            body={
                "properties": {
                    "mode": "Incremental",
                    "template": template(),
                    "parameters": {key: {"value": value} for key, value in parameters.items()},
                },
                "tags": foundation.labels(layer, role),
            },
            again_with=[app.address],
        )
        self.address = place(deployment, role, optional=app.optional).address
