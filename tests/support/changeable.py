"""Rules by which a deployed twin can be changed, held against a synthesized stack before any cloud is.

Environments are looked at in every cloud, the rest in `CLOUDS`. For another one of those: its types in
`replacement.KINDS`, and who acts at its creation in `ACTS_AS`.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from support.replacement import KINDS
from support.terraform_json import Resource, Stack, environment, interpolations, references, resources
from twin_runtime.roles import Cloud
from twinspan.config import Config
from twinspan.naming import Names
from twinspan.terraform.resources import EVENTS_VARIABLE

CLOUDS = (Cloud.GCP,)
"""Where the provider takes no map of variables with a value that is unknown while it plans."""
ENVIRONMENTS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "aws_lambda_function": lambda body: body["environment"]["variables"],
    "azurerm_function_app_flex_consumption": lambda body: body["app_settings"],
    "google_cloudfunctions2_function": lambda body: body["service_config"]["environment_variables"],
    "google_cloud_run_v2_service": lambda body: {
        each["name"]: each["value"]
        for container in body["template"]["containers"]
        for each in container["env"]
        if "value" in each
    },
}
"""By type: the environment as it is written, a map or an expression of `resources.environment`."""
ACTS_AS: dict[str, tuple[str, ...]] = {
    "google_cloudfunctions2_function": ("build_config", "service_account"),
    "google_cloud_run_v2_service": ("template", "service_account"),
    "google_cloud_scheduler_job": ("http_target", "oidc_token", "service_account_email"),
}
"""By type: the identity that acts as soon as the resource is there, and then needs what it was granted.

Not the identity that a function runs as, nor the one by which Pub/Sub calls it: what these are refused while
a grant is new is delivered again.
"""
_AGENT = "gcp-sa-"
_SERVICES = "google_project_service.required"
_MAY_BE_EMPTY = re.compile(r'\btry\(|\bcoalesce\(|""')
_ONLY_WITH_EVENTS = f", var.{EVENTS_VARIABLE} ? {{"


def problems(config: Config, cloud: Cloud, stack: Stack) -> Iterator[str]:
    """What of a cloud's stack would be wrong after a change of the twin."""
    found = _Stack(config, cloud, stack)
    yield from found.wrong_values(known=cloud in CLOUDS)
    if cloud in CLOUDS:
        for rule in (found.shared_names, found.survivors, found.unsettled):
            yield from rule()


class _Stack:
    def __init__(self, config: Config, cloud: Cloud, stack: Stack) -> None:
        self._blocks = {block.address: block for block in resources(stack)}
        self._moving = _of_the_region(config, cloud) if cloud in CLOUDS else ()
        self._waits: dict[str, frozenset[str]] = {}
        self._varying: dict[str, bool] = {}

    # -- No environment value is empty, of what is off, or unknown while Terraform plans.

    def wrong_values(self, *, known: bool) -> Iterator[str]:
        for block in self._blocks.values():
            if block.kind in ENVIRONMENTS:
                written = ENVIRONMENTS[block.kind](block.body)
                always = written
                if isinstance(written, str):
                    always = written.partition(_ONLY_WITH_EVENTS)[0]
                for name, value in environment(written).items():
                    off = name in environment(always) and not block.counted
                    for what in self._wrong_value(value, off=off, known=known):
                        yield f"{block.address}: {name} {what}"

    def _wrong_value(self, value: str, *, off: bool, known: bool) -> Iterator[str]:
        """`off`: it is there while the event system is off, too. `known`: it must be known in the plan."""
        if not value or any(_MAY_BE_EMPTY.search(each) for each in interpolations(value)):
            yield "may be empty"
        for reference in references(value):
            if off and self._blocks[reference.address].counted:
                yield f"is null while the event system is off: {reference.address}"
            if known and not self._is_known(reference.address, reference.attribute):
                yield f"is unknown until {reference.address} is there"

    def _is_known(self, address: str, attribute: str | None) -> bool:
        """Whether an attribute is what was written, down to its last reference."""
        block = self._blocks.get(address)
        if block is None or attribute is None or attribute not in block.body:
            return False
        return all(self._is_known(each.address, each.attribute) for each in references(block.body[attribute]))

    # -- What is replaced when the region changes.

    def shared_names(self) -> Iterator[str]:
        """What is made before its predecessor goes is called otherwise than that."""
        first = {
            address
            for address, block in self._blocks.items()
            if block.body.get("lifecycle", {}).get("create_before_destroy")
        }
        for address in sorted(first.union(*(self._needs(each) for each in first))):
            block, kind = self._blocks[address], self._kind(self._blocks[address])
            if (
                kind.identity is not None
                and self._is_replaced(block)
                and not self._varies(block, kind.identity)
            ):
                yield f"{address}: is made before its predecessor goes, and has the same name"

    def survivors(self) -> Iterator[str]:
        """What belongs to something that is replaced is replaced with it."""
        for block in self._blocks.values():
            kind = self._kind(block)
            triggers = block.body.get("lifecycle", {}).get("replace_triggered_by", ())
            for parent in {each.address for name in kind.parents for each in references(block.body[name])}:
                replaced = self._is_replaced(self._blocks[parent])
                if replaced and not self._is_replaced(block) and parent not in triggers:
                    yield f"{block.address}: outlives {parent}"

    def _is_replaced(self, block: Resource) -> bool:
        return self._varies(block, self._kind(block).forces)

    def _varies(self, block: Resource, names: tuple[str, ...]) -> bool:
        """Whether one of a block's arguments is another one in another region."""
        return any(self._moves(f"{block.address}.{name}", block.body.get(name)) for name in names)

    def _moves(self, key: str, value: Any) -> bool:
        if key not in self._varying:
            self._varying[key] = False  # what refers to itself has no other reason
            text = json.dumps(value).lower()
            self._varying[key] = any(each in text for each in self._moving) or any(
                self._moves_with(each.address, each.attribute) for each in references(value)
            )
        return self._varying[key]

    def _moves_with(self, address: str, attribute: str | None) -> bool:
        block = self._blocks[address]
        if attribute is not None and attribute in block.body:
            return self._moves(f"{address}.{attribute}", block.body[attribute])
        return self._is_replaced(block)

    def _kind(self, block: Resource) -> Any:
        try:
            return KINDS[block.kind]
        except KeyError:
            raise AssertionError(f"support.replacement does not know {block.kind}") from None

    # -- What is granted holds before it is used.

    def unsettled(self) -> Iterator[str]:
        for address, block in self._blocks.items():
            if (
                block.kind.startswith("google_")
                and address != _SERVICES
                and _SERVICES not in self._settled(address)
            ):
                yield f"{address}: does not wait for the services"
            if path := ACTS_AS.get(block.kind):
                account = self._account(block, path)
                for grant in self._granted(account):
                    if grant not in self._settled(address):
                        yield f"{address}: uses {grant} while it is new"
            if _AGENT in block.body.get("member", "") and not self._has_agent(address):
                yield f"{address}: is for an agent that may not exist"
            if block.kind == "time_sleep" and not set(self._named(block)) <= self._triggers(block):
                yield f"{address}: does not wait again"

    def _account(self, block: Resource, path: tuple[str, ...]) -> str:
        value: Any = block.body
        for step in path:
            value = value[step]
        (account,) = {each.address for each in references(value)}
        return account

    def _granted(self, account: str) -> Iterator[str]:
        for address, block in self._blocks.items():
            if "_iam_" in block.kind and any(
                each.address == account for each in references(block.body["member"])
            ):
                yield address

    def _has_agent(self, address: str) -> bool:
        return any(each.startswith("google_pubsub_topic.") for each in self._settled(address))

    def _settled(self, address: str) -> frozenset[str]:
        """What a resource waits for by way of a time_sleep."""
        sleeps = [each for each in self._needs(address) if each.startswith("time_sleep.")]
        return frozenset().union(*(self._needs(each) for each in sleeps))

    def _needs(self, address: str) -> frozenset[str]:
        """All that a resource waits for."""
        if address not in self._waits:
            self._waits[address] = frozenset()
            named = self._named(self._blocks[address])
            self._waits[address] = frozenset(named).union(*(self._needs(each) for each in named))
        return self._waits[address]

    def _named(self, block: Resource) -> set[str]:
        named = {each.address for each in references(block.body)} | set(block.body.get("depends_on", ()))
        return named & self._blocks.keys()

    def _triggers(self, block: Resource) -> set[str]:
        return {each.address for each in references(block.body.get("triggers", {}))}


def _of_the_region(config: Config, cloud: Cloud) -> tuple[str, ...]:
    """The texts in a stack that are others in another region."""
    site = getattr(config.clouds, cloud)
    word = "location" if cloud is Cloud.AZURE else "region"
    clouds = config.clouds.model_copy(update={cloud.value: site.model_copy(update={word: "elsewhere"})})
    here, there = Names.of(config), Names.of(config.model_copy(update={"clouds": clouds}))
    names = (here.region(cloud), there.region(cloud)), (here.unique(cloud), there.unique(cloud))
    return tuple(text for text, instead in names if text != instead)
