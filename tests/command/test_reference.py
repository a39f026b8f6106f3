"""docs/command.md is made from the command, and has every command with its options and its document."""

from __future__ import annotations

from pathlib import Path

import click
from jsonschema import Draft202012Validator

from command import reference
from command.app import COMMANDS, cli, schemas
from command.exits import Exit

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "command.md"


def leaves() -> list[tuple[str, click.Command]]:
    found = []
    for name, command in reference._commands():
        subcommands = command.commands if isinstance(command, click.Group) else None
        if subcommands is None:
            found.append((name, command))
        else:
            found += [(f"{name} {sub}", each) for sub, each in subcommands.items()]
    return found


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference.page(), "make docs"


def test_every_option_and_status_is_in_it() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name, command in leaves():
        assert f"# {name}\n" in text
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{name} {parameter.name}"
    for status in Exit:
        assert f"| {int(status)} |" in text


def test_every_command_has_a_schema() -> None:
    for name, command in leaves():
        schema = schemas(name.split()[0])[name]
        Draft202012Validator.check_schema(schema)
        assert any("--json" in parameter.opts for parameter in command.params)


def test_every_module_is_a_command() -> None:
    modules = {path.stem.replace("_", "-") for path in (ROOT / "command" / "commands").glob("[!_]*.py")}
    assert modules <= COMMANDS.keys()
    context = click.Context(cli)
    for name in modules:
        command = cli.get_command(context, name)
        assert command is not None
        assert command.help
