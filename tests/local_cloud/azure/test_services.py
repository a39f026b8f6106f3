"""The stand-ins that function apps call: who gets which token, and who is let in with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local_cloud.azure import key_vault
from local_cloud.azure.identity import PATH, Identities
from local_cloud.azure.key_vault import Vault
from local_cloud.azure.logic_app import LogicApps, read_runs
from local_cloud.azure.tokens import ISSUER, Tokens
from local_cloud.web import Answer, Request

TOKENS = Tokens("a key")
HOST = "127.0.0.1:8443"


def request(
    method: str,
    path: str,
    body: Any = None,
    *,
    token: str | None = None,
    query: dict[str, str] | None = None,
    **headers: str,
) -> Request:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if token is not None:
        sent["authorization"] = f"Bearer {token}"
    text = b"" if body is None else json.dumps(body).encode()
    return Request(method, f"https://{HOST}{path}", path, query or {}, sent, text)


class TestTokens:
    def test_what_was_issued_is_read(self) -> None:
        claims = TOKENS.claims(f"Bearer {TOKENS.issue('me', 'https://them')}")
        assert claims is not None
        assert (claims["oid"], claims["aud"], claims["iss"]) == ("me", "https://them", ISSUER)

    @pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer a.b.c", "Basic x"])
    def test_what_was_not_is_not(self, header: str | None) -> None:
        assert TOKENS.claims(header) is None

    def test_another_keys_token_is_forged(self) -> None:
        assert TOKENS.claims(f"Bearer {Tokens('another').issue('me', 'https://them')}") is None


class TestIdentities:
    identities = Identities(TOKENS, {"one": {"client-1": "principal-1"}, "two": {"client-2": "principal-2"}})

    def ask(self, header: str, client: str, resource: str = "https://them") -> Answer:
        query = {"client_id": client, "resource": resource}
        return self.identities(request("GET", PATH, query=query, x_identity_header=header))

    def test_an_app_gets_a_token_of_its_identity(self) -> None:
        answer = self.ask("one", "client-1")
        claims = TOKENS.claims(f"Bearer {json.loads(answer.body)['access_token']}")
        assert answer.status == 200
        assert claims is not None
        assert (claims["oid"], claims["aud"]) == ("principal-1", "https://them")

    def test_and_of_no_other(self) -> None:
        assert self.ask("one", "client-2").status == 400

    def test_a_stranger_gets_none(self) -> None:
        assert self.ask("three", "client-1").status == 401
        assert self.ask("", "client-1").status == 401


class TestVault:
    def test_without_a_token_there_is_a_challenge(self) -> None:
        answer = Vault(TOKENS, HOST)(request("GET", "/secrets/keys/"))
        assert answer.status == 401
        assert 'resource="https://0.0.1:8443"' in answer.headers["www-authenticate"]

    def test_a_token_for_another_service_does_not_do(self) -> None:
        token = TOKENS.issue("me", "https://storage.azure.com")
        assert Vault(TOKENS, HOST)(request("GET", "/secrets/keys/", token=token)).status == 401

    def test_the_newest_version_is_read(self) -> None:
        vault, token = Vault(TOKENS, HOST), TOKENS.issue("me", key_vault.resource(HOST))
        assert vault(request("GET", "/secrets/keys/", token=token)).status == 404
        for value in ("old", "new"):
            assert vault(request("PUT", "/secrets/keys", {"value": value}, token=token)).status == 200
        answer = vault(request("GET", "/secrets/keys/", token=token))
        assert json.loads(answer.body)["value"] == "new"


class TestLogicApps:
    path = "/workflows/flow/triggers/fired/paths/invoke"

    def start(self, runs: Path, path: str = path, principal: str = "checker", **policy: str) -> Answer:
        policies = {self.path: [{"oid": "checker", "iss": ISSUER, "aud": "https://a/", **policy}]}
        token = TOKENS.issue(principal, "https://a/")
        logic_apps = LogicApps(TOKENS, policies, runs)
        sent = request("POST", path, {"rule": "hot"}, token=token, x_ms_client_tracking_id="run-1")
        return logic_apps(sent)

    def test_a_run_is_written_down(self, tmp_path: Path) -> None:
        assert self.start(tmp_path / "runs").status == 202
        (run,) = read_runs(tmp_path / "runs")
        assert (run["name"], run["input"]) == ("run-1", {"rule": "hot"})

    def test_another_identity_starts_none(self, tmp_path: Path) -> None:
        assert self.start(tmp_path / "runs", principal="persister").status == 401
        assert self.start(tmp_path / "runs", aud="https://b/").status == 401
        assert read_runs(tmp_path / "runs") == []

    def test_a_trigger_that_the_stack_has_not_is_not_found(self, tmp_path: Path) -> None:
        assert self.start(tmp_path / "runs", path=self.path.replace("fired", "other")).status == 404

    def test_a_trigger_without_a_policy_opens_to_nobody(self, tmp_path: Path) -> None:
        logic_apps = LogicApps(TOKENS, {self.path: []}, tmp_path / "runs")
        token = TOKENS.issue("checker", "https://a/")
        assert logic_apps(request("POST", self.path, {}, token=token)).status == 401
