"""`twinspan status` on states of real Terraform: what is deployed, what drifted, and parts that fail."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from command.app import main
from command.commands.status import SCHEMA
from command.status.page import Status
from command.status.queues import Hop
from command.status.readings import readings_of
from command.status.stacks import StackStatus, stacks_of
from local_cloud import terraform
from local_cloud.errors import MissingProgram
from operations.dead_letters.locations import Location
from stacks import states
from support.layouts import Layout, config_of, twin_data
from support.planes import world as planes
from support.servers import missing
from twin_runtime.roles import Cloud
from twinspan import __version__
from twinspan.config import Config

AWS, AZURE, GCP = Cloud
SPLIT = Layout(AWS, AWS, GCP)
VALIDATOR = Draft202012Validator(SCHEMA)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's folder, with a twin.yaml."""
    monkeypatch.chdir(tmp_path)
    for name in ("TWIN", "CDKTF_OUTDIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CHECKPOINT_DISABLE", "1")
    (tmp_path / "processors").mkdir()
    (tmp_path / "processors" / "thermostat.py").write_text("def process(event):\n    return event\n")
    write()
    return tmp_path


def write(**fields: Any) -> Config:
    data = twin_data(SPLIT, **{"keys": {"generation": 3}, **fields})
    Path("twin.yaml").write_text(json.dumps(data))
    return config_of(data)


def status(*options: str) -> tuple[int, str]:
    """Run the command; its exit status and its standard output."""
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(list(options))
    assert not err.getvalue()
    return code, out.getvalue()


def document() -> tuple[int, dict[str, Any]]:
    """Run the command; its exit status and its document."""
    code, text = status("--json", "status")
    found = json.loads(text)
    VALIDATOR.validate(found)
    return code, found


def deploy(name: str, **facts: Any) -> Path:
    """Apply a stack with the outputs of a real one, and no resource of a cloud."""
    config = write()
    folder = states.folder(Path("cdktf.out"), name)
    folder.mkdir(parents=True, exist_ok=True)
    deployment = {
        **{"twinspan": __version__, "twin": "factory", "layers": [], "former": [], "events": True},
        **{"key_generation": 3, "keys_revoked_before": 0, **facts},
    }
    stack = {
        "terraform": {"backend": {"local": config.backend.arguments(twin="factory", stack=name)}},
        "resource": {"terraform_data": {"one": {"input": name}}},
        "output": {"deployment": {"value": deployment}, "dead_letter_queues": {"value": {}}},
    }
    (folder / "cdk.tf.json").write_text(json.dumps(stack))
    for arguments in (("init",), ("apply", "-auto-approve")):
        run(folder, *arguments)
    return folder


def run(folder: Path, *arguments: str) -> None:
    try:
        binary = terraform.binary()
    except MissingProgram as error:
        missing(str(error))
    subprocess.run(
        [binary, *arguments], cwd=folder, capture_output=True, check=True, stdin=subprocess.DEVNULL
    )


@pytest.mark.terraform
def test_what_is_deployed_and_how_it_differs(here: Path) -> None:
    deploy("aws", layers=["acquisition", "processing"])
    deploy("gcp", layers=["processing", "hot_storage"], events=False, key_generation=2, twinspan="0.2.9")
    deploy("azure")
    code, text = status("status")
    lines = text.splitlines()
    title, _, heading, *stacks = lines[:6]
    assert (title, heading) == (f"Twin factory, Twinspan {__version__}", "Stacks:")
    assert [re.split(" {2,}", line.strip()) for line in stacks] == [
        [
            *("aws", f"deployed by {__version__}", "terraform.factory.aws.tfstate"),
            *("events on", "key generation 3", "acquisition, processing"),
        ],
        [
            *("gcp", "deployed by 0.2.9", "terraform.factory.gcp.tfstate"),
            *("events off", "key generation 2", "processing, hot_storage"),
        ],
        ["links", "unknown", "terraform.factory.links.tfstate"],
    ]
    assert len({line.index("terraform.") for line in stacks}) == 1
    assert lines[lines.index("Differences:") + 1 : lines.index("States:") - 1] == [
        f"  gcp was deployed by Twinspan 0.2.9; this is {__version__}.",
        "  gcp has layers processing, hot_storage; twin.yaml says hot_storage.",
        "  gcp has events off; twin.yaml says on.",
        "  gcp has key generation 2; twin.yaml says 3.",
    ]
    assert (
        "  twin.yaml no longer names Azure, where terraform.factory.azure.tfstate still has 1 resource;"
        in text
    )
    assert lines[lines.index("Problems:") + 1 :] == [
        "  links: cdktf.out/stacks/links has no stack: run twinspan plan.",
        "  No stack has the telemetry API with an API key, which status reads the newest readings from.",
    ]
    assert code == 1


def test_the_page_has_no_empty_columns_and_counts_below_their_titles() -> None:
    facts = {"twinspan": __version__, "layers": ["processing"], "events": False, "key_generation": 3}
    stack = StackStatus("aws", "a.tfstate", {"deployment": facts})
    hops = [
        Hop(Location("aws", hop, kind, "", ""), waiting, letters)
        for hop, kind, waiting, letters in (
            ("processing", "queue", 12_345, 6),
            ("commands", "devices", None, 0),
        )
    ]
    assert list(Status("factory", [stack], hops).lines())[2:] == [
        "Stacks:",
        f"  aws  deployed by {__version__}  a.tfstate  events off  key generation 3  processing",
        "",
        "Queues:",
        "  hop         cloud  messages  dead letters",
        "  processing  AWS      12,345             6",
        "  commands    AWS           –             0",
    ]


@pytest.mark.terraform
def test_the_document(here: Path) -> None:
    deploy("aws")
    folder = deploy("gcp")
    run(folder, "destroy", "-auto-approve")
    code, found = document()
    aws, gcp, links = found["stacks"]
    assert (aws["deployed"], gcp["deployed"], links["deployed"]) == (True, False, None)
    assert (aws["twinspan"], aws["events"], aws["key_generation"], aws["drift"]) == (
        __version__,
        True,
        3,
        None,
    )
    assert aws["differences"] == ["aws has layers none; twin.yaml says acquisition, processing."]
    assert gcp["differences"] == gcp["problems"] == []
    assert (found["hops"], found["readings"], found["vanished"], found["former_states"]) == ([], [], [], [])
    assert code == 1


def test_nothing_is_deployed(here: Path) -> None:
    code, found = document()
    assert [stack["deployed"] for stack in found["stacks"]] == [None, None, None]
    assert len(found["problems"]) == 3
    assert code == 1


def test_a_stack_that_terraform_cannot_read_hides_no_other(here: Path) -> None:
    deploy("aws", layers=["acquisition", "processing"])
    deploy("gcp")
    (here / "terraform.factory.gcp.tfstate").write_text("{")
    _, found = document()
    assert found["stacks"][0]["deployed"] is True
    (said,) = found["stacks"][1]["problems"]
    assert said.startswith("gcp: Unsupported state file format ")


def test_without_terraform(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deploy("aws")
    monkeypatch.setenv("PATH", str(here))
    code, found = document()
    assert "aws: terraform is not on PATH: install Terraform 1.11 or newer." in found["problems"]
    assert code == 1


def test_a_state_of_an_older_version(here: Path) -> None:
    config = write()
    Path("outputs.json").write_text(json.dumps({"aws": {"telemetry_api_url": "x"}}))
    (aws, gcp, _) = stacks_of(config, Path("cdktf.out"), file=Path("outputs.json"))
    assert aws.differences == [f"aws was deployed by a version before 0.3.0; this is {__version__}."]
    assert (gcp.deployed, gcp.problem) == (None, None)


def test_drift_needs_terraform(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--drift", "--outputs", "outputs.json"]) == 2
    assert "--drift needs Terraform" in capsys.readouterr().err


@pytest.mark.terraform
def test_drift_names_the_resource(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = {
        "terraform": {"required_providers": {"google": {"source": "hashicorp/google"}}},
        "provider": {"google": {"project": "my-project"}},
        "resource": {
            "google_pubsub_topic": {name: {"name": f"factory-{name}"} for name in ("kept", "gone")},
        },
        "output": {"deployment": {"value": {"twin": "factory"}}},
    }
    folder = Path("cdktf.out/stacks")
    folder.mkdir(parents=True)
    with planes(here / folder) as world:
        world.apply("gcp", stack)
        monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(here / folder / "terraform.rc"))
        for name, value in world.environment.items():
            monkeypatch.setenv(name, value)
        config = write()
        drift = {one.name: one for one in stacks_of(config, Path("cdktf.out"), drift=True)}["gcp"]
        assert (drift.drift, drift.problems) == ((), [])
        (gone,) = [one for one in world.objects("google_pubsub_topic") if one["name"] == "factory-gone"]
        world.control.delete("google_pubsub_topic", gone)
        drift = {one.name: one for one in stacks_of(config, Path("cdktf.out"), drift=True)}["gcp"]
        assert drift.drift == ("google_pubsub_topic.gone",)
        _, text = status("status", "--drift")
        assert "Changed outside Terraform:\n  gcp  google_pubsub_topic.gone\n" in text
        assert "1 drifted" in text


@contextmanager
def telemetry_api(answer: Mapping[str, Any] | int) -> Iterator[str]:
    """An API that gives one answer, or a status, to whoever has the key."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            code = answer if isinstance(answer, int) else 200
            self.send_response(code if self.headers["x-api-key"] == "key" else 401)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("answer", "key", "said"),
    [
        (503, "key", "The telemetry API answered 503."),
        (200, "other", "The telemetry API answered 401, since the API key is not accepted"),
        (None, "key", "The telemetry API could not be reached"),
    ],
)
def test_a_telemetry_api_that_does_not_answer(here: Path, answer: int | None, key: str, said: str) -> None:
    config = write()
    with telemetry_api(answer or 200) as url:
        where = url if answer else "http://127.0.0.1:9/"
        stack = StackStatus("gcp", "", {"telemetry_api_url": where, "telemetry_api_key": key})
        ((reading,), problem) = readings_of(config, [stack], 0.0)
    assert problem is None and reading.problem and reading.problem.startswith(said)


def test_the_newest_reading_of_a_type(here: Path) -> None:
    config = write()
    events = [
        {"source": f"/twins/factory/devices/{name}", "time": f"2026-01-31T12:00:{second:02}.500000Z"}
        for name, second in (("thermostat-1", 7), ("thermostat-2", 9), ("thermostat-3", 8))
    ]
    with telemetry_api({"events": events, "cursor": None}) as url:
        stack = StackStatus("gcp", "", {"telemetry_api_url": url, "telemetry_api_key": "key"})
        ((reading,), _) = readings_of(config, [stack], 1_769_860_869.5)
    assert (reading.device, reading.age_s) == ("thermostat-2", 60.0)


@pytest.mark.terraform
def test_check_warns_of_a_cloud_that_left(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    deploy("azure")
    assert main(["check"]) == 0
    assert "twin.yaml no longer names Azure, where terraform.factory.azure.tfstate still has 1 resource" in (
        capsys.readouterr().err
    )
