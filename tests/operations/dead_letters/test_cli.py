"""The command as an operator runs it, over queues of moto."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from command.app import main
from operations.dead_letters.sources import aws
from support import documents
from support.samples import TIME, event
from twin_aws.clients import client
from twin_runtime.delivery.dead_letters import DeadLetter, encode
from twinspan.twinfile import checked

ROOT = Path(__file__).resolve().parents[3]
TWIN = ROOT / "examples" / "single-aws.yaml"
DEVICE = "pump-1"


@pytest.fixture
def queues(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[dict[str, str]]:
    """URLs by name; the working directory holds outputs.json."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "dummy")
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "CDKTF_OUTDIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TWIN", str(TWIN))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.setattr(aws.SqsSource.__init__, "__kwdefaults__", {**_defaults(), "wait_s": 0})
    client.cache_clear()
    with mock_aws():
        sqs = boto3.client("sqs", region_name="eu-central-1")
        urls = {
            name: sqs.create_queue(QueueName=f"factory-{name}")["QueueUrl"]
            for name in ("processing", "processing-dead", "telemetry-dead")
        }
        hops = {
            "processing": {"kind": "queue", "letters": urls["processing-dead"], "target": urls["processing"]},
            "telemetry": {
                "kind": "dispatcher",
                "letters": urls["telemetry-dead"],
                "target": urls["processing"],
            },
            "events": None,
        }
        Path("outputs.json").write_text(
            json.dumps({"aws": {"dead_letter_queues": {"sensitive": False, "type": "…", "value": hops}}})
        )
        yield urls
    client.cache_clear()


def _defaults() -> dict[str, Any]:
    return dict(aws.SqsSource.__init__.__kwdefaults__ or {})


def run(*arguments: str) -> int:
    return main(["dead-letters", *arguments, "--outputs", "outputs.json"])


def put(url: str, *bodies: str) -> None:
    for body in bodies:
        boto3.client("sqs", region_name="eu-central-1").send_message(QueueUrl=url, MessageBody=body)


def bodies(url: str) -> list[str]:
    sqs = boto3.client("sqs", region_name="eu-central-1")
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
    return [message["Body"] for message in answer.get("Messages", ())]


def letter(reason: str = "No.", **content: Any) -> str:
    return encode(DeadLetter(reason, **content), role="processor", time=TIME, max_bytes=262_144)


def known() -> dict[str, Any]:
    """An event of the example's first device."""
    config = checked(TWIN)
    device = config.devices[0]
    return event() | {
        "source": f"/twins/{config.name}/devices/{device.id}",
        "subject": device.type,
    }


def test_list_prints_each_letter_and_the_reasons(
    queues: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    put(queues["processing-dead"], letter(event=known()), letter("Another.", body="x\x1b[2J"))
    put(queues["telemetry-dead"], letter("Another.", body="x"))
    assert run("list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["hop", "cloud", "age", "read", "device", "event", "reason"]
    (first,) = (line for line in lines if " e1 " in line)
    assert first.split()[:2] == ["processing", "aws"]
    assert first.endswith("No.")
    assert "3 dead letters" in lines
    assert lines[-2:] == ["       2  Another.", "       1  No."]
    assert len(bodies(queues["processing-dead"])) == 2


def test_list_as_json(queues: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    put(queues["processing-dead"], letter(event=known()), letter("Another.", body="x"))
    assert run("list", "--json", "--hop", "processing", "--reason", "no.") == 0
    (found,) = documents.read("dead-letters list", capsys)["dead_letters"]
    assert (found["hop"], found["event_id"], found["time"], found["reason"]) == (
        "processing",
        "e1",
        TIME,
        "No.",
    )


def test_nothing_to_list(queues: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list") == 0
    assert capsys.readouterr().out.strip() == "No dead letters."


def test_resend_puts_letters_back_and_says_what_stays(
    queues: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    put(queues["processing-dead"], letter(event=known()), letter(body="x"))
    assert run("resend", "--hop", "processing", "--all") == 1
    out = capsys.readouterr().out
    assert "resent  processing (aws)" in out
    assert "kept    processing (aws)" in out
    assert "The body cannot be parsed" in out
    assert [json.loads(body) for body in bodies(queues["processing"])] == [[known()]]
    assert len(bodies(queues["processing-dead"])) == 1


def test_resend_of_one_device(queues: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    put(queues["processing-dead"], letter(event=known()), letter(body="x"))
    device = known()["source"].rpartition("/")[2]
    assert run("resend", "--hop", "processing", "--device", device, "--dry-run") == 0
    assert "1 would be resent" in capsys.readouterr().out
    assert bodies(queues["processing"]) == []
    assert run("resend", "--hop", "processing", "--device", device) == 0
    assert len(bodies(queues["processing-dead"])) == 1


def test_a_queue_that_is_gone_is_one_sentence(
    queues: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    put(queues["processing-dead"], letter(event=known()))
    boto3.client("sqs", region_name="eu-central-1").delete_queue(QueueUrl=queues["processing"])
    assert run("resend", "--hop", "processing", "--all") == 1
    said = capsys.readouterr()
    assert "Stopped: SQS answered" in said.err
    assert "Traceback" not in said.err
    assert len(bodies(queues["processing-dead"])) == 1


def test_resend_as_a_document(queues: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    put(queues["processing-dead"], letter(event=known()), letter(body="x"))
    assert run("resend", "--hop", "processing", "--all", "--json") == 1
    found = documents.read("dead-letters resend", capsys)
    assert sorted(each["outcome"] for each in found["dead_letters"]) == ["kept", "resent"]
    assert found["stopped"] is None
    assert run("resend", "--hop", "telemetry", "--all", "--json") == 0
    assert documents.read("dead-letters resend", capsys) == {"dead_letters": [], "stopped": None}


class TestPurge:
    def test_without_a_terminal_it_wants_a_yes(
        self, queues: dict[str, str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        put(queues["processing-dead"], letter(body="x"))
        assert run("purge", "--all") == 2
        said = capsys.readouterr()
        assert "there is no terminal to ask on: add --yes." in said.err
        assert said.out == ""
        assert len(bodies(queues["processing-dead"])) == 1

    @pytest.mark.parametrize(("answer", "left"), [("y", 0), ("n", 2)])
    def test_it_asks_with_the_number(
        self,
        queues: dict[str, str],
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
        answer: str,
        left: int,
    ) -> None:
        put(queues["processing-dead"], letter(body="x"), letter(body="y"))
        put(queues["telemetry-dead"], letter(body="z"))
        monkeypatch.setattr("sys.stdin", Terminal(f"{answer}\n"))
        assert run("purge", "--all", "--hop", "processing") == 0
        said = capsys.readouterr()
        assert "processing (aws): 2 dead letters" in said.out
        assert "Delete 2 dead letters for good?" in said.err
        assert ("2 dead letters deleted." in said.out) is (answer == "y")
        assert ("Nothing was deleted." in said.out) is (answer == "n")
        assert len(bodies(queues["processing-dead"])) == left
        assert len(bodies(queues["telemetry-dead"])) == 1

    def test_selected_letters_of_every_hop(
        self, queues: dict[str, str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        put(queues["processing-dead"], letter("Another.", body="x"), letter(event=known()))
        put(queues["telemetry-dead"], letter("Another.", body="z"))
        assert run("purge", "--yes", "--json", "--reason", "another") == 0
        found = documents.read("dead-letters purge", capsys)["deleted"]
        assert sorted((each["hop"], each["dead_letters"]) for each in found) == [
            ("processing", 1),
            ("telemetry", 1),
        ]
        (left,) = bodies(queues["processing-dead"])
        assert json.loads(left)["reason"] == "No."
        assert bodies(queues["telemetry-dead"]) == []
        assert run("purge", "--yes", "--reason", "another") == 0
        assert capsys.readouterr().out == "No dead letter matches the selection.\n"

    def test_what_arrives_after_the_question_stays(
        self, queues: dict[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put(queues["processing-dead"], letter("Before.", body="x"))

        class Late(Terminal):
            def readline(self, *_: Any) -> str:
                put(queues["processing-dead"], letter("After.", body="x"))
                return super().readline()

        monkeypatch.setattr("sys.stdin", Late("y\n"))
        assert run("purge", "--all") == 0
        assert "1 dead letter deleted." in capsys.readouterr().out
        (left,) = bodies(queues["processing-dead"])
        assert json.loads(left)["reason"] == "After."


class Terminal(io.StringIO):
    """Answers as somebody at a keyboard would."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["resend", "--hop", "processing"], "Select dead letters with --all"),
        (["resend", "--all"], "--hop"),
        (["resend", "--hop", "processing", "--all", "--device", "d"], "--all selects every dead letter"),
        (["resend", "--hop", "nowhere", "--all"], "there are processing (aws), telemetry (aws)"),
        (["resend", "--hop", "events", "--all"], "There is no hop events"),
        (["list", "--cloud", "gcp"], "in gcp"),
        (["list", "--cloud", "ibm"], "'ibm' is not one of 'aws', 'azure', 'gcp'"),
        (["list", "--since", "yesterday"], "--since 'yesterday' must be a time such as"),
        (["list", "--since", "1h", "--until", "2h"], "--since must be before --until"),
        (["resend", "--hop", "processing", "--all", "--limit", "0"], "--limit must be 1 or more"),
        (["pruge"], "did you mean 'purge'?"),
        (["purge"], "Select dead letters with --all"),
    ],
)
def test_a_wrong_command_line_is_a_sentence(
    queues: dict[str, str], capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert run(*arguments) == 2
    said = capsys.readouterr()
    assert words in said.err
    assert said.out == ""
    assert len(said.err.strip().splitlines()) == 1


def test_a_twin_file_that_is_not_there(queues: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list", "--twin", "nowhere.yaml") == 2
    assert "--twin nowhere.yaml does not exist" in capsys.readouterr().err
