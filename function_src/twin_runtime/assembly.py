"""Puts a role together from a cloud's adapters, its environment and its package: what an entry point calls.

One function per role; each imports that role's modules alone, so that a cold start loads what it needs. An
entry point calls it once per process (see `functools.cache`) and keeps the object: it holds connections and
caches.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from twin_runtime import settings
from twin_runtime.delivery.dead_letters import DeadLetters
from twin_runtime.errors import ConfigurationError
from twin_runtime.log import Log, Sink, to_stdout
from twin_runtime.model import Twin, load_twin, package_root
from twin_runtime.ports import Cloud, Workflow
from twin_runtime.wire.secret_cache import CachedSecret

if TYPE_CHECKING:
    from twin_runtime.functions.archive_mover import ArchiveMover
    from twin_runtime.functions.cold_mover import ColdMover
    from twin_runtime.functions.connector import Connector
    from twin_runtime.functions.dashboard_sync import DashboardSync
    from twin_runtime.functions.dispatcher import Dispatcher
    from twin_runtime.functions.event_checker import EventChecker
    from twin_runtime.functions.event_feedback import EventFeedback, FeedbackReceiver
    from twin_runtime.functions.hot_reader import HotReader
    from twin_runtime.functions.ingestion import Ingestion
    from twin_runtime.functions.persister import Persister
    from twin_runtime.functions.processor import Processor
    from twin_runtime.functions.twin_connector import TwinConnector
    from twin_runtime.functions.twin_reader import TwinReader
    from twin_runtime.functions.twin_sync import TwinSync
    from twin_runtime.functions.writer import Writer
    from twin_runtime.storage.reader_client import Reader
    from twin_runtime.tiers.file_sinks import FileSink
    from twin_runtime.tiers.tier_reader import ColdTier
    from twin_runtime.tiers.tier_writer import TierWriter


COMMANDS_PER_REQUEST = 50


class Parts:
    """What every role needs: settings, twin, log, dead letters. `root` is the folder that holds twin.json."""

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
        self.twin: Twin = load_twin(self.root)
        self.log = Log(role, sink)

    def dead(self) -> DeadLetters:
        return DeadLetters(self.cloud.queue(self.settings["DEAD_LETTER_QUEUE"]), self.log)

    def secret(self, name: str) -> CachedSecret:
        return CachedSecret(self.cloud.secret(self.settings[name]), log=self.log)

    def api_keys(self) -> CachedSecret | None:
        """None where the platform checks the key before the function runs."""
        return self.secret("API_KEYS_SECRET") if self.settings["API_KEYS_SECRET"] else None


def dispatcher(parts: Parts) -> Dispatcher:
    from twin_runtime.functions.dispatcher import Dispatcher

    queue = parts.cloud.queue(parts.settings["PROCESSING_QUEUE"])
    return Dispatcher(twin=parts.twin, queue=queue, dead=parts.dead(), log=parts.log)


def connector(parts: Parts) -> Connector:
    from twin_runtime.functions.connector import Connector
    from twin_runtime.wire.sender import Sender

    sender = Sender(parts.secret("LINK_SECRET"), log=parts.log)
    return Connector(twin=parts.twin, sender=sender, dead=parts.dead(), log=parts.log)


def ingestion(parts: Parts) -> Ingestion:
    from twin_runtime.functions.ingestion import Ingestion

    return Ingestion(
        twin=parts.twin,
        queue=parts.cloud.queue(parts.settings["PROCESSING_QUEUE"]),
        dead=parts.dead(),
        log=parts.log,
        link=parts.secret("LINK_SECRET"),
        api_keys=parts.api_keys(),
    )


def processor(parts: Parts) -> Processor:
    from twin_runtime.functions.processor import Processor

    queue = parts.cloud.queue(parts.settings["PERSISTING_QUEUE"])
    return Processor(twin=parts.twin, queue=queue, dead=parts.dead(), log=parts.log, root=parts.root)


def persister(parts: Parts) -> Persister:
    from twin_runtime.functions.persister import Persister

    store = sender = events = None
    if parts.settings.remote:
        from twin_runtime.wire.sender import Sender

        sender = Sender(parts.secret("LINK_SECRET"), log=parts.log)
    else:
        store = parts.cloud.store(parts.settings["STORE"])
    if parts.settings["EVENTS_QUEUE"]:
        events = parts.cloud.queue(parts.settings["EVENTS_QUEUE"])
    return Persister(
        twin=parts.twin, store=store, sender=sender, events=events, dead=parts.dead(), log=parts.log
    )


def writer(parts: Parts) -> Writer:
    from twin_runtime.functions.writer import Writer

    return Writer(
        twin=parts.twin,
        store=parts.cloud.store(parts.settings["STORE"]),
        dead=parts.dead(),
        log=parts.log,
        link=parts.secret("LINK_SECRET"),
        api_keys=parts.api_keys(),
    )


def hot_reader(parts: Parts) -> HotReader:
    from twin_runtime.functions.hot_reader import HotReader

    by_key = parts.settings["API_KEY_READS"] == "true"
    if not by_key and not parts.settings.remote:
        raise ConfigurationError(
            "The hot_reader needs API_KEY_READS=true, or LINK_SECRET to check signatures, in its environment."
        )
    return HotReader(
        twin=parts.twin,
        store=parts.cloud.store(parts.settings["STORE"]),
        log=parts.log,
        api_keys=parts.api_keys(),
        link=parts.secret("LINK_SECRET") if parts.settings.remote else None,
        by_key=by_key,
        cold=_cold_tier(parts),
    )


def _cold_tier(parts: Parts) -> ColdTier | None:
    """The cold tier as hot_reader reads it; None where the twin has none."""
    if parts.settings["COLD_STORE"]:
        from twin_runtime.tiers.tier_reader import TierReader

        return TierReader(parts.cloud.objects(parts.settings["COLD_STORE"]), parts.twin)
    if parts.settings["COLD_LINK_SECRET"]:
        from twin_runtime.tiers.tier_client import RemoteTier
        from twin_runtime.wire.link_client import LinkClient

        return RemoteTier(LinkClient(parts.secret("COLD_LINK_SECRET"), log=parts.log))
    return None


def cold_mover(parts: Parts) -> ColdMover:
    from twin_runtime.functions.cold_mover import ColdMover

    return ColdMover(
        twin=parts.twin, store=parts.cloud.store(parts.settings["STORE"]), sink=_sink(parts), log=parts.log
    )


def cold_writer(parts: Parts) -> TierWriter:
    from twin_runtime.tiers.tier_reader import TierReader
    from twin_runtime.tiers.tier_writer import TierWriter

    objects = parts.cloud.objects(parts.settings["COLD_STORE"])
    return TierWriter(
        twin=parts.twin,
        objects=objects,
        log=parts.log,
        link=parts.secret("LINK_SECRET"),
        api_keys=parts.api_keys(),
        reader=TierReader(objects, parts.twin),
    )


def archive_mover(parts: Parts) -> ArchiveMover:
    from twin_runtime.functions.archive_mover import ArchiveMover

    objects = parts.cloud.objects(parts.settings["COLD_STORE"])
    return ArchiveMover(twin=parts.twin, objects=objects, sink=_sink(parts), log=parts.log)


def archive_writer(parts: Parts) -> TierWriter:
    from twin_runtime.tiers.tier_writer import TierWriter

    return TierWriter(
        twin=parts.twin,
        objects=parts.cloud.objects(parts.settings["ARCHIVE_STORE"]),
        log=parts.log,
        link=parts.secret("LINK_SECRET"),
        api_keys=parts.api_keys(),
    )


def _sink(parts: Parts) -> FileSink:
    """Where a mover puts files: behind its link, or in the cold tier of its own cloud."""
    from twin_runtime.tiers.file_sinks import LocalFiles, RemoteFiles

    if parts.settings["LINK_SECRET"]:
        from twin_runtime.wire.link_client import LinkClient

        return RemoteFiles(LinkClient(parts.secret("LINK_SECRET"), log=parts.log))
    return LocalFiles(parts.cloud.objects(parts.settings["COLD_STORE"]))


def event_checker(parts: Parts) -> EventChecker:
    from twin_runtime.functions.event_checker import EventChecker

    sender = commands = None
    if parts.settings.remote:
        from twin_runtime.wire.sender import Policy, Sender

        # The receiver hands commands over one by one, and answers when all of them are.
        policy = Policy(max_events=COMMANDS_PER_REQUEST)
        sender = Sender(parts.secret("LINK_SECRET"), log=parts.log, policy=policy)
    else:
        commands = parts.cloud.queue(parts.settings["COMMANDS_QUEUE"])
    return EventChecker(
        twin=parts.twin,
        commands=commands,
        sender=sender,
        workflow=_workflow(parts),
        dead=parts.dead(),
        log=parts.log,
    )


def _workflow(parts: Parts) -> Workflow:
    """The workflow, which starts once per name: by the platform itself, or by an idempotency store."""
    workflow = parts.cloud.workflow(parts.settings["WORKFLOW"])
    if not parts.settings["IDEMPOTENCY_STORE"]:
        return workflow
    from twin_runtime.delivery.idempotency import IdempotentWorkflow

    store = parts.cloud.idempotency_store(parts.settings["IDEMPOTENCY_STORE"])
    return IdempotentWorkflow(workflow, store, log=parts.log)


def event_feedback(parts: Parts) -> EventFeedback:
    """The queue consumer of a local feedback link."""
    from twin_runtime.functions.event_feedback import EventFeedback

    broker = parts.cloud.broker(parts.settings["BROKER"])
    return EventFeedback(twin=parts.twin, broker=broker, dead=parts.dead(), log=parts.log)


def feedback_receiver(parts: Parts) -> FeedbackReceiver:
    """The HTTPS receiver of a remote feedback link."""
    from twin_runtime.functions.event_feedback import FeedbackReceiver

    if not parts.settings.remote:
        raise ConfigurationError("The event_feedback receiver needs LINK_SECRET in its environment.")
    return FeedbackReceiver(
        twin=parts.twin,
        broker=parts.cloud.broker(parts.settings["BROKER"]),
        dead=parts.dead(),
        log=parts.log,
        link=parts.secret("LINK_SECRET"),
        api_keys=parts.api_keys(),
    )


def twin_sync(parts: Parts) -> TwinSync:
    """Without the hot store, which AWS does not give it, it keeps the twins and no values."""
    from twin_runtime.functions.twin_sync import TwinSync

    reads = parts.settings["STORE"] or parts.settings["LINK_SECRET"]
    return TwinSync(
        twin=parts.twin,
        graph=parts.cloud.graph(parts.settings["GRAPH"], parts.twin),
        reader=_reader(parts) if reads else None,
        log=parts.log,
    )


def twin_connector(parts: Parts) -> TwinConnector:
    from twin_runtime.functions.twin_connector import TwinConnector

    return TwinConnector(twin=parts.twin, reader=_reader(parts), log=parts.log)


def twin_reader(parts: Parts) -> TwinReader:
    from twin_runtime.functions.twin_reader import TwinReader

    return TwinReader(
        twin=parts.twin,
        graph=parts.cloud.graph(parts.settings["GRAPH"], parts.twin),
        log=parts.log,
        api_keys=parts.api_keys(),
    )


def dashboard_sync(parts: Parts) -> DashboardSync:
    from twin_runtime.functions.dashboard_sync import DashboardSync

    return DashboardSync(
        twin=parts.twin,
        root=parts.root,
        grafana=parts.cloud.grafana(parts.settings["GRAFANA"]),
        secret=parts.secret("LINK_SECRET"),
        log=parts.log,
    )


def _reader(parts: Parts) -> Reader:
    """How a role reads the hot store, here or in another cloud."""
    from twin_runtime.storage.reader_client import LocalReader, RemoteReader

    if parts.settings.remote:
        return RemoteReader(parts.secret("LINK_SECRET"), log=parts.log)
    return LocalReader(parts.cloud.store(parts.settings["STORE"]), parts.twin)
