"""Every stack of every example that the providers in reach can validate; the others are listed when the run
ends.
"""

from pathlib import Path

import pytest

from stacks import build as synthesis
from support.terraform import real_terraform
from twinspan.twinfile import checked

pytestmark = pytest.mark.terraform

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*.yaml"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_every_stack_in_reach_validates(example: Path, tmp_path: Path, unchecked: dict[str, str]) -> None:
    terraform = real_terraform()
    synthesis.synthesize(checked(example), tmp_path)
    missed = terraform.validate_all(tmp_path)
    unchecked.update({f"{example.stem}/{stack}": reason for stack, reason in missed.items()})
    assert "aws" not in missed or "aws" not in terraform.providers
