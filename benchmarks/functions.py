"""Cold starts and sizes: each entry point's import against the bare import of the SDKs that it uses, in one
run.

Prints milliseconds of CPU, medians over runs taken in turn, for every role, cloud and variant of a link, and
the size of each package. A first run finds out which SDKs an entry point imports and which AWS clients it
makes; the bare program then does that and nothing else.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "constructs"), str(ROOT / "tests"), str(ROOT / "function_src")]

from support.layouts import Layout, twin_config  # noqa: E402
from twin_azure import settings as azure_settings  # noqa: E402
from twin_runtime import settings  # noqa: E402
from twin_runtime.roles import ROLES, SCHEDULES, Cloud, Role, roles_of  # noqa: E402
from twinspan import packaging  # noqa: E402

RUNS = 7
SDKS = (
    "boto3",
    "azure.functions",
    "azure.identity",
    "azure.storage.blob",
    "azure.storage.queue",
    "azure.keyvault.secrets",
    "azure.cosmos",
    "functions_framework",
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
        "COLD_STORE": "s3://factory-cold?class=STANDARD_IA",
        "ARCHIVE_STORE": "s3://factory-archive?class=DEEP_ARCHIVE",
        "GRAPH": "factory",
        "GRAFANA": "https://g-1.grafana-workspace.eu-central-1.amazonaws.com?workspace=g-1&service_account=1",
        "BROKER": "example-ats.iot.eu-central-1.amazonaws.com",
        "WORKFLOW": "arn:aws:states:eu-central-1:123456789012:stateMachine:factory-workflow",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_LAMBDA_FUNCTION_NAME": "factory-function",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
    },
    Cloud.AZURE: dict.fromkeys(
        ("DEAD_LETTER_QUEUE", "PROCESSING_QUEUE", "PERSISTING_QUEUE", "EVENTS_QUEUE", "COMMANDS_QUEUE"),
        "https://factory.queue.core.windows.net/factory-queue",
    )
    | dict.fromkeys(("LINK_SECRET", "API_KEYS_SECRET"), "https://factory.vault.azure.net/secrets/one")
    | {
        "STORE": "https://factory.documents.azure.com/dbs/twinspan/colls/events",
        "COLD_STORE": "https://factorycold.blob.core.windows.net/cold?tier=Cool",
        "ARCHIVE_STORE": "https://factoryarchive.blob.core.windows.net/archive?tier=Archive",
        "GRAPH": "https://factory.api.weu.digitaltwins.azure.net",
        "GRAFANA": "https://factory.weu.grafana.azure.com",
        "BROKER": "factory-hub.azure-devices.net",
        "IDEMPOTENCY_STORE": "https://factory.blob.core.windows.net/factory-idempotency",
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
        "IDEMPOTENCY_STORE": "gs://factory-idempotency",
        "WORKFLOW": "projects/my-project/locations/europe-west1/workflows/factory-workflow",
        # The client library asks for these when there is no account; nothing is sent.
        "FIRESTORE_EMULATOR_HOST": "127.0.0.1:1",
        "GOOGLE_CLOUD_PROJECT": "my-project",
    },
}
FIXED = {"API_KEY_READS": "true"}
"""What is no address; what is in neither is off."""
ENTRY = """
import sys, time
{before}
started = time.process_time()
{entry}
print(time.process_time() - started)
"""
PROBE = """
import json, sys
services = []
try:
    import boto3
    make = boto3.client
    boto3.client = lambda service, **given: services.append(service) or make(service, **given)
except ImportError:
    pass
had = set(sys.modules)
{entry}
print(json.dumps([[name for name in {sdks!r} if name in set(sys.modules) - had or name == "boto3" and
services], services]))
"""
BARE = """
import time
{before}
started = time.process_time()
{imports}
print(time.process_time() - started)
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for cloud in Cloud:
            package = packaging.build(twin_config(Layout(*[cloud] * 7)), cloud, Path(folder))
            print(f"{cloud}: package of {package.path.stat().st_size / 1000:.0f} kB")
            root = Path(folder) / cloud
            with zipfile.ZipFile(package.path) as archive:
                archive.extractall(root)
            for role in roles_of(cloud):
                for remote in (False, True) if ROLES[role].remote_link else (False,):
                    measure(cloud, role, remote, root)


def measure(cloud: Cloud, role: Role, remote: bool, root: Path) -> None:
    """One line: an entry point against its SDKs."""
    names = settings.expected(role, cloud, remote=remote)
    own = ("AWS", "AZURE", "FIRESTORE", "GOOGLE")
    platform = {name: value for name, value in ADDRESSES[cloud].items() if name.startswith(own)}
    given = {name: ADDRESSES[cloud].get(name, FIXED.get(name, "")) for name in names}
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(root), **platform, **given, "TWIN_ROLE": role}
    if cloud is Cloud.AZURE and "TRIGGER_QUEUE" in azure_settings.expected(role, remote=remote):
        env["TRIGGER_QUEUE"] = "factory-queue"
    if cloud is Cloud.AZURE and role in SCHEDULES:
        env |= {"SCHEDULE": "0 */5 * * * *", "PARTITIONS": "4", azure_settings.TIMEOUT: "00:05:00"}
    # Cloud Run's own framework is there before the function is.
    before = "import functions_framework, http.client, ssl" if cloud is Cloud.GCP else ""
    program = {
        Cloud.AWS: f"from twin_aws.entry import {role}",
        Cloud.AZURE: "import function_app",
        Cloud.GCP: "import main",
    }[cloud]
    if cloud is Cloud.AZURE:
        # The host imports the module to find its function; the first call imports the adapters.
        adapters = {"QUEUE": "queues", "_STORE": "blobs", "SECRET": "secrets"}
        needed = {
            adapters[word] for name in given for word in adapters if name.endswith(word) and given[name]
        }
        needed |= {"store"} if "STORE" in given else set()
        program += "".join(f"\nimport twin_azure.{name}" for name in sorted(needed))
    probe = PROBE.format(entry=program, sdks=SDKS)
    sdks, services = json.loads(run((before + "\n" + probe) if before else probe, env))
    lines = [f"import {name}" for name in sdks if name != "functions_framework"]
    lines += [f"boto3.client({service!r})" for service in dict.fromkeys(services)]
    bare = BARE.format(before=before, imports="\n".join(lines))
    entry = ENTRY.format(before=before, entry=program)
    pairs = [(float(run(entry, env)), float(run(bare, env))) for _ in range(RUNS)]
    ours, theirs = (statistics.median(column) * 1000 for column in zip(*pairs, strict=True))
    variant = f" ({'remote' if remote else 'local'})" if ROLES[role].remote_link else ""
    against = f"{ours / theirs:5.2f} x" if theirs > 1 else "no SDK"
    what = ", ".join([*sdks, *dict.fromkeys(services)]) or "standard library alone"
    print(f"  {role + variant:<24} {ours:6.0f} ms  bare {theirs:6.0f} ms  {against}  {what}")


def run(program: str, env: dict[str, str]) -> str:
    """Run a program in a process of its own; the last line that it prints."""
    done = subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, check=False, cwd="/"
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return done.stdout.strip().splitlines()[-1]


if __name__ == "__main__":
    main()
