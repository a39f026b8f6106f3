"""Runs real Terraform on a copy of a synthesized stack, without an account and without a network.

    terraform = real_terraform()                        # skips the test where Terraform is not there
    checked = terraform.check(out / "stacks" / "aws")   # skips where a provider is not there
    checked.validate()
    plan = checked.plan(enable_events=False)            # Terraform's plan as JSON
    unchecked = terraform.validate_all(out)             # every stack that it can; returns the others, with
    the reason

Providers come from a local mirror: the folder that the environment variable TWINSPAN_PROVIDER_MIRROR names,
or one of the usual places. In it lie `<host>/hashicorp/<provider>/<version>/<platform>/`, as `terraform
providers mirror` and plugin caches leave them. With CI=true what cannot be checked fails instead of being
skipped.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from support.servers import missing

MIRROR_VARIABLE = "TWINSPAN_PROVIDER_MIRROR"
ACCEPTED_MAJORS = {"aws": (5, 6), "azurerm": (4,), "google": (6,), "random": (3,), "time": (0,)}
"""The stacks are written for the last of these; aws 5 is close enough to check against."""
_USUAL_PLACES = (
    "~/.terraform.d/plugins",
    "~/.terraform.d/plugin-cache",
    "~/.local/share/terraform/plugins",
    "/usr/local/share/terraform/plugins",
    "/usr/share/terraform/plugins",
    "/opt/*",
)
_AWS_SERVICES = (
    "apigateway",
    "cloudwatch",
    "dynamodb",
    "iam",
    "iot",
    "kms",
    "lambda",
    "logs",
    "secretsmanager",
    "sfn",
    "sns",
    "sqs",
    "sts",
)
"""Names in the provider's `endpoints` block of what the stacks use."""
ACCOUNT = "123456789012"
IOT_ENDPOINT = "example-ats.iot.eu-central-1.amazonaws.com"
_TIMEOUT_S = 600
_GRAPH = ("cdk.tf.json", "assets")


class TerraformError(AssertionError):
    """Terraform refused; the text is what it said."""


@cache
def real_terraform() -> "Terraform":
    """The harness, one for the whole run."""
    binary = shutil.which("terraform")
    if binary is None:
        missing("terraform is not on PATH, so no stack was checked by it")
    return Terraform(binary, find_providers())


def find_providers() -> dict[str, tuple[str, Path]]:
    """By provider (`aws`): its newest accepted version and the mirror that holds it."""
    named = os.environ.get(MIRROR_VARIABLE)
    found: dict[str, tuple[str, Path]] = {}
    for root in [Path(named)] if named else _usual_mirrors():
        for folder in (*root.glob("hashicorp/*"), *root.glob("*/hashicorp/*")):
            mirror = folder.parents[2]
            for version in _versions(folder):
                known = found.get(folder.name)
                if known is None or _numbers(version) > _numbers(known[0]):
                    found[folder.name] = version, mirror
    return found


def _usual_mirrors() -> list[Path]:
    cache_dir = os.environ.get("TF_PLUGIN_CACHE_DIR")
    places = [Path(cache_dir)] if cache_dir else []
    for pattern in _USUAL_PLACES:
        path = Path(pattern).expanduser()
        places += sorted(path.parent.glob(path.name))
    return [place for place in places if place.is_dir() and os.access(place, os.R_OK)]


def _versions(folder: Path) -> list[str]:
    """Versions of a provider in a mirror, unpacked or packed, of the accepted majors."""
    packed = re.compile(rf"terraform-provider-{folder.name}_(.+?)_.+\.zip")
    entries = [packed.sub(r"\1", entry.name) for entry in folder.iterdir()]
    majors = ACCEPTED_MAJORS.get(folder.name, ())
    return [name for name in entries if re.fullmatch(r"\d+(\.\d+)*", name) and _numbers(name)[0] in majors]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


@dataclass(frozen=True)
class Checked:
    """A stack's copy in a folder of its own, ready for Terraform."""

    terraform: "Terraform"
    folder: Path

    def validate(self) -> None:
        """Raises `TerraformError` with every error that Terraform finds."""
        answer = json.loads(self.terraform.run(self.folder, "validate", "-json", check=False))
        errors = [item for item in answer["diagnostics"] if item["severity"] == "error"]
        if errors:
            raise TerraformError("\n".join(f"{e['summary']}: {e.get('detail', '')}" for e in errors))

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
    """The binary, the mirrored providers, and one initialised set of providers for each combination."""

    def __init__(self, binary: str, providers: Mapping[str, tuple[str, Path]]) -> None:
        self._binary = binary
        self.providers = dict(providers)
        self._home = tempfile.TemporaryDirectory(prefix="terraform-", ignore_cleanup_errors=True)
        self._root = Path(self._home.name)
        self._initialised: dict[tuple[str, ...], Path] = {}
        mirrors = sorted({str(mirror) for _, mirror in self.providers.values()})
        blocks = "".join(f"  filesystem_mirror {{ path = {json.dumps(path)} }}\n" for path in mirrors)
        config = f"disable_checkpoint = true\nprovider_installation {{\n{blocks}}}\n"
        self._config = self._root / "terraform.rc"
        self._config.write_text(config)

    def missing(self, stack: Path) -> list[str]:
        """The providers of a stack's folder that no mirror holds."""
        return [name for name in _required(_read(stack)) if name not in self.providers]

    def check(self, stack: Path) -> Checked:
        """A copy of the stack's folder for the mirrored providers; skips the test when one is missing."""
        if absent := self.missing(stack):
            missing(
                f"no mirror holds the provider {' or '.join(absent)}, so {stack.name} was not checked; "
                f"name a mirror in {MIRROR_VARIABLE}"
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
        keep = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TF_", "ARM_", "GOOGLE_"))}
        done = subprocess.run(
            [self._binary, *arguments, *(() if "-json" in arguments else ("-no-color",))],
            cwd=folder,
            env=keep
            | {
                "TF_CLI_CONFIG_FILE": str(self._config),
                "TF_DATA_DIR": (folder / "data").read_text(),
                "TF_IN_AUTOMATION": "1",
                "CHECKPOINT_DISABLE": "1",
                "AWS_EC2_METADATA_DISABLED": "true",
            },
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        if check and done.returncode:
            raise TerraformError(f"terraform {' '.join(arguments)}:\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def _copy(self, stack: Path) -> Checked:
        folder = Path(tempfile.mkdtemp(prefix=f"{stack.name}-", dir=self._root))
        for name in _GRAPH:
            source = stack / name
            if source.is_dir():
                shutil.copytree(source, folder / name)
            elif source.exists():
                shutil.copy2(source, folder / name)
        text = _read(folder)
        required = _required(text)
        for name, block in required.items():
            block["version"] = self.providers[name][0]
        text["terraform"].pop("backend", None)
        for block in text.get("provider", {}).get("aws", ()):
            block.update(_account_less(fake_aws()))
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


def _read(stack: Path) -> dict[str, Any]:
    return json.loads((stack / "cdk.tf.json").read_text("utf-8"))


def _required(text: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Required providers by their own name, whatever the stack calls them."""
    blocks = text["terraform"].get("required_providers", {})
    return {block["source"].rpartition("/")[2]: block for block in blocks.values()}


def _account_less(endpoint: str) -> dict[str, Any]:
    return {
        "access_key": "dummy",
        "secret_key": "dummy",
        "skip_credentials_validation": True,
        "skip_metadata_api_check": True,
        "skip_region_validation": True,
        "skip_requesting_account_id": True,
        "max_retries": 2,
        "endpoints": [dict.fromkeys(_AWS_SERVICES, endpoint)],
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
