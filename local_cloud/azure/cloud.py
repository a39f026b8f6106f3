"""Azure on one machine: local servers and stand-ins for the resources of the evaluated stack `azure`."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import urllib3

from local_cloud.azure import evaluation, key_vault, services, timers
from local_cloud.azure.addresses import Addresses, Through, direct
from local_cloud.azure.apps import Function, python
from local_cloud.azure.computed import DEPLOYER, DEPLOYER_CLIENT, Computed
from local_cloud.azure.cosmos.server import Cosmos
from local_cloud.azure.digital_twins.api import OWNER
from local_cloud.azure.host import log_lines
from local_cloud.azure.host.timers import KEY_VARIABLE
from local_cloud.azure.identity import PATH as IDENTITY_PATH
from local_cloud.azure.iot_hub.hub import Hub
from local_cloud.azure.logic_app import read_runs
from local_cloud.azure.storage import Azurite
from local_cloud.azure.tokens import Tokens
from local_cloud.certificates import Authority
from local_cloud.errors import LocalCloudError
from local_cloud.processes import Process, Processes
from local_cloud.shared import unpacked
from local_cloud.standins import Evaluated


class LocalAzure:
    """`hasten` divides what is waited before something is delivered again. `through(name, port)` may put a
    proxy before a server: queues, blobs, tables, cosmos, vault, hub, logic_apps, twins, grafana, or a
    function app by its role. `interpreter` runs the function apps, in place of `apps.worker_python`: a
    Python 3.13 that has azure-functions-runtime runs them as Azure's own worker does.
    """

    def __init__(
        self,
        processes: Processes,
        *,
        folder: Path,
        authority: Authority | None = None,
        hasten: float = 1.0,
        through: Through | None = None,
        interpreter: str | None = None,
    ) -> None:
        self.functions: dict[str, Function] = {}
        self._processes = processes
        self._folder = folder
        self._hasten = hasten
        self._through = through or direct
        self._interpreter = interpreter
        self._authority = authority or Authority(folder / "certificates")
        self._certificate = self._authority.server("azure")
        self._key = secrets.token_urlsafe(32)
        self._tokens = Tokens(self._key)
        self._operator = secrets.token_hex(16)
        self._host_key = secrets.token_hex(16)
        self._secrets: dict[str, str] = {}
        self._runs = folder / "workflow-runs.jsonl"
        self._starting: dict[int, Process] = {}
        self._cosmos: Cosmos | None = None
        self._hub: Hub | None = None

    def start(self, stack: Mapping[str, Any]) -> None:
        """Start the stack's storage and database, and choose the ports of all else."""
        resources = stack["resource"]
        at = Addresses.reserve(list(resources.get(evaluation.APP, {})), self._through)
        self._addresses = at
        self.computed = Computed(at, stack["provider"]["azurerm"][0]["subscription_id"])
        accounts = [account["name"] for account in resources["azurerm_storage_account"].values()]
        self.storage = Azurite(
            accounts,
            queue_port=at.queues.port,
            blob_port=at.blobs.port,
            table_port=at.tables.port,
            ca_file=str(self._authority.ca_file),
        )
        self._starting = {at.queues.port: self.storage.start(self._processes, self._certificate)}
        if "azurerm_cosmosdb_account" in resources:
            self._cosmos = Cosmos(at.cosmos)
            self._starting[at.cosmos.port] = self._cosmos.start(self._processes, self._certificate)

    def deploy(self, evaluated: Evaluated, source: Path) -> None:
        """Make what the stack says, start every function app from its package; returns when all answer.
        `source` has the stack's assets.
        """
        apps = evaluation.apps(evaluated)
        sites = {name: unpacked(source / app.package, self._folder / "sites") for name, app in apps.items()}
        twin = json.loads((next(iter(sites.values())) / "twin.json").read_text("utf-8"))
        headers = {name: secrets.token_hex(16) for name in apps}
        identities = {headers[name]: app.identities for name, app in apps.items()}
        self._start_services(evaluated, {**identities, self._operator: {DEPLOYER_CLIENT: DEPLOYER}})
        for name, app in apps.items():
            self.functions[name] = self._function(name, app, sites[name], headers[name])
        self._settle()
        self.storage.create(evaluated)
        if self._cosmos:
            self._cosmos.create(evaluated)
        for secret in evaluated.of("azurerm_key_vault_secret").values():
            self.write_secret(secret)
        for function in self.functions.values():
            function.wait()
        for hub in evaluated.of("azurerm_iothub").values():
            self._hub = Hub(
                self._processes,
                folder=self._folder / "hub",
                authority=self._authority,
                certificate=self._certificate,
                addresses=self._addresses,
                twin=twin,
            )
            subscriptions = evaluation.subscriptions(evaluated, self._addresses)
            self._hub.start(hub["id"], subscriptions, key=self._key, hasten=self._hasten)

    def replace(self, role: str, package: Path) -> None:
        """Give a function app another package, and start it anew; returns when it answers."""
        self.functions[role].restart(site=unpacked(package, self._folder / "sites"))

    def update(self, evaluated: Evaluated) -> None:
        """Carry out what another evaluation of the stack changes in its secrets: a rotation of keys."""
        for secret in evaluated.of("azurerm_key_vault_secret").values():
            self.write_secret(secret)

    def write_secret(self, values: Mapping[str, Any]) -> None:
        """Carry out an evaluated `azurerm_key_vault_secret` of either stack; the same value is no change."""
        name, value = values["name"], values["value"]
        if self._secrets.get(name) == value:
            return
        place = self._addresses.vault
        token = self.token(key_vault.resource(place.host))
        answer = urllib3.PoolManager(ca_certs=str(self._authority.ca_file)).request(
            "PUT",
            f"https://127.0.0.1:{place.port}/secrets/{name}?api-version=7.6",
            json={"value": value},
            headers={"authorization": f"Bearer {token}"},
        )
        if answer.status != 200:
            raise LocalCloudError(f"The key vault refused the secret {name} ({answer.status}).")
        self._secrets[name] = value

    def token(self, audience: str) -> str:
        """A token of who runs Terraform."""
        return self._tokens.issue(DEPLOYER, audience)

    def operator_environment(self) -> dict[str, str]:
        """The environment by which the credentials of azure-identity are the operator's."""
        return {
            **self._authority.trust(),
            **self._identity(self._operator),
            "AZURE_CLIENT_ID": DEPLOYER_CLIENT,
        }

    def endpoint(self) -> dict[str, Any] | None:
        """Where devices connect; None when they do elsewhere."""
        return self._hub.endpoint() if self._hub else None

    def rows(self) -> list[tuple[str, str]]:
        """Device and key of every row of the hot store; none when it is elsewhere."""
        items = self._cosmos.items() if self._cosmos else []
        return [(item["device"], item["key"]) for item in items]

    def files(self) -> list[str]:
        """Every file of the tiers that are here: `cold/<name>`, `archive/<name>`."""
        return self.storage.files()

    def run(self, role: str) -> None:
        """Run a scheduled function: each of its timers once, at a time, as their clock would."""
        timers.run(self.functions[role], key=self._host_key, ca_file=self._authority.ca_file)

    def workflow_runs(self) -> list[dict[str, Any]]:
        """The runs of the logic app that were started: `name` (its client tracking id), `input`, `time`."""
        return read_runs(self._runs)

    def log_lines(self, since: float = 0.0) -> Iterator[tuple[float, str]]:
        """What the functions logged since a Unix time: time and line."""
        for function in self.functions.values():
            yield from ((at, line) for at, line in log_lines.read(function.log) if at >= since)

    def close(self) -> None:
        """Nothing runs in this process: `Processes` ends everything."""

    def messages(self, queue: str) -> list[str]:
        """Bodies of up to 32 messages that are visible in a queue, which keeps them."""
        return self.storage.peek(queue)

    def _start_services(self, evaluated: Evaluated, identities: Mapping[str, Mapping[str, str]]) -> None:
        at = self._addresses
        config = self._folder / "services.json"
        config.write_text(
            json.dumps(
                services.configuration(
                    key=self._key,
                    certificate=self._certificate,
                    apps=identities,
                    identity_port=at.identity.port,
                    vault_port=at.vault.port,
                    vault_host=at.vault.host,
                    policies=evaluation.policies(evaluated),
                    logic_app_port=at.logic_apps.port,
                    runs=self._runs,
                    twins_port=at.twins.port,
                    # The deployer is the operator too, and gives himself what a command needs.
                    twin_roles={**evaluation.twin_roles(evaluated), DEPLOYER: OWNER},
                    grafana_port=at.grafana.port,
                    grafana=evaluation.grafana(evaluated),
                )
            ),
            "utf-8",
        )
        own = (at.identity, at.vault, at.logic_apps, at.twins, at.grafana)
        process = python(self._processes, "azure-services", "local_cloud.azure.services", str(config))
        self._starting |= dict.fromkeys((place.port for place in own), process)

    def _settle(self) -> None:
        """Wait for the servers that are being started."""
        for port, process in self._starting.items():
            self._processes.wait(process, port=port)

    def _function(self, name: str, app: evaluation.App, site: Path, header: str) -> Function:
        environment = {
            **app.settings,
            **self._authority.trust(),
            **self._identity(header),
            KEY_VARIABLE: self._host_key,
        }
        return Function(
            name,
            self._processes,
            site=site,
            port=self._addresses.apps[name].port,
            certificate=self._certificate,
            environment=environment,
            public=app.public,
            hasten=self._hasten,
            interpreter=self._interpreter,
        )

    def _identity(self, header: str) -> dict[str, str]:
        """How the real credential finds the stand-in."""
        url = f"http://127.0.0.1:{self._addresses.identity.port}{IDENTITY_PATH}"
        return {"IDENTITY_ENDPOINT": url, "IDENTITY_HEADER": header}
