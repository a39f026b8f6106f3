"""AWS on one machine: MiniStack, with the stack applied to it by Terraform."""

from __future__ import annotations

import json
import re
import ssl
import threading
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

from local_cloud import standins
from local_cloud.aws import apply, scheduler
from local_cloud.aws.managed_grafana import ManagedGrafana
from local_cloud.aws.server import ROOT_KEY, MiniStack
from local_cloud.aws.twinmaker import TwinMaker
from local_cloud.aws.workspace import Workspace
from local_cloud.certificates import Authority
from local_cloud.errors import LocalCloudError
from local_cloud.processes import Processes
from local_cloud.shared import TIERS

_SHORTEST_VISIBILITY_S = 2
_HOT_STORE, _WORKSPACE = "hot", "graph"
"""What the hot store and the resources of TwinMaker's workspace are called in the stack."""
# A function by the clock runs for minutes, and must not run twice.
_CONFIG = Config(read_timeout=900, retries={"total_max_attempts": 1}, max_pool_connections=20)
_EXECUTE_API = re.compile(r"(?P<api>[a-z0-9]+)\.execute-api\.[a-z0-9-]+\.amazonaws\.com")


class LocalAws:
    """`hasten` divides the seconds after which SQS delivers a message again. `authority` certifies the
    server.
    """

    def __init__(
        self, processes: Processes, *, folder: Path, authority: Authority, hasten: float = 1.0
    ) -> None:
        self._processes = processes
        self._folder = folder
        self._hasten = hasten
        self._authority = authority
        self._server: MiniStack | None = None
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._evaluated = standins.Evaluated({}, {})
        self._twinmaker: TwinMaker | None = None
        self.grafana: ManagedGrafana | None = None
        """Where the stack has a workspace."""

    def close(self) -> None:
        for standin in (self._twinmaker, self.grafana):
            if standin:
                standin.close()

    @property
    def server(self) -> MiniStack:
        if self._server is None:
            raise RuntimeError("MiniStack has not been started.")
        return self._server

    def start(self, stack: Mapping[str, Any]) -> None:
        """Start MiniStack in the stack's region, and the stand-ins of TwinMaker and of Managed Grafana where
        the stack has a workspace of theirs.
        """
        endpoints: dict[str, str] = {}
        if _WORKSPACE in stack["resource"].get("aws_cloudformation_stack", {}):
            self._twinmaker = TwinMaker()
            endpoints["iottwinmaker"] = self._twinmaker.url
        if "aws_grafana_workspace" in stack["resource"]:
            self.grafana = ManagedGrafana(self._authority.server("grafana"))
            endpoints["grafana"] = self.grafana.url
        self._server = MiniStack(
            self._processes,
            folder=self._folder,
            region=stack["provider"]["aws"][0]["region"],
            authority=self._authority,
            endpoints=endpoints,
        )
        self._server.wait()

    def client(self, service: str) -> Any:
        """A boto3 client of the account's root, one per service."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = boto3.client(
                    service,
                    endpoint_url=self.server.url,
                    region_name=self.server.region,
                    aws_access_key_id=ROOT_KEY,
                    aws_secret_access_key=ROOT_KEY,
                    verify=str(self.server.ca_file),
                    config=_CONFIG,
                )
            return self._clients[service]

    def apply(
        self, stack: Mapping[str, Any], variables: Mapping[str, object], *, source: Path, adopt: bool = True
    ) -> standins.Evaluated:
        """Have Terraform apply the stack; `source` and `adopt` are as in `apply.apply`."""
        return apply.apply(
            stack,
            variables,
            server=self.server,
            clients=self.client,
            folder=self._folder / "stack",
            source=source,
            adopt=adopt,
            grafana=self.grafana.host if self.grafana else "",
        )

    def apply_again(self, variables: Mapping[str, object]) -> standins.Evaluated:
        """Apply the same stack with other variables."""
        return apply.again(variables, self._folder / "stack")

    def replace(self, role: str, package: Path) -> None:
        """Give a function another package; its next call runs it."""
        name = self._evaluated.of("aws_lambda_function")[role]["function_name"]
        self.client("lambda").update_function_code(FunctionName=name, ZipFile=package.read_bytes())

    @property
    def state(self) -> Path:
        """Terraform's state of the stack."""
        return self._folder / "stack" / "terraform.tfstate"

    def deploy(self, evaluated: standins.Evaluated) -> None:
        """What comes after Terraform: certificates for the devices, by their owner."""
        self._evaluated = evaluated
        if self._twinmaker:
            template = json.loads(evaluated.of("aws_s3_object")[f"{_WORKSPACE}_template"]["content"])
            self._twinmaker.workspace = Workspace(template, connector=self._invoke, region=self.server.region)
        if self._hasten > 1:
            sqs = self.client("sqs")
            for queue in evaluated.of("aws_sqs_queue").values():
                seconds = max(
                    _SHORTEST_VISIBILITY_S, round(queue["visibility_timeout_seconds"] / self._hasten)
                )
                sqs.set_queue_attributes(
                    QueueUrl=queue["url"], Attributes={"VisibilityTimeout": str(seconds)}
                )
        for policy in evaluated.of("aws_iot_policy").values():
            self._certify(policy["name"])

    def write_secret(self, values: Mapping[str, Any]) -> None:
        """One `aws_secretsmanager_secret_version` of the stack `links`."""
        self.client("secretsmanager").put_secret_value(
            SecretId=values["secret_id"], SecretString=values["secret_string"]
        )

    def operator_environment(self) -> dict[str, str]:
        """The environment by which boto3 and the command line reach the server, as the account's root."""
        return {
            "AWS_ENDPOINT_URL": self.server.url,
            "AWS_CA_BUNDLE": str(self.server.ca_file),
            "SSL_CERT_FILE": str(self.server.ca_file),
            "AWS_ACCESS_KEY_ID": ROOT_KEY,
            "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
        }

    def endpoint(self) -> dict[str, Any] | None:
        """Where devices connect; None when they do elsewhere."""
        if not self._devices:
            return None
        return {
            "cloud": "aws",
            "twin": self._evaluated.of("aws_iot_topic_rule")["telemetry"]["tags"]["twin"],
            "host": "127.0.0.1",
            "port": self.server.mqtt_port,
            "ca_file": str(self._folder / "iot-ca.pem"),
            "certificates": str(self._folder / "devices"),
        }

    def address(self, url: str) -> str:
        """The URL under which a public URL of the stack is found here.

        API Gateway's name is no name on this machine; MiniStack serves it at a path.
        """
        parts = urlsplit(url)
        found = _EXECUTE_API.fullmatch(parts.hostname or "")
        if found is None:
            return url
        stage, _, path = parts.path.lstrip("/").partition("/")
        return f"{self.server.url}/restapis/{found['api']}/{stage}/_user_request_/{path}"

    def rows(self) -> list[tuple[str, str]]:
        """Device and key of every row of the hot store."""
        scan = self.client("dynamodb").get_paginator("scan")
        return [
            (item["device"]["S"], item["key"]["S"])
            for name, table in self._evaluated.of("aws_dynamodb_table").items()
            if name == _HOT_STORE
            for page in scan.paginate(TableName=table["name"])
            for item in page["Items"]
        ]

    def files(self) -> list[str]:
        """Every file of the tiers that are here: `cold/<name>`, `archive/<name>`. Where both are, they have
        one bucket, and all its files are named `cold`.
        """
        pages = self.client("s3").get_paginator("list_objects_v2")
        places = self._evaluated.outputs.get("storage_tiers", {})
        buckets: dict[str, str] = {}
        for tier in (tier for tier in TIERS if tier in places):
            buckets.setdefault(urlsplit(places[tier]["address"]).netloc, tier)
        return [
            f"{tier}/{found['Key']}"
            for bucket, tier in buckets.items()
            for page in pages.paginate(Bucket=bucket)
            for found in page.get("Contents", ())
        ]

    def run(self, role: str) -> None:
        """Run a scheduled function: each of its schedules once, at a time, as their clock would."""
        scheduler.run(role, self._evaluated, self.client("lambda"))

    def workflow_runs(self) -> list[dict[str, Any]]:
        """Executions of the workflow: name, status, input."""
        runs = []
        states = self.client("stepfunctions")
        for machine in self._evaluated.of("aws_sfn_state_machine").values():
            pages = states.get_paginator("list_executions").paginate(stateMachineArn=machine["arn"])
            for execution in (each for page in pages for each in page["executions"]):
                told = states.describe_execution(executionArn=execution["executionArn"])
                runs.append(
                    {"name": told["name"], "status": told["status"], "input": json.loads(told["input"])}
                )
        return runs

    def log_lines(self, since: float = 0.0) -> Iterator[tuple[float, str]]:
        """What the functions logged since a Unix time: time and line. MiniStack gives all lines of a call the
        time of its end.
        """
        logs, start = self.client("logs"), max(0, int(since * 1000))
        for group in self._evaluated.of("aws_cloudwatch_log_group").values():
            pages = logs.get_paginator("filter_log_events").paginate(
                logGroupName=group["name"], startTime=start
            )
            for event in (each for page in pages for each in page["events"]):
                yield event["timestamp"] / 1000, event["message"]

    def _invoke(self, function: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """A Lambda function's answer."""
        answer = self.client("lambda").invoke(FunctionName=function, Payload=json.dumps(request))
        document = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise LocalCloudError(f"The function failed: {document}")
        return document

    @property
    def _devices(self) -> list[str]:
        things = [a for a in self._evaluated.resources if a.startswith("aws_iot_thing.")]
        return [self._evaluated.resources[address]["name"] for address in things]

    def _certify(self, policy: str) -> None:
        """A key and a certificate per device, attached to its thing and to the stack's policy."""
        iot, folder = self.client("iot"), self._folder / "devices"
        folder.mkdir(exist_ok=True)
        for device in self._devices:
            made = iot.create_keys_and_certificate(setAsActive=True)
            iot.attach_policy(policyName=policy, target=made["certificateArn"])
            iot.attach_thing_principal(thingName=device, principal=made["certificateArn"])
            (folder / f"{device}.crt").write_text(made["certificatePem"])
            key = folder / f"{device}.key"
            key.touch(0o600)
            key.write_text(made["keyPair"]["PrivateKey"])
        self._fetch_ca()

    def _fetch_ca(self) -> None:
        """IoT Core's own authority, which devices trust."""
        trust = ssl.create_default_context(cafile=str(self.server.ca_file))
        with urllib.request.urlopen(  # noqa: S310 - https on loopback
            f"{self.server.url}/_ministack/iot/ca.pem", context=trust, timeout=10
        ) as answer:
            (self._folder / "iot-ca.pem").write_bytes(answer.read())
