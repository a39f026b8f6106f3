"""Which regions are spelt right. The lists with their dates and sources are in `regions.toml`."""

import re
import tomllib
from functools import cache
from pathlib import Path

from twin_runtime.roles import Cloud
from twinspan.config.problems import Refusal
from twinspan.config.text import nearest, shown

_PATTERNS = {
    Cloud.AWS: (re.compile(r"[a-z]{2,4}(-[a-z]+){1,2}-[0-9]{1,2}"), "eu-central-1"),
    Cloud.AZURE: (re.compile(r"[a-z]{4,30}[0-9]?"), "westeurope"),
    Cloud.GCP: (re.compile(r"[a-z]+-[a-z]+[0-9]{1,2}"), "europe-west1"),
}


@cache
def _lists() -> dict[str, dict]:
    return tomllib.loads(Path(__file__).with_name("regions.toml").read_text(encoding="utf-8"))


def known(cloud: Cloud) -> tuple[str, ...]:
    """The regions (Azure: locations) of the cloud's public partition, as its provider wants them."""
    return tuple(_lists()[cloud]["names"])


def check(cloud: Cloud, value: str, *, new: bool) -> str:
    """Give `value` back when it is a region of `cloud`; otherwise raise `Said` with the right spelling.

    `new` accepts a region that the list does not have yet, as long as it is written as that cloud writes
    regions. A misspelt region differs from a known one no more than a new region does: nothing but the user's
    word can tell the two apart.
    """
    word, flag = ("location", "new_location") if cloud is Cloud.AZURE else ("region", "new_region")
    names = known(cloud)
    if value in names:
        return value
    if value.startswith(tuple(_lists()[cloud]["other_partitions"])):
        raise Refusal(
            f"{shown(value)} is in a separate (China or government) cloud; choose a public {word} of {cloud}"
        )
    pattern, example = _PATTERNS[cloud]
    # 'West Europe', 'EU_Central_1', and zones such as 'europe-west1-b', name a known region in another way.
    plain = re.sub(r"[\s_-]", "", value).lower()
    same = next(
        (n for n in names if n.replace("-", "") in (plain, re.sub(r"(?<=[0-9])[a-z]$", "", plain))), None
    )
    if same:
        raise Refusal(f"{shown(value)} is not how {cloud} writes this {word}; write {same}")
    if new and pattern.fullmatch(value):
        return value
    close = nearest(value, names)
    fix = f"did you mean {close!r}?" if close else f"write it like {example}"
    if pattern.fullmatch(value):
        fix += f" If it is newer than the list of {_lists()[cloud]['date']}, add {flag}: true beside it."
    raise Refusal(f"{shown(value)} is not a known {cloud} {word}; {fix}")
