"""Runs real Terraform on a copy of a synthesized stack, without an account and without a network.

    terraform = real_terraform()                        # skips the test where Terraform is not there
    checked = terraform.check(out / "stacks" / "aws")   # skips where a provider is not there
    checked.validate()
    plan = checked.plan(enable_events=False)            # Terraform's plan as JSON
    unchecked = terraform.validate_all(out)             # every stack that it can; returns the others, with
    the reason

Where Terraform and its providers are found: `local_cloud.terraform`. With CI=true what cannot be checked
fails instead of being skipped.
"""

import json
import shutil
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from local_cloud import terraform
from local_cloud.aws.server import config_file
from local_cloud.errors import MissingProgram
from local_cloud.terraform import TerraformFailed
from support.servers import missing

ACCOUNT = "123456789012"
IOT_ENDPOINT = "example-ats.iot.eu-central-1.amazonaws.com"
_GRAPH = ("cdk.tf.json", "assets")


@cache
def real_terraform() -> "Terraform":
    """The harness, one for the whole run."""
    try:
        terraform.binary()
    except MissingProgram as error:
        missing(str(error))
    return Terraform(terraform.find_providers())


@dataclass(frozen=True)
class Checked:
    """A stack's copy in a folder of its own, ready for Terraform."""

    terraform: "Terraform"
    folder: Path

    def validate(self) -> None:
        """Raises `TerraformFailed` with every error that Terraform finds."""
        answer = json.loads(self.terraform.run(self.folder, "validate", "-json", check=False))
        errors = [item for item in answer["diagnostics"] if item["severity"] == "error"]
        if errors:
            raise TerraformFailed("\n".join(f"{e['summary']}: {e.get('detail', '')}" for e in errors))

    def plan(self, **variables: object) -> dict[str, Any]:
        """What a first apply would make: `terraform show -json` of the plan."""
        given = [f"-var={name}={json.dumps(value)}" for name, value in variables.items()]
        self.terraform.run(self.folder, "plan", "-input=false", "-lock=false", "-out=plan", *given)
        return json.loads(self.terraform.run(self.folder, "show", "-json", "plan"))

    def planned(self, **variables: object) -> dict[str, dict[str, Any]]:
        """The planned resources by address, each with its known values."""
        root = self.plan(**variables)["planned_values"]["root_module"]
        return {
            r["address"]: r.get("values", {}) for r in root.get("resources", ()) if r["mode"] == "managed"
        }


class Terraform:
    """The mirrored providers, and one initialised set of them for each combination."""

    def __init__(self, providers: Mapping[str, tuple[str, Path]]) -> None:
        self.providers = dict(providers)
        self._home = tempfile.TemporaryDirectory(prefix="terraform-", ignore_cleanup_errors=True)
        self._root = Path(self._home.name)
        self._initialised: dict[tuple[str, ...], Path] = {}
        self._config = self._root / "terraform.rc"
        self._config.write_text(terraform.command_line_config(self.providers))

    def missing(self, stack: Path) -> list[str]:
        """The providers of a stack's folder that no mirror holds."""
        return [
            name
            for name in terraform.required_providers(terraform.read_stack(stack))
            if name not in self.providers
        ]

    def check(self, stack: Path) -> Checked:
        """A copy of the stack's folder for the mirrored providers; skips the test when one is missing."""
        if absent := self.missing(stack):
            missing(
                f"no mirror holds the provider {' or '.join(absent)}, so {stack.name} was not checked; "
                f"name a mirror in {terraform.MIRROR_VARIABLE}"
            )
        return self._copy(stack)

    def validate_all(self, out: Path) -> dict[str, str]:
        """Validate each stack of an output folder; returns those that could not be checked, with the
        reason."""
        unchecked = {}
        for stack in sorted((out / "stacks").iterdir()):
            if absent := self.missing(stack):
                unchecked[stack.name] = f"no mirror holds {' or '.join(absent)}"
            else:
                self._copy(stack).validate()
        return unchecked

    def run(self, folder: Path, *arguments: str, check: bool = True) -> str:
        """Run a command in a copy; its standard output."""
        data = {"TF_DATA_DIR": (folder / "data").read_text()}
        return terraform.run(folder, *arguments, config=self._config, environment=data, check=check)

    def _copy(self, stack: Path) -> Checked:
        folder = Path(tempfile.mkdtemp(prefix=f"{stack.name}-", dir=self._root))
        for name in _GRAPH:
            source = stack / name
            if source.is_dir():
                shutil.copytree(source, folder / name)
            elif source.exists():
                shutil.copy2(source, folder / name)
        text = terraform.read_stack(folder)
        required = terraform.required_providers(text)
        for name, block in required.items():
            block["version"] = self.providers[name][0]
        text["terraform"].pop("backend", None)
        for block in text.get("provider", {}).get("aws", ()):
            block.update(_account_less(config_file(folder, fake_aws())))
        # Indented, because Terraform quotes the line of an error.
        (folder / "cdk.tf.json").write_text(json.dumps(text, indent=1))
        self._initialise(folder, tuple(sorted(required)))
        return Checked(self, folder)

    def _initialise(self, folder: Path, providers: tuple[str, ...]) -> None:
        """`init` once per set of providers; later copies use the same data folder and lock file."""
        first = self._initialised.get(providers)
        data = self._root / ("data-" + "-".join(providers))
        (folder / "data").write_text(str(data))
        if first:
            shutil.copy2(first / ".terraform.lock.hcl", folder)
        else:
            self.run(folder, "init", "-input=false", "-backend=false")
            self._initialised[providers] = folder


def _account_less(config: Path) -> dict[str, Any]:
    return {
        "access_key": "dummy",
        "secret_key": "dummy",
        "skip_credentials_validation": True,
        "skip_metadata_api_check": True,
        "skip_region_validation": True,
        "skip_requesting_account_id": True,
        "allowed_account_ids": None,
        "max_retries": 2,
        "shared_config_files": [str(config)],
    }


@cache
def fake_aws() -> str:
    """The address of a server on loopback that answers what a plan asks of AWS: who it is, where IoT Core is,
    and whether a workflow's definition is right (always). All else is refused."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Aws)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


class _Aws(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path.startswith("/endpoint?"):
            self._answer(json.dumps({"endpointAddress": IOT_ENDPOINT}))
        else:
            self._answer("{}", status=501)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if "Action=GetCallerIdentity" in body:
            result = f"<Account>{ACCOUNT}</Account><Arn>arn:aws:iam::{ACCOUNT}:root</Arn><UserId>1</UserId>"
            self._answer(
                '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
                f"<GetCallerIdentityResult>{result}</GetCallerIdentityResult></GetCallerIdentityResponse>",
                kind="text/xml",
            )
        elif self.headers.get("X-Amz-Target", "").endswith("ValidateStateMachineDefinition"):
            self._answer(json.dumps({"result": "OK", "diagnostics": []}), kind="application/x-amz-json-1.0")
        else:
            self._answer("{}", status=501)

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""

    def _answer(self, body: str, *, status: int = 200, kind: str = "application/json") -> None:
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
