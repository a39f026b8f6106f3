"""The IoT hub: mosquitto for its devices, the bridge behind it, and certificates for the devices."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from local_cloud.azure.addresses import Addresses
from local_cloud.azure.apps import python
from local_cloud.azure.iot_hub import bridge, mqtt
from local_cloud.certificates import Authority, Certificate
from local_cloud.processes import Processes, free_ports


class Hub:
    """Devices are registered here as the operator does it on Azure: each of `twin.json`, by X.509."""

    def __init__(
        self,
        processes: Processes,
        *,
        folder: Path,
        authority: Authority,
        certificate: Certificate,
        addresses: Addresses,
        twin: Mapping[str, Any],
    ) -> None:
        self._processes = processes
        self._folder = folder
        self._authority = authority
        self._certificate = certificate
        self._addresses = addresses
        self._twin = twin["twin"]
        devices = sorted(twin["devices"])
        self._ports = dict(zip(devices, free_ports(len(devices)), strict=True))
        self._devices = folder / "devices"
        for device in devices:
            authority.client(device, self._devices)

    def start(
        self, hub_id: str, subscriptions: Sequence[Mapping[str, Any]], *, key: str, hasten: float
    ) -> None:
        """Returns when devices can connect and be called."""
        at = self._addresses
        broker = mqtt.start(
            self._processes,
            self._folder,
            bridge_port=at.mqtt.port,
            device_ports=self._ports,
            ca_file=self._authority.ca_file,
            certificate=self._certificate,
        )
        self._processes.wait(broker, port=at.mqtt.port)
        config = self._folder / "iot-hub.json"
        config.write_text(
            json.dumps(
                bridge.configuration(
                    key=key,
                    certificate=self._certificate,
                    ca_file=self._authority.ca_file,
                    port=at.hub.port,
                    mqtt_port=at.mqtt.port,
                    hub_id=hub_id,
                    devices=list(self._ports),
                    hasten=hasten,
                    subscriptions=subscriptions,
                )
            ),
            "utf-8",
        )
        started = python(
            self._processes,
            "azure-iot-hub",
            "local_cloud.azure.iot_hub.bridge",
            str(config),
            # It reads the runtime's times, from where this process has them.
            environment={"PYTHONPATH": os.pathsep.join(sys.path)},
        )
        self._processes.wait(started, port=at.hub.port)

    def endpoint(self) -> dict[str, Any]:
        """Where each device connects, and by which certificate."""
        return {
            "cloud": "azure",
            "twin": self._twin,
            "host": "localhost",
            "ports": dict(self._ports),
            "ca_file": str(self._authority.ca_file),
            "certificates": str(self._devices),
        }
