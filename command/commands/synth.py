"""`twinspan synth`: the twin's Terraform, and a summary of it."""

from __future__ import annotations

import re
from typing import IO

import click

from command.schemas import COUNT, FLAG, TEXT, TEXT_OR_NULL, array, document
from command.session import ROOT, Session
from stacks.cli import starting_early
from twinspan.twinfile import EXAMPLE

SCHEMA = document(
    twin=TEXT,
    file=TEXT,
    out=TEXT,
    devices=COUNT,
    device_types=COUNT,
    rules=COUNT,
    events=FLAG,
    stacks=array(
        document(name=TEXT, resources=COUNT, with_events=COUNT, layers=array(TEXT), former=array(TEXT))
    ),
    links=array(
        document(
            name=TEXT,
            remote=FLAG,
            **{"from": TEXT_OR_NULL},
            from_cloud=TEXT,
            to=TEXT,
            to_cloud=TEXT,
            with_events=FLAG,
        )
    ),
    endpoints=array(
        document(
            function=TEXT,
            cloud=TEXT,
            url_output=TEXT,
            key_output=TEXT,
            client_keys_output=TEXT_OR_NULL,
            for_grafana_only=FLAG,
        )
    ),
    placeholders=array(TEXT),
    next=array(TEXT),
)


@click.command()
@click.pass_obj
def command(session: Session) -> None:
    """Write the twin's Terraform to cdktf.out/ (or $CDKTF_OUTDIR), and print a summary.

    It does what `cdktf synth` does, without the command line of CDKTF. Review the summary, then run
    `twinspan plan`.
    """
    with starting_early() as early:
        from stacks import commands, summary
        from twinspan.twinfile import short

        path = session.deployed_file()
        session.say(f"Synthesizing {short(path)} …")
        found = commands.synth(path, session.out, early)
    session.result(found)
    if not session.as_json:
        _print(summary.text(found), session.stdout)
        if path.resolve() == (ROOT / EXAMPLE).resolve():
            session.say(
                "This is the example that comes with Twinspan. Run twinspan init to write a twin.yaml."
            )


def _print(text: str, out: IO[str]) -> None:
    """Print the summary; on a terminal, its headings are bold."""
    if not out.isatty():
        print(text, file=out)
        return
    from rich.console import Console
    from rich.text import Text

    styled = Text(text)
    styled.highlight_regex(re.compile(r"^(?:Twin .*|Stacks|Links|Endpoints)$|^\w+:", re.MULTILINE), "bold")
    Console(file=out, highlight=False).print(styled, soft_wrap=True)
