"""Which Terraform resources an edit makes, removes and changes: from the synthesized JSON of both files."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from twin_runtime.roles import Cloud
from twinspan import stores
from twinspan.config import Config
from twinspan.terraform.stackjson import Block, StackJson, resources
from twinspan.topology import LINKS_STACK

_PROVIDERS = {"aws": Cloud.AWS, "azapi": Cloud.AZURE, "azurerm": Cloud.AZURE, "google": Cloud.GCP}


_RENAMED = {"aws_api_gateway_rest_api", "aws_api_gateway_usage_plan"}
"""Types with a name that AWS changes in place, as the provider's sources say."""
_BOUND = ("location", "region", "resource_group_name")


@dataclass(frozen=True, slots=True)
class Counts:
    """Addresses of one stack. `replaced` are those whose name, place or account is another one: at least
    these; the providers decide on the rest of what is `changed`.
    """

    appear: tuple[str, ...]
    vanish: tuple[str, ...]
    replaced: tuple[str, ...]
    changed: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.appear or self.vanish or self.replaced or self.changed)

    def document(self) -> dict[str, list[str]]:
        return {name: list(getattr(self, name)) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Resources:
    """By stack. `seconds` is how long synthesizing both took."""

    stacks: Mapping[str, Counts]
    seconds: float

    def document(self) -> dict[str, Any]:
        return {
            "stacks": {name: counts.document() for name, counts in self.stacks.items()},
            "synthesis_seconds": round(self.seconds, 2),
        }


def compared(before: Config, after: Config) -> Resources:
    """Synthesize both twins into temporary folders and compare the blocks, optional ones included."""
    start = time.monotonic()
    old, new = _synthesized(before), _synthesized(after)
    seconds = time.monotonic() - start
    was = {(each.stack, each.address): each.identity for each in stores.held(before)}
    now = {(each.stack, each.address): each.identity for each in stores.held(after)}
    found = {}
    for name in dict.fromkeys((*old, *new)):
        same = {
            address: was[stack, address] == now[stack, address]
            for stack, address in was.keys() & now.keys()
            if stack == name
        }
        elsewhere = _elsewhere(before, after, name)
        found[name] = _counts(old.get(name, {}), new.get(name, {}), same, elsewhere=elsewhere)
    return Resources({name: counts for name, counts in found.items() if counts}, seconds)


def _elsewhere(before: Config, after: Config, stack: str) -> bool:
    """Whether a stack's provider is bound to another account, or on AWS to another region."""
    if stack == LINKS_STACK or not (getattr(before.clouds, stack) and getattr(after.clouds, stack)):
        return False
    cloud = Cloud(stack)
    was, now = stores.identity(before, cloud), stores.identity(after, cloud)
    return was.account != now.account or (cloud is Cloud.AWS and was.region != now.region)


def _synthesized(config: Config) -> dict[str, StackJson]:
    from stacks.build import synthesize

    with tempfile.TemporaryDirectory(prefix="twinspan-") as folder:
        synthesize(config, Path(folder))
        return {
            path.parent.name: json.loads(path.read_text(encoding="utf-8"))
            for path in sorted(Path(folder).glob("stacks/*/cdk.tf.json"))
        }


def _counts(old: StackJson, new: StackJson, same: Mapping[str, bool], *, elsewhere: bool) -> Counts:
    """`same`: by address, whether what holds something stays the same thing."""
    was = {block.address: block for block in resources(old)}
    now = {block.address: block for block in resources(new)}
    replaced, changed = [], []
    for address in (each for each in was if each in now):
        if not same.get(address, not _replaced(was[address], now[address], elsewhere=elsewhere)):
            replaced.append(address)
        elif _body(was[address]) != _body(now[address]):
            changed.append(address)
    return Counts(
        appear=tuple(address for address in now if address not in was),
        vanish=tuple(address for address in was if address not in now),
        replaced=tuple(replaced),
        changed=tuple(changed),
    )


def _replaced(old: Block, new: Block, *, elsewhere: bool) -> bool:
    provider = old.kind.partition("_")[0]
    if provider not in _PROVIDERS:
        return False
    if elsewhere:
        return True
    named = () if old.kind in _RENAMED else (_names(_PROVIDERS[provider]).get(old.kind, "name"), *_BOUND)
    return any(old.body.get(argument) != new.body.get(argument) for argument in named)


@cache
def _names(cloud: Cloud) -> dict[str, str]:
    """By type, the argument with the resource's name."""
    rules = import_module(f"twinspan.{cloud}.names").RULES
    return {rule.resource: rule.attribute for rule in rules}


def _body(block: Block) -> dict[str, Any]:
    """A block without the path of its construct, which Terraform does not see."""
    return {name: value for name, value in block.body.items() if name != "//"}
