"""The hashicorp/time provider, for which no binding is published in the pinned set: a wait for what settles
late.
"""

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
    """`time_sleep`: waits once, when it is created. `seconds` go by between what it depends on and what needs
    it.
    """

    TF_RESOURCE_TYPE: ClassVar[str] = "time_sleep"

    def __init__(
        self, scope: Construct, id_: str, *, seconds: int, depends_on: list[TerraformResource] | None = None
    ) -> None:
        super().__init__(
            scope,
            id_,
            terraform_resource_type=self.TF_RESOURCE_TYPE,
            terraform_generator_metadata=_METADATA,
            depends_on=depends_on,
        )
        self.add_override("create_duration", f"{seconds}s")

    def wait_for(self, entries: str, *, of: str = "each.value") -> None:
        """Wait once for each of `entries`, an expression for `for_each`, and again when its `of` changes."""
        self.add_override("for_each", f"${{{entries}}}")
        self.add_override("triggers", {"of": f"${{{of}}}"})
