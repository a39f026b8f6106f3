"""Google Cloud on one machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from local_cloud.gcp import scheduler
from local_cloud.gcp.computed import Attributes
from local_cloud.gcp.functions import Apis, Function, object_of
from local_cloud.gcp.pubsub.servers import Kind
from local_cloud.gcp.rest import call
from local_cloud.gcp.servers import Servers
from local_cloud.processes import Processes, free_ports
from local_cloud.shared import unpacked
from local_cloud.standins import Evaluated

_FUNCTION = "google_cloudfunctions2_function"
_COLLECTION = "rows"


class LocalGcp:
    """Servers for what a stack uses, and its functions.

    | of Google Cloud | here |
    |---|---|
    | Firestore | @firestore-emulator/server |
    | Pub/Sub | `local_cloud.gcp.pubsub`, or Google's emulator (`pubsub="google"`; see there what it lacks) |
    | Cloud Run functions | Google's functions framework, one process per function |
    | Workflows | `local_cloud.gcp.workflows`, a stand-in for the executions API |
    | Secret Manager | a stand-in, in this process |
    | Cloud Storage | `local_cloud.gcp.storage`, a stand-in, in this process; without lifecycle rules |
    | Cloud Scheduler | `run`: no job runs by itself |

    Everything else of the stack (identities, grants, indexes, alarms, log buckets) has no effect here.
    """

    functions: Mapping[str, Function]
    """By role."""
    ports: Mapping[str, int]
    """Of the servers, by the names of `servers.NAMES`."""

    def __init__(
        self,
        processes: Processes,
        *,
        folder: Path,
        hasten: float = 1.0,
        through: Callable[[str, int], int] | None = None,
        pubsub: Kind = "own",
        instances: int = 1,
    ) -> None:
        """`folder` is for scratch files. Back-offs are divided by `hasten`, acknowledgement deadlines are
        not. A function has `instances`, which do not grow with the load.

        `through` may put a proxy before "firestore", "pubsub", "secrets", "executions" and "storage" as
        functions reach them, and before a function, by its role, as everybody reaches it: it is given the
        name and the port of the server, which may not listen yet, and returns the port to use.
        """
        self.functions, self.ports = {}, {}
        self._processes = processes
        self._folder = folder
        self._hasten = hasten
        self._through = through or (lambda _name, port: port)
        self._pubsub: Kind = pubsub
        self._instances = instances
        self._evaluated = Evaluated({}, {})

    def start(self, stack: Mapping[str, Any]) -> None:
        """Start the servers that the stack needs, and reserve a port for each function."""
        self._servers = Servers(self._processes, stack, pubsub=self._pubsub)
        self.ports = self._servers.ports
        roles = list(stack["resource"].get(_FUNCTION, {}))
        self._function_ports = dict(zip(roles, free_ports(len(roles)), strict=True))
        self._project: str = stack["provider"]["google"][0]["project"]
        reached = {role: self._through(role, port) for role, port in self._function_ports.items()}
        urls = {role: f"http://127.0.0.1:{port}" for role, port in reached.items()}
        self._attributes = Attributes(self._project, urls)

    def computed(self, kind: str, name: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """A `standins.Computed` for the stack, and for this cloud's resources of the stack `links`."""
        return self._attributes(kind, name, body)

    def deploy(self, evaluated: Evaluated, source: Path) -> None:
        """Make what the stack makes, and start its functions; returns when all answer. `source` has the
        stack's assets.
        """
        self._evaluated = evaluated
        self._servers.make(evaluated, hasten=self._hasten)
        self._start_functions(source)

    def replace(self, role: str, package: Path) -> None:
        """Give a function another package, and start it anew; returns when it answers."""
        self.functions[role].restart(package=unpacked(package, self._folder / "packages"))

    def update(self, evaluated: Evaluated) -> None:
        """Carry out what another evaluation of the stack changes in its secrets: a rotation of keys."""
        self._evaluated = evaluated
        self._servers.write_secrets(evaluated)

    def write_secret(self, values: Mapping[str, Any]) -> None:
        """Carry out an evaluated `google_secret_manager_secret_version` of the stack `links`."""
        self._servers.write_secret(values["secret"], values["secret_data"])

    def endpoint(self) -> dict[str, Any] | None:
        """Where devices connect, and the secret that their keys are made from; None where they do not."""
        dispatcher = self._evaluated.of(_FUNCTION).get("dispatcher")
        if dispatcher is None:
            return None
        environment = dispatcher["service_config"][0]["environment_variables"]
        return {
            "cloud": "gcp",
            "twin": dispatcher["labels"]["twin"],
            "url": self.pubsub_url,
            "project": self._project,
            "fleet_secret": self._servers.secret(environment["FLEET_SECRET"]),
        }

    def operator_environment(self) -> dict[str, str]:
        """Nothing: see `operator_endpoints`."""
        return {}

    def operator_endpoints(self) -> dict[str, str]:
        """Where the servers are, as the commands of an operator take it in `--endpoints`."""
        at = {name: f"127.0.0.1:{port}" for name, port in self.ports.items()}
        return {
            "pubsub": f"http://{at['pubsub']}",
            "secrets": f"http://{at['secrets']}",
            "firestore": at["firestore"],
            "storage": f"http://{at['storage']}",
        }

    @property
    def pubsub_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['pubsub']}"

    def rows(self) -> list[tuple[str, str]]:
        """Device and key of everything in the hot store."""
        documents = self._servers.documents(self._evaluated, _COLLECTION)
        return [(document["device"], document["key"]) for document in documents]

    def files(self) -> list[str]:
        """Every file of the tiers that are here: `cold/<name>`, `archive/<name>`."""
        return self._servers.files(self._evaluated)

    def run(self, role: str) -> None:
        """Run a scheduled function: each of its jobs once, at a time, as their clock would."""
        scheduler.run(self._evaluated, self.functions[role])

    def workflow_runs(self) -> list[dict[str, Any]]:
        """Executions in the form of the API, oldest first, `argument` as an object."""
        return self._servers.workflow_runs(self._evaluated)

    def log_lines(self, since: float = 0.0) -> Iterator[tuple[float, str]]:
        """What the functions logged since a Unix time: time and JSON line."""
        for function in self.functions.values():
            yield from ((at, line) for at, line in function.log_lines() if at >= since)

    def counters(self) -> dict[str, dict[str, int]]:
        """How each subscription fares, by its name; see `pubsub.subscription`. With our own Pub/Sub alone."""
        state = call(self.ports["pubsub"], "GET", "counters")
        return {name.rpartition("/")[2]: counters for name, counters in state.items()}

    def close(self) -> None:
        """End what runs in this process; `Processes` ends the rest."""
        if self.ports:
            self._servers.close()

    def _start_functions(self, source: Path) -> None:
        objects = self._evaluated.of("google_storage_bucket_object").values()
        packages = {values["name"]: values["source"] for values in objects if "source" in values}
        apis = Apis(**{name: self._through(name, port) for name, port in self.ports.items()})
        started = [
            Function(
                self._processes,
                values,
                port=self._function_ports[name],
                package=unpacked(source / packages[object_of(values)], self._folder / "packages"),
                apis=apis,
                instances=self._instances,
            )
            for name, values in self._evaluated.of(_FUNCTION).items()
        ]
        self.functions = {function.role: function for function in started}
        for function in self.functions.values():
            function.wait()
