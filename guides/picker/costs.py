"""What a million events cost, part by part, for every choice: in micro-dollars, so that sums are exact."""

from collections.abc import Iterator
from decimal import Decimal
from functools import cache

from guides.picker import answers
from guides.picker.answers import EVENTS, ON
from guides.picker.decisions import Choices, Facts, Value
from guides.prices import amounts, events
from twin_runtime.roles import Cloud, Layer
from twinspan.topology import Topology

MICRO = 1_000_000


def facts(choices: Choices) -> Facts:
    """`cost/<assumptions>/<part>`, and for the same layers in one cloud
    `alone/<assumptions>/<cloud>/<part>`.
    """
    return dict(_facts(answers.topology(choices), choices[EVENTS] == ON))


def _facts(twin: Topology, on: bool) -> Iterator[tuple[str, Value]]:
    for assumed in events.SETS:
        for part, cost in _parts(twin, on, assumed).items():
            yield f"cost/{assumed}/{part}", cost
        for cloud in Cloud:
            for part, cost in _alone(tuple(twin.layers), twin.read_api, cloud, on, assumed).items():
                yield f"alone/{assumed}/{cloud}/{part}", cost


def _parts(twin: Topology, on: bool, assumed: str) -> dict[str, int]:
    by_part = events.by_part(events.items(twin, on, assumed))
    return {part: int((cost * MICRO).to_integral_value()) for part, cost in by_part.items()}


@cache
def _alone(layers: tuple[Layer, ...], read_api: bool, cloud: Cloud, on: bool, assumed: str) -> dict[str, int]:
    return _parts(Topology(dict.fromkeys(layers, cloud), read_api), on, assumed)


def usd(micro: int) -> str:
    """Micro-dollars as the page shows them."""
    return amounts.usd(Decimal(micro) / MICRO)
