"""twin_reader: reads the twin graph, for clients outside the twin; the same on every cloud.

    GET ?type=thermostat&limit=100&cursor=…      twins of a type; without `type`, all
    GET ?id=thermostat-1                         one twin
    GET ?id=hall-1&relationships=out             the edges that leave it; `in`: those that arrive at it

The first answers `{"twins": […], "cursor"}`, the second a twin, the third `{"id", "relationships": […],
"cursor"}`. A twin is `{"id", "type", "name", "properties": {…}, "values": {…}, "time"}`: `values` are its
latest measurements, and `time` is that of the event which they are from, null before the first. A
relationship is `{"from", "name", "to"}`. `cursor` is null on the last page; otherwise the same query with it
goes on after this page: a page may be empty and have one. A page of twins with many values holds fewer than
`limit` of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twin_runtime.context import Context
from twin_runtime.errors import Refused
from twin_runtime.graph import graph, graph_query
from twin_runtime.graph.graph_query import GraphQuery
from twin_runtime.log import Log
from twin_runtime.model import Twin
from twin_runtime.ports import GraphReader, GraphTwin, Request, Response
from twin_runtime.wire import gate
from twin_runtime.wire.answers import Refusal, answer, guarded
from twin_runtime.wire.callers import Callers


class TwinReader:
    """Answers from `graph`. Thread-safe."""

    def __init__(self, *, twin: Twin, graph: GraphReader, log: Log, callers: Callers) -> None:
        self._twin = twin
        self._graph = graph
        self._log = log
        self._callers = callers

    def handle(self, request: Request) -> Response:
        """Answer a request; never raises."""
        return guarded(self._log, lambda: self._handle(request))

    def _handle(self, request: Request) -> Response:
        client = gate.check_get(request, callers=self._callers, link=None, by_key=True, now=0)
        query = graph_query.parse(request.query, self._twin)
        try:
            document = self._answer(query)
        except Refused:
            raise Refusal(400, "The cursor is not one that was given for this query.") from None
        more = document.get("cursor") is not None
        self._log.info("read", client=client, id=query.id, type=query.type, more=more)
        return answer(200, document)

    def _answer(self, query: GraphQuery) -> Mapping[str, Any]:
        if query.id is None:
            limit = graph.page_limit(self._twin, query.type, query.limit)
            twins, cursor = self._graph.twins(type=query.type, cursor=query.cursor, limit=limit)
            return {"twins": [_twin(each) for each in twins], "cursor": cursor}
        if query.incoming is None:
            found = self._graph.twin(query.id)
            if found is None:
                raise Refusal(404, "The twin is not in this graph.")
            return _twin(found)
        edges, cursor = self._graph.relationships(
            query.id, incoming=query.incoming, cursor=query.cursor, limit=query.limit
        )
        if not edges and query.cursor is None and self._graph.twin(query.id) is None:
            raise Refusal(404, "The twin is not in this graph.")
        return {
            "id": query.id,
            "relationships": [{"from": edge.source, "name": edge.name, "to": edge.target} for edge in edges],
            "cursor": cursor,
        }


def _twin(twin: GraphTwin) -> Mapping[str, Any]:
    return {
        "id": twin.id,
        "type": twin.type,
        "name": twin.name,
        "properties": dict(twin.properties),
        "values": dict(twin.values),
        "time": twin.time,
    }


def assemble(context: Context) -> TwinReader:
    return TwinReader(
        twin=context.twin,
        graph=context.cloud.graph(context.settings["GRAPH"], context.twin),
        log=context.log,
        callers=context.callers(),
    )
