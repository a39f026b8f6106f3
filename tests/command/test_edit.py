"""Edits of twin.yaml in place: what is edited, and that nothing else is."""

import json
import shutil
import stat
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from command import editing
from command.commands import deploy, events, keys, plan
from command.edit import Edit, edit, edited
from command.exits import Refused, WrongInput
from command.plan import deployed
from command.session import ROOT, Session
from support.layouts import EXAMPLES
from support.properties import bounded
from support.twinspan_command import session_of
from twinspan.config import ConfigErrors
from twinspan.config.yamlfile import read_yaml

GENERATION = Edit(("keys", "generation"), 2)
ENABLED = Edit(("events", "enabled"), True)
ERP = Edit(("read_api", "clients", "erp", "generation"), 2)


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        ("keys: {generation: 1}  # c\n", GENERATION, "keys: {generation: 2}  # c\n"),
        ("keys: { generation : 1 , }\n", GENERATION, "keys: { generation : 2 , }\n"),
        (
            "keys:\n    # why\n    generation:   1   # c\nrest: x\n",
            GENERATION,
            "keys:\n    # why\n    generation:   2   # c\nrest: x\n",
        ),
        (
            "keys:\n  revoked_before: 1  # c\nrest: x\n",
            GENERATION,
            "keys:\n  revoked_before: 1  # c\n  generation: 2\nrest: x\n",
        ),
        ("keys:\n  revoked_before: 1", GENERATION, "keys:\n  revoked_before: 1\n  generation: 2\n"),
        (
            "keys: {revoked_before: 1 }\n",
            GENERATION,
            "keys: {revoked_before: 1, generation: 2 }\n",
        ),
        ("keys: {}\n", GENERATION, "keys: {generation: 2}\n"),
        ("twin: x  # c\n", GENERATION, "twin: x  # c\nkeys: {generation: 2}\n"),
        ("twin: x", GENERATION, "twin: x\nkeys: {generation: 2}\n"),
        ("twin: x\r\n", GENERATION, "twin: x\r\nkeys: {generation: 2}\r\n"),
        ("\ufefftwin: x\n", GENERATION, "\ufefftwin: x\nkeys: {generation: 2}\n"),
        ("---\ntwin: x\n...\n", GENERATION, "---\ntwin: x\nkeys: {generation: 2}\n...\n"),
        ("{twin: x}\n", GENERATION, "{twin: x, keys: {generation: 2}}\n"),
        ("  twin: x\n", GENERATION, "  twin: x\n  keys: {generation: 2}\n"),
        (
            "events:\n  rules:\n  - name: a\n    when: b\n",
            ENABLED,
            "events:\n  enabled: true\n  rules:\n  - name: a\n    when: b\n",
        ),
        ('events: {"enabled": false}\n', ENABLED, 'events: {"enabled": true}\n'),
        (
            "read_api: {clients: ['erp', web]}\n",
            ERP,
            "read_api: {clients: [{name: 'erp', generation: 2}, web]}\n",
        ),
        (
            "read_api:\n  clients:\n    - erp  # c\n    - web\n",
            ERP,
            "read_api:\n  clients:\n    - {name: erp, generation: 2}  # c\n    - web\n",
        ),
        (
            "read_api:\n  clients:\n  - generation: 1\n    name: erp\n",
            ERP,
            "read_api:\n  clients:\n  - generation: 2\n    name: erp\n",
        ),
        (
            "read_api:\n  clients:\n  - name: erp  # c\n  - web\n",
            ERP,
            "read_api:\n  clients:\n  - name: erp  # c\n    generation: 2\n  - web\n",
        ),
    ],
)
def test_one_field_is_set_and_the_rest_stays(before: str, change: Edit, after: str) -> None:
    assert edited(before, change) == after


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("keys: 3\n", GENERATION),
        ("keys: {generation: [1]}\n", GENERATION),
        ("read_api: {clients: [web]}\n", ERP),
        ("- a\n", GENERATION),
        ("a: [\n", GENERATION),
    ],
)
def test_a_file_without_a_place_for_the_field_is_refused(text: str, change: Edit) -> None:
    with pytest.raises(WrongInput):
        edited(text, change)


_NOISE = st.sampled_from(["", "  # note", "   ", "  # {a: [b"])
_SECTIONS = st.lists(
    st.sampled_from(
        [
            "twin:   factory",
            "retention: {hot_days: 30,cold_days: 90 }",
            "tags:\n    b: 'x'\n    a:   \"y\"",
            "events:\n  rules:\n    - {name: a,\n       when: b}",
            "events:   {enabled: false}",
            "events:\n  enabled: false  # keep\n  rules: []",
            "keys:\n  generation: 7",
            "keys: {revoked_before: 0}",
            "read_api:\n  clients:\n  - erp\n  - {name: web, generation: 3}",
            "model: {entities: [{id: x,\n  name: 'a: # b'}]}",
            "note: >-\n  long\n  text",
        ]
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda text: text.partition(":")[0],
)


@bounded
@given(_SECTIONS, st.lists(_NOISE, min_size=5, max_size=5), st.sampled_from(["\n", "\r\n"]), st.data())
def test_every_byte_outside_the_field_stays(
    sections: list[str], noise: list[str], newline: str, data: st.DataObject
) -> None:
    """The old text without the value, or without what was inserted, is the new text without it."""
    blocks = [block.replace("\n", newline) for block in sections]
    text = "".join(f"{block}{newline}{note}{newline}" for block, note in zip(blocks, noise, strict=False))
    change = data.draw(st.sampled_from([GENERATION, ENABLED]))
    new = edited(text, change)
    start = 0
    while start < min(len(text), len(new)) and text[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(text), len(new)) - start and text[-1 - end] == new[-1 - end]:
        end += 1
    replaced, put = text[start : len(text) - end], new[start : len(new) - end]
    assert "\n" not in replaced
    assert len(replaced) <= len("false")
    assert put.count("\n") <= 1
    assert sections and len(new) - len(text) <= len("keys: {generation: 2}\r\n") + 4


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_examples_are_edited_line_by_line(example: Path, tmp_path: Path) -> None:
    folder = tmp_path / "examples"
    shutil.copytree(EXAMPLES, folder)
    file = folder / example.name
    before = file.read_text(encoding="utf-8").splitlines()
    edit(file, GENERATION, Edit(("keys", "revoked_before"), 2), Edit(("events", "enabled"), False))
    after = file.read_text(encoding="utf-8").splitlines()
    assert sum(line not in after for line in before) <= 1
    assert sum(line not in before for line in after) <= 2
    data = read_yaml(file).data
    assert data["keys"] == {"generation": 2, "revoked_before": 2}
    assert data["events"]["enabled"] is False


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A twin.yaml with two clients."""
    text = (EXAMPLES / "single-aws.yaml").read_text(encoding="utf-8").replace("000000000000", "123456789012")
    file = tmp_path / "twin.yaml"
    file.write_text(f"{text}read_api: {{clients: [erp, mobile]}}\n", encoding="utf-8")
    return file


def test_an_edit_that_is_not_valid_changes_nothing(file: Path) -> None:
    before = file.read_bytes()
    with pytest.raises(ConfigErrors) as refused:
        edit(file, Edit(("keys", "revoked_before"), 2))
    assert "twin.yaml has 1 problem" in str(refused.value)
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == ["twin.yaml"]


def test_mode_and_link_stay(file: Path, tmp_path: Path) -> None:
    file.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to(file)
    assert edit(link, GENERATION) == (GENERATION,)
    assert link.is_symlink()
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert edit(link, GENERATION) == ()


class _Deployments:
    """In the place of the commands `plan` and `deploy`: what each was given."""

    def __init__(self) -> None:
        self.done: list[tuple[str, int, bool]] = []

    def run(self, name: str, session: Session) -> dict[str, Any]:
        config = session.config
        self.done.append((name, config.keys.generation, config.events.enabled))
        return {"command": name}


@pytest.fixture
def deployments(monkeypatch: pytest.MonkeyPatch) -> _Deployments:
    made = _Deployments()
    for module in (plan, deploy):
        name = module.__name__.rpartition(".")[2]
        monkeypatch.setattr(module, "run", partial(made.run, name))
    return made


def run(command: Any, file: Path, *arguments: str) -> dict[str, Any]:
    """The command's document."""
    session = session_of(file, as_json=True)
    assert session.config  # from before the edit
    command.main(list(arguments), obj=session, standalone_mode=False)
    document = json.loads(session.stdout.getvalue())  # pyright: ignore[reportAttributeAccessIssue]
    Draft202012Validator.check_schema(editing.SCHEMA)
    Draft202012Validator(editing.SCHEMA).validate(document)
    return document


def test_events_are_switched_planned_and_deployed(file: Path, deployments: _Deployments) -> None:
    on = read_yaml(file).data["events"]["enabled"]
    document = run(events.command, file, "off" if on else "on")
    assert document["edits"] == [{"field": "events.enabled", "value": not on}]
    assert document["deployed"] == {"command": "deploy"}
    assert deployments.done == [("plan", 1, not on), ("deploy", 1, not on)]
    again = run(events.command, file, "off" if on else "on", "--no-deploy")
    assert again["edits"] == [] and again["deployed"] is None
    assert len(deployments.done) == 2


def test_keys_are_rotated_and_revoked(file: Path, deployments: _Deployments) -> None:
    run(keys.command, file, "rotate")
    run(keys.command, file, "revoke")
    assert read_yaml(file).data["keys"] == {"generation": 3, "revoked_before": 3}
    assert [generation for _, generation, _ in deployments.done] == [2, 2, 3, 3]
    config = Session(twin=file, environment={}, out=file.parent / "out").config
    assert config.keys.accepted == (3,)


def test_keys_of_one_client_turn_alone(file: Path, deployments: _Deployments) -> None:
    run(keys.command, file, "rotate", "--client", "mobile", "--no-deploy")
    run(keys.command, file, "revoke", "--client", "mobile", "--no-deploy")
    assert read_yaml(file).data["read_api"] == {
        "clients": ["erp", {"name": "mobile", "generation": 3, "revoked_before": 3}]
    }
    assert "keys" not in read_yaml(file).data
    assert not deployments.done


@pytest.mark.parametrize("command", ["rotate", "revoke"])
@pytest.mark.parametrize("client", [(), ("--client", "mobile")])
def test_a_second_step_waits_for_the_deployment_of_the_first(
    command: str, client: tuple[str, ...], file: Path
) -> None:
    session = Session(twin=file, environment={}, out=file.parent / "out")
    session.out.mkdir()
    deployed.write(session, session.out)
    run(keys.command, file, "rotate", *client, "--no-deploy")
    once = file.read_bytes()
    with pytest.raises(Refused, match=r"is 2, but 1 is deployed\. Run twinspan plan"):
        run(keys.command, file, command, *client, "--no-deploy")
    assert file.read_bytes() == once
    deployed.write(Session(twin=file, environment={}, out=session.out), session.out)
    run(keys.command, file, command, *client, "--no-deploy")
    assert file.read_bytes() != once


def test_an_unknown_client_gets_a_suggestion(file: Path) -> None:
    with pytest.raises(WrongInput, match="mobile"):
        run(keys.command, file, "rotate", "--client", "mobil")


def test_a_twin_without_clients_says_how_to_name_one(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("read_api: {clients: [erp, mobile]}\n", ""), encoding="utf-8")
    with pytest.raises(WrongInput, match=r"add read_api: \{clients: \[erp\]\}"):
        run(keys.command, file, "rotate", "--client", "erp")


def test_the_example_is_never_edited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = (ROOT / "examples" / "three-clouds.yaml").read_bytes()
    session = Session(environment={}, out=tmp_path / "out")
    with pytest.raises(WrongInput, match="--twin FILE"):
        editing.apply(session, GENERATION, deploy=False)
    assert (ROOT / "examples" / "three-clouds.yaml").read_bytes() == before
