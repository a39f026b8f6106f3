"""The AWS stack of a layout, alone: the other clouds' constructs are not built."""

import json
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from stacks.aws import AwsStack
from stacks.idle import IdleStack
from support.layouts import Layout, config_of, twin_data
from twin_runtime.roles import Cloud
from twinspan import packaging
from twinspan.providers import App
from twinspan.twin import Twin

Stack = dict[str, Any]
AWS, AZURE, GCP = Cloud.AWS, Cloud.AZURE, Cloud.GCP


def synthesize(folder: Path, layout: Layout, **fields: Any) -> Path:
    """Write the AWS stack of a layout; its folder."""
    twin = Twin(config_of(twin_data(layout, **fields)))
    app = App(outdir=str(folder / "out"))
    if AWS in twin.topology.idle:
        IdleStack(app, AWS, twin=twin)
    else:
        AwsStack(app, twin=twin, package=packaging.build(twin.config, AWS, folder / "packages"))
    app.synth()
    return folder / "out" / "stacks" / "aws"


@cache
def _stack(layout: Layout) -> Stack:
    with tempfile.TemporaryDirectory() as folder:
        return json.loads((synthesize(Path(folder), layout) / "cdk.tf.json").read_text())


@pytest.fixture
def whole() -> Stack:
    """All layers in AWS. Not to be changed by a test."""
    return _stack(Layout(AWS, AWS, AWS))


@pytest.fixture
def devices() -> Stack:
    """L1 alone is in AWS: connector, remote feedback."""
    return _stack(Layout(AWS, AZURE, GCP))


@pytest.fixture
def processing() -> Stack:
    """L2 alone is in AWS: ingestion, remote writes, remote feedback."""
    return _stack(Layout(AZURE, AWS, GCP))


@pytest.fixture
def storage() -> Stack:
    """L3 alone is in AWS: writer, hot_reader."""
    return _stack(Layout(AZURE, AZURE, AWS))


@pytest.fixture
def tiers() -> Stack:
    """All layers and tiers in AWS: cold_mover, lifecycle rules."""
    return _stack(Layout(AWS, AWS, AWS, AWS, AWS))


@pytest.fixture
def cold() -> Stack:
    """The cold tier alone is in AWS: cold_writer, archive_mover."""
    return _stack(Layout(AZURE, AZURE, GCP, AWS, AZURE))


@pytest.fixture
def archive() -> Stack:
    """The archive alone is in AWS: archive_writer."""
    return _stack(Layout(AZURE, AZURE, GCP, GCP, AWS))


@pytest.fixture
def graph() -> Stack:
    """All layers but cold, archive and L5 in AWS: twin_sync, twin_connector, twin_reader."""
    return _stack(Layout(AWS, AWS, AWS, l4=AWS))


@pytest.fixture(scope="session")
def synthesized(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Path]]:
    """Writes the AWS stack of a layout into a new folder, and gives that of the stack."""
    yield lambda layout, **fields: synthesize(tmp_path_factory.mktemp("stack"), layout, **fields)
