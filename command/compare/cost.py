"""What a twin costs at list prices, before and after an edit."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from guides.prices import amounts, events, items, standing, usage
from twinspan.config import Config
from twinspan.topology import Topology


@dataclass(frozen=True, slots=True)
class Cost:
    """US dollars: `month` whether events come or not, `million` per million events on top.

    Stored data, traffic of clients and free allowances are left out.
    """

    month: Decimal
    million: Decimal

    @classmethod
    def of(cls, config: Config) -> Cost:
        topology, on = Topology.of(config), config.events.enabled
        month = sum((each.usd for each in standing.fixed(topology, on)), Decimal(0))
        return cls(month, items.total(events.items(topology, on)))

    def document(self) -> dict[str, str]:
        return {"usd_per_month": f"{self.month:.2f}", "usd_per_million_events": f"{self.million:.4f}"}


@dataclass(frozen=True, slots=True)
class Costs:
    before: Cost
    after: Cost

    def lines(self) -> list[str]:
        """Both figures, and what they rest on."""
        figures, usd = usage.read(usage.names()[0]), amounts.usd
        return [
            f"  standing ${usd(self.before.month)} → ${usd(self.after.month)} a month, "
            f"per million events ${usd(self.before.million)} → ${usd(self.after.million)}",
            f"  List prices for {amounts.number(figures.devices)} devices with {figures.name}, "
            "without stored data and free allowances.",
        ]

    def document(self) -> dict[str, Any]:
        return {
            "before": self.before.document(),
            "after": self.after.document(),
            "assumptions": usage.names()[0],
        }
