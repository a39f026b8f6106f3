"""Reads the cold tier of another cloud through its cold_writer."""

from __future__ import annotations

import math
import time
from typing import Any

from twin_runtime import jsontext
from twin_runtime.deadlines import ANSWERED_S
from twin_runtime.errors import Retry
from twin_runtime.storage.range_query import RangeQuery
from twin_runtime.tiers.tier_files import KNOWS_UNREAD, QUERY_MEDIA_TYPE
from twin_runtime.tiers.tier_reader import TierPage, Unread, write_query
from twin_runtime.wire import signing, verdict
from twin_runtime.wire.link_client import Answer, LinkClient

_MAX_ANSWER_BYTES = 6_000_000


class RemoteTier:
    """`tier_reader.ColdTier` over HTTPS. Thread-safe."""

    def __init__(self, link: LinkClient, *, patience: float = ANSWERED_S) -> None:
        self._link = link
        self._patience = patience

    def page(self, query: RangeQuery, *, deadline: float = math.inf) -> TierPage:
        body, deadline = write_query(query), min(deadline, time.monotonic() + self._patience)
        answer = self._link.post(
            body,
            {"content-type": f"{QUERY_MEDIA_TYPE}; {KNOWS_UNREAD}"},
            id=signing.webhook_id(body),
            final=_is_final,
            deadline=deadline,
            until=deadline,
            longest_answer=_MAX_ANSWER_BYTES,
        )
        if answer.status >= 400:
            raise Retry(f"The cold tier answered {answer.status}{verdict.sentence(answer)}")
        document = _document(answer) or {}
        events = [(f"{event['time']}#{event['id']}", jsontext.dumps(event)) for event in document["events"]]
        unread = [Unread(each["from"], each["to"], each["reason"]) for each in document.get("unread", ())]
        return TierPage(events, document["next"], unread)


def _is_final(answer: Answer) -> bool:
    if not 200 <= answer.status < 300:
        return verdict.blames(answer)
    return _document(answer) is not None


def _document(answer: Answer) -> dict[str, Any] | None:
    document = verdict.document(answer, max_bytes=_MAX_ANSWER_BYTES)
    if document is None or not isinstance(document.get("next"), str | None):
        return None
    unread = document.get("unread", [])
    if not isinstance(unread, list) or not all(
        isinstance(each, dict) and all(isinstance(each.get(name), str) for name in ("from", "to", "reason"))
        for each in unread
    ):
        return None
    events = document.get("events")
    whole = isinstance(events, list) and all(
        isinstance(event, dict) and isinstance(event.get("time"), str) and isinstance(event.get("id"), str)
        for event in events
    )
    return document if whole else None
