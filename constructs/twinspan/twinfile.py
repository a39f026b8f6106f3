"""Which twin.yaml is meant, and its configuration with every check."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path

from twin_runtime.roles import Cloud
from twinspan import naming
from twinspan.config import Config, Problem, load

EXAMPLE = Path("examples") / "three-clouds.yaml"
_SYNTHESIZED = "twin-file"
"""In the folder of the stacks: the absolute path of the file that they were made of."""


class WrongTwin(Exception):
    """The stacks in the output folder are those of another twin.yaml than the one that would be taken."""


def output_folder(environment: Mapping[str, str]) -> Path:
    """Where the stacks are written: CDKTF_OUTDIR, else cdktf.out."""
    return Path(environment.get("CDKTF_OUTDIR") or "cdktf.out")


def twin_file(environment: Mapping[str, str], *, root: Path) -> Path:
    """The file that TWIN names, else ./twin.yaml, else the example that comes with Twinspan."""
    if given := environment.get("TWIN"):
        return Path(given)
    own = Path("twin.yaml")
    return own if own.exists() else root / EXAMPLE


def same_twin_file(environment: Mapping[str, str], *, root: Path, out: Path) -> Path:
    """The same, where a deployed twin may depend on it.

    Raises WrongTwin when TWIN is not set and `out` was made of another file: `cdktf deploy` and `cdktf
    destroy` synthesize again before they act, and would act on the other twin.
    """
    path = twin_file(environment, root=root)
    made_of = out / _SYNTHESIZED
    if environment.get("TWIN") or not made_of.exists():
        return path
    before = Path(made_of.read_text(encoding="utf-8"))
    if before == path.resolve() or before == (root / EXAMPLE).resolve() or not before.exists():
        return path
    raise WrongTwin(
        f"{out} holds the stacks of {short(before)}, and TWIN is not set, which stands for {short(path)}; "
        f"set TWIN={short(before)} to go on with it, or TWIN={short(path)} to change over."
    )


def checked(path: Path) -> Config:
    """The configuration, with the checks that need more than the file itself. Raises ConfigErrors."""
    return load(path, extra_checks=(naming.problems, workflow_problems))


def workflow_problems(config: Config) -> Iterator[Problem]:
    """What the processing layer's cloud would refuse in the user's own definition."""
    own = config.events.workflow
    if own is None:
        return
    try:
        text = config.path_of(own).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return  # the loader has said so
    cloud: Cloud = config.layers.processing
    for message in import_module(f"twinspan.{cloud}.events.definition").problems(text):
        yield Problem("events.workflow", f"{own} is no workflow for {cloud}: {message}")


def record(path: Path, *, out: Path) -> None:
    """Note which file the stacks in `out` were made of."""
    (out / _SYNTHESIZED).write_text(str(path.resolve()), encoding="utf-8")


def short(path: Path) -> Path:
    """Relative to the working directory where it lies below."""
    here, whole = Path.cwd(), path.resolve()
    return whole.relative_to(here) if whole.is_relative_to(here) else path
