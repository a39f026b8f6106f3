"""The summary after a synth: stacks, resources, links, endpoints, the events flag, the next commands."""

from __future__ import annotations

import json
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from twin_runtime.roles import CLOUD_NAMES, Cloud, Layer
from twinspan import outputs
from twinspan.config import PLACEHOLDERS, Config
from twinspan.terraform.stackjson import Blocks
from twinspan.topology import LINKS_STACK, Link, Topology
from twinspan.twinfile import short

_STORES = {"cold": "bucket"}
"""Where links without a receiver end, if not in a database."""


def resources(path: Path) -> tuple[int, int]:
    """Return the numbers of resource blocks of a synthesized stack: permanent, and of the event system."""
    blocks = Blocks(json.loads(path.read_text(encoding="utf-8")))
    optional = sum(map(blocks.optional, blocks.resources))
    return len(blocks.resources) - optional, optional


def document(config: Config, path: Path, out: Path) -> dict[str, Any]:
    """Return the summary of a synthesized twin as JSON; `path` is its twin.yaml, `out` the output folder."""
    topology = Topology.of(config)
    return {
        "twin": config.name,
        "file": str(short(path)),
        "out": str(out),
        "devices": len(config.devices),
        "device_types": len(config.device_types),
        "rules": len(config.events.rules),
        "events": config.events.enabled,
        "stacks": [_stack(stack, topology, out) for stack in topology.stacks],
        "links": [_link(link) for link in topology.links if link.sender_cloud],
        "endpoints": list(_endpoints(config, topology)),
        "placeholders": placeholders(config, topology),
        "next": [f"{program()} {command}{selection(path)}" for command in ("plan", "deploy")],
    }


def text(found: Mapping[str, Any]) -> str:
    """Return the summary of a document for the terminal."""
    stacks = found["stacks"]
    width = max(len(stack["name"]) for stack in stacks)
    lines = [
        f"Twin {found['twin']}: {found['devices']} devices of {found['device_types']} types",
        "",
        "Stacks",
    ]
    for stack in stacks:
        events = f" + {stack['with_events']} with events" if stack["with_events"] else ""
        counted = f"{stack['resources']} resources{events}"
        lines.append(f"  {stack['name']:<{width}}  {counted:<32}  {_holds(stack)}")
    lines += ["", "Links", *map(_link_line, found["links"])]
    if found["endpoints"]:
        lines += ["", "Endpoints", *map(_endpoint_line, found["endpoints"])]
    lines += ["", _events_line(found), f"Files:  {found['out']}/stacks/<stack>/cdk.tf.json"]
    return "\n".join([*lines, _next_line(found)])


def program() -> str:
    """Return how to call the command from this folder: by its name if it is on PATH, else by its path."""
    if shutil.which("twinspan"):
        return "twinspan"
    python = Path(sys.executable)
    script = python.parent / "twinspan"
    return shlex.quote(str(short(script))) if script.exists() else f"{shlex.quote(str(python))} -m twinspan"


def selection(path: Path) -> str:
    """Return the option that selects the twin, empty for the file that is the default."""
    return "" if path.resolve() == Path("twin.yaml").resolve() else f" --twin {shlex.quote(str(short(path)))}"


def _stack(name: str, topology: Topology, out: Path) -> dict[str, Any]:
    always, optional = resources(out / "stacks" / name / "cdk.tf.json")
    cloud = None if name == LINKS_STACK else Cloud(name)
    return {
        "name": name,
        "resources": always,
        "with_events": optional,
        "layers": [layer.value for layer in topology.layers_in(cloud)] if cloud else [],
        "former": [layer.value for layer in topology.former_in(cloud)] if cloud else [],
    }


def _holds(stack: Mapping[str, Any]) -> str:
    """Return what a stack is for."""
    if stack["name"] == LINKS_STACK:
        return "keys and secrets of the remote links"
    held = [*stack["layers"], *(f"former {layer}" for layer in stack["former"])]
    return ", ".join(held) or "no layer: deploying it removes what was there"


def _link(link: Link) -> dict[str, Any]:
    """Return a link; its ends are functions, Grafana, or a store."""
    assert link.sender_cloud is not None  # an endpoint otherwise
    by_rule = link.name == "archive" and not link.remote
    return {
        "name": link.name,
        "remote": link.remote,
        "from": None if by_rule else "Grafana" if link.target is Layer.VISUALIZATION else link.sender,
        "from_cloud": link.sender_cloud,
        "to": "bucket" if by_rule else link.receiver or _STORES.get(link.name, "database"),
        "to_cloud": link.receiver_cloud,
        "with_events": link.optional,
    }


def _link_line(link: Mapping[str, Any]) -> str:
    kind = "remote" if link["remote"] else "local"
    to = CLOUD_NAMES[link["to_cloud"]]
    if link["from"] is None:
        ends = f"lifecycle rule of the bucket ({to})"
    else:
        ends = f"{link['from']} ({CLOUD_NAMES[link['from_cloud']]}) → {link['to']} ({to})"
    return f"  {link['name']:<10}  {kind:<6}  {ends}{'  [with events]' if link['with_events'] else ''}"


def _endpoints(config: Config, topology: Topology) -> Iterator[dict[str, Any]]:
    """Yield each receiver that a client can call with an API key alone."""
    for role in dict.fromkeys(link.receiver for link in topology.links if link.by_key):
        if role is not None:
            yield {
                "function": role,
                "cloud": topology.roles[role],
                "url_output": outputs.url(role),
                "key_output": outputs.api_key(role),
                "client_keys_output": (
                    outputs.client_keys(role) if config.read_clients and topology.has_clients(role) else None
                ),
                "for_grafana_only": not topology.read_api,
            }


def _endpoint_line(endpoint: Mapping[str, Any]) -> str:
    why = "  [for Grafana, although read_api is false]" if endpoint["for_grafana_only"] else ""
    names = (endpoint[f"{each}_output"] for each in ("url", "key", "client_keys"))
    published = ", ".join(filter(None, names))
    return f"  {endpoint['function']:<11}  {CLOUD_NAMES[endpoint['cloud']]:<12}  outputs {published}{why}"


def _events_line(found: Mapping[str, Any]) -> str:
    """Return the line on the event system, with a warning when rules have no effect."""
    if found["events"] or not found["rules"]:
        default = "true" if found["events"] else "false"
        return f"Events: enable_events is {default} by default; TF_VAR_enable_events overrides it"
    return (
        "Events: enable_events is false by default, so the rules have no effect; "
        "set events.enabled: true, or TF_VAR_enable_events=true"
    )


def placeholders(config: Config, topology: Topology) -> list[str]:
    """Return the fields that name an account that does not exist."""
    return [
        f"clouds.{cloud}.{field}"
        for cloud, (field, value) in PLACEHOLDERS.items()
        if cloud in topology.clouds and getattr(getattr(config.clouds, cloud), field) == value
    ]


def _next_line(found: Mapping[str, Any]) -> str:
    """Return the commands that deploy the stacks, or the fields to replace before."""
    if found["placeholders"]:
        fields = ", ".join(found["placeholders"])
        return f"Deploy: first replace {fields} by your own; the example's do not exist"
    return "Deploy: " + ", then ".join(found["next"])
