"""What Google calls the things of a stack, and what of their blocks a guide can tell."""

import re
from collections.abc import Mapping
from typing import Any

from twinspan.terraform.stackjson import Block, Blocks, environment, references

FUNCTION = "google_cloudfunctions2_function"
JOB = "google_cloud_scheduler_job"
SUBSCRIPTION = "google_pubsub_subscription"
TOPIC = "google_pubsub_topic"
SECRET = "google_secret_manager_secret"  # noqa: S105 - a type
WORKFLOW = "google_workflows_workflow"
DATABASE = "google_firestore_database"
BUCKET = "google_storage_bucket"
ACCOUNT = "google_service_account"
_CALLED: Mapping[str, tuple[str, str]] = {
    FUNCTION: ("Cloud Run function", "name"),
    JOB: ("Cloud Scheduler job", "name"),
    SUBSCRIPTION: ("Pub/Sub subscription", "name"),
    TOPIC: ("Pub/Sub topic", "name"),
    SECRET: ("Secret Manager secret", "secret_id"),
    WORKFLOW: ("workflow", "name"),
    DATABASE: ("Firestore database", "name"),
    BUCKET: ("Cloud Storage bucket", "name"),
    ACCOUNT: ("service account", "account_id"),
}
"""By Terraform type: what people call it, and the argument that holds its name."""
NOUNS: Mapping[tuple[str, str], str] = {
    (TOPIC, "name"): "name of the Pub/Sub topic",
    (SECRET, "secret_id"): "name of the Secret Manager secret",
    (WORKFLOW, "name"): "name of the workflow",
    (DATABASE, "name"): "name of the Firestore database",
    (BUCKET, "name"): "name of the Cloud Storage bucket",
}
"""What the attributes are called that functions are given."""
_EACH = re.compile(r"\$\{[^{}]*\beach\.key\b[^{}]*\}")


def variables(function: Block) -> dict[str, str]:
    """The environment variables of a function, as they are where the event system is on."""
    return environment(function.body["service_config"]["environment_variables"])


def name(block: Block) -> str:
    """The name that is deployed; of a repeated block with `<key>` for what differs."""
    return unrepeated(block.body[_called(block)[1]])


def called(block: Block) -> str:
    """A block in Google's words: `Pub/Sub topic factory-processing`."""
    return f"{_called(block)[0]} {name(block)}"


def unrepeated(text: str) -> str:
    """A text of a repeated block, with `<key>` for what differs.

    >>> unrepeated('attributes.device_id = "${each.key}"')
    'attributes.device_id = "<key>"'
    """
    return _EACH.sub("<key>", text)


def _called(block: Block) -> tuple[str, str]:
    try:
        return _CALLED[block.kind]
    except KeyError:
        raise KeyError(f"there is no word for {block.address}") from None


def target(value: Any, *kinds: str, of: Block, blocks: Blocks) -> Block:
    """The one block of these types that a value in the block `of` refers to; KeyError when it is not one."""
    found = {reference.address for reference in references(value) if reference.kind in kinds}
    if len(found) != 1:
        raise KeyError(f"{of.address} should name one {' or '.join(kinds)}, but says {value!r}")
    return blocks.at(found.pop())


def said(body: Mapping[str, Any], argument: str, *, of: Block) -> Any:
    """An argument. KeyError when the block leaves it to Google, whose figures are not written here."""
    if argument not in body:
        raise KeyError(f"{of.address} does not say its {argument}")
    return body[argument]


def seconds(body: Mapping[str, Any], argument: str, *, of: Block) -> int:
    """An argument such as `604800s`, as a number."""
    text = said(body, argument, of=of)
    if not re.fullmatch(r"\d+s", text):
        raise KeyError(f"{of.address} says {text!r} of {argument}, which is no time in seconds")
    return int(text[:-1])
