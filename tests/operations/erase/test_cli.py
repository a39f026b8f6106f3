"""The command as an operator runs it, over buckets and tables of moto, whose S3 restores at once."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from command.app import main
from command.exits import Exit
from operations.erase import begun
from support import documents
from support.aws_clients import mocked
from support.samples import event
from support.tiers import row
from twin_aws.clients import client
from twin_aws.cloud import Aws
from twin_runtime.delivery.dead_letters import DeadLetter, encode
from twin_runtime.ports import Objects, StateStore, Store
from twin_runtime.tiers import tier_files

from ..restore import samples
from ..restore.samples import DAYS, DEVICE
from .world import record

REGION = "eu-central-1"
numbers = count(1)
OTHER = "thermostat-2"


@dataclass(frozen=True)
class Places:
    """A bucket that holds cold and archived files, a table of rows and one of state, a queue."""

    bucket: str
    table: str
    state_table: str
    queue: str

    @property
    def cold(self) -> str:
        return f"s3://{self.bucket}?class=STANDARD_IA"

    @property
    def objects(self) -> Objects:
        return Aws().objects(self.cold)

    @property
    def store(self) -> Store:
        return Aws().store(self.table)

    @property
    def states(self) -> StateStore:
        return Aws().state_store(self.state_table)

    def rows(self, device: str = DEVICE) -> list[str]:
        found = self.store.query(device, start="0", end="9", limit=100, cursor=None, descending=False)
        return [each.key for each in found.rows]

    def audit(self, name: str) -> bytes:
        found = self.objects.read(name)
        assert found is not None
        return found.body

    def names(self, prefix: str) -> list[str]:
        return list(self.objects.names(prefix))

    def devices(self) -> set[str]:
        """The devices in the files."""
        return {
            each.device
            for name in self.names("events/")
            for each in tier_files.unpack(self.objects.get(name), name, samples.TWIN)
        }


@pytest.fixture(scope="module", autouse=True)
def _aws() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch, mocked():
        for name in ("CDKTF_OUTDIR", "TWIN"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(autouse=True)
def places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Places:
    """Where twin.yaml and outputs.json of the working directory lead to: rows of two devices in the table and
    in files of five days, the first of them archived.
    """
    number = next(numbers)
    queue = client("sqs").create_queue(QueueName=f"factory-processing-dead-{number}")["QueueUrl"]
    made = Places(f"factory-files-{number}", f"factory-hot-{number}", f"factory-state-{number}", queue)
    monkeypatch.chdir(tmp_path)
    twin = samples.twin_file("aws", aws={"region": REGION, "account_id": "000000000000"})
    Path("twin.yaml").write_text(json.dumps(twin))
    tiers = {"hot": made.table, "cold": made.cold, "archive": made.cold}
    hop = {"kind": "queue", "letters": queue, "target": queue}
    outputs = {
        "storage_tiers": {tier: {"cloud": "aws", "address": address} for tier, address in tiers.items()},
        "device_values": {"rule_state": {"cloud": "aws", "address": made.state_table}},
        "dead_letter_queues": {"processing": hop},
    }
    Path("outputs.json").write_text(json.dumps({"aws": outputs}))
    client("s3").create_bucket(Bucket=made.bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    for table, keys in (
        (made.table, {"device": "HASH", "key": "RANGE"}),
        (made.state_table, {"name": "HASH"}),
    ):
        client("dynamodb").create_table(
            TableName=table,
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
            BillingMode="PAY_PER_REQUEST",
        )
    for day in DAYS:
        address = made.cold if day > DAYS[0] else f"s3://{made.bucket}?class=DEEP_ARCHIVE"
        samples.put(Aws().objects(address), samples.file(samples.rows_of(day)))
    made.store.put(
        [row(device, f"2024-03-01T0{hour}:00:00.000000Z") for device in (DEVICE, OTHER) for hour in (1, 2)]
    )
    made.states.put_if_absent(DEVICE, record("2024-03-01T02:00:00.000000Z"))
    return made


def run(*arguments: str) -> int:
    return main(["data", "delete", *arguments, "--twin", "twin.yaml", "--outputs", "outputs.json"])


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Functions that were at work have ended."""
    from operations.erase import erasing

    monkeypatch.setattr(erasing, "SETTLE_S", 0)


def test_a_dry_run_shows_what_there_is_and_deletes_nothing(
    places: Places, capsys: pytest.CaptureFixture[str]
) -> None:
    letter = DeadLetter("No.", event=event(device=DEVICE))
    body = encode(letter, role="processor", time="2024-03-01T00:00:00.000000Z", max_bytes=100_000)
    client("sqs").send_message(QueueUrl=places.queue, MessageBody=body)
    before = (places.rows(), places.names(""))
    assert run("--device", DEVICE, "--dry-run") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "hot aws: 2 rows"
    assert [line.split()[:3] for line in lines[2:7]] == [["archive", "aws", "archived"]] + [
        ["cold", "aws", "ready"]
    ] * 4
    text = "\n".join(lines)
    assert "1 file in aws must be retrieved from the archive, which takes up to 48 hours." in text
    assert "rules: the state of the device's rules is of the range" in text
    assert "dead letters of processing (aws): 1" in lines
    assert f"{DEVICE} is still in twin.yaml: readings that it sends make new rows." in text
    assert "DynamoDB's point-in-time recovery can restore deleted rows for 35 days." in text
    assert "S3 keeps the old versions of deleted files for 7 days." in text
    assert f"twinspan dead-letters purge --device {DEVICE}" in text
    assert (places.rows(), places.names("")) == before
    assert begun.read(places.store, DEVICE) == []


def test_all_of_a_device(places: Places, capsys: pytest.CaptureFixture[str], settled: None) -> None:
    command = ("--device", DEVICE, "--yes")
    assert run(*command) == Exit.NOT_YET == 3
    said = capsys.readouterr()
    assert "hot aws: 2 rows deleted" in said.out
    assert "cold aws: 8 rows of 4 files deleted" in said.out
    assert "1 file in aws must be retrieved from the archive, which takes up to 48 hours." in said.err
    assert "Run the same command again when it is complete." in said.err
    assert places.rows() == []
    assert len(places.rows(OTHER)) == 2
    assert list(places.states.read([DEVICE])) == []
    assert run(*command) == 0  # moto is quicker
    assert places.devices() == {OTHER}
    assert len(places.names("events/")) == len(DAYS)
    assert begun.read(places.store, DEVICE) == []
    capsys.readouterr()
    assert run(*command) == 0
    assert places.devices() == {OTHER}
    first, second, *_ = places.names("audit/")
    lines = [json.loads(places.audit(name)) for name in (first, second)]
    assert [each["result"] for each in lines] == ["archived files", "complete"]
    assert lines[1]["rows"] == {"hot aws": 2, "cold aws": 8, "archive aws": 2}
    assert lines[1]["files"] == {"cold aws": 4, "archive aws": 1}
    assert lines[0]["by"] == {"user": getpass.getuser(), "aws": "arn:aws:sts::123456789012:user/moto"}
    assert (lines[0]["device"], lines[0]["twin"]) == (DEVICE, samples.TWIN.name)
    assert lines[0]["rule_state"] == "deleted"


def test_what_was_deleted_is_checked_later(places: Places, capsys: pytest.CaptureFixture[str]) -> None:
    range_ = ("--from", "2024-02-26T00:00:00Z", "--to", "2024-02-27T00:00:00Z")
    assert run("--device", DEVICE, *range_, "--yes") == Exit.NOT_YET
    said = capsys.readouterr().err
    assert (
        "Functions that were at work may write deleted rows again. Run the same command again after 20"
        in said
    )
    (line,) = said.splitlines()
    assert run("--device", DEVICE, *range_, "--yes") == Exit.NOT_YET
    assert capsys.readouterr().err.splitlines() == [line], "it does not wait anew"


def test_documents(places: Places, capsys: pytest.CaptureFixture[str], settled: None) -> None:
    def read() -> dict[str, Any]:
        return documents.read("data delete", capsys)

    range_ = ("--device", DEVICE, "--from", "2024-02-27T00:00:00Z", "--json")
    assert run(*range_, "--dry-run") == 0
    dry = read()
    assert (dry["result"], dry["to"]) == ("found", "9999-12-31T23:59:59.999999Z")
    assert dry["found"]["rows"] == [{"tier": "hot", "cloud": "aws", "rows": 2}]
    assert len(dry["found"]["files"]) == 3
    assert dry["found"]["dead_letters"] == []
    assert dry["line"] is None
    assert run(*range_, "--yes") == 0
    done = read()
    assert (done["result"], done["check_after"], done["retrieving"]) == ("complete", None, [])
    assert done["line"] == json.loads(places.audit(done["audit"]))
    assert done["found"]["dead_letters"] is None
    assert run("--device", "thermostat-9", "--yes", "--json") == 0
    assert read()["result"] == "nothing"
    whole = ("--device", DEVICE, "--yes", "--json")
    assert run(*whole) == Exit.NOT_YET
    waiting = read()
    assert (waiting["result"], len(waiting["retrieving"])) == ("archived files", 1)
    assert run(*whole) == 0
    assert read()["line"]["rows"] == {"cold aws": 2, "archive aws": 2}


def test_a_damaged_file_is_left_and_named(
    places: Places, capsys: pytest.CaptureFixture[str], settled: None
) -> None:
    (name,) = places.names(f"events/type=thermostat/day={DAYS[2]}")
    client("s3").put_object(Bucket=places.bucket, Key=name, Body=b"no gzip")
    assert run("--device", DEVICE, "--from", "2024-02-26T00:00:00Z", "--yes", "--json") == Exit.FAILED
    said = capsys.readouterr()
    document = documents.checked("data delete", said.out)
    assert document["damaged"] == [{"name": name, "cloud": "aws", "reason": "The file is not gzip."}]
    assert document["result"] == "damaged files"
    assert f"{name} in aws is damaged, and was left: The file is not gzip." in said.err
    assert "1 damaged file may hold readings of the device" in said.err


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("answer", "left"), [("n\n", 2), ("y\n", 0)])
def test_it_asks(
    places: Places,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: str,
    left: int,
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    run("--device", DEVICE, "--from", "2024-03-01T00:00:00Z")
    assert len(places.rows()) == left
    assert f"Delete the readings of {DEVICE} for good?" in capsys.readouterr().err


def test_a_device_of_nothing(capsys: pytest.CaptureFixture[str], places: Places) -> None:
    assert run("--device", "stranger", "--yes") == 0
    assert capsys.readouterr().out.splitlines() == [
        "twin.yaml has no device 'stranger'.",
        "Nothing was found.",
    ]
    assert places.names("audit/") == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--device", DEVICE], "there is no terminal to ask on: add --yes"),
        (["--yes"], "--device"),
        (["--device", DEVICE, "--yes", "--from", "1d", "--to", "2d"], "--from must be before --to"),
        (["--device", DEVICE, "--yes", "--from", "then"], "--from 'then' must be a time such as"),
        (["--device", "~erasures", "--yes"], "must be the id of a device"),
    ],
)
def test_a_wrong_command_line_is_a_sentence(
    capsys: pytest.CaptureFixture[str], places: Places, arguments: list[str], words: str
) -> None:
    assert run(*arguments) == 2
    said = capsys.readouterr()
    assert words in said.err
    assert said.out == ""
    assert len(said.err.strip().splitlines()) == 1
    assert len(places.rows()) == 2
