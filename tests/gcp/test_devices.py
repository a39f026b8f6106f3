"""Which device sent a message: what is believed, and what is not."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import TypeAdapter, ValidationError

from gcp.servers import ROOT
from twin_gcp import devices
from twinspan.config.base import DeviceId

FLEET = "fleet-secret"
AT = 1_709_208_000
RECEIVED = "2024-02-29T12:00:00.000000Z"
DATA = b'{"temperature": 21.5}'
SENT = devices.attributes(devices.device_key(FLEET, "thermostat-1"), "thermostat-1", AT, DATA)


def test_a_device_that_signs_is_believed() -> None:
    assert devices.problem(FLEET, SENT, DATA, RECEIVED, {}) is None


def test_the_values_are_those_that_the_documentation_gives() -> None:
    """Computed with another implementation: openssl dgst -sha256 -hmac."""
    key = "cfdc949aa477ea0a3d33cdd9c99ac62bf30b073c7356cdda11294d19161962ac"
    assert devices.device_key(FLEET, "thermostat-1") == key
    assert SENT["device_signature"] == "v1=d7457f1a8f8b90686be25ffae574c1d267ae1170be4b876de388a940f0c41575"


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_clocks_may_differ_by_five_minutes(seconds: int) -> None:
    key = devices.device_key(FLEET, "d")
    assert (
        devices.problem(FLEET, devices.attributes(key, "d", AT + seconds, DATA), DATA, RECEIVED, {}) is None
    )


@pytest.mark.parametrize("seconds", [-301, 301])
def test_and_not_by_more(seconds: int) -> None:
    key = devices.device_key(FLEET, "d")
    problem = devices.problem(FLEET, devices.attributes(key, "d", AT + seconds, DATA), DATA, RECEIVED, {})
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
    problem = devices.problem(FLEET, SENT | changed, data, RECEIVED, {})
    assert problem and said in problem


def test_another_device_s_key_does_not_sign_for_this_one() -> None:
    key = devices.device_key(FLEET, "thermostat-2")
    assert devices.problem(FLEET, devices.attributes(key, "thermostat-1", AT, DATA), DATA, RECEIVED, {})


@pytest.mark.parametrize("number", [1, 2, 3, 1_000_000])
def test_only_the_key_of_the_device_s_number_signs(number: int) -> None:
    keys = {"thermostat-1": number, "thermostat-2": number + 1}
    for other in (1, 2, 3, 999_999, 1_000_000):
        key = devices.device_key(FLEET, "thermostat-1", other)
        sent = devices.attributes(key, "thermostat-1", AT, DATA)
        assert (devices.problem(FLEET, sent, DATA, RECEIVED, keys) is None) is (other == number)


def test_a_key_s_number_is_no_part_of_another_device_s_name() -> None:
    """`thermostat-1#2` cannot be a device, or its first key would be the second one of thermostat-1."""
    with pytest.raises(ValidationError):
        TypeAdapter(DeviceId).validate_python("thermostat-1#2")
    key = devices.device_key(FLEET, "thermostat-1", 2)
    sent = devices.attributes(key, "thermostat-1#2", AT, DATA)
    assert devices.problem(FLEET, sent, DATA, RECEIVED, {}) == "The attribute device_id is not a device's id."


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m twin_gcp.devices`."""
    return subprocess.run(
        [sys.executable, "-m", "twin_gcp.devices", *arguments],
        input=FLEET + "\n",
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT / "function_src",
    )


@pytest.mark.parametrize(("arguments", "number"), [((), 1), (("--key", "1"), 1), (("--key", "7"), 7)])
def test_the_command_prints_a_device_s_key(arguments: tuple[str, ...], number: int) -> None:
    ran = command("thermostat-1", *arguments)
    assert (ran.returncode, ran.stdout.strip()) == (0, devices.device_key(FLEET, "thermostat-1", number))


@pytest.mark.parametrize(
    ("at", "moment"),
    [
        ("1709208000", "2024-02-29T12:00:00.000000Z"),
        ("1709208000.25", "2024-02-29T12:00:00.250000Z"),
        ("1709208000.000001", "2024-02-29T12:00:00.000001Z"),
        ("1709207700.000000", "2024-02-29T11:55:00.000000Z"),
    ],
)
def test_the_time_of_a_signature_may_have_a_fraction(at: str, moment: str) -> None:
    sent = devices.attributes(devices.device_key(FLEET, "d"), "d", at, DATA)
    assert devices.problem(FLEET, sent, DATA, RECEIVED, {}) is None
    assert devices.signed_at(sent) == moment


@pytest.mark.parametrize(
    "at", ["1709208000.", "1709208000.1234567", ".5", "1709208000.5.5", "1709208000,5", "٣"]
)
def test_times_of_another_form_are_none(at: str) -> None:
    sent = devices.attributes(devices.device_key(FLEET, "d"), "d", at, DATA)
    assert "device_time" in (devices.problem(FLEET, sent, DATA, RECEIVED, {}) or "")


def test_a_fraction_cannot_be_moved_between_the_time_and_the_data() -> None:
    """Both are signed as one text, with a full stop between them."""
    sent = devices.attributes(devices.device_key(FLEET, "d"), "d", "1709208000.5", DATA)
    moved = sent | {"device_time": "1709208000"}
    assert "begins with a number" in (devices.problem(FLEET, moved, b"5." + DATA, RECEIVED, {}) or "")


@pytest.mark.parametrize("number", ["0", "-1", "two"])
def test_the_command_refuses_a_number_that_no_key_has(number: str) -> None:
    ran = command("thermostat-1", "--key", number)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "--key" in ran.stderr
