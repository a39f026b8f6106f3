"""Who sent a message: devices sign, because Pub/Sub does not tell which principal published.

A device's key is HMAC-SHA256(fleet secret, device id), in hexadecimal: 64 characters, which are the key as
they stand. Key number n, from 2 on, is HMAC-SHA256(fleet secret, "<device id>#<n>"); no device id contains
'#'. Only the key of the device's number in twin.json is accepted. `python -m twin_gcp.devices <device id>
--key <n>` prints a key, with the fleet secret on standard input. A message carries three attributes:

    device_id         the device's id
    device_time       when it was signed: Unix time in seconds, in decimal, with up to 6 digits of a fraction
    device_signature  "v1=" and HMAC-SHA256(device's key, "<device_id>.<device_time>." + data), in hexadecimal

`device_time` may differ from the time at which Pub/Sub took the message by five minutes. Not by more, so that
a message that somebody overheard cannot be sent again later. It is also the time of a reading that has none,
so a repetition within the five minutes gives the same event. Pub/Sub's time, not ours: a message may wait in
the topic for days.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime

from twin_runtime import times

TOLERANCE_S = 300
_VERSION = "v1="
_TIME = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,6}))?")
_FRACTION = re.compile(rb"[0-9]{1,6}\.")
"""At the start of the data, after a time without a fraction: signed, the two would read as one time."""


def device_key(fleet_secret: str, device: str, number: int = 1) -> str:
    """The device's key of that number, which is at least 1."""
    name = device if number == 1 else f"{device}#{number}"
    return hmac.new(fleet_secret.encode(), name.encode(), hashlib.sha256).hexdigest()


def signature(key: str, device: str, at: int | str, data: bytes) -> str:
    """The value of `device_signature`; `at` is the value of `device_time`."""
    signed = f"{device}.{at}.".encode() + data
    return _VERSION + hmac.new(key.encode(), signed, hashlib.sha256).hexdigest()


def attributes(key: str, device: str, at: int | str, data: bytes) -> dict[str, str]:
    """The attributes of a message, as a device sets them."""
    return {"device_id": device, "device_time": str(at), "device_signature": signature(key, device, at, data)}


def problem(
    fleet_secret: str, sent: Mapping[str, str], data: bytes, received: str, keys: Mapping[str, int]
) -> str | None:
    """Why the message is not from the device that it names; None when it is. `received` is RFC 3339, `keys`
    the number of a device's key where that is above 1.
    """
    device, at = sent.get("device_id", ""), sent.get("device_time", "")
    if not device:
        return "The message has no attribute device_id."
    moment = _TIME.fullmatch(at)
    if moment is None:
        return "The attribute device_time is not Unix time in seconds."
    if moment[2] is None and _FRACTION.match(data):
        return "The message is not JSON of a reading: it begins with a number."
    # A device's name with '#' would have the key of another device's number.
    if "#" in device:
        return "The attribute device_id is not a device's id."
    expected = signature(device_key(fleet_secret, device, keys.get(device, 1)), device, at, data)
    # Both sides as bytes: text that is not ASCII cannot be compared in constant time.
    if not hmac.compare_digest(expected.encode(), sent.get("device_signature", "").encode()):
        return "The attribute device_signature is not that of the device."
    if abs(datetime.fromisoformat(received).timestamp() - float(at)) > TOLERANCE_S:
        return f"The attribute device_time is more than {TOLERANCE_S} seconds off."
    return None


def signed_at(sent: Mapping[str, str]) -> str:
    """When a message without a problem was signed, in the fixed-width form."""
    seconds, _, fraction = sent["device_time"].partition(".")
    whole = times.from_epoch(int(seconds))
    return f"{whole[:-7]}{fraction:0<6}Z"


if __name__ == "__main__":
    import argparse
    import sys

    parser = argparse.ArgumentParser(
        prog="python -m twin_gcp.devices",
        description="Prints a device's key. Reads the fleet secret from standard input.",
    )
    parser.add_argument("device", help="id of the device")
    parser.add_argument("--key", type=int, default=1, metavar="N", help="number of the key (default: 1)")
    given = parser.parse_args()
    if given.key < 1:
        parser.error(f"--key must be 1 or more, got {given.key}")
    print(device_key(sys.stdin.read().rstrip("\n"), given.device, given.key))
