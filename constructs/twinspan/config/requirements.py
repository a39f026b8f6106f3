"""The packages of a processor: a requirements.txt in which every line names one version of one package.

The lines are a subset of pip's: `name==1.2.3`, with extras and with hashes (`--hash=sha256:…`), which may be
on continued lines. So `pip-compile` and `uv pip compile` write the file, and `pip install -r` reads it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from twinspan.config.problems import Refusal
from twinspan.config.text import shown

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_COMMENT = re.compile(r"(^|\s)#.*$")
_HASH = re.compile(r"\s--hash=(?P<hash>\S*)")
_SHA256 = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Pin:
    """One version of one package. `name` is normalised, as in `ruamel-yaml`."""

    name: str
    version: str
    extras: frozenset[str] = frozenset()
    hashes: tuple[str, ...] = ()
    line: int = field(default=0, compare=False)

    def __str__(self) -> str:
        extras = f"[{','.join(sorted(self.extras))}]" if self.extras else ""
        return " ".join((f"{self.name}{extras}=={self.version}", *(f"--hash={each}" for each in self.hashes)))


def parse(text: str) -> tuple[list[Pin], list[str]]:
    """Return the pins of a requirements.txt, and a sentence for each line that is not one."""
    pins: dict[str, Pin] = {}
    wrong: list[str] = []
    for line, written in _lines(text):
        try:
            pin = _pin(written, line)
            if before := pins.get(pin.name):
                raise Refusal(f"pins {pin.name} again, after line {before.line}; remove one of the two")
            pins[pin.name] = pin
        except Refusal as error:
            wrong.append(f"line {line} {error}")
    bare = [pin.name for pin in pins.values() if not pin.hashes]
    if 0 < len(bare) < len(pins):
        names = ", ".join(bare[:3])
        wrong.append(f"has hashes, but none for {names}; give every package its hashes, or none")
    return list(pins.values()), wrong


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Each logical line that says something, with the number of its first line."""
    first, parts = 0, list[str]()
    for number, raw in enumerate(text.splitlines(), 1):
        line = _COMMENT.sub("", raw).rstrip()
        first = first or number
        parts.append(line.removesuffix("\\"))
        if line.endswith("\\"):
            continue
        if written := " ".join("".join(parts).split()):
            yield first, written
        first, parts = 0, []
    if written := " ".join("".join(parts).split()):
        yield first, written


def _pin(written: str, line: int) -> Pin:
    # A fifth of a second to load, which most twins have no use for.
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    if written.startswith("-"):
        option = written.split(maxsplit=1)[0]
        raise Refusal(f"has the option {shown(option)}; remove it, and configure pip by its environment")
    hashes = tuple(sorted(match["hash"] for match in _HASH.finditer(written)))
    named = _HASH.sub("", written)
    if wrong := [each for each in hashes if not _SHA256.fullmatch(each)]:
        raise Refusal(f"has the hash {shown(wrong[0])}; write --hash=sha256: and 64 hexadecimal digits")
    if " -" in named:
        option = named[named.index(" -") :].split()[0]
        raise Refusal(f"has the option {shown(option)}; remove it, only --hash is allowed")
    try:
        found = Requirement(named)
    except InvalidRequirement:
        what = "is a URL or a path" if re.search(r"[/\\]|^\.", named) else "is not a requirement"
        raise Refusal(f"{what} ({shown(named)}); write <name>==<version>") from None
    if found.url:
        raise Refusal(f"is a URL ({shown(named)}); write {found.name}==<version>")
    if found.marker:
        raise Refusal(
            f"has a marker ({shown(str(found.marker))}); remove it, every cloud runs the same Python on Linux"
        )
    return Pin(
        canonicalize_name(found.name),
        _version(found),
        frozenset(map(canonicalize_name, found.extras)),
        hashes,
        line,
    )


def _version(found: "Requirement") -> str:
    """Return the one version that a requirement allows. Raises `Refusal`."""
    from packaging.version import InvalidVersion, Version

    pins = [each for each in found.specifier if each.operator == "=="]
    if len(found.specifier) != 1 or len(pins) != 1 or pins[0].version.endswith(".*"):
        given = str(found.specifier)
        now = f"allows {given}" if given else "names no version"
        raise Refusal(f"is not pinned: {found.name} {now}; write {found.name}==<version>")
    try:
        return str(Version(pins[0].version))
    except InvalidVersion:
        raise Refusal(f"is not pinned: {shown(pins[0].version)} is not a version") from None
