"""Real Terraform on scratch copies of stacks: where it and its providers are found, and how it is run.

Providers come from a filesystem mirror, the folder that the environment variable TWINSPAN_PROVIDER_MIRROR
names or one of the usual places; in it lie `<host>/hashicorp/<provider>/<version>/<platform>/`, as `terraform
providers mirror` and plugin caches leave them.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from local_cloud.errors import LocalCloudError, MissingProgram
from local_cloud.processes import finish

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
_OTHERS = ("AWS_", "TF_", "ARM_", "GOOGLE_")
"""Variables of the user's own clouds are kept from Terraform."""
_TIMEOUT_S = 900.0


class TerraformFailed(LocalCloudError):
    """Terraform refused; the text is what it said."""


def binary() -> str:
    """The program; raises `MissingProgram`."""
    found = shutil.which("terraform")
    if found is None:
        raise MissingProgram("terraform is not on PATH: install Terraform 1.11 or newer.")
    return found


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


def command_line_config(providers: Mapping[str, tuple[str, Path]]) -> str:
    """Terraform's own configuration: providers come from the mirrors, and from nowhere else when there is
    one.
    """
    mirrors = sorted({str(mirror) for _, mirror in providers.values()})
    blocks = "".join(f"  filesystem_mirror {{ path = {json.dumps(path)} }}\n" for path in mirrors)
    installation = f"provider_installation {{\n{blocks}}}\n" if mirrors else ""
    return f"disable_checkpoint = true\n{installation}"


def run(
    folder: Path,
    *arguments: str,
    config: Path,
    environment: Mapping[str, str] | None = None,
    check: bool = True,
) -> str:
    """Run a command in a scratch copy; its standard output. `config` holds `command_line_config`.

    Raises `TerraformFailed` when it fails and `check` is set.
    """
    keep = {name: value for name, value in os.environ.items() if not name.startswith(_OTHERS)}
    done = finish(
        [binary(), *arguments, *(() if "-json" in arguments else ("-no-color",))],
        cwd=folder,
        environment={
            "GOGC": "400",  # a third less time, for a third more memory, of programs that live for seconds
            **keep,
            "TF_CLI_CONFIG_FILE": str(config),
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
            "AWS_EC2_METADATA_DISABLED": "true",
            **(environment or {}),
        },
        seconds=_TIMEOUT_S,
    )
    if check and done.returncode:
        raise TerraformFailed(
            f"terraform {' '.join(arguments)} failed in {folder.name}:\n{done.stdout}\n{done.stderr}"
        )
    return done.stdout


def read_stack(folder: Path) -> dict[str, Any]:
    """A synthesized stack."""
    return json.loads((folder / "cdk.tf.json").read_text("utf-8"))


def required_providers(stack: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Required providers by their own name, whatever the stack calls them."""
    blocks = stack["terraform"].get("required_providers", {})
    return {block["source"].rpartition("/")[2]: block for block in blocks.values()}


class Workspace:
    """A folder with a scratch copy of a stack, and Terraform in it. The state is in the same folder."""

    def __init__(self, folder: Path, providers: Mapping[str, tuple[str, Path]] | None = None) -> None:
        self.folder = folder
        self._config = folder / "terraform.rc"
        folder.mkdir(parents=True, exist_ok=True)
        self._config.write_text(command_line_config(providers or {}), "utf-8")

    def write(self, stack: Mapping[str, Any], assets: Path | None = None) -> None:
        """Put the stack's JSON into the folder, and what it refers to under `assets`."""
        # Indented, because Terraform quotes the line of an error.
        (self.folder / "cdk.tf.json").write_text(json.dumps(stack, indent=1), "utf-8")
        if assets is not None and assets.is_dir():
            shutil.copytree(assets, self.folder / "assets", dirs_exist_ok=True)

    def apply(self, variables: Mapping[str, object], *options: str) -> dict[str, Any]:
        """init and apply; the state then (see `standins.evaluated`)."""
        self.run("init", "-input=false")
        given = [f"-var={name}={json.dumps(value)}" for name, value in variables.items()]
        said = self.run("apply", "-input=false", "-auto-approve", *options, *given)
        (self.folder / "apply.log").write_text(said, "utf-8")
        return json.loads((self.folder / "terraform.tfstate").read_text("utf-8"))

    def run(self, *arguments: str) -> str:
        return run(self.folder, *arguments, config=self._config)


def _usual_mirrors() -> list[Path]:
    cache_dir = os.environ.get("TF_PLUGIN_CACHE_DIR")
    places = [Path(cache_dir)] if cache_dir else []
    for pattern in _USUAL_PLACES:
        path = Path(pattern).expanduser()
        places += sorted(path.parent.glob(path.name))
    return [place for place in places if place.is_dir() and os.access(place, os.R_OK)]


def _versions(folder: Path) -> Sequence[str]:
    """Versions of a provider in a mirror, unpacked or packed, of the accepted majors."""
    packed = re.compile(rf"terraform-provider-{folder.name}_(.+?)_.+\.zip")
    entries = [packed.sub(r"\1", entry.name) for entry in folder.iterdir()]
    majors = ACCEPTED_MAJORS.get(folder.name, ())
    return [name for name in entries if re.fullmatch(r"\d+(\.\d+)*", name) and _numbers(name)[0] in majors]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
