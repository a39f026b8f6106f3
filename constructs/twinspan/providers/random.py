"""The hashicorp/random provider, for which no binding is published in the pinned set: passwords, with
`for_each`, and digits that make a name new.
"""

from collections.abc import Mapping
from typing import ClassVar

from cdktf import TerraformProviderGeneratorMetadata

from twinspan.providers import Construct, TerraformProvider, TerraformResource

_VERSION = "3.7.2"
_METADATA = TerraformProviderGeneratorMetadata(
    provider_name="random", provider_version=_VERSION, provider_version_constraint=_VERSION
)


class RandomProvider(TerraformProvider):
    """The provider block; it takes no arguments."""

    def __init__(self, scope: Construct) -> None:
        super().__init__(
            scope,
            "random",
            terraform_resource_type="random",
            terraform_provider_source="hashicorp/random",
            terraform_generator_metadata=_METADATA,
        )


class RandomPassword(TerraformResource):
    """`random_password` of `length` letters and digits (62 symbols: 32 characters hold 190 bits).

    With `for_each`, an expression that gives a set of strings, there is one password for each.
    """

    TF_RESOURCE_TYPE: ClassVar[str] = "random_password"

    def __init__(self, scope: Construct, id_: str, *, length: int = 32, for_each: str | None = None) -> None:
        super().__init__(
            scope, id_, terraform_resource_type=self.TF_RESOURCE_TYPE, terraform_generator_metadata=_METADATA
        )
        self.add_override("length", length)
        self.add_override("special", False)
        if for_each is not None:
            self.add_override("for_each", for_each)


class RandomId(TerraformResource):
    """`random_id`: eight digits, its attribute `hex`. They are new when one of `keepers` changes."""

    TF_RESOURCE_TYPE: ClassVar[str] = "random_id"

    def __init__(self, scope: Construct, id_: str, *, keepers: Mapping[str, str]) -> None:
        super().__init__(
            scope, id_, terraform_resource_type=self.TF_RESOURCE_TYPE, terraform_generator_metadata=_METADATA
        )
        self.add_override("byte_length", 4)
        self.add_override("keepers", dict(keepers))
