"""The queries of the operations dashboard on a cloud's metrics, the same for each cloud."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import DataSourceRef


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart: what it shows, in which of Grafana's units, and the queries behind it."""

    title: str
    unit: str
    targets: Sequence[Builder[Any]]
    description: str = ""
    alarming: bool = False
    """Red from 1 on."""


class Metrics(Protocol):
    """One cloud's metrics."""

    @property
    def source(self) -> DataSourceRef: ...

    def charts(self) -> Sequence[Chart]:
        """Rate, lag, backlog, errors, durations and dead letters, as far as the cloud measures each."""
        ...
