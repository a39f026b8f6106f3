"""The twin's dashboards, generated from its device types, rules and layers. Pure: no cdktf."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from twinspan.config import Config


def generate(config: "Config") -> Mapping[str, bytes]:
    """The JSON of each dashboard by its file's name, `<uid>.json`; none for a twin without visualization."""
    if config.layers.visualization is None:
        return {}
    from twinspan.dashboards.generator import dashboards  # which loads Grafana's SDK

    return dashboards(config)
