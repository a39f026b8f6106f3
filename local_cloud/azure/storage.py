"""Storage accounts: Azurite, with accounts of the stack's names, and over HTTPS, since an identity's token
goes nowhere else.

Azurite takes a token for what it says, whoever signed it, and knows no roles.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Collection, Mapping
from email.utils import formatdate
from typing import Any
from urllib.parse import urlsplit

import urllib3
from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import BlobServiceClient, ContainerClient
from azure.storage.queue import QueueServiceClient, TextBase64DecodePolicy

from local_cloud import node
from local_cloud.azure.evaluation import TABLE
from local_cloud.certificates import Certificate
from local_cloud.errors import LocalCloudError
from local_cloud.processes import Process, Processes
from local_cloud.shared import TIERS
from local_cloud.standins import Evaluated


class Azurite:
    """Blobs, queues and tables of some accounts."""

    def __init__(
        self, accounts: Collection[str], *, queue_port: int, blob_port: int, table_port: int, ca_file: str
    ) -> None:
        self._keys = {name: b64encode(secrets.token_bytes(64)).decode() for name in accounts}
        self._ca_file = ca_file
        self._queue_port = queue_port
        self._blob_port = blob_port
        self._table_port = table_port
        self._accounts_of_queues: dict[str, str] = {}
        self._tier: tuple[str, ContainerClient] | None = None

    def start(self, processes: Processes, certificate: Certificate) -> Process:
        script = node.package("azurite") / "dist" / "src" / "azurite.js"
        options = ["--silent", "--inMemoryPersistence", "--disableTelemetry", "--skipApiVersionCheck"]
        options += ["--oauth", "basic", "--cert", str(certificate.certificate), "--key", str(certificate.key)]
        ports = {"blob": self._blob_port, "queue": self._queue_port, "table": self._table_port}
        for kind, port in ports.items():
            options += [f"--{kind}Host", "127.0.0.1", f"--{kind}Port", str(port)]
        accounts = ";".join(f"{name}:{key}" for name, key in self._keys.items())
        return processes.start(
            "azurite",
            [node.node(), str(script), *options],
            environment={"AZURITE_ACCOUNTS": accounts},
            cwd=processes.folder,
        )

    def queues(self, account: str) -> QueueServiceClient:
        """A client with the account's key."""
        url = f"https://127.0.0.1:{self._queue_port}/{account}"
        return QueueServiceClient(url, self._credential(account), connection_verify=self._ca_file)

    def blobs(self, account: str) -> BlobServiceClient:
        url = f"https://127.0.0.1:{self._blob_port}/{account}"
        return BlobServiceClient(url, self._credential(account), connection_verify=self._ca_file)

    def create(self, evaluated: Evaluated) -> None:
        """The stack's queues, containers and tables."""
        for queue in evaluated.of("azurerm_storage_queue").values():
            account = self._accounts_of_queues[queue["name"]] = _account_of(queue)
            _once(self.queues(account).create_queue, queue["name"])
        for container in evaluated.of("azurerm_storage_container").values():
            _once(self.blobs(_account_of(container)).create_container, container["name"])
        for resource in evaluated.of("azapi_resource").values():
            if resource["type"].startswith(f"{TABLE}@"):
                account = resource["parent_id"].partition("/tableServices/")[0].rpartition("/")[2]
                self.create_table(account, resource["name"])
        tiers = evaluated.outputs.get("storage_tiers", {})
        tier = next((tier for tier in TIERS if tier in tiers), None)
        if tier:  # both tiers have one container; it then counts as the cold one's
            account, name = urlsplit(tiers[tier]["address"]).path.strip("/").split("/")
            self._tier = tier, self.blobs(account).get_container_client(name)

    def create_table(self, account: str, name: str) -> None:
        """A table, unless it is there. By REST: the SDK of tables is in no environment."""
        date = formatdate(usegmt=True)
        signed = f"{date}\n/{account}/{account}/Tables".encode()
        signature = b64encode(hmac.digest(b64decode(self._keys[account]), signed, "sha256")).decode()
        answer = urllib3.PoolManager(ca_certs=self._ca_file).request(
            "POST",
            f"https://127.0.0.1:{self._table_port}/{account}/Tables",
            json={"TableName": name},
            headers={
                "accept": "application/json;odata=nometadata",
                "authorization": f"SharedKeyLite {account}:{signature}",
                "x-ms-date": date,
            },
        )
        if answer.status not in (201, 409):
            raise LocalCloudError(f"Azurite did not make the table {name} ({answer.status}).")

    def files(self) -> list[str]:
        """The files of the tier that is here: `cold/<name>` or `archive/<name>`."""
        if self._tier is None:
            return []
        tier, container = self._tier
        return [f"{tier}/{name}" for name in container.list_blob_names()]

    def peek(self, queue: str) -> list[str]:
        """Bodies of up to 32 visible messages of a queue of the stack, which keeps them."""
        account = self._accounts_of_queues[queue]
        client = self.queues(account).get_queue_client(queue, message_decode_policy=TextBase64DecodePolicy())
        return [message.content for message in client.peek_messages(32)]

    def _credential(self, account: str) -> Any:
        return {"account_name": account, "account_key": self._keys[account]}


def _account_of(values: Mapping[str, Any]) -> str:
    return values["storage_account_id"].rpartition("/")[2]


def _once(create: Any, name: str) -> None:
    try:
        create(name)
    except ResourceExistsError:
        return
