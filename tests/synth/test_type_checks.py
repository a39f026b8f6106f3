"""jsii's checks of argument types, which the other tests leave out for speed (`twinspan.loading.quick`)."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys
sys.path[:0] = ["constructs", "function_src"]
from guides import twins
from twinspan.providers import App, TerraformStack
from twinspan.providers.aws import SqsQueue

for placement in (*twins.SINGLE.values(), *twins.SPREAD):
    twins.stacks(placement)
try:
    SqsQueue(TerraformStack(App(), "stack"), "queue", name=1)
except TypeError as error:
    print(error)
"""


@pytest.mark.matrix
def test_the_guides_twins_pass_every_call_s_checks() -> None:
    """Each resource of each cloud is in them, local and at either end of a link."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "type of argument name must be one of (str, NoneType); got int instead" in done.stdout
