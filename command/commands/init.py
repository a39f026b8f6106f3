"""`twinspan init`: a twin.yaml to begin with."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from command.exits import WrongInput
from command.schemas import TEXT, array, document
from command.session import ROOT, Session
from guides import twins
from guides.picker import layout, twinfile
from guides.picker.answers import EVENTS, NONE, OFF, ON, READ_API, REQUIRED
from stacks import summary
from twin_runtime.roles import CLOUD_NAMES, Cloud, Layer
from twinspan.config import PLACEHOLDERS, Config, ConfigErrors
from twinspan.topology import Topology
from twinspan.twinfile import checked, short

SCHEMA = document(file=TEXT, twin=TEXT, layout=TEXT, placeholders=array(TEXT), next=array(TEXT))
ACCOUNTS: Mapping[Cloud, Mapping[str, str]] = {
    Cloud.AWS: {"account_id": "--aws-account", "region": "--aws-region"},
    Cloud.AZURE: {"subscription_id": "--azure-subscription", "location": "--azure-location"},
    Cloud.GCP: {"project": "--gcp-project", "region": "--gcp-region"},
}
"""The option for each field of a cloud."""


def _key(option: str) -> str:
    return option.removeprefix("--").replace("-", "_")


def _options() -> list[click.Option]:
    layers = [
        click.Option(
            [f"--{layer.replace('_', '-')}"],
            metavar="CLOUD",
            help=f"Cloud of {layer}, {twinfile.MEANINGS[layer]}: aws, azure or gcp"
            + ("." if layer in REQUIRED else ", or none."),
        )
        for layer in Layer
    ]
    accounts = [
        click.Option([option], metavar="TEXT", help=f"{field} in {CLOUD_NAMES[cloud]}.")
        for cloud, fields in ACCOUNTS.items()
        for field, option in fields.items()
    ]
    return [*layers, *accounts]


@click.command(params=[*_options()])
@click.option("--name", metavar="TEXT", help="The twin's name, prefix of every name in the clouds.")
@click.option(
    "--from", "word", metavar="LAYOUT", help="Clouds of all layers in a word, as the picker shows it."
)
@click.option("--events/--no-events", default=None, help="Whether rules have an effect (default: yes).")
@click.option(
    "--read-api/--no-read-api", default=True, help="Whether API clients can read the twin (default: yes)."
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("twin.yaml"),
    metavar="FILE",
    show_default=True,
    help="The file to write.",
)
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@click.pass_obj
def command(
    session: Session,
    name: str | None,
    word: str | None,
    events: bool | None,
    read_api: bool,
    output: Path,
    force: bool,
    **given: str | None,
) -> None:
    """Write a commented twin.yaml that passes `twinspan check`.

    Asks for what no option gives, if there is a terminal. Accounts that are not given get placeholders, which
    `twinspan synth` names. A LAYOUT is the clouds of the layers in the order of the options below, such as
    aws-azure-gcp-azure-gcp-azure-none; the last four may be left out.
    """
    if output.exists() and not force:
        raise WrongInput(f"{output} exists: name another file with --output, or replace it with --force.")
    ask = sys.stdin.isatty()
    layers = _layers(word, {layer: given[layer.value] for layer in Layer}, ask=ask)
    if name is None:
        name = _asked("Name of the twin", twinfile.NAME) if ask else None
    if name is None:
        raise WrongInput("Without a terminal to ask on, init needs the twin's name: add --name.")
    problems = list(_unused(layers, given))
    clouds = _clouds(layers, given, ask=ask)
    if events is None:
        events = click.confirm("Rules have an effect", default=True, err=True) if ask else True
    choices = {
        **{layer.value: str(cloud) for layer, cloud in layers.items()},
        EVENTS: ON if events else OFF,
        READ_API: ON if read_api else OFF,
    }
    schema = Path(os.path.relpath(ROOT / twinfile.SCHEMA, output.absolute().parent)).as_posix()
    text = twinfile.document(choices, name=name, clouds=clouds, schema=schema)
    config = _checked(text, problems)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text, encoding="utf-8")
    _report(session, config, output, layout.word(choices))


def _layers(word: str | None, given: Mapping[Layer, str | None], *, ask: bool) -> Mapping[Layer, str]:
    """Return the cloud or `none` of each layer."""
    named: dict[Layer, str] = {}
    if word is not None:
        try:
            named |= layout.of_word(word)
        except layout.LayoutError as error:
            raise WrongInput(f"--from: {error}") from None
    named |= {layer: cloud for layer, cloud in given.items() if cloud is not None}
    if missing := [layer for layer in REQUIRED if layer not in named]:
        if not ask:
            options = ", ".join(f"--{layer.replace('_', '-')}" for layer in missing)
            raise WrongInput(f"Without a terminal to ask on, init needs {options}, or --from.")
        for layer in Layer:
            if layer not in named:
                known = [*map(str, Cloud), *([] if layer in REQUIRED else [NONE])]
                default = None if layer in REQUIRED else layout.defaults(named)[layer]
                question = f"Cloud of {layer}, {twinfile.MEANINGS[layer]}"
                named[layer] = click.prompt(question, type=click.Choice(known), default=default, err=True)
    return layout.defaults(named)


def _clouds(
    layers: Mapping[Layer, str], given: Mapping[str, Any], *, ask: bool
) -> Mapping[Cloud, Mapping[str, str]]:
    """Return the fields of each cloud in use, by name."""
    found: dict[Cloud, Mapping[str, str]] = {}
    for cloud in (each for each in Cloud if each in layers.values()):
        defaults = {**twins.CLOUDS[cloud], **dict([PLACEHOLDERS[cloud]])}
        found[cloud] = {
            field: given[_key(option)]
            or (_asked(f"{CLOUD_NAMES[cloud]}: {field}", defaults[field]) if ask else defaults[field])
            for field, option in ACCOUNTS[cloud].items()
        }
    return found


def _unused(layers: Mapping[Layer, str], given: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each account and region in a cloud that no layer is in."""
    for cloud in Cloud:
        for option in ACCOUNTS[cloud].values():
            if cloud not in layers.values() and given[_key(option)] is not None:
                yield f"{option}: no layer is in {cloud}; omit it, or place a layer there"


def _asked(question: str, default: str) -> str:
    return click.prompt(question, default=default, err=True)


def _checked(text: str, problems: Sequence[str]) -> Config:
    """Return the configuration of a file with that text. Raises `WrongInput` with these and its problems."""
    with tempfile.TemporaryDirectory(prefix="twinspan-") as folder:
        path = Path(folder) / "twin.yaml"
        path.write_text(text, encoding="utf-8")
        said = [*problems]
        try:
            config = checked(path)
        except ConfigErrors as errors:
            said += [f"{_option_of(each.field)}: {each.message}" for each in errors.problems]
        else:
            if not said:
                return config
        raise WrongInput("\n".join(dict.fromkeys(said)))


def _option_of(field: str) -> str:
    """Return the option that the field of twin.yaml comes from, or the field."""
    if field == "twin":
        return "--name"
    section, _, rest = field.partition(".")
    if section == "layers" and rest:
        return f"--{rest.replace('_', '-')}"
    cloud, _, name = rest.partition(".")
    if section == "clouds" and cloud in [*Cloud]:
        return ACCOUNTS[Cloud(cloud)].get(name, field)
    return field


def _report(session: Session, config: Config, output: Path, word: str) -> None:
    placeholders = summary.placeholders(config, Topology.of(config))
    check, plan = (f"{summary.program()} {name}{summary.selection(output)}" for name in ("check", "plan"))
    session.say(f"{short(output)} describes the twin {config.name}. Put your own devices and rules into it.")
    if placeholders:
        session.say(f"Before you deploy, replace {', '.join(placeholders)} by your own.")
    session.say(f"Then: {check}, and {plan}")
    session.result(
        {
            "file": str(output),
            "twin": config.name,
            "layout": word,
            "placeholders": placeholders,
            "next": [check, plan],
        }
    )
