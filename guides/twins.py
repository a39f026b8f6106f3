"""The twins that the guides are drawn from: each cloud alone, and three whose neighbouring layers never share
a cloud. All are the example of three clouds with its layers placed anew.
"""

import json
import tempfile
from collections.abc import Mapping
from functools import cache
from itertools import cycle, islice
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from stacks import build as synthesis
from twin_runtime.roles import Cloud, Layer
from twinspan.config import Config
from twinspan.inventory import Inventory
from twinspan.topology import Topology

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "three-clouds.yaml"
CLOUDS: Mapping[Cloud, Mapping[str, str]] = MappingProxyType(
    {
        Cloud.AWS: {"region": "eu-central-1", "account_id": "000000000000"},
        Cloud.AZURE: {"location": "westeurope", "subscription_id": "00000000-0000-0000-0000-000000000000"},
        Cloud.GCP: {"project": "my-project", "region": "europe-west1"},
    }
)
Placement = Mapping[Layer, Cloud]


def _turned(turns: int) -> Placement:
    """L1 to L3 on three clouds; each tier, L4 and L5 away from the layer that they take data from."""
    a, b, c = islice(cycle(Cloud), turns, turns + 3)
    return MappingProxyType(dict(zip(Layer, (a, b, c, a, b, a, a), strict=True)))


SINGLE: Mapping[Cloud, Placement] = MappingProxyType(
    {cloud: MappingProxyType(dict.fromkeys(Layer, cloud)) for cloud in Cloud}
)
SPREAD: tuple[Placement, ...] = tuple(_turned(turns) for turns in range(len(Cloud)))


def spread_with(layer: Layer, cloud: Cloud) -> Placement:
    """The twin of `SPREAD` in which the cloud holds the layer."""
    return next(placement for placement in SPREAD if placement[layer] is cloud)


def topology(placement: Placement) -> Topology:
    """The topology of a placement, with the read API."""
    return Topology(placement)


def config(placement: Placement) -> Config:
    """The example's configuration, with its layers placed so."""
    data: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    data["layers"] = {layer.value: cloud.value for layer, cloud in placement.items()}
    data["clouds"] = {cloud.value: dict(CLOUDS[cloud]) for cloud in Cloud if cloud in placement.values()}
    return Config.model_validate(data, context={"folder": EXAMPLE.parent})


def stacks(placement: Placement) -> Mapping[str, dict[str, Any]]:
    """Every stack of a placement as Terraform JSON, by name; synthesized once. Not to be changed."""
    return _synthesized(tuple(placement.items()))[0]


def inventory(placement: Placement, stack: str) -> Inventory:
    """What the constructs of a stack recorded."""
    return _synthesized(tuple(placement.items()))[1][stack]


@cache
def _synthesized(
    placement: tuple[tuple[Layer, Cloud], ...],
) -> tuple[Mapping[str, dict[str, Any]], Mapping[str, Inventory]]:
    with tempfile.TemporaryDirectory(prefix="twinspan-") as folder:
        inventories = synthesis.synthesize(config(dict(placement)), Path(folder))
        found = {
            path.parent.name: json.loads(path.read_text(encoding="utf-8"))
            for path in sorted(Path(folder).glob("stacks/*/cdk.tf.json"))
        }
    return MappingProxyType(found), MappingProxyType(inventories)
