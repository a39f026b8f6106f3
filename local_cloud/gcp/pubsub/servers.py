"""Starts a Pub/Sub, ours or Google's, and gives it the topics and subscriptions of an evaluated stack."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from local_cloud.errors import MissingProgram
from local_cloud.gcp.pubsub import settings
from local_cloud.gcp.rest import call
from local_cloud.processes import Process, Processes
from local_cloud.standins import Evaluated

Kind = Literal["own", "google"]
_ROOT = Path(__file__).resolve().parents[3]
_EMULATOR = "platform/pubsub-emulator/bin/cloud-pubsub-emulator"


def start(processes: Processes, kind: Kind, port: int) -> Process:
    """Start it on a port of loopback; raises `MissingProgram` where Google's is not there."""
    if kind == "own":
        command = [sys.executable, "-m", "local_cloud.gcp.pubsub", str(port)]
        return processes.start("pubsub", command, cwd=_ROOT)
    return processes.start("pubsub", [str(google_emulator()), "--host=127.0.0.1", f"--port={port}"])


def google_emulator() -> Path:
    """The program of the gcloud component; raises `MissingProgram`."""
    gcloud = shutil.which("gcloud")
    folders = Path(gcloud).resolve().parents if gcloud else ()
    found = next((folder / _EMULATOR for folder in folders if (folder / _EMULATOR).exists()), None)
    if found is None or shutil.which("java") is None:
        raise MissingProgram(
            "Google's Pub/Sub emulator is not on this machine: install Java, and the gcloud component "
            "pubsub-emulator."
        )
    return found


def configure(port: int, evaluated: Evaluated, *, hasten: float) -> None:
    """Make what the stack makes; back-offs are divided by `hasten`."""
    for topic in evaluated.of("google_pubsub_topic").values():
        call(port, "PUT", f"v1/{topic['id']}")
    for subscription in evaluated.of("google_pubsub_subscription").values():
        call(port, "PUT", f"v1/{subscription['id']}", subscription_document(subscription, hasten=hasten))


def subscription_document(values: Mapping[str, Any], *, hasten: float) -> dict[str, Any]:
    """A `google_pubsub_subscription` as the API takes it."""
    document: dict[str, Any] = {"topic": values["topic"]}
    if "ack_deadline_seconds" in values:
        document["ackDeadlineSeconds"] = values["ack_deadline_seconds"]
    if values.get("filter"):
        document["filter"] = values["filter"]
    if dead := values.get("dead_letter_policy"):
        document["deadLetterPolicy"] = {
            "deadLetterTopic": dead["dead_letter_topic"],
            "maxDeliveryAttempts": dead["max_delivery_attempts"],
        }
    if retry := values.get("retry_policy"):
        document["retryPolicy"] = {
            "minimumBackoff": _hastened(retry["minimum_backoff"], hasten),
            "maximumBackoff": _hastened(retry["maximum_backoff"], hasten),
        }
    if push := values.get("push_config"):
        token = push.get("oidc_token") or {}
        document["pushConfig"] = {
            "pushEndpoint": push["push_endpoint"],
            "oidcToken": {
                "serviceAccountEmail": token.get("service_account_email"),
                "audience": token.get("audience"),
            },
        }
    return document


def _hastened(duration: str, hasten: float) -> str:
    return f"{settings.seconds(duration) / hasten:.6f}s"
