"""The whole Terraform of the canonical layouts. A change that is meant is accepted by `make snapshots`."""

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.json import JSONSnapshotExtension

from support.inventory import ROOT
from support.synth import stacks_of
from twinspan.twinfile import checked

CANONICAL = ("single-aws", "single-azure", "single-gcp", "three-clouds")


@pytest.mark.parametrize("name", CANONICAL)
def test_terraform_is_as_reviewed(name: str, snapshot: SnapshotAssertion) -> None:
    for stack, content in stacks_of(checked(ROOT / "examples" / f"{name}.yaml")).items():
        assert content == snapshot(name=stack, extension_class=JSONSnapshotExtension), stack
