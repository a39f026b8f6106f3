"""Runs a processor on readings on this machine, as its function does in the cloud: in a process of its own,
with the standard library, the files beside it, the packages that it requires, and the SDK where it imports
that.
"""

from __future__ import annotations

import ast
import json
import re
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from simulator.edges import edges
from twin_runtime import model, times
from twin_runtime.events import cloudevents, user_code
from twin_runtime.ports import Event
from twinspan import packaging, usercode, vendoring
from twinspan.config import Config, Problem
from twinspan.config.checks import files
from twinspan.config.problems import Refusal

LIMIT_S = user_code.LIMIT_S
"""Seconds that a call may take: as in the cloud."""
_FRAME = re.compile(r"^(?P<file>[^\n]+?), line (?P<line>[0-9]+)(?:, in [^\n]+?)?: ", re.MULTILINE)
"""As `user_code.Failure.detail` has them."""
_TIME = 1_700_000_000.0
"""Of generated readings: the same in every run."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of one event. `what` says what is special about it."""

    what: str
    event: Event
    outcome: user_code.Outcome


@dataclass(frozen=True, slots=True)
class Processor:
    """A processor and the device type whose readings it gets. `file` is relative to the twin.yaml."""

    config: Config
    type: str
    file: PurePosixPath

    @classmethod
    def of(cls, config: Config, device_type: str) -> Processor:
        """Return that of a type. Raises `KeyError` where it has none."""
        file = config.device_types[device_type].processor
        if file is None:
            raise KeyError(device_type)
        return cls(config, device_type, file)

    @property
    def device(self) -> str:
        """The first device of the type, or a name for one."""
        of_type = (device.id for device in self.config.devices if device.type == self.type)
        return next(of_type, f"{self.type}-1")

    def twin(self) -> model.Twin:
        """Return the twin as its functions know it, with the device."""
        manifest = json.loads(json.dumps(packaging.manifest(self.config)))  # as twin.json has it
        return model.parse({**manifest, "devices": {self.device: self.type, **manifest["devices"]}})

    def generated(self) -> Iterator[tuple[str, Event]]:
        """Yield events of usual and of edge readings; see `edges`."""
        for number, edge in enumerate(edges(self.type, self.config.device_types[self.type].telemetry), 1):
            event = cloudevents.make(
                cloudevents.TELEMETRY,
                twin=self.config.name,
                device=self.device,
                subject=self.type,
                data=edge.data,
                time=times.from_epoch(_TIME + number),
                id=f"check-{number}",
            )
            yield edge.what, event

    def run(self, readings: Sequence[tuple[str, Event]]) -> list[Trial]:
        """Run the processor on events, in order. Raises `vendoring.PackagesError`.

        Where the first one shows that no other can go well, because the file does not load or takes too
        long, the others are left out.
        """
        twin, path = self.twin(), self._import_path()
        done: list[Trial] = []
        for part in (readings[:1], readings[1:]):
            outcomes = user_code.try_out(
                self.config.path_of(self.file),
                twin.device_types[self.type],
                [event for _, event in part],
                twin=twin,
                limit_s=LIMIT_S,
                path=path,
            )
            done += [Trial(*reading, outcome) for reading, outcome in zip(part, outcomes, strict=True)]
            if any(outcome.failure and outcome.failure.final for outcome in outcomes):
                break
        return done

    def _import_path(self) -> list[str]:
        """Return the folders that the code may import from."""
        # The standard library, without the packages that are installed for Twinspan itself.
        path = [sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")]
        path += [str(Path(place) / "lib-dynload") for place in path]
        packages = vendoring.installed(vendoring.pins(self.config))
        own = [str(self.config.path_of(self.file).parent.resolve()), *([str(packages)] if packages else [])]
        return [*dict.fromkeys(path), *own, *self._sdk_path()]

    def _sdk_path(self) -> list[str]:
        """Return where the cloud's SDK is installed here, if the code imports it."""
        known = usercode.sdk(self.config.layers.processing)
        try:
            found = usercode.sources(self.config, self.type)
        except (Refusal, SyntaxError):  # which a run shows
            return []
        tops = {each.top for text in found.texts.values() for each in usercode.imports(text)}
        if tops.isdisjoint(name.partition(".")[0] for name in known):
            return []
        return [place for place in sys.path if Path(place).name in ("site-packages", "dist-packages")]


def place(processor: Processor, failure: user_code.Failure) -> tuple[str, int | None]:
    """Return the user's file and line of a failure: of the innermost frame, else of `def process`."""
    frames = list(_FRAME.finditer(failure.detail))
    if frames:
        return str(processor.file.with_name(frames[-1]["file"])), int(frames[-1]["line"])
    try:
        body = ast.parse(processor.config.path_of(processor.file).read_bytes()).body
    except (OSError, SyntaxError, ValueError):
        return str(processor.file), None
    lines = (node.lineno for node in body if isinstance(node, ast.FunctionDef) and node.name == "process")
    return str(processor.file), next(lines, None)


def problems(config: Config) -> Iterator[Problem]:
    """Yield how the processors of a twin fail on generated readings, each way once."""
    for name, device_type in config.device_types.items():
        if device_type.processor:
            yield from _problems(Processor.of(config, name))


def _problems(processor: Processor) -> Iterator[Problem]:
    field = f"device_types.{processor.type}.processor"
    named = {"device_types": {processor.type: {"processor": str(processor.file)}}}
    if any(files.check(named, processor.config.folder)):
        return  # it is reported
    try:
        if any(each.field == field for each in usercode.problems(processor.config, fetch=True)):
            return  # the imports are reported
        ways: dict[tuple[str, str, int | None], list[Trial]] = {}
        for trial in processor.run(list(processor.generated())):
            if failure := trial.outcome.failure:
                file, line = place(processor, failure)
                ways.setdefault((failure.kind, file, line), []).append(trial)
    except vendoring.PackagesError as error:
        yield Problem(f"device_types.{processor.type}.requirements", str(error).rstrip("."))
        return
    except ValueError:
        return  # requirements that cannot be read are reported
    for (_, file, line), trials in ways.items():
        failure = trials[0].outcome.failure
        assert failure is not None
        others = len(trials) - 1
        more = f" (and for {others} other reading{'s' if others > 1 else ''})" if others else ""
        yield Problem(
            field,
            f"fails where {trials[0].what}{more}: {failure.text.rstrip('.')}; correct process, which gets "
            f"every reading of a {processor.type}",
            line,
            file,
        )
