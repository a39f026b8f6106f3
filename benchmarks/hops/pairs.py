"""Each role at work on a batch, and beside it the same work as a function without any check would do it."""

from __future__ import annotations

import json
import os
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from unittest.mock import patch

from twin_runtime import functions, settings
from twin_runtime.context import Context
from twin_runtime.events import cloudevents
from twin_runtime.functions.processor import Processor
from twin_runtime.ports import BrokerMessage, Event, Message, Request
from twin_runtime.roles import Role
from twin_runtime.wire import signing
from twin_runtime.wire.callers import TokenBuckets
from twin_runtime.wire.sender import GZIP_ABOVE, GZIP_LEVEL

from . import bare, sample
from .services import Services, Sink

Left = Callable[[], list[Any]]


@dataclass(frozen=True, slots=True)
class Pair:
    """Both sides of a hop; each call does one batch. `left` takes away what the calls since left behind.
    `again`: a call leaves the same in the place of what was there, not beside it. `processes`: the numbers of
    the processes that work for either side.
    """

    ours: Callable[[], None]
    bare: Callable[[], None]
    left: Left
    again: bool = False
    before: Callable[[], None] = lambda: None
    processes: Callable[[], Sequence[int]] = lambda: ()


def secret(link: str) -> str:
    """The text of every secret: a sender's, a receiver's and the API keys' in one. `link` is a URL."""
    keys = {"signing_keys": sample.SIGNING_KEYS, "api_keys": [sample.API_KEY]}
    return json.dumps({"url": link, "api_key": sample.API_KEY, **keys})


class Pairs:
    """The pairs of one cloud's services. `folder` is scratch."""

    def __init__(self, services: Services, link: Sink, folder: Path) -> None:
        self._services = services
        self._link = link
        self._plain = sample.package(folder / "plain", processor=False)
        self._coded = sample.package(folder / "coded", processor=True)
        self._null = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - as long as the process

    def dispatcher(self, count: int) -> Pair:
        role = functions.assemble(self._context("dispatcher"))
        body = json.dumps(sample.readings(count)).encode()
        message = BrokerMessage(sample.DEVICE, body, sample.RECEIVED)
        send = self._services.send
        return Pair(lambda: role.handle([message]), lambda: send(bare.dispatch(body)), self._bodies)

    def connector(self, count: int) -> Pair:
        role = functions.assemble(self._context("connector"))
        return Pair(_consume(role, sample.body(count)), self._post(count), self._posted)

    def ingestion(self, count: int) -> Pair:
        role = functions.assemble(self._context("ingestion"))
        body, send = sample.body(count).encode(), self._services.send
        return Pair(_request(role, count), lambda: send(json.dumps(json.loads(body))), self._bodies)

    def processor(self, count: int) -> Pair:
        """With the user code of the example, which the bare side calls in a process of its own as well: the
        product must, so that the code cannot end, stop or fill the function.
        """
        ours, pid = self._coded_processor(count)
        body, send = sample.body(count), self._services.send
        child = bare.Child(self._coded / sample.PROCESSOR)
        return Pair(
            ours, lambda: send(child.process(body)), self._bodies, processes=lambda: (*pid(), child.pid)
        )

    def processor_in_process(self, count: int) -> Pair:
        """The same, where the bare side calls the user's code as a function."""
        ours, pid = self._coded_processor(count)
        body, send = sample.body(count), self._services.send
        process = bare.load(self._coded / sample.PROCESSOR)
        return Pair(ours, lambda: send(bare.process(body, process)), self._bodies, processes=pid)

    def _coded_processor(self, count: int) -> tuple[Callable[[], None], Callable[[], Sequence[int]]]:
        role = cast(Processor, functions.assemble(self._context("processor", self._coded)))
        return _consume(role, sample.body(count)), lambda: [role.code.pid] if role.code.pid else []

    def processor_without_code(self, count: int) -> Pair:
        role = functions.assemble(self._context("processor"))
        body, send = sample.body(count), self._services.send
        return Pair(
            _consume(role, sample.body(count)), lambda: send(json.dumps(json.loads(body))), self._bodies
        )

    def persister_local(self, count: int) -> Pair:
        role = functions.assemble(self._context("persister"))
        body, put = sample.body(count), self._services.put
        work = _consume(role, sample.body(count))
        return Pair(work, lambda: put(bare.rows(body)), self._rows, again=True, before=self._absent(count))

    def persister_remote(self, count: int) -> Pair:
        role = functions.assemble(self._context("persister", remote=True))
        return Pair(_consume(role, sample.body(count)), self._post(count), self._posted)

    def writer(self, count: int) -> Pair:
        role = functions.assemble(self._context("writer"))
        body, put = sample.body(count).encode(), self._services.put
        work = _request(role, count)
        return Pair(work, lambda: put(bare.rows(body)), self._rows, again=True, before=self._absent(count))

    def hot_reader(self, count: int) -> Pair:
        """The store holds `count` rows of the device; both sides answer with all of them."""
        role = functions.assemble(self._context("hot_reader"))
        patch.object(TokenBuckets, "take", lambda *_: 0.0).start()  # more requests than a client may make
        self._services.rows()
        self._services.put(bare.rows(sample.body(count)))
        query = {"device": sample.DEVICE, "limit": str(count)}
        request = Request("GET", {"host": "example", "x-api-key": sample.API_KEY}, query=query)
        answers: list[bytes | str] = []

        def ours() -> None:
            answer = role.handle(request)
            if answer.status != 200:
                raise RuntimeError(f"hot_reader answered {answer.status}: {answer.body[:200]!r}")
            answers[:] = [answer.body]

        def theirs() -> None:
            answers[:] = [bare.read(self._services.query(sample.DEVICE, count))]

        return Pair(ours, theirs, lambda: [json.loads(answer) for answer in answers], again=True)

    def event_checker(self, count: int) -> Pair:
        """One event of the batch fires the rule, which sends a command. Both sides read the device's record
        and write it twice, each time on the condition that nobody else has: before they send, so that of two
        calls one sends, and after, so that no later call does it again. Effects that happen once take all
        three calls of the store.
        """
        ours, theirs, rest = self._checks(sample.events(count))

        def left() -> list[Any]:
            """Without the moment of the firing."""
            rest()
            found = [command for commands in self._bodies() for command in commands]
            return [each | {"data": each["data"] | {"expires": None}} for each in found]

        return Pair(ours, theirs, left, before=rest)

    def event_checker_at_rest(self, count: int) -> Pair:
        """No event fires the rule: both sides read the device's record, and leave it as it is."""
        ours, theirs, rest = self._checks(sample.events(count + 1)[1:])
        states = self._services.cloud.state_store(self._services.states)
        rest()
        return Pair(
            ours, theirs, lambda: [*states.read([sample.DEVICE]).values(), *self._bodies()], again=True
        )

    def _checks(self, events: Sequence[Event]) -> tuple[Callable[[], None], ...]:
        """The two sides at work on a batch, and what brings the device's rules to rest: without it the second
        call would find that the rule has fired.
        """
        role = functions.assemble(self._context("event_checker"))
        body, services = cloudevents.encode_batch(events), self._services
        states = services.cloud.state_store(services.states)

        def theirs() -> None:
            state, version = services.state(sample.DEVICE)
            fired = bare.check(body, state)
            if fired:
                command, begun, done = fired
                version = services.put_state(sample.DEVICE, begun, version)
                services.send(command)
                services.put_state(sample.DEVICE, done, version)

        def rest() -> None:
            there = states.read([sample.DEVICE]).get(sample.DEVICE)
            if there is None:
                states.put_if_absent(sample.DEVICE, sample.AT_REST)
            elif there.text != sample.AT_REST:
                states.replace(sample.DEVICE, sample.AT_REST, version=there.version)

        return _consume(role, body), theirs, rest

    def _post(self, count: int) -> Callable[[], None]:
        """A request of the bare client, packed as the sender packs it."""
        body = sample.body(count)

        def post() -> None:
            content = json.dumps(json.loads(body)).encode()
            headers = {"content-type": cloudevents.BATCH_MEDIA_TYPE}
            if len(content) > GZIP_ABOVE:
                content = zlib.compress(content, GZIP_LEVEL, wbits=31)
                headers["content-encoding"] = "gzip"
            self._link.post("/link", content, headers)

        return post

    def _context(self, role: str, root: Path | None = None, *, remote: bool = False) -> Context:
        services = self._services
        names = settings.expected(Role(role), services.cloud.name, remote=remote)
        values = {name: services.queue if name.endswith("QUEUE") else "secret" for name in names}
        own = {
            "STORE": services.store,
            "TWIN_ROLE": role,
            "EVENTS_QUEUE": "",
            "WORKFLOW": _WORKFLOW,
            "STATE_STORE": services.states,
            "API_CLIENTS": "",
            "API_KEY_READS": "true",
            "COLD_STORE": "",  # a twin without a cold tier: hot_reader asks the hot store alone either way
            "COLD_LINK_SECRET": "",
        }
        environ = {name: own.get(name, value) for name, value in values.items()}
        return Context(
            Role(role), services.cloud, environ=environ, root=root or self._plain, sink=self._write
        )

    def _write(self, _level: str, line: str) -> None:
        self._null.write(line + "\n")
        self._null.flush()

    def _bodies(self) -> list[Any]:
        return [json.loads(body) for body in self._services.taken()]

    def _posted(self) -> list[Any]:
        return [json.loads(body) for body in self._link.taken()]

    def _absent(self, count: int) -> Callable[[], None]:
        """Deletes the rows of a batch: both sides write rows that are not there."""
        store = self._services.cloud.store(self._services.store)
        keys = [f"{row['time']}#{row['id']}" for row in bare.rows(sample.body(count))]
        return lambda: store.delete(sample.DEVICE, keys)

    def _rows(self) -> list[Any]:
        """Without the second in which they were written."""
        rows = [{**row, "expires": None, "data": json.loads(row["data"])} for row in self._services.rows()]
        return sorted(rows, key=lambda row: row["time"])


_WORKFLOW = "http://127.0.0.1/never"
"""No rule of the sample starts it."""


def _consume(role: Any, body: str) -> Callable[[], None]:
    message = Message("m1", body, 1)

    def run() -> None:
        if role.handle([message]):
            raise RuntimeError(f"{type(role).__name__} did not do its batch.")

    return run


def _request(role: Any, count: int) -> Callable[[], None]:
    """A request as the sender makes it: packed above its bound, with an API key, signed with two keys."""
    body = sample.body(count).encode()
    headers: Mapping[str, str] = {"content-type": cloudevents.BATCH_MEDIA_TYPE, "x-api-key": sample.API_KEY}
    id = signing.webhook_id(body)
    if len(body) > GZIP_ABOVE:
        body, headers = zlib.compress(body, GZIP_LEVEL, 31), {**headers, "content-encoding": "gzip"}
    signed = signing.sign(sample.SIGNING_KEYS, body, id=id, timestamp=int(time.time()))
    request = Request("POST", {**headers, **signed}, body)

    def run() -> None:
        if role.handle(request).status != 200:
            raise RuntimeError(f"{type(role).__name__} did not take its batch.")

    return run
