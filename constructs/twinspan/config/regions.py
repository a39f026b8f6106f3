"""Checks the names of regions. The lists, with their dates and sources, are in `regions.toml`."""

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


def check(cloud: Cloud, value: str, *, skip: bool) -> str:
    """Return `value` when it is a region of `cloud`. Raises `Refusal` with the likely spelling otherwise.

    `skip` accepts a region that is not in the list, as long as it has the form of that cloud's regions. Only
    the user can tell a new region from a misspelt one.
    """
    word = "location" if cloud is Cloud.AZURE else "region"
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
    if skip and pattern.fullmatch(value):
        return value
    close = nearest(value, names)
    fix = f"did you mean {close!r}?" if close else f"write it like {example}"
    if pattern.fullmatch(value):
        newer = f"If it is newer than the list of {_lists()[cloud]['date']}"
        fix += f" {newer}, add skip_region_validation: true beside it."
    raise Refusal(f"{shown(value)} is not a known {cloud} {word}; {fix}")
