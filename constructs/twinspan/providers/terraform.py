"""What is part of Terraform itself, and needs no provider to be installed."""

from collections.abc import Mapping
from typing import ClassVar

from twinspan.providers import Construct, TerraformResource, TerraformResourceLifecycle


class TerraformData(TerraformResource):
    """`terraform_data`: keeps a value in the state. `output` is the value."""

    TF_RESOURCE_TYPE: ClassVar[str] = "terraform_data"

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        value: Mapping[str, str],
        lifecycle: TerraformResourceLifecycle | None = None,
    ) -> None:
        super().__init__(scope, id_, terraform_resource_type=self.TF_RESOURCE_TYPE, lifecycle=lifecycle)
        self.add_override("input", dict(value))
