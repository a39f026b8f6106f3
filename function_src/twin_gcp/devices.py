"""Who sent a message: devices sign, because Pub/Sub does not tell which principal published.

A device's key is HMAC-SHA256(fleet secret, device id), in hexadecimal: 64 characters, which are the key as
they stand. `python -m twin_gcp.devices <device id>` prints it, with the fleet secret on standard input. A
message carries three attributes:

    device_id         the device's id
    device_time       when it was signed: Unix time in whole seconds, in decimal
    device_signature  "v1=" and HMAC-SHA256(device's key, "<device_id>.<device_time>." + data), in hexadecimal

`device_time` may differ from the time at which Pub/Sub took the message by five minutes. Not by more, so that
a message that somebody overheard cannot be sent again later; within them a repetition gives the same event.
Pub/Sub's time, not ours: a message may wait in the topic for days.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime

TOLERANCE_S = 300
_VERSION = "v1="
_TIME = re.compile(r"[0-9]{1,12}")


def device_key(fleet_secret: str, device: str) -> str:
    """The key that a device is given."""
    return hmac.new(fleet_secret.encode(), device.encode(), hashlib.sha256).hexdigest()


def signature(key: str, device: str, at: int, data: bytes) -> str:
    """The value of `device_signature`."""
    signed = f"{device}.{at}.".encode() + data
    return _VERSION + hmac.new(key.encode(), signed, hashlib.sha256).hexdigest()


def attributes(key: str, device: str, at: int, data: bytes) -> dict[str, str]:
    """The attributes of a message, as a device sets them."""
    return {"device_id": device, "device_time": str(at), "device_signature": signature(key, device, at, data)}


def problem(fleet_secret: str, sent: Mapping[str, str], data: bytes, received: str) -> str | None:
    """Why the message is not from the device that it names; None when it is. `received` is RFC 3339."""
    device, at = sent.get("device_id", ""), sent.get("device_time", "")
    if not device:
        return "The message has no attribute device_id."
    if not _TIME.fullmatch(at):
        return "The attribute device_time is not Unix time in seconds."
    expected = signature(device_key(fleet_secret, device), device, int(at), data)
    # Both sides as bytes: text that is not ASCII cannot be compared in constant time.
    if not hmac.compare_digest(expected.encode(), sent.get("device_signature", "").encode()):
        return "The attribute device_signature is not that of the device."
    if abs(datetime.fromisoformat(received).timestamp() - int(at)) > TOLERANCE_S:
        return f"The attribute device_time is more than {TOLERANCE_S} seconds off."
    return None


if __name__ == "__main__":
    import sys

    print(device_key(sys.stdin.read().rstrip("\n"), sys.argv[1]))
