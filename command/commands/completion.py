"""`twinspan completion`: what a shell needs to complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from command.schemas import TEXT, document
from command.session import Session

SCHEMA = document(shell=TEXT, script=TEXT)
SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_obj
def command(session: Session, shell: str) -> None:
    """Print the completion script of a shell.

    For bash, add to ~/.bashrc: eval "$(twinspan completion bash)"
    """
    from command.app import cli

    found = get_completion_class(shell)
    assert found is not None
    script = found(cli, {}, "twinspan", "_TWINSPAN_COMPLETE").source()
    session.result({"shell": shell, "script": script})
    if not session.as_json:
        session.say(script)
