"""What starts a Cloud Run function: push subscriptions, Cloud Scheduler and HTTPS."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from guides import facts
from guides.readers import gcp_names as names
from guides.readers.gcp_grants import EVERYBODY, INVOKER, PUBSUB_AGENT, SERVICE_MEMBER, Grant
from guides.readers.values import duration, known
from twinspan.terraform.stackjson import Block, Blocks, references

_REFER = (names.SUBSCRIPTION, names.JOB, SERVICE_MEMBER, "google_secret_manager_secret_version")
"""The types that refer to a function: what calls it, and the secret that tells Grafana its address."""
_SUBSCRIPTION = (
    *("//", "count", "for_each", "depends_on", "labels", "name", "topic", "ack_deadline_seconds", "filter"),
    *("message_retention_duration", "expiration_policy", "retry_policy", "dead_letter_policy", "push_config"),
)
_JOB = (
    *("//", "for_each", "depends_on", "name", "region", "description", "schedule", "time_zone"),
    *("attempt_deadline", "http_target", "retry_config"),
)
_KEEPS = {"ttl": ""}
"""A subscription's `expiration_policy` by which it stays however long it is idle."""
_RUN = re.compile(
    r"\$\{base64encode\(jsonencode\(\{partition = tonumber\(each\.key\), partitions = (?P<partitions>\d+), "
    r"timeout_s = (?P<timeout_s>\d+)\}\)\)\}"
)
_NUMBER = re.compile(r'"(\d+)"')


def check(blocks: Blocks, granted: Iterable[Grant]) -> None:
    """KeyError when something calls what is no function of the stack, or calls one in an unknown way, or when
    Pub/Sub may not move dead letters.
    """
    for block in blocks.of(names.SUBSCRIPTION):
        known(block.body, _SUBSCRIPTION, of=block)
        if block.body.get("expiration_policy") != _KEEPS:
            raise KeyError(f"{block.address} is deleted when it is idle, which the guides do not know")
        _check_dead_letters(block, granted, blocks)
    for block in blocks.of(names.JOB):
        known(block.body, _JOB, of=block)
    for block in blocks.resources:
        if block.kind == names.JOB or "push_config" in block.body:
            _callee(block, blocks)
    for function in blocks.of(names.FUNCTION):
        for block in blocks.referring_to(function.address):
            if block.kind not in _REFER:
                raise KeyError(f"{block.address} refers to {function.address} in an unknown way")


def subscriptions(function: Block, blocks: Blocks) -> tuple[Block, ...]:
    """The subscriptions that push to a function."""
    pushing = (each for each in blocks.of(names.SUBSCRIPTION) if "push_config" in each.body)
    return tuple(each for each in pushing if _callee(each, blocks) == function)


def jobs(function: Block, blocks: Blocks) -> tuple[Block, ...]:
    """The Cloud Scheduler jobs that call a function."""
    return tuple(each for each in blocks.of(names.JOB) if _callee(each, blocks) == function)


def triggers(function: Block, granted: Iterable[Grant], blocks: Blocks) -> tuple[facts.Trigger, ...]:
    """What starts a function. KeyError when nothing does, or when what should may not."""
    invokers = [grant for grant in granted if grant.role == INVOKER and function.address in grant.on]
    found = (
        *(_push(each, invokers, blocks) for each in subscriptions(function, blocks)),
        *(_clock(each, invokers, blocks) for each in jobs(function, blocks)),
        *_http(function, invokers, blocks),
    )
    if not found:
        raise KeyError(f"nothing starts {function.address}")
    return found


def _callee(caller: Block, blocks: Blocks) -> Block:
    if caller.kind == names.JOB:
        url = names.said(caller.body, "http_target", of=caller)["uri"]
    else:
        url = caller.body["push_config"]["push_endpoint"]
    return names.target(url, names.FUNCTION, of=caller, blocks=blocks)


def _check_dead_letters(subscription: Block, granted: Iterable[Grant], blocks: Blocks) -> None:
    """Pub/Sub's agent publishes to the dead-letter topic, and acknowledges on the subscription."""
    if policy := subscription.body.get("dead_letter_policy"):
        topic = names.target(policy["dead_letter_topic"], names.TOPIC, of=subscription, blocks=blocks)
        for block, role in ((topic, "roles/pubsub.publisher"), (subscription, "roles/pubsub.subscriber")):
            if not any(
                grant.role == role and block.address in grant.on and PUBSUB_AGENT in grant.member
                for grant in granted
            ):
                raise KeyError(f"Pub/Sub has no {role} on {block.address}, and so moves no dead letters")


def _push(subscription: Block, invokers: Iterable[Grant], blocks: Blocks) -> facts.Trigger:
    body, call = subscription.body, subscription.body["push_config"]
    known(call, ("push_endpoint", "oidc_token"), of=subscription)
    topic = names.target(body["topic"], names.TOPIC, of=subscription, blocks=blocks)
    account, invoker = _caller(subscription, call, invokers, blocks)
    deadline = duration(names.said(body, "ack_deadline_seconds", of=subscription))
    which = f"each message that has {body['filter']}" if "filter" in body else "each message"
    return facts.Trigger(
        # The broker's own topic is the one that devices publish to.
        "broker" if (topic.labels or {}).get("role") == "broker" else "queue",
        f"{names.called(topic)}: the push subscription {names.name(subscription)} sends {which}, with "
        f"an OIDC token of the {names.called(account)}; ack deadline {deadline}",
        (topic.address, subscription.address, account.address, invoker.address),
    )


def _clock(job: Block, invokers: Iterable[Grant], blocks: Blocks) -> facts.Trigger:
    body, call = job.body, job.body["http_target"]
    known(call, ("uri", "http_method", "headers", "body", "oidc_token"), of=job)
    account, invoker = _caller(job, call, invokers, blocks)
    partitions, timeout_s = _partitions(job)
    deadline = duration(names.seconds(body, "attempt_deadline", of=job))
    which = f"{partitions} jobs, one for each partition" if partitions > 1 else "1 job, for the one partition"
    return facts.Trigger(
        "schedule",
        f"{names.called(job)}: {body['schedule']} ({names.said(body, 'time_zone', of=job)}), {which}; a "
        f"{call['http_method']} with an OIDC token of the {names.called(account)}; a run is given "
        f"{duration(timeout_s)}, and its answer {deadline}",
        (job.address, account.address, invoker.address),
    )


def _partitions(job: Block) -> tuple[int, int]:
    """How many jobs there are, and how many seconds each run is told that it has."""
    told = _RUN.fullmatch(job.body["http_target"].get("body", ""))
    if told is None:
        raise KeyError(f"{job.address} sends a body that the guides do not know")
    numbers = [int(number) for number in _NUMBER.findall(names.said(job.body, "for_each", of=job))]
    if numbers != list(range(int(told["partitions"]))):
        raise KeyError(
            f"{job.address} has the numbers {numbers}, but tells of {told['partitions']} partitions"
        )
    return len(numbers), int(told["timeout_s"])


def _caller(
    caller: Block, call: Mapping[str, Any], invokers: Iterable[Grant], blocks: Blocks
) -> tuple[Block, Grant]:
    """The account that a call is made as, and the grant that lets it. KeyError when nothing does."""
    token = names.said(call, "oidc_token", of=caller)
    known(token, ("audience", "service_account_email"), of=caller)
    account = names.target(token["service_account_email"], names.ACCOUNT, of=caller, blocks=blocks)
    for grant in invokers:
        if grant.to(account):
            return account, grant
    raise KeyError(f"{caller.address} calls as {account.address}, which has no {INVOKER} there")


def _http(function: Block, invokers: Iterable[Grant], blocks: Blocks) -> Iterator[facts.Trigger]:
    """The endpoint, where everybody on the internet may call."""
    service = function.body["service_config"]
    ingress, environment = service["ingress_settings"], names.variables(function)
    public = [grant for grant in invokers if grant.member == EVERYBODY]
    if (ingress == "ALLOW_ALL") != bool(public):
        raise KeyError(f"{function.address} has ingress {ingress}, and {len(public)} grants to {EVERYBODY}")
    if public and "API_KEYS_SECRET" not in environment:
        raise KeyError(f"{function.address} is open to everybody, and has no API keys")
    checked = "API keys and signatures" if "LINK_SECRET" in environment else "API keys"
    for grant in public:
        outputs = " and ".join(_outputs(function, blocks))
        yield facts.Trigger(
            "http",
            f"HTTPS endpoint on run.app (output {outputs}): ingress {ingress}, open to {grant.member}; the "
            f"function itself checks {checked}",
            (function.address, grant.address),
        )


def _outputs(function: Block, blocks: Blocks) -> Iterator[str]:
    """The stack's outputs that tell a function's address. KeyError when there is none."""
    found = [
        name
        for name, output in blocks.stack.get("output", {}).items()
        if any(reference.address == function.address for reference in references(output["value"]))
    ]
    if not found:
        raise KeyError(f"no output tells where {function.address} is")
    yield from found
