"""What a role is put together from: its cloud's adapters, its environment and its package."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from twin_runtime import jsontext, roles, settings
from twin_runtime.deadlines import Limits
from twin_runtime.delivery.dead_letters import DeadLetters
from twin_runtime.errors import ConfigurationError
from twin_runtime.log import Log, Sink, to_stdout
from twin_runtime.model import Twin, load_twin, package_root
from twin_runtime.ports import Cloud
from twin_runtime.wire.secret_cache import CachedSecret

if TYPE_CHECKING:
    from twin_runtime.storage.reader_client import Reader
    from twin_runtime.tiers.file_sinks import FileSink
    from twin_runtime.wire.callers import Callers


class Context:
    """The settings, twin, log and adapters of one role. `root` is the folder that holds twin.json."""

    def __init__(
        self,
        role: str,
        cloud: Cloud,
        *,
        environ: Mapping[str, str] | None = None,
        root: Path | None = None,
        sink: Sink = to_stdout,
    ) -> None:
        self.cloud = cloud
        self.settings = settings.load(role, cloud.name, environ)
        self.root = root or package_root()
        self.limits = Limits(self.settings.role, roles.Cloud(cloud.name), self.settings.remote)
        self.twin: Twin = load_twin(self.root)
        self.log = Log(role, sink)

    def dead_letters(self) -> DeadLetters:
        return DeadLetters(self.cloud.queue(self.settings["DEAD_LETTER_QUEUE"]), self.log)

    def secret(self, name: str) -> CachedSecret:
        return CachedSecret(self.cloud.secret(self.settings[name]), log=self.log)

    def api_keys(self) -> CachedSecret | None:
        """None where the platform checks the key before the function runs."""
        return self.secret("API_KEYS_SECRET") if self.settings["API_KEYS_SECRET"] else None

    def callers(self) -> Callers:
        """The clients of a reader. Raises `ConfigurationError` where API_CLIENTS is malformed."""
        from twin_runtime.wire.callers import Callers, TokenBuckets

        spec, api_keys = roles.ROLES[self.settings.role], self.api_keys()
        return Callers(
            api_keys,
            names=_clients(self.settings["API_CLIENTS"]),
            buckets=TokenBuckets(spec.rate, spec.burst) if api_keys else None,
        )

    def reader(self) -> Reader:
        """How the role reads the hot store, here or in another cloud."""
        from twin_runtime.storage.reader_client import LocalReader, RemoteReader

        if self.settings.remote:
            return RemoteReader(self.secret("LINK_SECRET"), log=self.log)
        return LocalReader(self.cloud.store(self.settings["STORE"]), self.twin)

    def file_sink(self) -> FileSink:
        """Where a mover puts files: behind its link, or in the cold tier of its own cloud."""
        from twin_runtime.tiers.file_sinks import LocalFiles, RemoteFiles

        if self.settings["LINK_SECRET"]:
            from twin_runtime.wire.link_client import LinkClient

            return RemoteFiles(LinkClient(self.secret("LINK_SECRET"), log=self.log))
        from twin_runtime.tiers.catalogue import Catalogue

        objects = self.cloud.objects(self.settings["COLD_STORE"])
        return LocalFiles(Catalogue(objects, self.twin, log=self.log))


def _clients(text: str) -> dict[str, str]:
    """The clients by the id of their API key; empty where none are named."""
    if not text:
        return {}
    try:
        clients = jsontext.loads(text, max_bytes=len(text.encode()))
    except jsontext.Malformed:
        clients = None
    if not isinstance(clients, dict) or not all(isinstance(name, str) for name in clients.values()):
        raise ConfigurationError("API_CLIENTS must be a JSON object: the client of each API key by its id.")
    return clients
