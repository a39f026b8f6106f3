"""MiniStack, which stands for AWS: Lambda, IoT Core with MQTT, SQS, DynamoDB, Secrets Manager, API Gateway,
Step Functions, and IAM, whose decisions it enforces.

It speaks TLS, as AWS does: the queues' policies refuse what comes without. It runs in a Python environment of
its own, because it pins its libraries; functions run on that environment's interpreter.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from local_cloud.certificates import Authority
from local_cloud.errors import MissingProgram
from local_cloud.processes import Process, Processes, free_ports

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT_VARIABLE = "TWINSPAN_MINISTACK"
"""Names the environment's folder, where it is not `.venv-ministack`."""
LAUNCHER = Path(__file__).with_name("ministack_launcher.py")
_RESOLVER = Path(__file__).with_name("resolver")
ROOT_KEY = "test"
"""Access key and secret of the account's root."""


class MiniStack:
    """The server; `url` is its endpoint, `mqtt_port` where devices connect, `ca_file` what to trust."""

    def __init__(
        self,
        processes: Processes,
        *,
        folder: Path,
        region: str,
        authority: Authority,
        endpoints: Mapping[str, str] | None = None,
    ) -> None:
        """Starts it; `wait` says when it answers. `endpoints` are the URLs, by service, at which functions
        find what MiniStack has not.
        """
        python = environment() / "bin" / "python"
        certificate = authority.server("ministack", f"*.iot.{region}.localhost")
        self.port, self.mqtt_port = free_ports(2)
        self.region = region
        scratch = folder / "ministack"
        scratch.mkdir(parents=True, exist_ok=True)
        self.ca_file = authority.ca_file
        self.config_file = config_file(folder, self.url)
        self._processes = processes
        self.process: Process = processes.start(
            "ministack",
            [str(python), str(LAUNCHER)],
            environment={
                "AUTH": "true",
                "AWS_CA_BUNDLE": str(self.ca_file),  # the functions inherit it
                "USE_SSL": "1",
                "MINISTACK_SSL_CERT": str(certificate.certificate),
                "MINISTACK_SSL_KEY": str(certificate.key),
                "BIND_HOST": "127.0.0.1",
                "GATEWAY_PORT": str(self.port),
                "IOT_MTLS_PORT": str(self.mqtt_port),
                "MINISTACK_REGION": region,
                "SFTP_ENABLED": "0",
                "TMPDIR": str(scratch),
                "PYTHONPATH": str(_RESOLVER),
                "PYTHONUNBUFFERED": "1",
                **{f"AWS_ENDPOINT_URL_{name.upper()}": url for name, url in (endpoints or {}).items()},
            },
        )

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def wait(self) -> None:
        self._processes.wait(self.process, port=self.port)


def config_file(folder: Path, url: str) -> Path:
    """AWS's own configuration file with one endpoint for all services, for the provider.

    The provider's `endpoints` block says the same, and takes three seconds of a processor each time Terraform
    validates the provider's configuration, which an apply does three times.
    """
    path = folder / "aws.config"
    path.write_text(f"[default]\nendpoint_url = {url}\n", "utf-8")
    return path


def environment() -> Path:
    """The folder of MiniStack's Python environment; raises `MissingProgram`."""
    folder = Path(os.environ.get(ENVIRONMENT_VARIABLE) or ROOT / ".venv-ministack")
    if not (folder / "bin" / "python").exists():
        raise MissingProgram(f"MiniStack is not installed in {folder.name}: run make local-cloud.")
    return folder
