"""The definition of the workflow that a fired rule starts, in the Amazon States Language, and what is wrong
with one.

Pure: no cdktf here.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from twinspan.config import Config

DEFAULT = Path(__file__).resolve().parents[4] / "templates" / "workflow" / "aws.asl.json"
MAX_BYTES = 1024 * 1024
"""Step Functions: largest request, which holds the definition (service quotas, state machines)."""


def text(config: Config) -> str:
    """The twin's own definition as it is written, or Twinspan's: notify, and wait for an acknowledgement.

    `${topic_arn}` in it is replaced by the workflow's topic.
    """
    own = config.events.workflow
    return (config.path_of(own) if own else DEFAULT).read_text(encoding="utf-8")


def problems(definition: str) -> Iterator[str]:
    """One sentence for each thing that Step Functions would refuse, found by statelint."""
    if len(definition.encode()) > MAX_BYTES:
        yield f"is larger than {MAX_BYTES // 1024} KB"
        return
    try:
        states = json.loads(definition)
    except ValueError as error:
        yield f"is not JSON: {error}"
        return
    if not isinstance(states, dict):
        yield "must be a JSON object in the Amazon States Language, with StartAt and States"
        return
    from statelint.linter import Linter  # only a definition of one's own needs it

    yield from Linter.validate(states)
