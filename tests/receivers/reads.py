"""A hot_reader over both tiers of three devices, mutated queries, and what their answers must hold to."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from random import Random
from typing import Any
from urllib.parse import parse_qs, quote, quote_plus, urlencode

from receivers import files
from receivers.requests import check_refusal
from support.deployed import Functions
from support.platforms import Reply, Wire
from support.samples import API_KEY, KEY_1, TWIN, event, log
from twin_runtime import times
from twin_runtime.storage import rows
from twin_runtime.tiers.catalogue import Catalogue
from twin_runtime.wire import signing

BASE = 1_709_208_000
EACH = 7
OTHERS = ("Device", "device[]", "", "x", "$where")
"""Parameters that nobody knows."""
NAMES = ("device", "from", "to", "limit", "cursor", "order", "latest", "tier", "type")
ODD = (
    *(
        "",
        "x",
        "0",
        "1",
        "-1",
        "1000",
        "1001",
        "99999999999",
        "٣",
        "1.5",
        "true",
        "TRUE",
        "false",
        "desc",
        "asc",
    ),
    *("thermostat-1", "thermostat-2", "pump-1", "stranger", "thermostat-1'--", "thermostat-1#", "*", "\x00"),
    *("all", "hot", "ALL", "thermostat", "pump", "room"),
    *("2024-02-29T12:00:00Z", "2024-02-29T13:00:03+01:00", "0000-00-00T00:00:00Z", "9999-12-31T23:59:59Z"),
    *("2024-02-29", "\ud800", "é" * 40, "A" * 1_500, "%", "%zz", "[", "]", "/", "\n", "..", "{}"),
)


class Reader:
    """The function, with `EACH` rows a device, and as many older ones in files; one row is in both."""

    def __init__(self, functions: Functions, cloud: str) -> None:
        self.errors: list[str] = []
        self.function = functions.load(cloud, "hot_reader", sink=self._log)
        self.function.admit()
        self.platform = self.function.platform()
        self.devices = sorted(TWIN.devices)
        made = [
            event(f"{device}-{n}", {"n": n}, device, times.from_epoch(BASE + n))
            for device in self.devices
            for n in range(EACH)
        ]
        put = [rows.from_event(each, TWIN, BASE * 1.5) for each in made]
        self.function.memory.store("STORE").put(put)
        for device in self.devices:
            older = files.old(EACH, device, since=BASE - files.DAY)
            newest = [each for each in made if each["id"] == f"{device}-0"]
            tier = Catalogue(self.function.memory.objects("COLD_STORE"), TWIN, log=log("cold_mover")[0])
            for file in (files.packed(older), files.packed(newest)):
                tier.add(file)
        self._signed: dict[str, dict[str, list[str]]] = {}
        self.cursors = [self._cursor(device, order) for device in self.devices for order in ("asc", "desc")]

    def mutated(self, chance: Random) -> Wire:
        """A read with up to three changes; some of them are still good."""
        query: dict[str, list[str]] = {"device": [chance.choice(self.devices)]}
        if chance.randrange(3) == 0:
            query["tier"] = [chance.choice(("all", "hot"))]
        if chance.randrange(2):
            query["limit"] = [str(chance.randrange(1, EACH))]
        if chance.randrange(2):
            query["from"] = [times.from_epoch(BASE + chance.randrange(-1, EACH))]
            query["to"] = [times.from_epoch(BASE + chance.randrange(EACH + 2))]
        if chance.randrange(2):
            query["order"] = [chance.choice(("asc", "desc"))]
        if chance.randrange(3) == 0:
            query["cursor"] = [chance.choice(self.cursors)]
        if chance.randrange(6) == 0:
            query = {"type": [chance.choice(sorted(TWIN.device_types))], "latest": ["true"]}
        headers = (("x-api-key", API_KEY), *(self._sign(query) if chance.randrange(4) == 0 else ()))
        for _ in range(max(0, chance.randrange(5) - 2)):
            change_query(chance, query, names=NAMES, others=OTHERS, odd=ODD)
        text = urlencode(
            query, doseq=True, errors="surrogatepass", quote_via=chance.choice((quote, quote_plus))
        )
        if chance.randrange(8) == 0:
            text = spoilt(chance, text)
        return Wire("GET", f"{self.function.path}?{text}", headers)

    def check(self, wire: Wire, reply: Reply) -> int:
        """Of an answer; returns how many events it holds."""
        assert not self.errors, self.errors
        query = parse_qs(wire.target.partition("?")[2], keep_blank_values=True)
        signed = self._signed.get(wire.header("webhook-signature") or "")
        altered = signed is not None and signed != query
        assert (reply.status == 401) == altered, "a signature is that of one query"
        if reply.status != 200:
            assert reply.status in (400, 401, 404)
            check_refusal(reply)
            return 0
        assert query.keys() <= set(NAMES), "an unknown parameter is refused"
        assert all(len(values) == 1 for values in query.values()), "and one that is given twice"
        answer = json.loads(reply.body)
        if "type" in query:
            return self._check_newest(query, answer)
        (device,) = query["device"]
        assert answer.keys() == {"device", "events", "cursor"}
        assert answer["device"] == device
        events: list[dict[str, Any]] = answer["events"]
        assert all(each["source"] == f"/twins/{TWIN.name}/devices/{device}" for each in events)
        latest = query.get("latest") == ["true"]
        found = [each["time"] for each in events]
        assert found == sorted(found, reverse=latest or query.get("order") == ["desc"])
        both = query.get("tier") == ["all"]
        assert len({each["id"] for each in events}) == len(events), "each once"
        assert both or all(each["time"] >= times.from_epoch(BASE) for each in events)
        most = 2 * EACH if both else EACH
        assert len(events) <= int(query["limit"][0] if "limit" in query else 1 if latest else most)
        return len(events)

    def _check_newest(self, query: dict[str, list[str]], answer: Any) -> int:
        """Of a type: one event a device, its last."""
        assert answer.keys() == {"type", "events", "cursor"}
        assert [answer["type"]] == query["type"]
        assert query["latest"] == ["true"]
        ids = [each["id"] for each in answer["events"]]
        wanted = [f"{name}-{EACH - 1}" for name in self.devices if TWIN.devices[name] == answer["type"]]
        if "limit" in query:
            wanted = wanted[: int(query["limit"][0])]
        assert ids == wanted
        return len(ids)

    def _sign(self, query: dict[str, list[str]]) -> tuple[tuple[str, str], ...]:
        """The headers of a read that our own functions make."""
        signed = {name: list(values) for name, values in query.items()}
        body = signing.canonical_query(signed).encode("ascii")
        made = signing.sign([KEY_1], body, id=signing.webhook_id(body), timestamp=int(time.time()))
        self._signed[made["webhook-signature"]] = signed
        return tuple(made.items())

    def _cursor(self, device: str, order: str) -> str:
        query = urlencode({"device": device, "order": order, "limit": 3})
        reply = self.platform(Wire("GET", f"{self.function.path}?{query}", (("x-api-key", API_KEY),)))
        return json.loads(reply.body)["cursor"]

    def _log(self, level: str, line: str) -> None:
        if '"unavailable"' in line:
            self.errors.append(line)


def spoilt(chance: Random, text: str) -> str:
    """Of a query's text: characters that a request line may have."""
    at = chance.randrange(len(text) + 1)
    noise = chance.choice(
        ("&", "=", "%", "%f", "%ff", "%00", "+", ";", "&&", "?", "&device=pump-1", "/", "[", "%0a")
    )
    return text[:at] + noise + text[at + chance.randrange(3) :]


def change_query(
    chance: Random,
    query: dict[str, list[str]],
    *,
    names: Sequence[str],
    others: Sequence[str],
    odd: Sequence[str],
) -> None:
    """Change a query in one place: a parameter is left out, repeated, spoilt or odd, or one that nobody knows
    (of `others`) is added.
    """
    name = chance.choice(names)
    which = chance.randrange(6)
    if which == 0:
        query.pop(name, None)
    elif which == 1:
        query[name] = [*query.get(name, []), chance.choice(odd)]
    elif which == 2:
        query[chance.choice(others)] = [chance.choice(odd)]
    elif which == 3 and query.get(name, [""])[0]:
        value = query[name][0]
        at = chance.randrange(len(value))
        query[name] = [value[:at] + chr(chance.randrange(1, 0x2FF)) + value[at + 1 :]]
    else:
        query[name] = [chance.choice(odd)]
