"""The endpoint document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from simulator import endpoint
from simulator.errors import SimulatorError

AWS = {"cloud": "aws", "twin": "factory", "host": "127.0.0.1", "certificates": "."}
AZURE = {**AWS, "cloud": "azure"}
GCP = {"cloud": "gcp", "twin": "factory", "project": "p", "fleet_secret": "secret"}


def test_defaults_are_those_of_the_real_brokers() -> None:
    aws, azure, gcp = (endpoint.parse(document, {}) for document in (AWS, AZURE, GCP))
    assert isinstance(aws, endpoint.AwsEndpoint)
    assert (aws.port, aws.ca_file) == (8883, None)
    assert isinstance(azure, endpoint.AzureEndpoint)
    assert azure.ports == {}
    assert isinstance(gcp, endpoint.GcpEndpoint)
    assert (gcp.url, gcp.token) == ("https://pubsub.googleapis.com", None)


def test_paths_are_relative_to_the_document(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    file = tmp_path / "endpoint.json"
    file.write_text(json.dumps({**AWS, "certificates": "devices", "ca_file": "ca.pem"}))
    found = endpoint.read(file)
    assert isinstance(found, endpoint.AwsEndpoint)
    assert (found.certificates, found.ca_file) == (tmp_path / "devices", tmp_path / "ca.pem")


@pytest.mark.parametrize(
    ("more", "environment", "token"),
    [
        ({"token": "mine"}, {endpoint.TOKEN_VARIABLE: "theirs"}, "mine"),
        ({}, {endpoint.TOKEN_VARIABLE: "theirs"}, "theirs"),
    ],
)
def test_where_a_token_comes_from(more: dict[str, str], environment: dict[str, str], token: str) -> None:
    found = endpoint.parse({**GCP, **more}, environment)
    assert isinstance(found, endpoint.GcpEndpoint)
    assert found.token == token
    assert token not in repr(found)
    assert "secret'" not in repr(found)


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ([], "must be a JSON object"),
        ({}, "cloud must be aws, azure or gcp, got None"),
        ({**AWS, "host": ""}, "host must be text, got ''"),
        ({key: AWS[key] for key in AWS if key != "twin"}, "twin is missing"),
        ({**AWS, "port": "8883"}, "port must be a number from 1 to 65535, got '8883'"),
        ({**AWS, "ca_file": "nowhere.pem"}, "nowhere.pem is missing"),
        ({**AZURE, "ports": {"d-1": 70000}}, "ports.d-1 must be a number from 1 to 65535, got 70000"),
        ({**AZURE, "ports": [1]}, r"ports must be an object, got \[1\]"),
        ({**GCP, "url": "pubsub:80"}, "url must be http:// or https:// and a host"),
        ({**GCP, "fleet_secret": 1}, "fleet_secret must be text, got 1"),
    ],
)
def test_a_wrong_document_is_told_in_a_sentence(document: Any, says: str) -> None:
    with pytest.raises(SimulatorError, match=says):
        endpoint.parse(document, {})


def test_a_document_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SimulatorError, match="cannot be read: No such file"):
        endpoint.read(tmp_path / "none.json")
    (tmp_path / "half.json").write_text("{")
    with pytest.raises(SimulatorError, match="is not JSON"):
        endpoint.read(tmp_path / "half.json")


def test_a_device_without_a_certificate(tmp_path: Path) -> None:
    found = endpoint.parse({**AWS, "certificates": str(tmp_path)})
    assert isinstance(found, endpoint.AwsEndpoint)
    with pytest.raises(SimulatorError, match=r"d-1\.crt is missing: put each device's certificate"):
        found.certificate("d-1")
