"""Runs roles of one release in processes of their own: `worker.py <its function_src> <socket>`.

The process loads the release once. Each connection to the socket is a role, in a fork of it: the first line
says which, and how many seconds its clock is ahead. The role's ports are calls back over the connection. What
passes is JSON, in which a value of a named tuple has its fields by name: a release leaves out the fields that
it does not know, as an adapter does with those of a stored row.

Only the standard library and what every release has are used here: `functions.assemble` of a `Context`, the
values of `ports`, and the errors.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

PROPERTIES = {"max_body_bytes", "batch_bytes"}
"""Of ports: what is read and not called."""


def pack(value: Any) -> Any:
    """As JSON has it."""
    if isinstance(value, bytes):
        return {"bytes": b64encode(value).decode()}
    if names := _names(value):
        return {"is": type(value).__name__, "of": {name: pack(getattr(value, name)) for name in names}}
    if isinstance(value, (list, tuple)):
        return [pack(each) for each in value]
    if isinstance(value, dict):
        return {"dict": {name: pack(each) for name, each in value.items()}}
    return value


def unpack(value: Any, ports: Any) -> Any:
    """What `pack` packed, with the classes of a release's `ports`; another class is a dict of its fields."""
    if isinstance(value, list):
        return [unpack(each, ports) for each in value]
    if not isinstance(value, dict):
        return value
    if "bytes" in value:
        return b64decode(value["bytes"])
    if "dict" in value:
        return {name: unpack(each, ports) for name, each in value["dict"].items()}
    fields = {name: unpack(each, ports) for name, each in value["of"].items()}
    made = getattr(ports, value["is"], None)
    return made(**{name: fields[name] for name in _names(made) if name in fields}) if made else fields


def _names(value: Any) -> Any:
    """The fields of a named tuple or a dataclass, or of a value of one; nothing for any other."""
    return getattr(value, "_fields", None) or tuple(getattr(value, "__dataclass_fields__", ()))


class Line:
    """A connection, of JSON lines. One call at a time."""

    def __init__(self, connection: socket.socket) -> None:
        self._file = connection.makefile("rwb")
        self.lock = threading.RLock()

    def close(self) -> None:
        self._file.close()

    def send(self, value: Any) -> None:
        self._file.write(json.dumps(value).encode() + b"\n")
        self._file.flush()

    def log(self, level: str, text: str) -> None:
        with self.lock:
            self.send({"log": [level, text]})

    def receive(self) -> Any:
        line = self._file.readline()
        if not line:
            raise EOFError
        return json.loads(line)


class Port:
    """A port whose other side is at the end of the line."""

    def __init__(self, line: Line, kind: str, address: str, release: Any) -> None:
        self._line, self._kind, self._address, self._release = line, kind, address, release

    def __getattr__(self, name: str) -> Any:
        if name in PROPERTIES:
            return self._ask(name, None, {})
        return lambda *args, **named: self._ask(name, args, named)

    def _ask(self, name: str, args: Any, named: Any) -> Any:
        ports, errors = self._release
        with self._line.lock:
            self._line.send(
                {"port": [self._kind, self._address], "call": name, "args": pack(args), "named": pack(named)}
            )
            answer = self._line.receive()
        if "raises" in answer:
            kind, text = answer["raises"]
            raise getattr(errors, kind, RuntimeError)(text)
        return unpack(answer["value"], ports)


class Cloud:
    """A factory of such ports."""

    def __init__(self, line: Line, name: str, release: Any) -> None:
        self._line, self.name, self._release = line, name, release

    def __getattr__(self, kind: str) -> Any:
        return lambda address, *_: Port(self._line, kind, address, self._release)


def serve(connection: socket.socket) -> None:
    """Be a role, until the connection ends."""
    from twin_runtime import errors, functions, ports
    from twin_runtime.context import Context

    line = Line(connection)
    told = line.receive()
    Clock.ahead = told["ahead"]
    cloud: Any = Cloud(line, told["cloud"], (ports, errors))
    context = Context(
        told["role"],
        cloud,
        environ=told["environ"],
        root=Path(told["root"]),
        sink=line.log,
    )
    role = functions.assemble(context)
    line.send({"pid": os.getpid()})
    while True:
        call = line.receive()
        try:
            made = getattr(role, call["call"])(*unpack(call["args"], ports), **unpack(call["named"], ports))
            line.send({"value": pack(made)})
        except Exception as error:
            line.send({"raises": [type(error).__name__, str(error)]})


class Clock:
    """In place of `time`'s functions, which roles take as their defaults: to sleep is to be later."""

    ahead = slept = 0.0
    time, monotonic = staticmethod(time.time), staticmethod(time.monotonic)

    @classmethod
    def patch(cls) -> None:
        time.time = lambda: cls.time() + cls.ahead + cls.slept
        time.monotonic = lambda: cls.monotonic() + cls.slept
        time.sleep = cls.sleep

    @classmethod
    def sleep(cls, seconds: float) -> None:
        cls.slept += seconds


def main(code: str, address: str) -> None:
    sys.path[0] = code
    Clock.patch()
    # What roles import is loaded once, before any fork.
    from twin_runtime.roles import Role

    for role in Role:
        __import__(f"twin_runtime.functions.{role.value}")
    for name in ("wire.sender", "wire.link_client", "wire.callers", "tiers.tier_reader", "tiers.tier_client"):
        __import__(f"twin_runtime.{name}")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        print("ready", flush=True)
        while True:
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                try:
                    serve(connection)
                except (EOFError, BrokenPipeError, ConnectionResetError):
                    os._exit(0)
                finally:
                    os._exit(1)
            connection.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
