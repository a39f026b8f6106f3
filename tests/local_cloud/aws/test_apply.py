"""The AWS stack on MiniStack, by real Terraform."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_cloud.aws.cloud import LocalAws
from local_cloud.standins import Evaluated
from local_cloud.terraform import read_stack
from stacks import build as synthesis
from support.layouts import EXAMPLES
from support.servers import ministack, need_aws_provider
from twinspan.twinfile import checked

pytestmark = [pytest.mark.servers, pytest.mark.terraform, pytest.mark.slow]


@contextmanager
def applied(folder: Path, *, adopt: bool, **variables: object) -> Iterator[tuple[LocalAws, Evaluated]]:
    out = folder / "cdktf.out"
    synthesis.synthesize(checked(EXAMPLES / "single-aws.yaml"), out)
    source = out / "stacks" / "aws"
    need_aws_provider()
    with ministack(folder, read_stack(source)) as cloud:
        yield cloud, cloud.apply(read_stack(source), variables, source=source, adopt=adopt)


def queues(cloud: LocalAws) -> dict[str, Mapping[str, Any]]:
    """What SQS says of every queue, but for its addresses and times."""
    sqs, found = cloud.client("sqs"), {}
    for url in sqs.list_queues()["QueueUrls"]:
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        kept = {name: value for name, value in attributes.items() if "Timestamp" not in name}
        for name in ("Policy", "RedrivePolicy", "RedriveAllowPolicy"):
            if name in kept:
                kept[name] = json.loads(kept[name])
        found[url.rpartition("/")[2]] = kept
    return found


def functions(cloud: LocalAws) -> dict[str, Mapping[str, Any]]:
    """What Lambda says of every function, the digest of its code among it, but for addresses and times."""
    found = cloud.client("lambda").list_functions()["Functions"]
    varying = ("Environment", "LastModified", "RevisionId")
    return {
        each["FunctionName"]: {name: value for name, value in each.items() if name not in varying}
        for each in found
    }


def lifecycle_rules(cloud: LocalAws) -> list[Mapping[str, Any]]:
    """Of all buckets."""
    s3, found = cloud.client("s3"), list[Mapping[str, Any]]()
    for bucket in s3.list_buckets()["Buckets"]:
        with suppress(ClientError):  # there are none
            found += s3.get_bucket_lifecycle_configuration(Bucket=bucket["Name"])["Rules"]
    return found


def planned(folder: Path) -> str:
    """Terraform's own summary of what it did."""
    log = (folder / "stack" / "apply.log").read_text("utf-8")
    return next(line for line in log.splitlines() if line.startswith("Apply complete!"))


def test_terraform_makes_what_it_otherwise_adopts(tmp_path: Path) -> None:
    """The queues that the local cloud makes beforehand are those that the provider would make."""
    with applied(tmp_path / "made", adopt=False) as (cloud, made):
        expected, code = queues(cloud), functions(cloud)
        assert "DEEP_ARCHIVE" in json.dumps(lifecycle_rules(cloud))
        assert "0 changed, 0 destroyed" in planned(tmp_path / "made")
        # Once more: there is nothing left to do but what MiniStack is known to answer differently.
        again = cloud.apply_again({})
        assert again.outputs == made.outputs
        changed = planned(tmp_path / "made").split("Resources: ")[1]
        assert changed.startswith("0 added")
        assert changed.endswith("0 destroyed.")
    with applied(tmp_path / "adopted", adopt=True) as (cloud, adopted):
        assert queues(cloud) == expected
        assert functions(cloud) == code
        assert lifecycle_rules(cloud) == []
        assert f"{imported(adopted)} imported" in planned(tmp_path / "adopted")
        assert "0 changed, 0 destroyed" in planned(tmp_path / "adopted")
        assert adopted.resources.keys() <= made.resources.keys()
        left_out = made.resources.keys() - adopted.resources.keys()
        assert left_out == {"aws_s3_bucket_lifecycle_configuration.files"}


def test_the_event_system_is_not_there_when_it_is_off(tmp_path: Path) -> None:
    with applied(tmp_path, adopt=True, enable_events=False) as (cloud, evaluated):
        assert set(queues(cloud)) == {
            f"pumps-{name}{suffix}" for name in ("processing", "persisting") for suffix in ("", "-dead")
        } | {"pumps-telemetry-dead"}
        functions = cloud.client("lambda").list_functions()["Functions"]
        assert {each["FunctionName"].removeprefix("pumps-") for each in functions} == {
            "dispatcher",
            "processor",
            "persister",
            "hot-reader",
            "cold-mover",
            "twin-sync",
            "twin-connector",
            "twin-reader",
            "dashboard-sync",
        }
        assert not evaluated.of("aws_sfn_state_machine")


def imported(evaluated: Evaluated) -> int:
    kinds = ("aws_sqs_queue", "aws_sqs_queue_policy", "aws_sqs_queue_redrive_allow_policy")
    return sum(len(evaluated.of(kind)) for kind in kinds)
