"""`twinspan processor test`: a processor on this machine. See docs/processors.md."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import click

from command.app import Commands
from command.exits import Exit, WrongInput
from command.schemas import ANYTHING, COUNT, FLAG, NUMBER_OR_NULL, TEXT, array, described, document
from command.session import Session
from simulator import trial
from twin_runtime import jsontext, times
from twin_runtime.events import cloudevents, payload
from twin_runtime.ports import BrokerMessage, Event
from twinspan import usercode
from twinspan.config import Config, ConfigErrors
from twinspan.twinfile import checked, short

_EVENT = described(ANYTHING, "An event: a CloudEvent in JSON.")
SCHEMA: Mapping[str, Any] = {
    "test": document(
        file=TEXT,
        type=TEXT,
        readings=array(
            document(
                what=TEXT,
                input=_EVENT,
                output=array(_EVENT),
                printed=TEXT,
                failure={
                    "anyOf": [
                        document(
                            kind=TEXT, text=TEXT, detail=TEXT, final=FLAG, file=TEXT, line=NUMBER_OR_NULL
                        ),
                        {"type": "null"},
                    ]
                },
            )
        ),
        failed=COUNT,
    )
}


@click.group(cls=Commands)
def command() -> None:
    """Run a processor on this machine. See docs/processors.md."""


@command.command("test")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--type", "device_type", metavar="TYPE", help="The device type, where the file is not that of one."
)
@click.option(
    "--event",
    metavar="JSON|FILE",
    help="A reading as a device sends it, an array of readings, or an event. Default: generated readings.",
)
@click.pass_obj
def test(session: Session, file: Path, device_type: str | None, event: str | None) -> int:
    """Run a processor on readings, and show what it makes of each, what it prints, and how it fails.

    It runs as in the cloud: in a process of its own, with the same limits, the files beside it and its
    requirements. Exit status 1 if it fails on a reading.
    """
    path = session.file()
    processor = _processor(checked(path, fetch=True), file, device_type, path)
    if problems := [
        each for each in usercode.problems(processor.config, fetch=True) if _is_about(each, processor)
    ]:
        raise ConfigErrors(path, problems)
    readings = list(processor.generated() if event is None else _given(event, processor))
    trials = processor.run(readings)
    failed = sum(each.outcome.failure is not None for each in trials)
    session.result(
        {
            "file": str(processor.file),
            "type": processor.type,
            "readings": [_reading(processor, each) for each in trials],
            "failed": failed,
        }
    )
    if not session.as_json:
        session.page(list(_page(processor, trials, len(readings))))
    return Exit.FAILED if failed else Exit.DONE


def _is_about(problem: Any, processor: trial.Processor) -> bool:
    return problem.field.startswith(f"device_types.{processor.type}.")


def _processor(config: Config, file: Path, device_type: str | None, twin: Path) -> trial.Processor:
    """Return the processor that the command line names. Raises `WrongInput`."""
    if not file.is_file():
        raise WrongInput(f"{file} is not a file: give the path of a processor.")
    folder = config.folder.resolve()
    if not file.resolve().is_relative_to(folder):
        raise WrongInput(
            f"{file} is outside the folder of {short(twin)}: put it into that folder, or use --twin."
        )
    written = PurePosixPath(file.resolve().relative_to(folder))
    own = [
        name
        for name, each in config.device_types.items()
        if each.processor and config.path_of(each.processor).resolve() == file.resolve()
    ]
    if device_type is None:
        if len(own) != 1:
            which = (
                f"is the processor of {', '.join(own)}" if own else "is not the processor of a device type"
            )
            raise WrongInput(f"{file} {which} in {short(twin)}: name one with --type.")
        device_type = own[0]
    if device_type not in config.device_types:
        from twinspan.config.text import suggestion

        near = suggestion(device_type, config.device_types)
        raise WrongInput(f"{device_type!r} is not a device type of {short(twin)}; {near}")
    if device_type not in own:
        known = config.device_types[device_type].model_copy(update={"processor": written})
        config = config.model_copy(update={"device_types": {**config.device_types, device_type: known}})
    return trial.Processor.of(config, device_type)


def _given(text: str, processor: trial.Processor) -> Iterator[tuple[str, Event]]:
    """Yield the events of `--event`. Raises `WrongInput`."""
    if not text.lstrip().startswith(("{", "[")):
        try:
            text = Path(text).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
            raise WrongInput(
                f"--event {text} cannot be read ({reason}): give JSON, or a file with JSON."
            ) from None
    try:
        document = jsontext.loads(text, max_bytes=payload.MAX_PAYLOAD_BYTES)
    except jsontext.Malformed as error:
        raise WrongInput(f"--event is not JSON. {error}") from None
    twin = processor.twin()
    if isinstance(document, dict) and "specversion" in document:
        try:
            event = cloudevents.check(document, twin)
        except cloudevents.Invalid as error:
            raise WrongInput(f"--event is not an event of this twin. {error}") from None
        if event["subject"] != processor.type:
            raise WrongInput(f"--event is from a {event['subject']}, not from a {processor.type}.")
        yield "the given event", event
        return
    now = time.time()
    message = BrokerMessage(processor.device, text.encode(), times.from_epoch(now))
    for number, found in enumerate(payload.read(message, processor.device, twin, now), 1):
        if isinstance(found, payload.Unreadable):
            raise WrongInput(
                f"Reading {number} of --event would be refused before a processor gets it. {found.reason}"
            )
        yield f"reading {number}", jsontext.loads(found, max_bytes=len(found))


def _reading(processor: trial.Processor, each: trial.Trial) -> dict[str, Any]:
    failure = each.outcome.failure
    file, line = trial.place(processor, failure) if failure else (None, None)
    return {
        "what": each.what,
        "input": each.event,
        "output": each.outcome.results,
        "printed": each.outcome.output,
        "failure": {**failure._asdict(), "file": file, "line": line} if failure else None,
    }


def _page(processor: trial.Processor, trials: list[trial.Trial], readings: int) -> Iterator[str]:
    yield f"{processor.file}, the processor of {processor.type}"
    for each in trials:
        yield ""
        yield each.what
        yield f"  in       {_data(each.event)}"
        yield from (f"  printed  {line}" for line in each.outcome.output.splitlines())
        if failure := each.outcome.failure:
            yield from (
                f"  {'failed  ' if not at else '        '} {line}"
                for at, line in enumerate(failure.detail.splitlines())
            )
            continue
        for result in each.outcome.results:
            yield f"  out      {_data(result)}{_changes(each.event, result)}"
        if not each.outcome.results:
            yield "  out      nothing"
    yield ""
    if left := readings - len(trials):
        yield f"Stopped: {left} readings were left out."
    failed = sum(each.outcome.failure is not None for each in trials)
    yield (
        f"{failed} of {len(trials)} readings failed." if failed else f"All {len(trials)} readings went well."
    )


def _data(event: Event) -> str:
    return json.dumps(event["data"], ensure_ascii=False)


def _changes(before: Event, after: Event) -> str:
    changed = [f"{name} {after[name]}" for name in ("id", "time") if after[name] != before[name]]
    return f"  ({', '.join(changed)})" if changed else ""
