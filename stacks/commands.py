"""What main.py does: check a twin.yaml, synthesize it, summarize what was synthesized."""

import sys
from collections.abc import Mapping
from pathlib import Path

from stacks.build import synthesize
from stacks.states import make_private
from twinspan.config import Config, ConfigErrors
from twinspan.loading import quick
from twinspan.twin import Twin
from twinspan.twinfile import (
    EXAMPLE,
    WrongTwin,
    checked,
    output_folder,
    record,
    same_twin_file,
    short,
    twin_file,
)

__all__ = ["ConfigErrors", "WrongTwin", "check", "summary", "synth"]


def check(environment: Mapping[str, str], root: Path) -> None:
    """Report the problems of a twin.yaml. Raises `ConfigErrors`."""
    path = twin_file(environment, root=root)
    if warning := _idle_rules(checked(path)):
        print(f"{short(path)}: {warning}", file=sys.stderr)


def synth(environment: Mapping[str, str], root: Path, early: quick.Early) -> None:
    """Write a twin's Terraform and print the summary. Raises `ConfigErrors` and `WrongTwin`."""
    out = output_folder(environment)
    path = same_twin_file(environment, root=root, out=out)
    config = checked(path)
    early.use(Twin(config).topology.clouds)
    print(f"Synthesizing {short(path)} …", flush=True)
    synthesize(config, out, ready=early.wait)
    for warning in make_private(config, out):
        print(warning, file=sys.stderr)
    record(path, out=out)
    _print_summary(config, path, out, root)


def summary(environment: Mapping[str, str], root: Path) -> None:
    """Print the summary of what was synthesized. Raises `ConfigErrors` and `WrongTwin`."""
    out = output_folder(environment)
    path = same_twin_file(environment, root=root, out=out)
    _print_summary(checked(path), path, out, root)


def _print_summary(config: Config, path: Path, out: Path, root: Path) -> None:
    from stacks.summary import text

    print(text(config, out))
    if path.resolve() == (root / EXAMPLE).resolve():
        print(
            "This is the example that comes with Twinspan. Write a twin.yaml here, or set TWIN to your file."
        )


def _idle_rules(config: Config) -> str | None:
    """Return a warning about rules without a decision on `enabled`, None otherwise."""
    events = config.events
    if not events.rules or events.enabled or "enabled" in events.model_fields_set:
        return None
    return (
        "the rules under events have no effect, since enabled is false by default; "
        "write enabled: true, or enabled: false if you enable events at deploy time."
    )
