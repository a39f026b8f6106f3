"""Signatures are Standard Webhooks; keys are compared in constant time."""

from __future__ import annotations

import hmac
from base64 import b64encode
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.properties import bounded
from support.samples import KEY_1, KEY_2
from twin_runtime.wire import signing

KEYS = st.binary(min_size=16, max_size=64).map(lambda raw: "whsec_" + b64encode(raw).decode())
NOW = 1_700_000_000


def test_the_published_example() -> None:
    """The test vector of the Standard Webhooks specification."""
    headers = signing.sign(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        b'{"test": 2432232314}',
        id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@bounded
@given(st.binary(max_size=200), st.lists(KEYS, min_size=1, max_size=3), st.data())
def test_signed_by_any_accepted_by_any(body: bytes, keys: list[str], data: st.DataObject) -> None:
    headers = signing.sign(keys, body, id=signing.webhook_id(body), timestamp=NOW)
    held = data.draw(st.sampled_from(keys))
    signing.verify([KEY_1, held], body, headers, now=NOW + data.draw(st.integers(-300, 300)))


@bounded
@given(st.binary(max_size=50), st.binary(max_size=50))
def test_another_body_is_refused(body: bytes, other: bytes) -> None:
    headers = signing.sign([KEY_1], body, id="msg_1", timestamp=NOW)
    if body != other:
        with pytest.raises(signing.BadSignature):
            signing.verify([KEY_1], other, headers, now=NOW)


@bounded
@given(st.dictionaries(st.sampled_from([signing.ID, signing.TIMESTAMP, signing.SIGNATURE]), st.text()))
def test_no_headers_of_chance_are_accepted(headers: dict[str, str]) -> None:
    with pytest.raises(signing.BadSignature):
        signing.verify([KEY_1], b"{}", headers, now=NOW)


@pytest.mark.parametrize("off", [301, -301, 360, -360, 10**9])
def test_the_tolerance_is_five_minutes_both_ways(off: int) -> None:
    headers = signing.sign([KEY_1], b"", id="msg_1", timestamp=NOW)
    with pytest.raises(signing.BadSignature, match="5 minutes"):
        signing.verify([KEY_1], b"", headers, now=NOW + off)


def test_an_unknown_key_is_told_from_the_rest() -> None:
    headers = signing.sign([KEY_2], b"", id="msg_1", timestamp=NOW)
    with pytest.raises(signing.BadSignature) as unknown:
        signing.verify([KEY_1], b"", headers, now=NOW)
    assert unknown.value.unknown
    with pytest.raises(signing.BadSignature) as missing:
        signing.verify([KEY_1], b"", {}, now=NOW)
    assert not missing.value.unknown


@pytest.mark.parametrize("change", [{"webhook-id": "msg_2"}, {"webhook-timestamp": str(NOW + 1)}])
def test_id_and_timestamp_are_signed(change: dict[str, str]) -> None:
    headers = signing.sign([KEY_1], b"", id="msg_1", timestamp=NOW) | change
    with pytest.raises(signing.BadSignature):
        signing.verify([KEY_1], b"", headers, now=NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "a.b"},
        {"webhook-id": "a" * 129},
        {"webhook-timestamp": "-1"},
        {"webhook-timestamp": "1e9"},
        {"webhook-timestamp": "9" * 5000},
        {"webhook-signature": "v2,AAAA"},
        {"webhook-signature": "v1,%%%"},
        {"webhook-signature": "v1"},
    ],
)
def test_malformed_headers(change: dict[str, str]) -> None:
    headers = signing.sign([KEY_1], b"", id="msg_1", timestamp=NOW) | change
    with pytest.raises(signing.BadSignature):
        signing.verify([KEY_1], b"", headers, now=NOW)


def test_a_signature_of_another_version_beside_ours_is_passed_over() -> None:
    headers = signing.sign([KEY_1], b"", id="msg_1", timestamp=NOW)
    headers["webhook-signature"] = "v1a,xyz v2,abc v1,!! " + headers["webhook-signature"]
    signing.verify([KEY_1], b"", headers, now=NOW)


@pytest.mark.parametrize("key", ["", "whsec_", "whsec_AAAA", "plain", "whsec_%%%%%%%%%%%%%%%%%%%%%%%%"])
def test_a_key_that_is_unusable(key: str) -> None:
    with pytest.raises(ValueError, match="signing key"):
        signing.sign([key], b"", id="msg_1", timestamp=NOW)


def test_the_same_batch_has_the_same_id() -> None:
    assert signing.webhook_id(b"[1]") == signing.webhook_id(b"[1]") != signing.webhook_id(b"[2]")


@pytest.mark.parametrize(
    ("given_key", "accepted", "expected"),
    [
        ("a", {"twin": ["a"]}, "twin"),
        ("b", {"twin": ["a", "b"], "erp": ["c"]}, "twin"),
        ("c", {"twin": ["a", "b"], "erp": ["c"]}, "erp"),
        ("d", {"twin": ["a", "b"], "erp": ["c"]}, None),
        ("a ", {"twin": ["a"]}, None),
        ("", {"twin": ["a"]}, None),
        (None, {"twin": ["a"]}, None),
        ("", {"twin": ["a"], "erp": [""]}, None),
        (None, {"twin": [""]}, None),
        ("é\ud800", {"twin": ["a"]}, None),
        ("a", {"twin": []}, None),
        ("a", {}, None),
    ],
)
def test_whose_api_key_it_is(
    given_key: str | None, accepted: dict[str, list[str]], expected: str | None
) -> None:
    assert signing.owner_of_key(given_key, accepted) == expected


def test_every_api_key_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the first, the last or none is right."""
    compared: list[int] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared[-1] += 1
        return hmac.compare_digest(one, other)

    monkeypatch.setattr(signing, "hmac", SimpleNamespace(compare_digest=compare))
    for key in ("a", "d", "e", ""):
        compared.append(0)
        signing.owner_of_key(key, {"twin": ["a", "b"], "erp": ["c"], "mobile": ["d"]})
    assert compared == [4, 4, 4, 4]
