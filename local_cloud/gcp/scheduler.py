"""Cloud Scheduler's part: the requests of a function's jobs, made when they are asked for."""

from __future__ import annotations

import urllib.error
import urllib.request
from base64 import b64decode
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from local_cloud.errors import LocalCloudError
from local_cloud.gcp.functions import Function
from local_cloud.standins import Evaluated

_JOB = "google_cloud_scheduler_job"


def run(evaluated: Evaluated, function: Function) -> None:
    """Make the request of every job that calls the function, all at a time; returns when all have been
    answered. Raises `LocalCloudError` with the function's last words when one is not answered with success.
    """
    jobs = [job for job in evaluated.of(_JOB).values() if _target(job)["uri"] == function.url]
    if not jobs:
        raise LocalCloudError(f"No Cloud Scheduler job of the stack calls {function.role}.")
    with ThreadPoolExecutor(len(jobs)) as pool:
        problems = [problem for problem in pool.map(_call, jobs) if problem]
    if problems:
        raise LocalCloudError(f"A run of {function.role} failed ({problems[0]}): {function.process.tail()}")


def _call(job: Mapping[str, Any]) -> str:
    """What is wrong with the answer; empty where nothing is."""
    target = _target(job)
    request = urllib.request.Request(  # noqa: S310 - http on loopback
        target["uri"], b64decode(target["body"]), target["headers"], method=target["http_method"]
    )
    deadline = float(job["attempt_deadline"].removesuffix("s"))
    try:
        with urllib.request.urlopen(request, timeout=deadline):  # noqa: S310
            return ""
    except urllib.error.HTTPError as error:
        return f"it answered {error.code}"
    except OSError as error:
        return f"it gave no answer: {error}"


def _target(job: Mapping[str, Any]) -> Mapping[str, Any]:
    """The block, which Terraform's JSON may hold in a list."""
    target = job["http_target"]
    return target[0] if isinstance(target, list) else target
