"""The summary after a synth: stacks, resources, links, endpoints, the events flag, the next command."""

import json
from pathlib import Path

from twin_runtime.roles import CLOUD_NAMES, Cloud, Layer
from twinspan import outputs
from twinspan.config import PLACEHOLDERS, Config
from twinspan.terraform.stackjson import Blocks
from twinspan.topology import LINKS_STACK, Link, Topology

_STORES = {"cold": "bucket"}
"""Where links without a receiver end, if not in a database."""


def resources(path: Path) -> tuple[int, int]:
    """Return the numbers of resource blocks of a synthesized stack: permanent, and of the event system."""
    blocks = Blocks(json.loads(path.read_text(encoding="utf-8")))
    optional = sum(map(blocks.optional, blocks.resources))
    return len(blocks.resources) - optional, optional


def text(config: Config, out: Path) -> str:
    """Return the summary of a synthesized twin."""
    topology = Topology.of(config)
    width = max(len(stack) for stack in topology.stacks)
    lines = [
        f"Twin {config.name}: {len(config.devices)} devices of {len(config.device_types)} types",
        "",
        "Stacks",
    ]
    for stack in topology.stacks:
        always, optional = resources(out / "stacks" / stack / "cdk.tf.json")
        holds = _holds(topology, stack)
        events = f" + {optional} with events" if optional else ""
        lines.append(f"  {stack:<{width}}  {f'{always} resources{events}':<32}  {holds}")
    lines += ["", "Links", *(f"  {_link(link)}" for link in topology.links if link.sender_cloud)]
    if endpoints := _endpoints(topology):
        lines += ["", "Endpoints", *endpoints]
    lines += ["", _events(config)]
    lines += [f"Files:  {out / 'stacks'}/<stack>/cdk.tf.json"]
    return "\n".join([*lines, _deploy(config, topology)])


def _holds(topology: Topology, stack: str) -> str:
    """Return what a stack is for."""
    if stack == LINKS_STACK:
        return "keys and secrets of the remote links"
    cloud = Cloud(stack)
    layers = [layer.value for layer in topology.layers_in(cloud)]
    former = [f"former {layer}" for layer in topology.former_in(cloud)]
    return ", ".join([*layers, *former]) or "no layer: deploying it removes what was there"


def _endpoints(topology: Topology) -> list[str]:
    """Return a line for each receiver that a client can call with an API key alone."""
    by_key = dict.fromkeys(link.receiver for link in topology.links if link.by_key)
    why = "" if topology.read_api else "  [for Grafana, although read_api is false]"
    return [
        f"  {role:<11}  {CLOUD_NAMES[topology.roles[role]]:<12}  "
        f"outputs {outputs.url(role)}, {outputs.api_key(role)}{why}"
        for role in by_key
        if role is not None
    ]


def _events(config: Config) -> str:
    """Return the line on the event system, with a warning when rules have no effect."""
    if config.events.enabled or not config.events.rules:
        default = "true" if config.events.enabled else "false"
        return f"Events: enable_events is {default} by default; TF_VAR_enable_events overrides it"
    return (
        "Events: enable_events is false by default, so the rules have no effect; "
        "set events.enabled: true, or TF_VAR_enable_events=true"
    )


def _deploy(config: Config, topology: Topology) -> str:
    """Return the command that deploys the stacks, or the fields to replace before."""
    examples = [
        f"clouds.{cloud}.{field}"
        for cloud, (field, value) in PLACEHOLDERS.items()
        if cloud in topology.clouds and getattr(getattr(config.clouds, cloud), field) == value
    ]
    if examples:
        return f"Deploy: first replace {', '.join(examples)} by your own; the example's do not exist"
    return f"Deploy: npx cdktf deploy --skip-synth {' '.join(topology.stacks)}"


def _link(link: Link) -> str:
    kind = "remote" if link.remote else "local"
    if link.name == "archive" and not link.remote:
        ends = f"lifecycle rule of the bucket ({CLOUD_NAMES[link.receiver_cloud]})"
    else:
        target = link.receiver or _STORES.get(link.name, "database")
        ends = f"{_sender(link)} → {target} ({CLOUD_NAMES[link.receiver_cloud]})"
    optional = "  [with events]" if link.optional else ""
    return f"{link.name:<10}  {kind:<6}  {ends}{optional}"


def _sender(link: Link) -> str:
    assert link.sender_cloud is not None  # an endpoint otherwise
    who = "Grafana" if link.target is Layer.VISUALIZATION else link.sender
    return f"{who} ({CLOUD_NAMES[link.sender_cloud]})"
