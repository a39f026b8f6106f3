"""A twin_reader over a small graph, mutated queries, and what their answers must hold to."""

from __future__ import annotations

import json
from random import Random
from typing import Any
from urllib.parse import parse_qs, quote, quote_plus, urlencode

from receivers.reads import ODD, change_query, spoilt
from receivers.requests import check_refusal
from support.deployed import Functions
from support.graphs import EDGES, GRAPH_DOCUMENT, GRAPH_TWIN
from support.platforms import Reply, Wire
from support.samples import API_KEY, log
from twin_runtime.functions.twin_sync import TwinSync

NAMES = ("id", "relationships", "type", "limit", "cursor")
OTHERS = ("Id", "id[]", "", "device", "$where")
ODD_HERE = (*ODD, "in", "out", "hall-1", "press-7", "room", "machine", "200", "201")
MOST = 200


class Reader:
    """The function, with the entities and devices of the sample graph and the edges between them."""

    def __init__(self, functions: Functions, cloud: str) -> None:
        self.errors: list[str] = []
        self.function = functions.load(cloud, "twin_reader", twin=GRAPH_DOCUMENT, sink=self._log)
        self.function.admit()
        self.platform = self.function.platform()
        graph = self.function.memory.graph("GRAPH", GRAPH_TWIN)
        TwinSync(twin=GRAPH_TWIN, graph=graph, reader=None, log=log("twin_sync")[0]).run(budget=30.0)
        self.types = {id_: node.type for id_, node in graph.nodes.items()}
        assert self.types.keys() == {*GRAPH_TWIN.devices, *GRAPH_TWIN.model.entities}

    def mutated(self, chance: Random) -> Wire:
        """A read with up to two changes; some of them are still good."""
        query: dict[str, list[str]] = {}
        which = chance.randrange(4)
        if which:
            query["id"] = [chance.choice(sorted(self.types))]
        elif chance.randrange(2):
            query["type"] = [chance.choice(sorted(set(self.types.values())))]
        if which > 1:
            query["relationships"] = [chance.choice(("in", "out"))]
        if which != 1 and chance.randrange(2):
            query["limit"] = [str(chance.randrange(1, 4))]
        if which != 1 and chance.randrange(4) == 0:
            query["cursor"] = [str(chance.randrange(4))]
        for _ in range(max(0, chance.randrange(5) - 2)):
            change_query(chance, query, names=NAMES, others=OTHERS, odd=ODD_HERE)
        text = urlencode(
            query, doseq=True, errors="surrogatepass", quote_via=chance.choice((quote, quote_plus))
        )
        if chance.randrange(8) == 0:
            text = spoilt(chance, text)
        return Wire("GET", f"{self.function.path}?{text}", (("x-api-key", API_KEY),))

    def check(self, wire: Wire, reply: Reply) -> int:
        """Of an answer; returns how many twins and edges it holds."""
        assert not self.errors, self.errors
        if reply.status != 200:
            assert reply.status in (400, 404)
            check_refusal(reply)
            return 0
        query = parse_qs(wire.target.partition("?")[2], keep_blank_values=True)
        assert query.keys() <= set(NAMES), "an unknown parameter is refused"
        assert all(len(values) == 1 for values in query.values()), "and one that is given twice"
        given = {name: values[0] for name, values in query.items()}
        answer = json.loads(reply.body)
        if "relationships" in given:
            return self._check_edges(given, answer)
        if "id" in given:
            assert given.keys() == {"id"}
            assert answer["id"] == given["id"]
            return self._check_twin(answer)
        assert answer.keys() == {"twins", "cursor"}
        wanted = sorted(id_ for id_, its in self.types.items() if given.get("type", its) == its)
        self._check_page(given, [self._id(each) for each in answer["twins"]], wanted)
        return len(answer["twins"])

    def _check_edges(self, given: dict[str, str], answer: Any) -> int:
        assert answer.keys() == {"id", "relationships", "cursor"}
        assert answer["id"] == given["id"]
        found = [(each["from"], each["name"], each["to"]) for each in answer["relationships"]]
        end = "target" if given["relationships"] == "in" else "source"
        wanted = sorted(
            (edge.source, edge.name, edge.target) for edge in EDGES if getattr(edge, end) == given["id"]
        )
        self._check_page(given, found, wanted)
        return len(found)

    def _check_page(self, given: dict[str, str], found: list[Any], wanted: list[Any]) -> None:
        start, limit = int(given.get("cursor", "0")), int(given.get("limit", MOST))
        assert limit <= MOST
        assert found == wanted[start : start + limit]

    def _check_twin(self, answer: Any) -> int:
        assert answer.keys() == {"id", "type", "name", "properties", "values", "time"}
        assert answer["type"] == self.types[answer["id"]]
        return 1

    def _id(self, answer: Any) -> str:
        self._check_twin(answer)
        return answer["id"]

    def _log(self, level: str, line: str) -> None:
        if '"unavailable"' in line:
            self.errors.append(line)
