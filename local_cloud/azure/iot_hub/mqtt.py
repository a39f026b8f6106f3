"""The MQTT side of the IoT hub: mosquitto, which has to be installed, with TLS and client certificates.

The hub gives each device topics of its own under names that all of them share, such as `$iothub/methods`.
Here each device has a listener that puts `<device>/` before its topics, and may touch nothing beyond: its
name is its certificate's common name, whatever the client says. A plain listener is for the hub's own bridge.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from local_cloud.certificates import Certificate
from local_cloud.errors import MissingProgram
from local_cloud.processes import Process, Processes

_DEBIAN = "/usr/sbin/mosquitto"
BRIDGE = "bridge"
# Started by root it would otherwise become a user who cannot read the keys; others it leaves as they are.
_COMMON = """\
user root
persistence false
allow_anonymous true
acl_file {acl}
max_inflight_messages 0
max_queued_messages 0
connection_messages true
log_timestamp false
log_dest topic
log_dest stderr
log_type error
log_type notice
log_type subscribe
log_type warning
listener {port} 127.0.0.1
"""
_DEVICE = """\
listener {port} 127.0.0.1
mount_point {device}/
cafile {ca}
certfile {certificate}
keyfile {key}
tls_version tlsv1.2
require_certificate true
use_identity_as_username true
"""
_ACL = f"""\
user {BRIDGE}
topic readwrite #
topic read $SYS/#
pattern readwrite %u/#
"""


def program() -> str:
    """Where mosquitto is; raises `MissingProgram`."""
    found = shutil.which("mosquitto") or shutil.which(_DEBIAN)
    if found is None:
        raise MissingProgram("mosquitto is not on this machine: apt-get install mosquitto.")
    return found


def start(
    processes: Processes,
    folder: Path,
    *,
    bridge_port: int,
    device_ports: Mapping[str, int],
    ca_file: Path,
    certificate: Certificate,
) -> Process:
    """Start it with a listener per device, by name and port, and the bridge's."""
    folder.mkdir(parents=True, exist_ok=True)
    acl, config = folder / "acl", folder / "mosquitto.conf"
    acl.write_text(_ACL, "utf-8")
    listeners = [
        _DEVICE.format(
            port=port,
            device=device,
            ca=ca_file,
            certificate=certificate.certificate,
            key=certificate.key,
        )
        for device, port in device_ports.items()
    ]
    config.write_text(_COMMON.format(acl=acl, port=bridge_port) + "".join(listeners), "utf-8")
    return processes.start("mosquitto", [program(), "-c", str(config)])
