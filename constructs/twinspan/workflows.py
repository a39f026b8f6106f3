"""Workflow definitions of the user's own, and what is wrong with them."""

from collections.abc import Iterator
from importlib import import_module

from twin_runtime.roles import Cloud
from twinspan.config import Config, Problem


def problems(config: Config) -> Iterator[Problem]:
    """What the processing layer's cloud would refuse in the user's own definition."""
    own = config.events.workflow
    if own is None:
        return
    try:
        text = config.path_of(own).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return  # the loader has said so
    cloud: Cloud = config.layers.processing
    for message in import_module(f"twinspan.{cloud}.definition").problems(text):
        yield Problem("events.workflow", f"{own} is not a valid workflow for {cloud}: {message}")
