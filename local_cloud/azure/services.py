"""The stand-ins that function apps call and that have little to do, in one process: managed identities, the
key vault, logic apps, Digital Twins, Grafana.

Run as `python -m local_cloud.azure.services <config>`; `configuration` says what is in the file.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from local_cloud.azure import managed_grafana
from local_cloud.azure.digital_twins import api as digital_twins
from local_cloud.azure.digital_twins.instance import Instance
from local_cloud.azure.identity import Identities
from local_cloud.azure.key_vault import Vault
from local_cloud.azure.logic_app import LogicApps
from local_cloud.azure.tokens import Tokens
from local_cloud.certificates import Certificate
from local_cloud.web import Server


def configuration(
    *,
    key: str,
    certificate: Certificate,
    apps: Mapping[str, Mapping[str, str]],
    identity_port: int,
    vault_port: int,
    vault_host: str,
    policies: Mapping[str, Sequence[Mapping[str, str]]],
    logic_app_port: int,
    runs: Path,
    twins_port: int,
    twin_roles: Mapping[str, str],
    grafana_port: int,
    grafana: Mapping[str, Sequence[str]],
) -> dict[str, Any]:
    """A JSON object of all that they need; `vault_host` is the vault's name and port for clients."""
    return {
        "key": key,
        "certificate": [str(certificate.certificate), str(certificate.key)],
        "identity": {"port": identity_port, "apps": apps},
        "vault": {"port": vault_port, "host": vault_host},
        "logic_app": {"port": logic_app_port, "policies": policies, "runs": str(runs)},
        "twins": {"port": twins_port, "roles": twin_roles},
        "grafana": {"port": grafana_port, **grafana},
    }


def main(config: Mapping[str, Any]) -> None:
    tokens = Tokens(config["key"])
    certificate, key = (Path(path) for path in config["certificate"])
    identity, vault, logic_app = config["identity"], config["vault"], config["logic_app"]
    twins, grafana = config["twins"], config["grafana"]
    workspace = managed_grafana.workspace(tokens, grafana["administrators"], grafana["plugins"])
    logic_apps = LogicApps(tokens, logic_app["policies"], Path(logic_app["runs"]))
    servers = [
        Server(identity["port"], Identities(tokens, identity["apps"])),
        Server(vault["port"], Vault(tokens, vault["host"]), (certificate, key)),
        Server(logic_app["port"], logic_apps, (certificate, key)),
        Server(twins["port"], digital_twins.Api(tokens, twins["roles"], Instance()), (certificate, key)),
        Server(grafana["port"], workspace, (certificate, key)),
    ]
    threads = [threading.Thread(target=server.serve_forever) for server in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text("utf-8")))
