"""The command as an operator runs it, over buckets and tables of moto, whose S3 restores at once."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from command.app import main
from command.exits import Exit
from support import documents
from support.aws_clients import mocked
from support.samples import TWIN
from twin_aws.clients import client
from twin_aws.cloud import Aws
from twin_runtime.ports import Objects, Row, Store
from twin_runtime.storage import holds
from twin_runtime.storage.rows import to_json

from . import samples
from .samples import DAYS, DEVICE, TYPE

REGION = "eu-central-1"
numbers = count(1)
TWIN_FILE = samples.twin_file("aws", aws={"region": REGION, "account_id": "000000000000"})
RANGE = ("--device", DEVICE, "--from", samples.FROM, "--to", samples.TO)
EXPECTED = [row for day in DAYS[1:4] for row in samples.rows_of(day, [DEVICE])][1:-1]


@dataclass(frozen=True)
class Tiers:
    """A bucket that holds cold and archived files, and a table."""

    bucket: str
    table: str

    @property
    def cold(self) -> str:
        return f"s3://{self.bucket}?class=STANDARD_IA"

    @property
    def archived(self) -> str:
        return f"s3://{self.bucket}?class=DEEP_ARCHIVE"

    @property
    def store(self) -> Store:
        return Aws().store(self.table)


def objects(address: str) -> Objects:
    return Aws().objects(address)


@pytest.fixture(scope="module", autouse=True)
def _aws() -> Iterator[None]:
    """Once for all tests: making clients takes longer than they do."""
    with pytest.MonkeyPatch.context() as patch, mocked():
        for name in ("CDKTF_OUTDIR", "TWIN"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(autouse=True)
def tiers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Tiers:
    """Where twin.yaml and outputs.json of the working directory lead to."""
    number = next(numbers)
    made = Tiers(f"factory-cold-{number}", f"factory-store-{number}")
    monkeypatch.chdir(tmp_path)
    Path("twin.yaml").write_text(json.dumps(TWIN_FILE))
    addresses = {"hot": made.table, "cold": made.cold, "archive": made.cold}
    value = {tier: {"cloud": "aws", "address": address} for tier, address in addresses.items()}
    Path("outputs.json").write_text(
        json.dumps({"aws": {"storage_tiers": {"sensitive": False, "value": value}}})
    )
    return made


@pytest.fixture
def full(tiers: Tiers) -> Tiers:
    """With files of five days, the first two of them archived."""
    client("s3").create_bucket(Bucket=tiers.bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    keys = {"device": "HASH", "key": "RANGE"}
    client("dynamodb").create_table(
        TableName=tiers.table,
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
        BillingMode="PAY_PER_REQUEST",
    )
    for day in DAYS:
        address = tiers.cold if day > DAYS[1] else tiers.archived
        samples.put(objects(address), samples.file(samples.rows_of(day)))
    return tiers


def run(*arguments: str) -> int:
    return main(["restore", *arguments, "--twin", "twin.yaml", "--outputs", "outputs.json"])


class TestCommands:
    def test_list_says_where_each_file_is_and_retrieves_nothing(
        self, full: Tiers, capsys: pytest.CaptureFixture[str]
    ) -> None:
        for _ in range(2):
            assert run("list", *RANGE) == 0
            lines = capsys.readouterr().out.splitlines()
            assert lines[0].split() == ["tier", "cloud", "state", "day", "rows", "size", "name"]
            told = [line.split()[:5] for line in lines[1:4]]
            assert told == [
                ["archive", "aws", "archived", DAYS[1], "4"],
                ["cold", "aws", "ready", DAYS[2], "4"],
                ["cold", "aws", "ready", DAYS[3], "4"],
            ]
            assert lines[-2].startswith("3 files, ")
            assert (
                lines[-1] == "1 file in aws must be retrieved from the archive, which takes up to 48 hours."
            )

    def test_list_as_json(self, full: Tiers, capsys: pytest.CaptureFixture[str]) -> None:
        assert run("list", "--json", *RANGE) == 0
        found = documents.read("restore list", capsys)["files"]
        assert [each["state"] for each in found] == ["archived", "ready", "ready"]
        assert all(found[0]["size"] > 0 and each["rows"] == 4 for each in found)

    def test_nothing_to_list(self, full: Tiers, capsys: pytest.CaptureFixture[str]) -> None:
        assert run("list", "--device", DEVICE, "--from", "3d", "--to", "1d") == 0
        assert capsys.readouterr().out.strip() == "No file contains events of this range."

    def test_nothing_to_bring_back_is_no_hold(self, full: Tiers, capsys: pytest.CaptureFixture[str]) -> None:
        assert run("load", "--device", DEVICE, "--from", "3d", "--to", "1d", "--days", "1") == 0
        assert capsys.readouterr().out.strip() == "No file contains events of this range."
        assert holds.read(full.store) == []

    def test_rows_are_retrieved_first_and_then_printed(
        self, full: Tiers, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run("rows", *RANGE) == Exit.NOT_YET == 3
        said = capsys.readouterr()
        assert said.out == ""
        assert "1 file in aws must be retrieved from the archive" in said.err
        assert "S3 keeps retrieved files readable for 7 days (--retrieval-days)." in said.err
        assert "nothing was printed. Run the same command again" in said.err
        for _ in range(2):
            assert run("rows", *RANGE) == 0
            lines = capsys.readouterr().out.splitlines()
            assert lines == [to_json(row, TWIN) for row in EXPECTED]

    def test_what_was_retrieved_is_ready(self, full: Tiers, capsys: pytest.CaptureFixture[str]) -> None:
        (name,) = objects(full.archived).names(f"events/type={TYPE}/day={DAYS[1]}")
        assert run("rows", *RANGE, "--retrieval-days", "3") == 3
        restored = client("s3").head_object(Bucket=full.bucket, Key=name)["Restore"]
        assert 'ongoing-request="false"' in restored
        capsys.readouterr()
        assert run("list", *RANGE) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[1].split()[:3] == ["archive", "aws", "ready"]
        assert "retrieved" not in lines[-1]

    def test_rows_come_back_into_the_table(self, full: Tiers, capsys: pytest.CaptureFixture[str]) -> None:
        command = ("load", *RANGE, "--days", "5")
        assert run(*command) == 3
        assert "nothing was written." in capsys.readouterr().err
        assert holds.read(full.store) == []
        assert run(*command) == 0
        assert "4 rows of 3 files loaded into the hot store in aws until 20" in capsys.readouterr().out
        page = self.hot(full.store)
        (hold,) = holds.read(full.store)
        assert [row.key for row in page] == [row.key for row in EXPECTED]
        assert {row.expires for row in page} == {hold.until}
        assert 4.9 * 86_400 < hold.until - time.time() <= 5 * 86_400
        assert run(*command) == 0
        assert self.hot(full.store) == page

    @staticmethod
    def hot(store: Store) -> list[Row]:
        page = store.query(DEVICE, start="2000", end="2100", limit=100, cursor=None, descending=False)
        return list(page.rows)

    def test_documents(self, full: Tiers, capsys: pytest.CaptureFixture[str]) -> None:
        assert run("rows", *RANGE, "--json") == Exit.NOT_YET
        waiting = documents.read("restore rows", capsys)
        assert (waiting["events"], len(waiting["retrieving"])) == ([], 1)
        assert run("rows", *RANGE, "--json") == 0
        found = documents.read("restore rows", capsys)
        assert found == {"events": [json.loads(to_json(row, TWIN)) for row in EXPECTED], "retrieving": []}
        assert run("load", *RANGE, "--days", "5", "--json") == 0
        loaded = documents.read("restore load", capsys)
        assert (loaded["rows"], loaded["files"], loaded["cloud"]) == (4, 3, "aws")
        assert run("load", "--device", DEVICE, "--from", "3d", "--to", "1d", "--days", "1", "--json") == 0
        assert documents.read("restore load", capsys)["until"] is None

    def test_a_device_that_twin_yaml_has_no_more(
        self, full: Tiers, capsys: pytest.CaptureFixture[str]
    ) -> None:
        samples.put(objects(full.cold), samples.file([samples.row("thermostat-9", DAYS[2], 1)]))
        gone = ("rows", "--device", "thermostat-9", "--from", samples.FROM, "--to", samples.TO)
        assert run(*gone) == 2
        assert "pass its former type as --type" in capsys.readouterr().err
        assert run(*gone, "--type", TYPE) == 0
        (line,) = capsys.readouterr().out.splitlines()
        assert json.loads(line)["source"].endswith("/thermostat-9")

    def test_a_bucket_that_is_gone_is_one_sentence(
        self, full: Tiers, capsys: pytest.CaptureFixture[str]
    ) -> None:
        outputs = Path("outputs.json")
        outputs.write_text(outputs.read_text().replace(full.bucket, "another-bucket"))
        assert run("rows", *RANGE) == 1
        said = capsys.readouterr()
        assert said.err.startswith("S3 answered")
        assert len(said.err.splitlines()) == 1

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["load", *RANGE], "--days"),
            (["load", *RANGE, "--days", "15"], "--days must be 1 to 14"),
            (["load", *RANGE, "--days", "0"], "--days must be 1 to 14"),
            (["rows", *RANGE, "--retrieval-days", "31"], "--retrieval-days must be 1 to 30"),
            (["rows", "--from", "2d", "--to", "1d"], "--device"),
            (["rows", "--device", DEVICE, "--from", "1d", "--to", "2d"], "--from must be before --to"),
            (
                ["rows", "--device", DEVICE, "--from", "then", "--to", "1d"],
                "--from 'then' must be a time such as",
            ),
            (
                ["rows", "--device", "stranger", "--from", "2d", "--to", "1d"],
                "twin.yaml has no device 'stranger'",
            ),
            (["warm"], "'warm' is not a command"),
        ],
    )
    def test_a_wrong_command_line_is_a_sentence(
        self, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
    ) -> None:
        assert run(*arguments) == 2
        said = capsys.readouterr()
        assert words in said.err
        assert said.out == ""
        assert len(said.err.strip().splitlines()) == 1
