"""What a million events come to in messages, calls, time and bytes: `usage.toml`, loaded and checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from tomllib import load
from typing import Any

from guides.prices.table import FOLDER
from twin_runtime.roles import Cloud

MILLION = Decimal(1_000_000)
FILE = "usage.toml"


@dataclass(frozen=True, slots=True)
class Instances:
    """How a cloud bills the time of its functions. See `usage.toml`."""

    core_mb: Decimal
    least_s: Decimal
    together: Mapping[str, Decimal]
    sizes_mb: tuple[Decimal, ...]

    def memory_mb(self, wanted: int) -> Decimal:
        """The least memory that can be had and is enough."""
        return min((size for size in self.sizes_mb if size >= wanted), default=Decimal(wanted))

    def cores(self, memory_mb: Decimal) -> Decimal:
        """What of a core comes with the memory; all of one at most, since a call computes in one thread."""
        return min(memory_mb / self.core_mb, Decimal(1)) if self.core_mb else Decimal(1)


@dataclass(frozen=True, slots=True)
class Usage:
    """One set of assumptions."""

    name: str
    events_per_message: Decimal
    rate: Decimal
    devices: Decimal
    fires: Decimal
    bytes: Mapping[str, Decimal]
    row_bytes: Mapping[Cloud, Decimal]
    log_bytes: Mapping[Cloud, Decimal]
    gathered: Mapping[Cloud, Decimal]
    """Events that a cloud gathers into one batch by itself, where each message holds one."""
    wait_s: Mapping[str, Decimal]
    stores: Mapping[str, Any]
    instances: Mapping[Cloud, Instances]
    cpu_us: Mapping[Cloud, Mapping[str, tuple[Decimal, Decimal]]]
    sentences: tuple[str, ...]

    @property
    def seconds(self) -> Decimal:
        """How long a million events take to come in."""
        return MILLION / self.rate

    def cpu_s(self, cloud: Cloud, work: str, events: Decimal) -> Decimal:
        """Seconds of CPU of one call with so many events; KeyError where nothing was measured."""
        call, event = self.cpu_us[cloud][work]
        return (call + event * events) / MILLION

    def request_bytes(self, events: Decimal) -> Decimal:
        """Bytes of a request between clouds with so many events."""
        return self.bytes["head"] + self.bytes["body"] + self.bytes["packed"] * events


def names() -> tuple[str, ...]:
    """The sets, the default first."""
    return tuple(_document()["sets"])


@cache
def read(name: str) -> Usage:
    """A set; KeyError, with a sentence, for a name that is none."""
    document = _document()
    if name not in document["sets"]:
        raise KeyError(f"{FILE} has no set {name!r}; it must be one of {', '.join(document['sets'])}.")
    chosen = document["sets"][name]
    sizes = {key: value for key, value in document["bytes"].items() if not isinstance(value, dict)}
    waits, stores = document["wait_ms"], document["stores"]
    requests, logs = document["requests_per_1000"], document["bytes"]["log"]
    words = {
        **{key: document[key] for key in ("rate", "devices", "fires")},
        **chosen,
        **sizes,
        **waits,
        **requests,
        **{f"log_{cloud}": amount for cloud, amount in logs.items()},
        **{key: stores[key] for key in ("ru_write", "ru_read", "file_puts")},
    }
    told = (chosen["sentence"], *document["sentences"])
    return Usage(
        name=chosen["name"],
        events_per_message=Decimal(chosen["events_per_message"]),
        rate=Decimal(document["rate"]),
        devices=Decimal(document["devices"]),
        fires=Decimal(document["fires"]),
        bytes={key: Decimal(value) for key, value in sizes.items()},
        row_bytes=_by_cloud(document["bytes"]["row"]),
        log_bytes=_by_cloud(logs),
        gathered={cloud: 1_000 / each for cloud, each in _by_cloud(requests).items()},
        wait_s={key: Decimal(value) / 1_000 for key, value in waits.items()},
        stores=stores,
        instances={Cloud(cloud): _instances(figures) for cloud, figures in document["instances"].items()},
        cpu_us={
            Cloud(cloud): {work: (Decimal(call), Decimal(event)) for work, (call, event) in works.items()}
            for cloud, works in document["cpu_us"].items()
        },
        sentences=tuple(sentence.format(**{k: _shown(v) for k, v in words.items()}) for sentence in told),
    )


@cache
def _document() -> dict[str, Any]:
    with (FOLDER / FILE).open("rb") as file:
        return load(file, parse_float=Decimal)


def _instances(figures: Mapping[str, Any]) -> Instances:
    return Instances(
        core_mb=Decimal(figures["core_mb"]),
        least_s=Decimal(figures["least_s"]),
        together={kind: Decimal(count) for kind, count in figures["together"].items()},
        sizes_mb=tuple(Decimal(size) for size in figures.get("sizes_mb", ())),
    )


def _by_cloud(figures: Mapping[str, Any]) -> dict[Cloud, Decimal]:
    return {cloud: Decimal(figures[cloud]) for cloud in Cloud}


def _shown(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int | Decimal) else str(value)
