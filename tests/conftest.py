"""What all tests share: the loaders must act before any test imports a binding, and Ctrl-C must end what they
start.
"""

import signal
from typing import Any

import pytest

from support.scheduling import ByFile, rank
from twinspan.loading import load_lazily, quick

load_lazily()
quick.prepare()

from support import synth  # noqa: E402

# A shell lets what it runs in the background ignore Ctrl-C, and all that this starts inherits it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

SYNTHESIZING = ("synth", "aws", "azure", "gcp")
"""Folders whose tests over layouts synthesize each."""
LAYOUTS = frozenset({"SYNTHESIZED", "AZURE_LAYOUTS", "GCP_LAYOUTS"})
"""What such tests go over where they are not parametrized."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests over every layout are a matrix: `make check` leaves them to `make test`."""
    for item in items:
        callspec = getattr(item, "callspec", None)
        folder = item.path.relative_to(config.rootpath / "tests").parts[0]
        function = item.function.__code__.co_names if isinstance(item, pytest.Function) else ()
        over_layouts = callspec is not None and "layout" in callspec.params
        if folder in SYNTHESIZING and (over_layouts or not LAYOUTS.isdisjoint(function)):
            item.add_marker(pytest.mark.matrix)
    items.sort(key=lambda item: rank(item.path.relative_to(config.rootpath / "tests").parts[0]))


@pytest.fixture(autouse=True, scope="session")
def stacks_are_shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> None:
    """What one process of `-n` has synthesized, the others read."""
    if worker_id != "master":
        synth.share(tmp_path_factory.getbasetemp().parent / "stacks")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    """`-n`: several processes."""
    return ByFile(config, log)
