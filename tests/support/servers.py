"""Local servers for tests, and the one way in which a test does without them."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import pytest

from local_cloud import node
from local_cloud.aws.cloud import LocalAws
from local_cloud.certificates import Authority
from local_cloud.errors import MissingProgram
from local_cloud.processes import Processes, free_port
from local_cloud.terraform import MIRROR_VARIABLE, find_providers

__all__ = ["free_port", "missing", "npm_module", "npm_program", "running"]


def missing(sentence: str) -> NoReturn:
    """Skip the test, because the machine lacks what `sentence` says; where CI=true that is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)


def npm_module(name: str) -> Path:
    """The folder of an installed npm package of local_cloud/servers."""
    try:
        node.node()
        return node.package(name)
    except MissingProgram as error:
        missing(str(error))


def npm_program(package: str, name: str) -> str:
    """The path of a program of such a package."""
    npm_module(package)
    return str(node.NODE_MODULES / ".bin" / name)


@contextlib.contextmanager
def running(*command: str, port: int, environment: Mapping[str, str] | None = None) -> Iterator[None]:
    """A server, with all that it starts itself, from its first answer on `port` until the end of the
    block.
    """
    with tempfile.TemporaryDirectory() as folder, Processes(Path(folder) / "logs") as processes:
        server = processes.start(Path(command[0]).name, command, environment=environment, cwd=Path(folder))
        processes.wait(server, port=port)
        yield


def need_aws_provider() -> None:
    """Skip the test where no mirror holds Terraform's provider of AWS."""
    if "aws" not in find_providers():
        missing(f"no mirror holds the provider aws; name a mirror in {MIRROR_VARIABLE}")


@contextlib.contextmanager
def ministack(folder: Path, stack: Mapping[str, Any]) -> Iterator[LocalAws]:
    """AWS on this machine, for a stack that nobody has applied. Skips the test where it is not installed."""
    authority = Authority(folder / "certificates")
    with Processes(folder / "logs", authority.trust()) as processes:
        cloud = LocalAws(processes, folder=folder, authority=authority)
        try:
            cloud.start(stack)
        except MissingProgram as error:
            missing(str(error))
        yield cloud


def is_there(pid: int) -> bool:
    """Whether a process has not ended."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
