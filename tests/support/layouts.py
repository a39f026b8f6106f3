"""Twins for tests: every placement of L1, L2 and L3 on the three clouds, and twins of all seven layers."""

from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from twin_runtime.roles import Cloud
from twinspan.config import Config

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


class Layout(NamedTuple):
    """Which cloud holds each layer; None: the twin has no such layer."""

    l1: Cloud
    l2: Cloud
    l3: Cloud
    cold: Cloud | None = None
    archive: Cloud | None = None
    l4: Cloud | None = None
    l5: Cloud | None = None

    def __str__(self) -> str:
        return "-".join(cloud or "none" for cloud in (self if any(self[3:]) else self[:3]))

    @property
    def clouds(self) -> tuple[Cloud, ...]:
        """The clouds in use."""
        return tuple(cloud for cloud in Cloud if cloud in self)

    @property
    def layers(self) -> dict[str, str]:
        """The section `layers:` of a twin.yaml."""
        optional = {"twin_management": self.l4, "visualization": self.l5}
        return {
            "acquisition": self.l1,
            "processing": self.l2,
            "hot_storage": self.l3,
            "cold_storage": self.cold or "none",
            "archive_storage": self.archive or "none",
            **{name: cloud for name, cloud in optional.items() if cloud},
        }


LAYOUTS = tuple(Layout(*clouds) for clouds in product(Cloud, repeat=3))
"""L1 to L3 alone, in every combination."""
EVERY_LAYOUT = tuple(Layout(*clouds) for clouds in product(Cloud, repeat=7))
"""All seven layers, in every combination: 2,187."""
_LETTERS = {"a": Cloud.AWS, "m": Cloud.AZURE, "g": Cloud.GCP}
_COVERING = """
    aaagama aamaaag aammmga aammgmm aagaagm amaamaa ammmama ammgggg amgagam amggmgg agamagg agaggam
    agmammg aggagma aggmmam maaagga maamggg mamgmam magmamg mmammgm mmagaag mmmaagm mmmgmma mmgggmm
    mgaaamm mgmamgg mgmmgaa mggaaaa mgggmga gaamaam gaagmgg gamaaga gagammm gagggaa gmaagmg gmmmmag
    gmgmgga gmggagm ggammma ggmaggm ggmgamg gggagag
"""
COVERING = tuple(Layout(*(_LETTERS[letter] for letter in word)) for word in _COVERING.split())
"""A covering array of strength three: any three layers are in any three clouds in one of these."""
PARTIAL = (
    Layout(Cloud.AWS, Cloud.AZURE, Cloud.GCP),
    *(Layout(cloud, cloud, cloud) for cloud in Cloud),
    Layout(Cloud.GCP, Cloud.GCP, Cloud.AWS, cold=Cloud.AZURE),
    Layout(Cloud.AZURE, Cloud.AWS, Cloud.AZURE, cold=Cloud.AZURE, l5=Cloud.GCP),
    Layout(Cloud.AWS, Cloud.AWS, Cloud.GCP, cold=Cloud.GCP, archive=Cloud.AZURE, l4=Cloud.AWS),
    Layout(Cloud.GCP, Cloud.AZURE, Cloud.AWS, l4=Cloud.AZURE, l5=Cloud.AWS),
)
"""Twins without one or another of the layers that may be left out."""
SYNTHESIZED = COVERING + PARTIAL
"""What the invariants of synthesized stacks are checked on."""

CLOUDS: dict[str, Any] = {
    "aws": {"region": "eu-central-1", "account_id": "000000000000"},
    "azure": {"location": "westeurope", "subscription_id": "00000000-0000-0000-0000-000000000000"},
    "gcp": {"project": "my-project", "region": "europe-west1"},
}


def twin_data(layout: Layout, *, events: bool = True, **fields: Any) -> dict[str, Any]:
    """The content of a twin.yaml for a layout; `fields` replace or add top-level fields."""
    return {
        "twin": "factory",
        "layers": layout.layers,
        "clouds": {cloud: CLOUDS[cloud] for cloud in layout.clouds},
        "device_types": {
            "thermostat": {
                "telemetry": {"temperature": {"type": "number", "unit": "Cel"}},
                "commands": {"set_point": {"type": "number", "unit": "Cel"}},
                "processor": "processors/thermostat.py",
            }
        },
        "devices": [{"id": "thermostat-1", "type": "thermostat"}],
        "events": {
            "enabled": events,
            "rules": [
                {
                    "name": "overheating",
                    "device_type": "thermostat",
                    "when": {"metric": "temperature", "above": 80},
                    "then": {"feedback": {"command": "set_point", "value": 20}, "workflow": True},
                }
            ],
        },
        **fields,
    }


def config_of(data: dict[str, Any]) -> Config:
    """The configuration that `data`, written beside the examples, would load as."""
    return Config.model_validate(data, context={"folder": EXAMPLES})


def twin_config(layout: Layout, *, events: bool = True, **fields: Any) -> Config:
    """The configuration of a layout."""
    return config_of(twin_data(layout, events=events, **fields))
