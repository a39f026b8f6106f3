"""Runs one function app: `python -m local_cloud.azure.host <site> --port … --certificate … --key …`.

Its app settings are the environment.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from pathlib import Path

from local_cloud.azure.host import settings
from local_cloud.azure.host.change_feed import ChangeFeed
from local_cloud.azure.host.front import Front
from local_cloud.azure.host.invocations import Invocations
from local_cloud.azure.host.log_lines import Formatter
from local_cloud.azure.host.queue_listener import QueueListener
from local_cloud.azure.host.timers import Timers
from local_cloud.azure.host.worker import Function, Worker, load
from local_cloud.web import Answer, Request, Server

_QUEUE = "queueTrigger"
_CHANGES = "cosmosDBTrigger"
_CLOCK = "LOCAL_CLOUD_CLOCK_OFFSET_S"


def main() -> None:
    arguments = _arguments()
    _log()
    _set_clock()
    host = settings.load(arguments.site, os.environ)
    worker = load(arguments.site)
    names = ", ".join(function.name for function in worker.functions)
    logging.getLogger("host").info("%s runs %s.", type(worker).__name__, names)
    listeners: list[QueueListener | ChangeFeed] = []

    def start_anew() -> None:
        for listener in listeners:
            listener.release_all()
        os.execv(  # noqa: S606 - itself
            sys.executable, [sys.executable, "-m", "local_cloud.azure.host", *sys.argv[1:]]
        )

    invocations = Invocations(host.function_timeout_s, start_anew)
    listeners += [
        _listener(function, worker, host, invocations, arguments.hasten)
        for function in worker.functions
        if function.kind == _QUEUE
    ]
    listeners += [
        _change_feed(function, worker, invocations)
        for function in worker.functions
        if function.kind == _CHANGES
    ]
    invocations.watch()
    for listener in listeners:
        listener.start()
    front = Front(worker, route_prefix=host.route_prefix, invocations=invocations)
    respond = Timers(
        worker, os.environ, invocations=invocations, otherwise=_refuse if arguments.private else front
    )
    Server(arguments.port, respond, (arguments.certificate, arguments.key)).serve_forever()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="local_cloud.azure.host")
    parser.add_argument("site", type=Path, help="the folder that the app's package was unpacked into")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--certificate", type=Path, required=True)
    parser.add_argument("--key", type=Path, required=True)
    parser.add_argument("--private", action="store_true", help="the network does not reach the app")
    parser.add_argument("--hasten", type=float, default=1.0, help="divides times before a redelivery")
    return parser.parse_args()


def _refuse(_request: Request) -> Answer:
    """What an app service answers from outside its network."""
    return Answer(403)


def _log() -> None:
    """As the levels of host.json have it: the functions' own lines, and warnings of all else."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(Formatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    for name in ("twinspan", "host"):
        logging.getLogger(name).setLevel(logging.INFO)


def _set_clock() -> None:
    """Put the functions' clock forward or back, for tests of faults."""
    offset = float(os.environ.get(_CLOCK) or 0)
    if offset:
        now = time.time
        time.time = lambda: now() + offset


def _listener(
    function: Function,
    worker: Worker,
    host: settings.HostSettings,
    invocations: Invocations,
    hasten: float,
) -> QueueListener:
    from azure.identity import ManagedIdentityCredential
    from azure.storage.queue import QueueServiceClient

    connection = function.trigger["connection"]
    credential = ManagedIdentityCredential(client_id=os.environ[f"{connection}__clientId"])
    service = QueueServiceClient(os.environ[f"{connection}__queueServiceUri"], credential)
    name = settings.resolved(function.trigger["queueName"], os.environ)
    return QueueListener(
        function,
        worker,
        queue=service.get_queue_client(name),
        poison=service.get_queue_client(f"{name}-poison"),
        options=host.queues,
        invocations=invocations,
        hasten=hasten,
    )


def _change_feed(function: Function, worker: Worker, invocations: Invocations) -> ChangeFeed:
    from azure.cosmos import CosmosClient
    from azure.identity import ManagedIdentityCredential

    trigger = function.trigger
    connection = trigger["connection"]
    credential = ManagedIdentityCredential(client_id=os.environ[f"{connection}__clientId"])
    client = CosmosClient(os.environ[f"{connection}__accountEndpoint"], credential)
    names = (settings.resolved(trigger[name], os.environ) for name in ("databaseName", "containerName"))
    database = client.get_database_client(next(names))
    return ChangeFeed(
        function, worker, container=database.get_container_client(next(names)), invocations=invocations
    )


if __name__ == "__main__":
    main()
