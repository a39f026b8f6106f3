"""What a person reads after a synth: stacks, resources, links, the events flag, the files. Ten seconds'
worth.
"""

import json
from pathlib import Path

from twin_runtime.roles import CLOUD_NAMES, Cloud, Layer
from twinspan.config import PLACEHOLDERS, Config
from twinspan.terraform.stackjson import Blocks
from twinspan.topology import LINKS_STACK, Link, Topology

_STORES = {"cold": "bucket"}
"""What a link without a receiver ends in, where that is no database."""


def resources(path: Path) -> tuple[int, int]:
    """How many resource blocks a synthesized stack has: always there, and of the event system."""
    blocks = Blocks(json.loads(path.read_text(encoding="utf-8")))
    optional = sum(map(blocks.optional, blocks.resources))
    return len(blocks.resources) - optional, optional


def text(config: Config, out: Path) -> str:
    """The summary of a synthesized twin."""
    topology = Topology.of(config)
    width = max(len(stack) for stack in topology.stacks)
    lines = [
        f"Twin {config.name}: {len(config.devices)} devices of {len(config.device_types)} types",
        "",
        "Stacks",
    ]
    for stack in topology.stacks:
        always, optional = resources(out / "stacks" / stack / "cdk.tf.json")
        holds = (
            "keys and secrets of the remote links"
            if stack == LINKS_STACK
            else ", ".join(layer.value for layer in topology.layers_in(Cloud(stack)))
        )
        events = f" + {optional} with events" if optional else ""
        lines.append(f"  {stack:<{width}}  {f'{always} resources{events}':<32}  {holds}")
    lines += ["", "Links", *(f"  {_link(link)}" for link in topology.links)]
    default = "true" if config.events.enabled else "false"
    lines += ["", f"Events: enable_events is {default} unless -var or TF_VAR_enable_events says otherwise"]
    lines += [f"Files:  {out / 'stacks'}/<stack>/cdk.tf.json"]
    return "\n".join([*lines, _deploy(config, topology)])


def _deploy(config: Config, topology: Topology) -> str:
    """The command that deploys what was synthesized, or what to write first."""
    stands_in = [
        f"clouds.{cloud}.{field}"
        for cloud, (field, value) in PLACEHOLDERS.items()
        if cloud in topology.clouds and getattr(getattr(config.clouds, cloud), field) == value
    ]
    if stands_in:
        listed = ", ".join(stands_in)
        return f"Deploy: write your own {listed} first; the providers refuse the example's"
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
    if link.sender_cloud is None:
        return "API client"
    who = "Grafana" if link.target is Layer.VISUALIZATION else link.sender
    return f"{who} ({CLOUD_NAMES[link.sender_cloud]})"
