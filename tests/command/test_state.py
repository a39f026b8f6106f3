"""States under former names and of clouds that left; local states for this user alone."""

from __future__ import annotations

import json
import os
import shlex
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from command.state import former_states, vanished
from command.terraform.program import Program, Stack
from local_cloud import terraform
from local_cloud.errors import MissingProgram
from stacks import states
from support.layouts import CLOUDS, Layout, twin_config
from support.servers import missing
from twin_runtime.roles import Cloud
from twinspan.config import Config

AWS, AZURE, GCP = Cloud
OUT = Path("cdktf.out")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHECKPOINT_DISABLE", "1")
    return tmp_path


def twin(name: str = "factory", *, clouds: tuple[Cloud, ...] = (AWS,), **backend: Any) -> Config:
    fields: dict[str, Any] = {"backend": backend} if backend else {}
    return twin_config(
        Layout(AWS, AWS, AWS), twin=name, clouds={each: CLOUDS[each] for each in clouds}, **fields
    )


def stack(config: Config, name: str = "aws") -> Path:
    """Write a stack with one resource, in the place of the twin's state, and return its folder."""
    folder = states.folder(OUT, name)
    folder.mkdir(parents=True, exist_ok=True)
    backend = config.backend
    document = {
        "terraform": {"backend": {backend.type: backend.arguments(twin=config.name, stack=name)}},
        "resource": {"terraform_data": {"one": {"input": name}}},
        "output": {"deployment": {"value": {"twin": config.name}}},
    }
    (folder / "cdk.tf.json").write_text(json.dumps(document))
    return folder


def run(*command: str, code: int = 0) -> str:
    """Run Terraform, in a shell as an operator does where `command` is one text."""
    try:
        binary = terraform.binary()
    except MissingProgram as error:
        missing(str(error))
    words = [binary if word == "terraform" else word for word in command]
    done = subprocess.run(words, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def deploy(config: Config, name: str = "aws") -> None:
    chdir = f"-chdir={stack(config, name)}"
    run("terraform", chdir, "init", "-no-color")
    run("terraform", chdir, "apply", "-auto-approve", "-no-color")


def mode(path: str) -> int:
    return stat.S_IMODE(Path(path).stat().st_mode)


def listed(folder: str = "cdktf.out/stacks/aws") -> list[str]:
    return run("terraform", f"-chdir={folder}", "state", "list").split()


@pytest.mark.terraform
def test_a_renamed_twin_s_state_is_found_and_moved(here: Path) -> None:
    deploy(twin("old"))
    assert former_states(twin("old"), OUT) == []
    new = twin("new")
    list(states.make_private(new, OUT))  # as a synth does: an empty file is no state
    (found,) = former_states(new, OUT)
    assert (found.stack, str(found.place), str(found.target)) == (
        "aws",
        "terraform.old.aws.tfstate",
        "terraform.new.aws.tfstate",
    )
    assert found.state and (found.state.resources, found.state.twin) == (1, "old")
    assert str(found) == (
        "Stack aws: there is a state in terraform.old.aws.tfstate (twin old, 1 resource), but twin.yaml puts "
        "the state in terraform.new.aws.tfstate. If it is the state of this twin, move it:\n"
        "  mv terraform.old.aws.tfstate terraform.new.aws.tfstate\n"
        "  terraform -chdir=cdktf.out/stacks/aws init -reconfigure\n"
        "If it is another twin's, leave it there:\n"
        "  terraform -chdir=cdktf.out/stacks/aws init -reconfigure"
    )
    stack(new)
    for command in found.commands:
        run(*shlex.split(command))
    assert listed() == ["terraform_data.one"]
    assert former_states(new, OUT) == []


@pytest.mark.terraform
def test_the_state_of_another_twin_may_stay(here: Path) -> None:
    deploy(twin("one"))
    two = twin("two")
    (found,) = former_states(two, OUT)
    stack(two)
    run(*shlex.split(found.otherwise))
    assert not Path("terraform.two.aws.tfstate").exists()
    assert former_states(two, OUT) == []
    deploy(two)
    assert former_states(two, OUT) == []
    assert states.local_state(here / "terraform.one.aws.tfstate") == states.LocalState(1, "one")

    # From now on the two take turns in the folder.
    for name in ("one", "two", "one"):
        at = Stack(Program(os.environ), "aws", stack(twin(name)))
        at.init()
        assert at.outputs()["deployment"]["twin"] == name


@pytest.mark.terraform
def test_a_state_in_a_clean_folder_is_found_by_its_file(here: Path) -> None:
    """As where cdktf.out was deleted."""
    deploy(twin("old"))
    (here / "cdktf.out").rename(here / "gone")
    (found,) = former_states(twin("new"), OUT)
    assert found.commands == ("mv terraform.old.aws.tfstate terraform.new.aws.tfstate",)


@pytest.mark.terraform
def test_a_second_twin_in_a_clean_folder_is_planned_once_it_is_settled(here: Path) -> None:
    deploy(twin("one"))
    (here / "cdktf.out").rename(here / "gone")
    two = twin("two")
    (found,) = former_states(two, OUT)
    stack(two)
    run(*shlex.split(found.otherwise))
    assert former_states(two, OUT) == []
    assert states.local_state(here / "terraform.one.aws.tfstate") == states.LocalState(1, "one")


@pytest.mark.terraform
def test_a_state_under_a_former_key_is_migrated(here: Path) -> None:
    """From the default place to a path of one's own with a blank in it, and to another kind of backend."""
    old = twin()
    deploy(old)
    new = twin(type="local", path=f"{here}/my states/{{twin}}/{{stack}}.tfstate")
    list(states.make_private(new, OUT))
    (found,) = former_states(new, OUT)
    stack(new)
    for command in found.commands:
        run(*shlex.split(command))
    assert listed() == ["terraform_data.one"]
    assert former_states(new, OUT) == []
    remote = twin(type="s3", bucket="b", region="eu-central-1")
    (found,) = former_states(remote, OUT)
    assert found.commands == ("terraform -chdir=cdktf.out/stacks/aws init -migrate-state",)
    assert str(found.target) == "s3 b/factory/aws.tfstate"


BACKENDS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "s3": (
        {"type": "s3", "bucket": "b", "region": "eu-central-1", "key": "{twin}/{stack}"},
        {"bucket": "b", "key": "{twin}/aws", "region": "eu-central-1", "encrypt": None, "access_key": "k"},
        "s3 b/{twin}/aws",
    ),
    "azurerm": (
        {"type": "azurerm", "storage_account_name": "a", "container_name": "c"},
        {"storage_account_name": "a", "container_name": "c", "key": "{twin}/aws.tfstate"},
        "azurerm a/c/{twin}/aws.tfstate",
    ),
    "gcs": (
        {"type": "gcs", "bucket": "b"},
        {"bucket": "b", "prefix": "{twin}/aws", "credentials": None},
        "gcs b/{twin}/aws",
    ),
    "remote": (
        {"type": "remote", "organization": "o"},
        {"hostname": None, "organization": "o", "workspaces": [{"name": "{twin}-aws", "prefix": None}]},
        "remote app.terraform.io/o/{twin}-aws",
    ),
}


@pytest.mark.parametrize("kind", BACKENDS)
def test_what_init_recorded_is_compared_with_the_backend(kind: str, here: Path) -> None:
    given, record, place = BACKENDS[kind]
    folder = states.folder(OUT, "aws") / ".terraform"
    folder.mkdir(parents=True)
    text = json.dumps({"version": 3, "backend": {"type": kind, "config": record, "hash": 1}})
    (folder / "terraform.tfstate").write_text(text.replace("{twin}", "old"))
    assert former_states(twin("old", **given), OUT) == []
    (found,) = former_states(twin("new", **given), OUT)
    assert (str(found.place), str(found.target)) == (place.format(twin="old"), place.format(twin="new"))
    assert found.commands == ("terraform -chdir=cdktf.out/stacks/aws init -migrate-state",)

    gone = {**given, "type": kind}
    azure = states.folder(OUT, "azure") / ".terraform"
    azure.mkdir(parents=True)
    (azure / "terraform.tfstate").write_text(text.replace("{twin}", "old").replace("aws", "azure"))
    (left,) = vanished(twin("old", **gone), OUT)
    assert (left.cloud, left.resources) == (AZURE, None)
    assert "may still have resources; keep clouds.azure in twin.yaml and deploy" in str(left)
    assert vanished(twin("old", clouds=(AWS, AZURE), **gone), OUT) == []
    assert vanished(twin("new", **gone), OUT) == []


@pytest.mark.terraform
def test_a_cloud_that_left_twin_yaml_is_known_until_its_state_is_empty(here: Path) -> None:
    both = twin(clouds=(AWS, GCP))
    deploy(both, "gcp")
    assert vanished(both, OUT) == []
    (left,) = vanished(twin(), OUT)
    assert str(left) == (
        "twin.yaml no longer names Google Cloud, where terraform.factory.gcp.tfstate still has 1 resource; "
        "keep clouds.gcp in twin.yaml and deploy: an empty stack removes the resources."
    )
    run("terraform", "-chdir=cdktf.out/stacks/gcp", "destroy", "-auto-approve", "-no-color")
    assert vanished(twin(), OUT) == []


def test_a_file_that_is_not_a_state_is_not_taken_for_an_empty_one(here: Path) -> None:
    (here / "terraform.factory.gcp.tfstate").write_text("{")
    (left,) = vanished(twin(), OUT)
    assert left.resources is None
    (here / "terraform.other.aws.tfstate").write_text("[1]")
    assert former_states(twin(), OUT) == []


@pytest.mark.terraform
def test_local_states_are_for_this_user_alone(here: Path) -> None:
    """Terraform takes the empty files for no state, and keeps their mode and their backups'."""
    config = twin()
    folder = stack(config)
    before = os.umask(0o022)
    try:
        assert list(states.make_private(config, OUT)) == []
        state, backup = "terraform.factory.aws.tfstate", "terraform.factory.aws.tfstate.backup"
        assert (Path(state).stat().st_size, mode(state), mode(backup)) == (0, 0o600, 0o600)
        deploy(config)
        document = json.loads((folder / "cdk.tf.json").read_text())
        document["resource"]["terraform_data"]["two"] = {"input": "2"}
        (folder / "cdk.tf.json").write_text(json.dumps(document))
        run("terraform", f"-chdir={folder}", "apply", "-auto-approve")
        assert states.local_state(Path(state)) == states.LocalState(2, "factory")
        assert states.local_state(Path(backup)) == states.LocalState(1, "factory")
        assert (mode(state), mode(backup)) == (0o600, 0o600)
    finally:
        os.umask(before)


def test_states_that_exist_are_made_private_and_keep_their_content(here: Path) -> None:
    state = here / "terraform.factory.aws.tfstate"
    state.write_text("{}")
    state.chmod(0o644)
    assert list(states.make_private(twin(), OUT)) == []
    assert (mode(str(state)), state.read_text()) == (0o600, "{}")
    assert list(states.make_private(twin(type="gcs", bucket="b"), OUT)) == []
    assert {path.name for path in here.iterdir()} == {state.name, f"{state.name}.backup"}


def test_a_state_that_cannot_be_made_private_is_reported(here: Path) -> None:
    (here / "file").write_text("")
    config = twin(type="local", path=f"{here}/file/{{twin}}.{{stack}}.tfstate")
    said = list(states.make_private(config, OUT))
    assert [text.split(" (")[0] for text in said] == [
        "file/factory.aws.tfstate cannot be made private",
        "file/factory.aws.tfstate.backup cannot be made private",
    ]
