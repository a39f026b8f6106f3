"""The packages of the user's processors: wheels that pip downloads once, and what of them goes into a zip.

pip takes its index, proxies and other settings from its own environment and configuration, and downloads what
is pinned and nothing else (`--no-deps`): a package that another one needs must be pinned too, or the same
requirements could give another package tomorrow. Wheels are kept in the user's cache by the content of the
requirements, so that a synth asks an index once.
"""

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

from twin_runtime.roles import Cloud
from twinspan.config import Config
from twinspan.config.checks.files import read_beside
from twinspan.config.requirements import Pin, parse

PYTHON = "3.13"
"""Of the functions in every cloud."""
LOCAL_VARIABLE = "TWINSPAN_LOCAL_PYTHON"
"""Set by the local cloud: the Python version of the functions, which run on this machine."""
_MACHINES = {Cloud.AWS: "aarch64", Cloud.AZURE: "x86_64", Cloud.GCP: "x86_64"}
_OLDEST_GLIBC = 34
"""Minor version of glibc 2: that of Amazon Linux 2023, the oldest of the three clouds'."""
_FIRST_GLIBC = 17
_SECONDS = 300.0
_LAST_WORDS = re.compile(r"^ERROR:\s*(?P<text>.+)$", re.MULTILINE)


class PackagesError(Exception):
    """Packages of processors cannot be had; the text is for the operator."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where packages run: a Python version, and a processor under Linux; "" is this machine."""

    python: str
    machine: str = ""

    @property
    def options(self) -> list[str]:
        """pip's options."""
        # pip takes "manylinux_2_28" for that alone, and not for what is older.
        platforms = [f"manylinux_2_{minor}" for minor in range(_OLDEST_GLIBC, _FIRST_GLIBC - 1, -1)]
        if not self.machine:
            return ["--python-version", self.python]
        tags = [f"{tag}_{self.machine}" for tag in (*platforms, "manylinux2014")]
        return ["--python-version", self.python, "--implementation", "cp", *_each("--platform", tags)]


def target_of(cloud: Cloud) -> Target:
    """Return where the functions of a cloud run."""
    local = os.environ.get(LOCAL_VARIABLE)
    return Target(local) if local else Target(PYTHON, _MACHINES[cloud])


def here() -> Target:
    """Return this Python on this machine."""
    return Target(".".join(platform.python_version_tuple()[:2]))


def pins_of(config: Config, device_type: str) -> tuple[Pin, ...]:
    """Return the packages of one type's processor. Raises `Refusal` where its requirements cannot be read."""
    named = config.device_types[device_type].requirements
    if named is None:
        return ()
    return tuple(parse(read_beside(config.folder, str(named), "requirements.txt"))[0])


def pins(config: Config) -> tuple[Pin, ...]:
    """Return the packages of all processors, by name. Two versions of one do not pass the checks. Raises
    `Refusal` as `pins_of` does.
    """
    found: dict[str, Pin] = {}
    for name in config.device_types:
        for pin in pins_of(config, name):
            known = found.setdefault(pin.name, pin)
            both = Pin(
                pin.name, pin.version, known.extras | pin.extras, tuple(sorted({*known.hashes, *pin.hashes}))
            )
            found[pin.name] = both
    return tuple(found[name] for name in sorted(found))


def cached(wanted: Sequence[Pin], target: Target) -> tuple[Path, ...] | None:
    """Return the wheels if they were downloaded before, None if not."""
    folder = _folder(wanted, target)
    return tuple(sorted(folder.glob("*.whl"))) if folder.is_dir() else None


def wheels(wanted: Sequence[Pin], target: Target) -> tuple[Path, ...]:
    """Return a wheel for each pin, by file name. Raises `PackagesError`."""
    if not wanted:
        return ()
    if (found := cached(wanted, target)) is not None:
        return found
    folder = _folder(wanted, target)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".") as scratch:
        made = Path(scratch) / "wheels"
        made.mkdir()
        _download(wanted, target, made)
        _check_complete(wanted, target, sorted(made.glob("*.whl")))
        try:
            made.rename(folder)
        except OSError:  # another process was first
            if not folder.is_dir():
                raise
    return tuple(sorted(folder.glob("*.whl")))


def files(wheel: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the importable files of a wheel: path below the folder of packages, and content.

    Its scripts, headers and data files have no place in a function and are left out.
    """
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.endswith("/"):
                continue
            parts = PurePosixPath(name).parts
            if parts[0].endswith(".data"):
                if parts[1] not in ("purelib", "platlib"):
                    continue
                parts = parts[2:]
            yield "/".join(parts), archive.read(name)


def installed(wanted: Sequence[Pin]) -> Path | None:
    """Return a folder with the packages as this Python imports them, None for no pins. Raises
    `PackagesError`.
    """
    if not wanted:
        return None
    found = wheels(wanted, here())
    folder = found[0].parent / "installed"
    if not folder.is_dir():
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            made = Path(scratch) / "installed"
            for wheel in found:
                for name, content in files(wheel):
                    path = made / name
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(content)
            if not folder.is_dir():
                made.rename(folder)
    return folder


def modules(wheel: Path) -> frozenset[str]:
    """Return the top-level names that a wheel makes importable."""
    found = set[str]()
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            parts = PurePosixPath(name).parts
            if parts[0].endswith(".data") and parts[1] in ("purelib", "platlib"):
                parts = parts[2:]
            first = parts[0]
            if len(parts) > 1 and not first.endswith((".dist-info", ".data")):
                found.add(first)
            elif len(parts) == 1 and first.endswith((".py", ".so", ".pyd")):
                found.add(first.partition(".")[0])
    return frozenset(found)


def name_of(wheel: Path) -> str:
    """Return the normalised name of a wheel's package."""
    from packaging.utils import parse_wheel_filename

    return parse_wheel_filename(wheel.name)[0]


def _folder(wanted: Sequence[Pin], target: Target) -> Path:
    text = "\n".join([f"{target.python} {target.machine or platform.platform()}", *map(str, wanted)])
    root = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    return root / "twinspan" / "wheels" / hashlib.sha256(text.encode()).hexdigest()[:32]


def _download(wanted: Sequence[Pin], target: Target, folder: Path) -> None:
    listed = folder.with_name("requirements.txt")
    listed.write_text("".join(f"{pin}\n" for pin in wanted), encoding="utf-8")
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"),
        *("--no-deps", "--only-binary=:all:", "--dest", str(folder), "--requirement", str(listed)),
        *target.options,
    ]
    try:
        done = subprocess.run(  # noqa: S603 - our own command line
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise PackagesError(
            f"pip did not get the packages of the processors within {_SECONDS:.0f} seconds. Check the "
            "connection to its index, then run the command again."
        ) from None
    if done.returncode:
        shutil.rmtree(folder)
        raise PackagesError(_refusal(done.stderr, wanted, target))


def _refusal(said: str, wanted: Sequence[Pin], target: Target) -> str:
    found = [match["text"].strip().rstrip(".") for match in _LAST_WORDS.finditer(said)]
    if "No module named pip" in said:
        return f"{sys.executable} has no pip, which gets the packages of processors: python -m ensurepip."
    where = f"Python {target.python} on {f'{target.machine} Linux' if target.machine else 'this machine'}"
    for pin in wanted:
        if any(f"No matching distribution found for {pin.name}" in text.replace("_", "-") for text in found):
            return (
                f"pip finds no wheel of {pin.name} {pin.version} for {where}. Pin a version that has one, "
                "and check the connection to pip's index."
            )
    if "THESE PACKAGES DO NOT MATCH THE HASHES" in said:
        return "A package has another hash than the requirements say. Correct the hash, or suspect the index."
    last = " ".join((found[-1] if found else said.strip() or "no message").split())
    return f"pip cannot get the packages of the processors for {where}: {last[:300]}."


def _check_complete(wanted: Sequence[Pin], target: Target, found: Sequence[Path]) -> None:
    """Raise `PackagesError` where a package needs one that is not pinned, or another version of it."""
    from packaging.metadata import Metadata

    known = {pin.name: pin for pin in wanted}
    missing: list[str] = []
    for wheel in found:
        needs = Metadata.from_email(_metadata(wheel), validate=False).requires_dist or ()
        pin = known[name_of(wheel)]
        for need in needs:
            if need.marker and not any(
                need.marker.evaluate({**_markers(target), "extra": extra}) for extra in ("", *pin.extras)
            ):
                continue
            missing += _lacking(need.name, need.specifier, pin, known)
    if missing:
        raise PackagesError(f"{'; '.join(dict.fromkeys(missing))}.")


def _lacking(name: str, allowed: object, by: Pin, known: Mapping[str, Pin]) -> Iterator[str]:
    from packaging.specifiers import SpecifierSet
    from packaging.utils import canonicalize_name

    assert isinstance(allowed, SpecifierSet)
    pin = known.get(canonicalize_name(name))
    if pin is None:
        yield f"{by.name} {by.version} needs {name}{allowed}, which is not pinned; add {name}==<version>"
    elif not allowed.contains(pin.version, prereleases=True):
        yield f"{by.name} {by.version} needs {name}{allowed}, and {pin.version} is pinned; pin another"


def _metadata(wheel: Path) -> bytes:
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", name))
        return archive.read(name)


@cache
def _markers(target: Target) -> Mapping[str, str]:
    """Return the environment of markers where packages run."""
    from packaging.markers import default_environment

    own: dict[str, str] = {key: str(value) for key, value in default_environment().items()}
    own |= {"python_version": target.python}
    if target.python != here().python:
        own |= {"python_full_version": f"{target.python}.0", "implementation_version": f"{target.python}.0"}
    if target.machine:
        own |= {
            "os_name": "posix",
            "sys_platform": "linux",
            "platform_system": "Linux",
            "platform_machine": target.machine,
            "platform_python_implementation": "CPython",
            "implementation_name": "cpython",
        }
    return own


def _each(option: str, values: Sequence[str]) -> list[str]:
    return [part for value in values for part in (option, value)]
