"""Receivers refuse whoever has no API key or a wrong one; on AWS, API Gateway does. The log says who read."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from local_cloud import hops
from local_cloud.cloud import LocalCloud
from local_cloud.reader import Reader
from support.layouts import Layout, twin_config
from support.local import local_twin, until
from twin_runtime.roles import Cloud, Role
from twinspan import outputs as published

pytestmark = [pytest.mark.servers, pytest.mark.terraform, pytest.mark.slow]

LAYOUT = Layout(Cloud.AWS, Cloud.AZURE, Cloud.AWS)
"""All but ingestion are on AWS; the functions of the other clouds check the key themselves."""


def test_receivers_refuse_without_a_key(tmp_path: Path) -> None:
    config = twin_config(LAYOUT, read_api={"clients": ["erp", "mobile"]})
    with local_twin(config, tmp_path) as twin:
        refused = [401, 401, 401]
        roles = ("ingestion", "writer", "hot_reader", "event_feedback")
        assert answers(twin) == dict.fromkeys(roles, refused)
        # Three at one function of Azure: the first is a line, the others are counted for the next minute.
        lines = until(lambda: logged(twin, "ingestion", "refused"), seconds=30)
        assert [(line["status"], line["count"]) for line in lines] == [(401, 1)]
        url = twin.outputs[published.url(Role.HOT_READER)]
        keys = {
            "twin": twin.outputs[published.api_key(Role.HOT_READER)],
            **twin.outputs[published.client_keys(Role.HOT_READER)],
        }
        assert keys.keys() == {"twin", "erp", "mobile"}
        assert len(set(keys.values())) == 3
        for key in keys.values():
            Reader(url, key, trust=twin.trust).page(device="thermostat-1", latest="true")
        expected = [(client, "thermostat-1") for client in sorted(keys)]
        assert until(lambda: readers(twin) == expected, seconds=30), readers(twin)


def logged(twin: LocalCloud, role: str, event: str) -> list[dict[str, Any]]:
    """The lines of a role's log that report an event."""
    found = (entry for _, entry in hops.entries(twin.log_lines()))
    return [entry for entry in found if (entry.get("role"), entry.get("event")) == (role, event)]


def readers(twin: LocalCloud) -> list[tuple[str, str]]:
    """The client and the device of each read so far."""
    return sorted((line["client"], line["device"]) for line in logged(twin, "hot_reader", "read"))


def answers(twin: LocalCloud) -> dict[str, list[int]]:
    """By receiver, the status without a key, with a wrong one and with half of the right one."""
    context = ssl.create_default_context(cafile=str(twin.trust))
    found: dict[str, list[int]] = {}
    for role in Role:
        url, key = (twin.outputs.get(name(role)) for name in (published.url, published.api_key))
        if url and key:
            found[role] = [
                _status(role, url, given, context) for given in (None, "wrong", key[: len(key) // 2])
            ]
    return found


def _status(role: str, url: str, key: str | None, context: ssl.SSLContext) -> int:
    body = None if role == "hot_reader" else b"[]"
    headers = {"content-type": "application/cloudevents-batch+json"}
    if key is not None:
        headers["x-api-key"] = key
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, body, headers),
            timeout=30,
            context=context if url.startswith("https:") else None,
        ) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
