"""A whole twin on one machine: its clouds' servers, its stacks evaluated or applied, its links written.

with LocalCloud(out, folder=scratch) as twin:   # out: what `main.py` synthesized
    twin.up()
    twin.endpoint                               # where devices connect
    twin.outputs["telemetry_api_url"]              # every stack's outputs
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed, wait
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from local_cloud import shared, standins
from local_cloud.aws.cloud import LocalAws
from local_cloud.azure.cloud import LocalAzure
from local_cloud.certificates import Authority
from local_cloud.errors import LocalCloudError
from local_cloud.gcp.cloud import LocalGcp
from local_cloud.processes import Processes, end_commands
from local_cloud.terraform import Workspace, read_stack

LINKS = "links"
_SECRETS = {
    "aws_secretsmanager_secret_version": ("aws", "secret_string"),
    "azurerm_key_vault_secret": ("azure", "value"),
    "google_secret_manager_secret_version": ("gcp", "secret_data"),
}
_POLL_S = 0.1
_NOTES = "~"
"""Begins no device's name."""
_FUNCTIONS = {
    "aws": "aws_lambda_function",
    "azure": "azurerm_function_app_flex_consumption",
    "gcp": "google_cloudfunctions2_function",
}


@dataclass(frozen=True)
class Options:
    """How the local cloud is run.

    `hasten` divides the time until a queue delivers again; `through` and `between` put something before a
    server (see `LocalGcp`) or a link's receiver: `between(link, url)` is the URL that the sender gets.
    """

    hasten: float = 1.0
    adopt: bool = True
    """See `local_cloud.aws.apply`."""
    through: Callable[[str, int], int] | None = None
    between: Callable[[str, str], str] = field(default=lambda _link, url: url)
    enable_events: bool | None = None
    """None: as twin.yaml says."""


DEFAULT = Options()


class LocalCloud:
    """Use it as a context manager: whatever it started ends with the block."""

    def __init__(
        self,
        out: Path,
        *,
        folder: Path,
        options: Options = DEFAULT,
        progress: Callable[[str], None] = lambda _sentence: None,
    ) -> None:
        """`out` has the synthesized stacks; `folder` is for scratch files; `progress` is told each step."""
        folder.mkdir(parents=True, exist_ok=True)
        self._out = out
        self._folder = folder
        self._options = options
        self._progress = progress
        self._authority = Authority(folder / "certificates")
        self._processes = Processes(folder / "logs", self._authority.trust())
        self._random = shared.computed(secrets.token_hex(8))
        self._generation = 1
        self.stacks = {path.parent.name: read_stack(path.parent) for path in out.glob("stacks/*/cdk.tf.json")}
        if not self.stacks:
            raise LocalCloudError(f"{out} holds no synthesized stack: run make synth first.")
        self.clouds: dict[str, LocalAws | LocalAzure | LocalGcp] = {}
        self.evaluated: dict[str, standins.Evaluated] = {}
        self._make_clouds()

    def __enter__(self) -> LocalCloud:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        for cloud in self.clouds.values():
            cloud.close()
        self._processes.close()

    def up(self, *, links: bool = True) -> None:
        """Start everything and return when it answers. Without `links` the keys stay unwritten."""
        for name, cloud in self.clouds.items():
            cloud.start(self.stacks[name])
        with ThreadPoolExecutor() as pool:
            # Each cloud by itself, as `cdktf deploy` does: stacks of clouds do not depend on each other.
            deploying = [pool.submit(self._deploy, name) for name in self.clouds]
            try:
                for done in as_completed(deploying):
                    done.result()
            except BaseException:
                self._processes.close()
                while wait(deploying, timeout=_POLL_S).not_done:
                    end_commands()
                raise
        if links:
            self.link()

    def link(self) -> None:
        """Apply the stack `links`, if the twin has one, and write the secrets that it describes."""
        if LINKS not in self.stacks:
            return
        self._progress("links: keys and secrets of the remote links")
        evaluated = self._evaluate(LINKS)
        for kind, (cloud, argument) in _SECRETS.items():
            for name, values in evaluated.of(kind).items():
                text = self._addressed(name.removeprefix("link_"), values[argument])
                self.clouds[cloud].write_secret({**values, argument: text})

    def rotate(self, generation: int) -> None:
        """Raise `key_generation` as an operator does: every stack is applied again, then `links`."""
        self._generation = generation
        for name, cloud in self.clouds.items():
            if isinstance(cloud, LocalAws):
                self.evaluated[name] = cloud.apply_again(self._variables(name))
            else:
                cloud.update(self._evaluate(name))
        self.link()

    def replace(self, role: str, package: Path) -> None:
        """Give one function another package, as its cloud's command line would; returns when it answers."""
        for name, cloud in self.clouds.items():
            if role in self.evaluated[name].of(_FUNCTIONS[name]):
                cloud.replace(role, package)
                return
        raise LocalCloudError(f"This twin has no {role}.")

    @property
    def outputs(self) -> dict[str, Any]:
        """The outputs of all stacks together; URLs as they are reached on this machine."""
        return {name: value for each in self.stack_outputs.values() for name, value in each.items()}

    @property
    def stack_outputs(self) -> dict[str, dict[str, Any]]:
        """The outputs of each stack; URLs as they are reached on this machine."""
        return {
            stack: {
                name: self._address(value) if name.endswith("_url") and value else value
                for name, value in evaluated.outputs.items()
            }
            for stack, evaluated in self.evaluated.items()
        }

    @property
    def trust(self) -> Path:
        """The authority of every server here."""
        return self._authority.ca_file

    @property
    def endpoint(self) -> dict[str, Any]:
        """Where devices connect: an endpoint document of the simulator."""
        for cloud in self.clouds.values():
            document = cloud.endpoint()
            if document is not None:
                return document
        raise LocalCloudError("No stack of this twin has a broker.")

    def rows(self) -> list[tuple[str, str]]:
        """Device and key of every event in the hot store; what functions note there for themselves is left
        out.
        """
        rows = [row for cloud in self.clouds.values() for row in cloud.rows()]
        return [(device, key) for device, key in rows if not device.startswith(_NOTES)]

    def files(self) -> list[str]:
        """Every file of the tiers, as they lie in their clouds: `cold/<name>` and `archive/<name>`."""
        return [file for cloud in self.clouds.values() for file in cloud.files()]

    def run(self, role: str) -> None:
        """Run a function that runs by the clock, as many times at once as it has partitions, and wait for it:
        nothing here runs by itself. Raises `LocalCloudError` with its last words when a run fails.
        """
        for name, cloud in self.clouds.items():
            if role in self.evaluated[name].of(_FUNCTIONS[name]):
                cloud.run(role)
                return
        raise LocalCloudError(f"This twin has no {role}.")

    def workflow_runs(self) -> list[dict[str, Any]]:
        """Every start of the workflow."""
        return [run for cloud in self.clouds.values() for run in cloud.workflow_runs()]

    def log_lines(self, since: float = 0.0) -> Iterator[tuple[float, str]]:
        """What the functions of all clouds logged since a Unix time: time and line, in no order."""
        for cloud in self.clouds.values():
            yield from cloud.log_lines(since)

    def _make_clouds(self) -> None:
        for name in self.stacks:
            if name == LINKS:
                continue
            folder = self._folder / name
            folder.mkdir(parents=True, exist_ok=True)
            hasten, through = self._options.hasten, self._options.through
            if name == "aws":
                self.clouds[name] = LocalAws(
                    self._processes, folder=folder, authority=self._authority, hasten=hasten
                )
            elif name == "azure":
                self.clouds[name] = LocalAzure(
                    self._processes, folder=folder, authority=self._authority, hasten=hasten, through=through
                )
            else:
                self.clouds[name] = LocalGcp(self._processes, folder=folder, hasten=hasten, through=through)

    def _deploy(self, name: str) -> None:
        cloud, source = self.clouds[name], self._out / "stacks" / name
        self._progress(f"{name}: applying the stack")
        if isinstance(cloud, LocalAws):
            self.evaluated[name] = cloud.apply(
                self.stacks[name],
                self._variables(name),
                source=source,
                adopt=self._options.adopt,
            )
            cloud.deploy(self.evaluated[name])
        else:
            evaluated = self._evaluate(name)
            self._progress(f"{name}: starting the functions")
            cloud.deploy(evaluated, source)
        self._progress(f"{name}: up")

    def _evaluate(self, name: str) -> standins.Evaluated:
        stack = standins.rewrite(self.stacks[name], self._computed)
        stack["terraform"] = {key: value for key, value in stack["terraform"].items() if key != "backend"}
        if name == LINKS:
            stack["data"] = {"terraform_remote_state": self._remote_states()}
        workspace = Workspace(self._workspace(name))
        workspace.write(stack)
        self.evaluated[name] = standins.evaluated(workspace.apply(self._variables(name)))
        return self.evaluated[name]

    def _computed(self, kind: str, name: str, body: standins.Body) -> Mapping[str, Any]:
        provider = kind.removeprefix("data.").partition("_")[0]
        cloud = {"azapi": "azure", "azurerm": "azure", "google": "gcp"}.get(provider)
        if cloud is None:
            return self._random(kind, name, body)
        found = self.clouds[cloud]
        assert not isinstance(found, LocalAws)
        return found.computed(kind, name, body)

    def _workspace(self, name: str) -> Path:
        return self._folder / name / "stack"

    def _remote_states(self) -> dict[str, Any]:
        """Whatever the twin's backend is, the states lie here."""
        states = self.stacks[LINKS]["data"]["terraform_remote_state"]
        return {
            name: {"backend": "local", "config": {"path": str(self._workspace(name) / "terraform.tfstate")}}
            for name in states
        }

    def _variables(self, name: str) -> dict[str, object]:
        declared = self.stacks[name].get("variable", {})
        wanted: dict[str, object] = {"key_generation": self._generation}
        if self._options.enable_events is not None:
            wanted["enable_events"] = self._options.enable_events
        return {variable: value for variable, value in wanted.items() if variable in declared}

    def _addressed(self, link: str, secret: str) -> str:
        """A sender's secret with the URL under which the receiver is found here."""
        document = json.loads(secret)
        if "url" in document:
            document["url"] = self._options.between(link, self._address(document["url"]))
        return json.dumps(document)

    def _address(self, url: str) -> str:
        for cloud in self.clouds.values():
            if isinstance(cloud, LocalAws):
                url = cloud.address(url)
        return url
