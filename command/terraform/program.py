"""The program `terraform`: found, checked, run, and interrupted once so that it ends cleanly."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from command.exits import CommandError, WrongInput
from command.terraform.failures import Diagnostic, Failure, explain

OLDEST = (1, 11)
_LOCK_TIMEOUT = "-lock-timeout=60s"
_PRIVATE = 0o077
"""Plans and local states contain keys: files are for their owner alone."""

Event = dict[str, Any]
Heard = Callable[[Event], None]


class TerraformFailed(CommandError):
    """Terraform failed on a stack. The text is the sentence for the operator."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(explain(failure))
        self.diagnostics = tuple(failure.diagnostics)


class Program:
    """Runs Terraform, several at a time where threads ask for it.

    `environment` is the operator's. Raises `WrongInput` where Terraform is missing or too old.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._binary = _found(environment)
        self._environment = {
            **environment,
            "TF_IN_AUTOMATION": "1",
            "TF_INPUT": "0",
            "CHECKPOINT_DISABLE": "1",
        }
        self._environment.pop("TF_DATA_DIR", None)  # each stack has its own
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._check_version()

    def run(
        self,
        stack: str,
        folder: Path,
        *arguments: str,
        data: Path | None = None,
        heard: Heard | None = None,
    ) -> str:
        """Run a command in a stack's folder and return its standard output.

        `data` is Terraform's data folder, if it is not `folder`/.terraform. With `-json`, `heard` gets each
        event as it comes. Raises `TerraformFailed`.
        """
        environment = {**self._environment, **({"TF_DATA_DIR": str(data.resolve())} if data else {})}
        with self._started([self._binary, *arguments], cwd=folder, env=environment) as popen:
            assert popen.stdout is not None
            assert popen.stderr is not None
            complaints: list[str] = []
            listener = threading.Thread(target=lambda: complaints.extend(popen.stderr or ()), daemon=True)
            listener.start()
            lines: list[str] = []
            errors: list[Diagnostic] = []
            for line in popen.stdout:
                lines.append(line)
                event = _event(line)
                if event is None:
                    continue
                if event.get("type") == "diagnostic" and event["diagnostic"]["severity"] == "error":
                    errors.append(Diagnostic.of(event["diagnostic"]))
                if heard:
                    heard(event)
            listener.join()
        if popen.returncode:
            said = errors or list(_plain_errors("".join(complaints)))
            raise TerraformFailed(Failure(stack, folder, said))
        return "".join(lines)

    def interrupt(self) -> None:
        """Pass one Ctrl-C on to every Terraform that runs. It finishes what it has begun and ends."""
        with self._lock:
            for popen in self._running:
                popen.send_signal(signal.SIGINT)

    @contextmanager
    def _started(self, command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
        """A Terraform between start and end. It has a process group of its own, so that a Ctrl-C in the
        terminal reaches it once, by `interrupt`: a second one makes it end without writing its state.
        """
        popen = subprocess.Popen(  # noqa: S603 - the operator's own program
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,
            umask=_PRIVATE,
            **options,
        )
        with self._lock:
            self._running.add(popen)
        try:
            yield popen
        finally:
            popen.wait()
            with self._lock:
                self._running.discard(popen)

    def _check_version(self) -> None:
        done = subprocess.run(  # noqa: S603 - the operator's own program
            [self._binary, "version", "-json"],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        found = re.search(r'"terraform_version": *"([^"]+)"', done.stdout)
        if not found:
            raise WrongInput(f"{self._binary} is not Terraform: install Terraform 1.11 or newer.")
        if tuple(int(part) for part in re.findall(r"\d+", found[1])[:2]) < OLDEST:
            raise WrongInput(f"Terraform {found[1]} is too old: install Terraform 1.11 or newer.")


class Stack:
    """Terraform on one stack. `folder` has its JSON.

    A scratch copy of a stack (`command.plan.scratch`) has the data folder and with it the backend of the
    stack itself.
    """

    def __init__(self, program: Program, name: str, folder: Path, *, data: Path | None = None) -> None:
        self._program = program
        self.name = name
        self.folder = folder
        self.data = data or folder / ".terraform"

    def init(self) -> None:
        """Install the providers and connect the state, if the stack has not been initialised as it is now.

        A state elsewhere is not taken along: `command.state` has found none, or the operator has decided.
        """
        configuration = json.loads((self.folder / "cdk.tf.json").read_text("utf-8"))["terraform"]
        wanted = json.dumps(configuration, sort_keys=True)
        mark = self.data / "twinspan-initialised"
        if mark.exists() and mark.read_text("utf-8") == wanted:
            return
        upgrade = ["-upgrade"] if (self.folder / ".terraform.lock.hcl").exists() else []
        self._run("init", "-input=false", "-json", "-reconfigure", *upgrade)
        mark.write_text(wanted, "utf-8")

    def plan(
        self, file: str, variables: Mapping[str, str], *options: str, heard: Heard | None = None
    ) -> dict[str, Any]:
        """Plan, save the plan as `file` in the folder, and return it (`terraform show -json`)."""
        given = [f"-var={name}={value}" for name, value in variables.items()]
        self._run(
            "plan", "-input=false", "-json", _LOCK_TIMEOUT, f"-out={file}", *options, *given, heard=heard
        )
        return self.show(file)

    def drift(self) -> tuple[str, ...]:
        """The addresses of resources that were changed or deleted outside Terraform. Changes nothing."""
        found: list[str] = []

        def heard(event: Event) -> None:
            if event.get("type") == "resource_drift":
                found.append(event["change"]["resource"]["addr"])

        self._run("plan", "-refresh-only", "-input=false", "-lock=false", "-json", heard=heard)
        return tuple(found)

    def show(self, file: str) -> dict[str, Any]:
        """A saved plan."""
        return json.loads(self._run("show", "-json", "-no-color", file))

    def apply(self, file: str, heard: Heard | None = None) -> None:
        """Apply a saved plan."""
        self._run("apply", "-input=false", "-json", _LOCK_TIMEOUT, file, heard=heard)

    def outputs(self) -> dict[str, Any]:
        """The values of the outputs in the state."""
        found = json.loads(self._run("output", "-json", "-no-color"))
        return {name: output["value"] for name, output in found.items()}

    def state(self) -> dict[str, Any]:
        """The state; empty where there is none."""
        said = self._run("state", "pull")
        return json.loads(said) if said.strip() else {}

    def _run(self, *arguments: str, heard: Heard | None = None) -> str:
        data = None if self.data == self.folder / ".terraform" else self.data
        return self._program.run(self.name, self.folder, *arguments, data=data, heard=heard)


def _found(environment: Mapping[str, str]) -> str:
    found = shutil.which("terraform", path=environment.get("PATH"))
    if found is None:
        raise WrongInput("terraform is not on PATH: install Terraform 1.11 or newer.")
    return found


def _event(line: str) -> Event | None:
    if not line.startswith("{"):
        return None
    try:
        found = json.loads(line)
    except json.JSONDecodeError:  # a line of a document that spans several
        return None
    return found if isinstance(found, dict) and "@level" in found else None


def _plain_errors(text: str) -> Iterator[Diagnostic]:
    """The errors that Terraform prints for people, with a frame and colours where it takes no `-json`."""
    plain = re.sub(r"\x1b\[[0-9;]*m|[│╷╵]", "", text)
    for part in plain.split("Error: ")[1:]:
        summary, _, detail = part.strip().partition("\n")
        yield Diagnostic(summary.strip(), " ".join(detail.split()))
