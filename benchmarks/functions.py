"""Cold starts and sizes: each entry point against the bare import of the SDKs that it uses, in one run.

Milliseconds of CPU, medians over runs taken in turn, for every role, cloud and variant of a link, and the
size of each package. An entry point's first run finds out which SDKs it imports and which AWS clients it
makes; the bare program then does that and nothing else, and must come to the same.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.results import Result, Table
from support.layouts import Layout, twin_config
from twin_azure import settings as azure_settings
from twin_runtime import settings
from twin_runtime.roles import CLOUD_NAMES, ROLES, SCHEDULES, Cloud, Role, roles_of
from twinspan import packaging

TABLES = (
    Table(
        "Cold starts",
        "CPU time from the first import until the function is ready for its first call, compared with "
        "importing the same SDKs and creating the same clients. Roles without a ratio use no SDK. Ratios "
        "vary by up to 30% on a busy machine.",
        rows="role",
    ),
    Table(
        "Packages",
        "The upload for each cloud, which contains every role. The size depends on the twin and is the same "
        "in every run.",
        rows="cloud",
    ),
)
RUNS = 5
SDKS = (
    "boto3",
    "azure.functions",
    "azure.identity",
    "azure.storage.blob",
    "azure.storage.queue",
    "azure.keyvault.secrets",
    "azure.cosmos",
    "google.cloud.firestore",
)
ADDRESSES = {
    Cloud.AWS: dict.fromkeys(
        ("DEAD_LETTER_QUEUE", "PROCESSING_QUEUE", "PERSISTING_QUEUE", "EVENTS_QUEUE", "COMMANDS_QUEUE"),
        "https://sqs.eu-central-1.amazonaws.com/123456789012/factory-queue",
    )
    | {
        "LINK_SECRET": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:factory-link-write",
        "STORE": "factory-hot",
        "EXPIRY": "factory-hot/factory-cold-mover/factory-hot-expiry",
        "COLD_STORE": "s3://factory-cold?class=STANDARD_IA",
        "ARCHIVE_STORE": "s3://factory-archive?class=DEEP_ARCHIVE",
        "GRAPH": "factory",
        "GRAFANA": "https://g-1.grafana-workspace.eu-central-1.amazonaws.com?workspace=g-1&service_account=1",
        "STATE_STORE": "factory-state",
        "BROKER": "example-ats.iot.eu-central-1.amazonaws.com",
        "WORKFLOW": "arn:aws:states:eu-central-1:123456789012:stateMachine:factory-workflow",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_LAMBDA_FUNCTION_NAME": "factory-function",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
    },
    Cloud.AZURE: dict.fromkeys(
        ("DEAD_LETTER_QUEUE", "PROCESSING_QUEUE", "PERSISTING_QUEUE", "EVENTS_QUEUE", "COMMANDS_QUEUE"),
        "https://factory.queue.core.windows.net/factory-queue?bodies=https://factory.blob.core.windows.net/factory",
    )
    | dict.fromkeys(("LINK_SECRET", "API_KEYS_SECRET"), "https://factory.vault.azure.net/secrets/one")
    | {
        "STORE": "https://factory.documents.azure.com/dbs/twinspan/colls/events",
        "COLD_STORE": "https://factorycold.blob.core.windows.net/cold?tier=Cool",
        "ARCHIVE_STORE": "https://factoryarchive.blob.core.windows.net/archive?tier=Archive",
        "GRAPH": "https://factory.api.weu.digitaltwins.azure.net",
        "GRAFANA": "https://factory.weu.grafana.azure.com",
        "BROKER": "factory-hub.azure-devices.net",
        "STATE_STORE": "https://factory.table.core.windows.net/state",
        "WORKFLOW": "https://prod.logic.azure.com/workflows/1/triggers/fired/paths/invoke",
        "AZURE_CLIENT_ID": "00000000-0000-0000-0000-000000000000",
    },
    Cloud.GCP: dict.fromkeys(
        ("DEAD_LETTER_QUEUE", "PROCESSING_QUEUE", "PERSISTING_QUEUE", "EVENTS_QUEUE", "COMMANDS_QUEUE"),
        "projects/my-project/topics/factory-queue",
    )
    | dict.fromkeys(("LINK_SECRET", "API_KEYS_SECRET", "FLEET_SECRET"), "projects/my-project/secrets/one")
    | {
        "STORE": "projects/my-project/databases/factory-hot",
        "COLD_STORE": "gs://factory-cold",
        "ARCHIVE_STORE": "gs://factory-archive",
        "GRAPH": "projects/my-project/databases/factory-graph",
        "BROKER": "projects/my-project/topics/factory-device-commands",
        "STATE_STORE": "projects/my-project/databases/factory-state",
        "WORKFLOW": "projects/my-project/locations/europe-west1/workflows/factory-workflow",
        # The client library asks for these when there is no account; nothing is sent.
        "FIRESTORE_EMULATOR_HOST": "127.0.0.1:1",
        "GOOGLE_CLOUD_PROJECT": "my-project",
    },
}
FIXED = {"API_KEY_READS": "true"}
"""What is no address; what is in neither is off."""
# Cosmos DB's client asks the account when it is made, so that store is imported alone.
_AZURE = """
import function_app
from twin_azure import triggers
from twin_azure.cloud import AzureCloud
from twin_runtime import functions
from twin_runtime.context import Context
from twin_runtime.settings import role_of
class Cloud(AzureCloud):
    def store(self, address):
        import twin_azure.store
        return twin_azure.store
functions.assemble(Context(role_of(), Cloud(), sink=triggers.sink))
"""
PROGRAMS = {Cloud.AWS: "from twin_aws.entry import {role}", Cloud.AZURE: _AZURE, Cloud.GCP: "import main"}
"""To where the first call can begin. Azure's host imports the module; the first call makes the role."""
BEFORE = {Cloud.AWS: "", Cloud.AZURE: "", Cloud.GCP: "import functions_framework, http.client, ssl"}
"""Cloud Run's own framework is there before the function is."""
TIMED = """
import gc, json, sys, time
{before}
had = set(sys.modules)
started = time.process_time()
{program}
seconds = time.process_time() - started
sdks = [name for name in {sdks!r} if name in set(sys.modules) - had]
clients = [each.meta.service_model.service_name for each in gc.get_objects()
    if type(each).__module__ == "botocore.client" and hasattr(each, "meta")]
print(json.dumps([seconds, sdks, sorted(set(clients))]))
"""


def results(*, quick: bool) -> Iterator[Result]:
    with tempfile.TemporaryDirectory() as folder:
        for cloud in Cloud:
            package = packaging.build(twin_config(Layout(*[cloud] * 7)), cloud, Path(folder))
            size = package.path.stat().st_size / 1000
            yield Result(TABLES[1].title, CLOUD_NAMES[cloud], "package", size, "kB")
            root = Path(folder) / cloud
            with zipfile.ZipFile(package.path) as archive:
                archive.extractall(root)
            for role in roles_of(cloud):
                for remote in (False, True) if ROLES[role].remote_link else (False,):
                    yield measure(cloud, role, remote, root, runs=1 if quick else RUNS)


def measure(cloud: Cloud, role: Role, remote: bool, root: Path, *, runs: int) -> Result:
    """An entry point against its SDKs."""
    names = settings.expected(role, cloud, remote=remote)
    own = ("AWS", "AZURE", "FIRESTORE", "GOOGLE")
    platform = {name: value for name, value in ADDRESSES[cloud].items() if name.startswith(own)}
    given = {name: ADDRESSES[cloud].get(name, FIXED.get(name, "")) for name in names}
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(root), **platform, **given, "TWIN_ROLE": role}
    if cloud is Cloud.AZURE and "TRIGGER_QUEUE" in azure_settings.expected(role, remote=remote):
        env["TRIGGER_QUEUE"] = "factory-queue"
    if cloud is Cloud.AZURE and role in SCHEDULES:
        env |= {"SCHEDULE": "0 */5 * * * *", "PARTITIONS": "4", azure_settings.TIMEOUT: "00:05:00"}
    program, before = PROGRAMS[cloud].format(role=role), BEFORE[cloud]
    first = run(program, before, env)
    _, sdks, clients = first
    bare = "\n".join(
        [
            *(f"import {name}" for name in sdks),
            *(["azure.identity.ManagedIdentityCredential()"] if "azure.identity" in sdks else ()),
            f"made = [{', '.join(f'boto3.client({name!r})' for name in clients)}]",
        ]
    )
    ours, theirs = ([], []) if runs > 1 else ([first[0]], [])
    for _ in range(runs):
        if runs > 1:
            ours.append(_same(run(program, before, env), first))
        if sdks:
            theirs.append(_same(run(bare, before, env), first))
    variant = f"{role} ({'remote' if remote else 'local'})" if ROLES[role].remote_link else f"{role}"
    median = statistics.median(ours)
    ratio = median / statistics.median(theirs) if sdks else None
    return Result(TABLES[0].title, variant, CLOUD_NAMES[cloud], median * 1000, "ms", ratio, "bare")


def _same(done: list[Any], first: list[Any]) -> float:
    """The seconds of a run. Raises when it used something else than the first one."""
    seconds, *used = done
    if used != first[1:]:
        raise RuntimeError(f"{used} was used, and not {first[1:]}.")
    return seconds


def run(program: str, before: str, env: dict[str, str]) -> list[Any]:
    """Run a program in a process of its own: seconds of CPU, the SDKs that it imported, its AWS clients."""
    text = TIMED.format(before=before, program=program, sdks=SDKS)
    done = subprocess.run(
        [sys.executable, "-c", text], env=env, capture_output=True, text=True, check=False, cwd="/"
    )
    if done.returncode:
        raise RuntimeError(f"{env['TWIN_ROLE']} did not start: {done.stderr}")
    return json.loads(done.stdout.strip().splitlines()[-1])
