"""Whole twins on this machine, for tests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from local_cloud.cloud import LocalCloud, Options
from local_cloud.errors import MissingProgram
from support.servers import missing
from twinspan import synthesis
from twinspan.config import Config

HASTEN = 60.0
HASTENED = Options(hasten=HASTEN)
Found = TypeVar("Found")


@contextmanager
def local_twin(
    config: Config, folder: Path, *, options: Options = HASTENED, links: bool = True
) -> Iterator[LocalCloud]:
    """The twin, up. Skips the test where the machine lacks a server; see `support.servers.missing`."""
    out = folder / "cdktf.out"
    synthesis.synthesize(config, out)
    try:
        with LocalCloud(out, folder=folder, options=options) as twin:
            twin.up(links=links)
            yield twin
    except MissingProgram as error:
        missing(str(error))


def until(probe: Callable[[], Found], *, seconds: float, every: float = 0.25) -> Found:
    """What `probe` returns as soon as that is true; its last answer when it never is."""
    end = time.monotonic() + seconds
    while True:
        found = probe()
        if found or time.monotonic() > end:
            return found
        time.sleep(every)
