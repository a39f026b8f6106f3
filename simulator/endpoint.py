"""Reads the endpoint document, which says where devices connect:

    {"cloud": "aws", "twin": "factory", "host": "…-ats.iot.eu-central-1.amazonaws.com",
     "certificates": "<folder with <device>.crt and <device>.key>",
     "port": 8883, "ca_file": "<default: the system's authorities>"}
    {"cloud": "azure", "twin": "factory", "host": "….azure-devices.net", "certificates": "…",
     "ca_file": "…", "ports": {"<device>": 10883}}     (`ports` for local brokers; the hub has 8883 only)
    {"cloud": "gcp", "twin": "factory", "project": "…", "fleet_secret": "…",
     "url": "https://pubsub.googleapis.com", "token": "…"}

`token` is an OAuth 2 access token; its default is the environment variable GOOGLE_OAUTH_ACCESS_TOKEN. Without
both, requests carry no token, which only an emulator accepts. Paths are relative to the document.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from simulator.errors import SimulatorError

MQTT_TLS = 8883
PUBSUB = "https://pubsub.googleapis.com"
TOKEN_VARIABLE = "GOOGLE_OAUTH_ACCESS_TOKEN"  # noqa: S105 - the name of it
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Mqtt:
    """What the two MQTT brokers have in common."""

    twin: str
    host: str
    certificates: Path
    ca_file: Path | None

    def certificate(self, device: str) -> tuple[Path, Path]:
        """A device's certificate and private key, in PEM. Raises `SimulatorError` when one is not there."""
        files = self.certificates / f"{device}.crt", self.certificates / f"{device}.key"
        for file in files:
            if not file.is_file():
                raise SimulatorError(
                    f"{file} is missing: put each device's certificate and key into the folder "
                    "that `certificates` in the endpoint document names."
                )
        return files


@dataclass(frozen=True, slots=True)
class AwsEndpoint(Mqtt):
    """AWS IoT Core."""

    port: int
    cloud: str = "aws"


@dataclass(frozen=True, slots=True)
class AzureEndpoint(Mqtt):
    """Azure IoT Hub. `ports` is empty on the real one."""

    ports: Mapping[str, int]
    cloud: str = "azure"


@dataclass(frozen=True, slots=True)
class GcpEndpoint:
    """Google Cloud Pub/Sub."""

    twin: str
    project: str
    url: str
    fleet_secret: str = field(repr=False)
    token: str | None = field(default=None, repr=False)
    cloud: str = "gcp"


Endpoint = AwsEndpoint | AzureEndpoint | GcpEndpoint


def read(path: Path, environment: Mapping[str, str] = os.environ) -> Endpoint:
    """The endpoint of a document in a file. Raises `SimulatorError`."""
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise SimulatorError(f"The endpoint document {path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise SimulatorError(f"The endpoint document {path} is not JSON: {error}.") from None
    return parse(document, environment, folder=path.parent)


def parse(document: Any, environment: Mapping[str, str] = os.environ, *, folder: Path = Path()) -> Endpoint:
    """The endpoint of a document. Raises `SimulatorError`."""
    if not isinstance(document, Mapping):
        raise SimulatorError('The endpoint document must be a JSON object, such as {"cloud": "aws", …}.')
    cloud = document.get("cloud")
    if cloud == "aws":
        return AwsEndpoint(**_mqtt(document, folder), port=_port(document.get("port", MQTT_TLS), "port"))
    if cloud == "azure":
        ports = _get(document, "ports", dict, {})
        checked = {device: _port(port, f"ports.{device}") for device, port in ports.items()}
        return AzureEndpoint(**_mqtt(document, folder), ports=checked)
    if cloud == "gcp":
        return GcpEndpoint(
            twin=_get(document, "twin", str),
            project=_get(document, "project", str),
            url=_url(_get(document, "url", str, PUBSUB)),
            fleet_secret=_get(document, "fleet_secret", str),
            token=_get(document, "token", str, "") or environment.get(TOKEN_VARIABLE) or None,
        )
    raise SimulatorError(f"The endpoint document's cloud must be aws, azure or gcp, got {cloud!r}.")


def _mqtt(document: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    ca_file = _get(document, "ca_file", str, "")
    if ca_file and not (folder / ca_file).is_file():
        raise SimulatorError(
            f"{folder / ca_file} is missing: ca_file must be the broker's authority, in PEM."
        )
    return {
        "twin": _get(document, "twin", str),
        "host": _get(document, "host", str),
        "certificates": folder / _get(document, "certificates", str),
        "ca_file": folder / ca_file if ca_file else None,
    }


def _get(document: Mapping[str, Any], key: str, kind: type[T], default: T | None = None) -> T:
    value = document.get(key, default)
    if not isinstance(value, kind) or (default is None and not value):
        wanted = "an object" if kind is dict else "text"
        problem = (
            f"must be {wanted}, got {value!r}" if value is not None else f"is missing; give it as {wanted}"
        )
        raise SimulatorError(f"The endpoint document's {key} {problem}.")
    return value


def _port(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 65536:
        raise SimulatorError(
            f"The endpoint document's {name} must be a number from 1 to 65535, got {value!r}."
        )
    return value


def _url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SimulatorError(
            f"The endpoint document's url must be http:// or https:// and a host, got {url!r}."
        )
    return url.rstrip("/")
