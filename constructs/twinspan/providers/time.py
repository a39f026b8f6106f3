"""The hashicorp/time provider, for which no binding is published in the pinned set: a wait for what settles
late.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from cdktf import TerraformProviderGeneratorMetadata

from twinspan.providers import Construct, TerraformProvider, TerraformResource

_VERSION = "~> 0.13"  # the kernel writes the "version" into required_providers, not the constraint
_METADATA = TerraformProviderGeneratorMetadata(
    provider_name="time", provider_version=_VERSION, provider_version_constraint=_VERSION
)


class TimeProvider(TerraformProvider):
    """The block of hashicorp/time; it takes no arguments."""

    def __init__(self, scope: Construct) -> None:
        super().__init__(
            scope,
            "time",
            terraform_resource_type="time",
            terraform_provider_source="hashicorp/time",
            terraform_generator_metadata=_METADATA,
        )


class TimeSleep(TerraformResource):
    """`time_sleep`: waits when it is created, and again when one of its `triggers` changes. `seconds` go by
    between what it depends on or is triggered by, and what needs it.
    """

    TF_RESOURCE_TYPE: ClassVar[str] = "time_sleep"

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        seconds: int,
        depends_on: Sequence[TerraformResource] = (),
        triggers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(
            scope,
            id_,
            terraform_resource_type=self.TF_RESOURCE_TYPE,
            terraform_generator_metadata=_METADATA,
            depends_on=list(depends_on) or None,
        )
        self.add_override("create_duration", f"{seconds}s")
        if triggers:
            self.add_override("triggers", dict(triggers))
