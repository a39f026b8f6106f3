"""Finds the twin.yaml, and loads it with every check."""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path

from twin_runtime.roles import Cloud
from twinspan import naming
from twinspan.config import Config, Problem, load
from twinspan.config.loader import ExtraCheck
from twinspan.topology import Topology

EXAMPLE = Path("examples") / "three-clouds.yaml"
_SYNTHESIZED = "twin-file"
"""File in the output folder: the absolute path of the twin.yaml that the stacks were synthesized from."""


class WrongTwin(Exception):
    """The stacks in the output folder were synthesized from another twin.yaml than the selected one."""


def output_folder(environment: Mapping[str, str]) -> Path:
    """Return the output folder: CDKTF_OUTDIR, else cdktf.out."""
    return Path(environment.get("CDKTF_OUTDIR") or "cdktf.out")


def twin_file(environment: Mapping[str, str], *, root: Path) -> Path:
    """Return the file that TWIN names, else ./twin.yaml, else the example that comes with Twinspan."""
    if given := environment.get("TWIN"):
        return Path(given)
    own = Path("twin.yaml")
    return own if own.exists() else root / EXAMPLE


def same_twin_file(environment: Mapping[str, str], *, root: Path, out: Path) -> Path:
    """Return the twin file, for commands on stacks that may be deployed.

    Raises WrongTwin when TWIN is not set and `out` was synthesized from another file: `cdktf deploy` and
    `cdktf destroy` synthesize again before they act, and would act on the wrong twin.
    """
    path = twin_file(environment, root=root)
    made_of = out / _SYNTHESIZED
    if environment.get("TWIN") or not made_of.exists():
        return path
    before = Path(made_of.read_text(encoding="utf-8"))
    if before == path.resolve() or before == (root / EXAMPLE).resolve() or not before.exists():
        return path
    raise WrongTwin(
        f"{out} contains the stacks of {short(before)}, but neither TWIN nor --twin names a file, which "
        f"selects {short(path)}. Set TWIN={short(before)} or pass --twin {short(before)} to keep that twin; "
        f"name {short(path)} in the same way to replace it."
    )


def checked(path: Path, *, fetch: bool = False, extra_checks: Iterable[ExtraCheck] = ()) -> Config:
    """Load a twin.yaml and check its names, its workflow and the imports of its processors as well. Raises
    ConfigErrors.

    `fetch` downloads packages of processors that are not on this machine (see `usercode.problems`).
    """
    imports = partial(import_problems, fetch=fetch)
    return load(path, extra_checks=(name_problems, workflow_problems, imports, *extra_checks))


def import_problems(config: Config, *, fetch: bool) -> Iterator[Problem]:
    """Yield what processors import and will not have in the cloud (see `usercode.problems`)."""
    if any(device_type.processor for device_type in config.device_types.values()):
        from twinspan import usercode

        yield from usercode.problems(config, fetch=fetch)


def name_problems(config: Config) -> Iterator[Problem]:
    """What the clouds in use would refuse: per resource type the longest name that breaks a limit."""
    topology = Topology.of(config)
    names = naming.Names.of(config)
    for cloud in topology.clouds:
        module = import_module(f"twinspan.{cloud}.names")
        for rule, name in naming.longest(module.RULES, module.planned(names, topology)):
            if problem := rule.problem(name):
                room = rule.maximum - (len(name) - len(config.name))
                fix = f"; shorten the twin's name to {room} characters" if len(name) > rule.maximum else ""
                yield Problem("twin", f"{config.name!r} makes the {problem}{fix} ({cloud})")


def workflow_problems(config: Config) -> Iterator[Problem]:
    """Yield what the processing layer's cloud would refuse in the user's own definition."""
    own = config.events.workflow
    if own is None:
        return
    try:
        text = config.path_of(own).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return  # the loader reports it
    cloud: Cloud = config.layers.processing
    for message in import_module(f"twinspan.{cloud}.events.definition").problems(text):
        yield Problem("events.workflow", f"{own} is not a valid workflow for {cloud}: {message}")


def record(path: Path, *, out: Path) -> None:
    """Record which file the stacks in `out` were synthesized from."""
    (out / _SYNTHESIZED).write_text(str(path.resolve()), encoding="utf-8")


def short(path: Path) -> Path:
    """Return the path relative to the working directory, if it is below."""
    here, whole = Path.cwd(), path.resolve()
    return whole.relative_to(here) if whole.is_relative_to(here) else path
