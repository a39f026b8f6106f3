"""The Firestore server, @firestore-emulator/server of npm, and what is in its databases.

It keeps documents in memory, enforces no index and deletes nothing that has expired.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from local_cloud import node
from local_cloud.processes import Process, Processes

PACKAGE = "@firestore-emulator/server"
HOST_VARIABLE = "FIRESTORE_EMULATOR_HOST"
"""Where Google's client library looks for a server; the value has no scheme."""
_LAUNCHER = Path(__file__).with_name("firestore_server.js")


def start(processes: Processes, port: int) -> Process:
    """Start it on a port of loopback; raises `MissingProgram`."""
    command = [node.node(), str(_LAUNCHER), str(node.package(PACKAGE)), str(port)]
    return processes.start("firestore", command)


def documents(port: int, database: str, collection: str) -> Iterator[dict[str, str]]:
    """The text fields of every document. `database` is `projects/<project>/databases/<name>`."""
    import grpc
    from google.cloud.firestore_v1.services.firestore import FirestoreClient
    from google.cloud.firestore_v1.services.firestore.transports import FirestoreGrpcTransport
    from google.cloud.firestore_v1.types import RunQueryRequest, StructuredQuery

    everything = StructuredQuery({"from_": [{"collection_id": collection}]})
    request = RunQueryRequest(parent=f"{database}/documents", structured_query=everything)
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        client = FirestoreClient(transport=FirestoreGrpcTransport(channel=channel))
        for answer in client.run_query(request):
            if answer.document.name:
                fields = answer.document.fields
                yield {name: value.string_value for name, value in fields.items() if "string_value" in value}
