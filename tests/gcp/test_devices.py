"""Which device sent a message: what is believed, and what is not."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gcp.servers import ROOT
from twin_gcp import devices

FLEET = "fleet-secret"
AT = 1_709_208_000
RECEIVED = "2024-02-29T12:00:00.000000Z"
DATA = b'{"temperature": 21.5}'
SENT = devices.attributes(devices.device_key(FLEET, "thermostat-1"), "thermostat-1", AT, DATA)


def test_a_device_that_signs_is_believed() -> None:
    assert devices.problem(FLEET, SENT, DATA, RECEIVED) is None


def test_the_values_are_those_that_the_documentation_gives() -> None:
    """Computed with another implementation: openssl dgst -sha256 -hmac."""
    key = "cfdc949aa477ea0a3d33cdd9c99ac62bf30b073c7356cdda11294d19161962ac"
    assert devices.device_key(FLEET, "thermostat-1") == key
    assert SENT["device_signature"] == "v1=d7457f1a8f8b90686be25ffae574c1d267ae1170be4b876de388a940f0c41575"


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_clocks_may_differ_by_five_minutes(seconds: int) -> None:
    key = devices.device_key(FLEET, "d")
    assert devices.problem(FLEET, devices.attributes(key, "d", AT + seconds, DATA), DATA, RECEIVED) is None


@pytest.mark.parametrize("seconds", [-301, 301])
def test_and_not_by_more(seconds: int) -> None:
    key = devices.device_key(FLEET, "d")
    problem = devices.problem(FLEET, devices.attributes(key, "d", AT + seconds, DATA), DATA, RECEIVED)
    assert problem == "The attribute device_time is more than 300 seconds off."


@pytest.mark.parametrize(
    ("changed", "data", "said"),
    [
        ({"device_id": "thermostat-2"}, DATA, "signature"),
        ({"device_id": ""}, DATA, "device_id"),
        ({"device_time": str(AT + 1)}, DATA, "signature"),
        ({"device_time": "1e9"}, DATA, "device_time"),
        ({"device_time": "-1"}, DATA, "device_time"),
        ({"device_time": "9" * 400}, DATA, "device_time"),
        ({"device_signature": ""}, DATA, "signature"),
        ({"device_signature": "v1=é"}, DATA, "signature"),
        ({"device_signature": SENT["device_signature"].upper()}, DATA, "signature"),
        ({}, DATA + b" ", "signature"),
        ({}, b"", "signature"),
    ],
)
def test_what_was_changed_is_not_believed(changed: dict[str, str], data: bytes, said: str) -> None:
    problem = devices.problem(FLEET, SENT | changed, data, RECEIVED)
    assert problem and said in problem


def test_another_device_s_key_does_not_sign_for_this_one() -> None:
    key = devices.device_key(FLEET, "thermostat-2")
    assert devices.problem(FLEET, devices.attributes(key, "thermostat-1", AT, DATA), DATA, RECEIVED)


def test_the_command_prints_a_device_s_key() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "twin_gcp.devices", "thermostat-1"],
        input=FLEET + "\n",
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT / "function_src",
    ).stdout
    assert printed.strip() == devices.device_key(FLEET, "thermostat-1")
