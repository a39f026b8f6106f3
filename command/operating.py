"""The options of commands that reach a deployed twin's clouds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from command.session import Session

if TYPE_CHECKING:
    from operations.deployed import Deployed

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
_FILE = click.Path(path_type=Path)


def _options(*options: Callable[[Decorated], Decorated]) -> Callable[[Decorated], Decorated]:
    def add(function: Decorated) -> Decorated:
        for option in reversed(options):
            function = option(function)
        return function

    return add


def of_clouds(function: Decorated) -> Decorated:
    """Add `--out`, `--outputs` and `--endpoints`, which `deployed` takes."""
    return _options(
        click.option(
            "--out",
            type=_FILE,
            metavar="FOLDER",
            help="Folder of the stacks, for terraform output (default: $CDKTF_OUTDIR, or cdktf.out).",
        ),
        click.option(
            "--outputs",
            type=_FILE,
            metavar="FILE",
            help="JSON file with the outputs of each stack, in place of Terraform.",
        ),
        click.option(
            "--endpoints",
            type=_FILE,
            metavar="FILE",
            help="JSON file with the endpoints of emulators, in place of clouds.",
        ),
    )(function)


def of_letters(function: Decorated) -> Decorated:
    """Add the options that select dead letters, and those of `of_clouds`."""
    return _options(
        click.option("--cloud", type=click.Choice(["aws", "azure", "gcp"]), help="The hop's cloud."),
        click.option("--device", help="Only dead letters of this device."),
        click.option("--reason", metavar="TEXT", help="Only dead letters whose reason contains the text."),
        click.option(
            "--since", metavar="T", help="Dead-lettered at T or later: RFC 3339, or an age such as 2h."
        ),
        click.option("--until", metavar="T", help="Dead-lettered before T."),
        of_clouds,
    )(function)


def of_range(function: Decorated) -> Decorated:
    """Add the options that select older data, and those of `of_clouds`."""
    return _options(
        click.option("--device", required=True, help="The events' device."),
        click.option("--type", "kind", help="The device's type, if twin.yaml no longer has the device."),
        click.option(
            "--from",
            "start",
            required=True,
            metavar="T",
            help="Events at T or later: RFC 3339, or an age such as 90d.",
        ),
        click.option("--to", "end", required=True, metavar="T", help="Events before T."),
        of_clouds,
    )(function)


def of_device(function: Decorated) -> Decorated:
    """Add the options that select the readings of a device, all or a range, and those of `of_clouds`."""
    return _options(
        click.option("--device", required=True, help="The device, which need not be in twin.yaml any more."),
        click.option(
            "--from",
            "start",
            metavar="T",
            help="Readings at T or later: RFC 3339, or an age such as 2h (default: all).",
        ),
        click.option("--to", "end", metavar="T", help="Readings before T (default: all)."),
        of_clouds,
    )(function)


def deployed(session: Session, out: Path | None, outputs: Path | None, endpoints: Path | None) -> Deployed:
    """Return the twin that the options select.

    Raises `WrongTwin`, `ConfigErrors`, `UsageError` and `OperationError`.
    """
    from operations import deployed as module

    session.out = out or session.out
    # A twin that is named is the one that is meant, whatever the folder was synthesized from.
    return module.deployed(session.config, session.out, outputs_file=outputs, endpoints=endpoints)
