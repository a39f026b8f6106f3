"""Changes of a good request that it does not survive, and changes that make no difference.

Every function takes the source of chance first: `random.Random`, or one of hypothesis.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from random import Random

from support.platforms import Wire

SIGNED = ("webhook-id", "webhook-timestamp", "webhook-signature")
HOSTILE_BODIES: Sequence[bytes] = (
    b"",
    b"\x00" * 50,
    b"\xff\xfe[]",
    b"\xef\xbb\xbf[]",
    b"[" * 5_000,
    b'[{"a":' * 3_000,
    b"[1" + b"0" * 6_000 + b"]",
    b"[1e999]",
    b"[-Infinity]",
    b'["\\ud800"]',
    '["\U0001f321"]'.encode("utf-16"),
    b"\x1f\x8b\x08\x00" + b"\x00" * 20,
    zlib.compress(b" " * 200_000, wbits=31),
)
HOSTILE_VALUES: Sequence[str] = (
    *("", "0", "-1", "9" * 400, "1e9", "NaN", "null", "true", "{}", "[]", "../../etc/passwd", "%00"),
    *("v1,", "v1,=", "v1a,AAAA", "v2,AAAA", "," * 500, "whsec_", "\x7f", "\xff\xfe", "\xb9\xb2", "A" * 9_000),
)
METHODS = ("GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "POSTS", "X")

Mutation = Callable[[Random, Wire], Wire]


def broken(chance: Random, wire: Wire, *, checks_key: bool, unpacks: bool = True) -> Wire:
    """With changes that make no difference, and one that does. `checks_key`: the function has to refuse a
    wrong API key, and not the platform before it. `unpacks`: it reads the body's encoding.
    """
    for _ in range(chance.randrange(3)):
        wire = chance.choice(HARMLESS)(chance, wire)
    required = ("content-type", *SIGNED, *(("x-api-key",) if checks_key else ()))
    if chance.randrange(2):
        return chance.choice(OF_THE_BODY)(chance, wire)
    which = chance.randrange(6)
    if which == 0:
        return Wire(chance.choice(METHODS), wire.target, wire.headers, wire.body)
    if which == 1 and unpacks:
        return other_encoding(chance, wire)
    return chance.choice(OF_A_HEADER)(chance, wire, chance.choice(required))


def changed_body(wire: Wire, body: bytes) -> Wire:
    """With another body: what should not differ gets a byte more."""
    return Wire(wire.method, wire.target, wire.headers, body if body != wire.body else body + b" ")


def flip(chance: Random, wire: Wire) -> Wire:
    body = bytearray(wire.body)
    for _ in range(chance.randrange(1, 5)):
        body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
    return changed_body(wire, bytes(body))


def overwrite(chance: Random, wire: Wire) -> Wire:
    at = chance.randrange(len(wire.body))
    noise = bytes(chance.randrange(256) for _ in range(chance.randrange(1, 9)))
    return changed_body(wire, wire.body[:at] + noise + wire.body[at + len(noise) :])


def insert(chance: Random, wire: Wire) -> Wire:
    at = chance.randrange(len(wire.body) + 1)
    noise = chance.choice(HOSTILE_BODIES) or b"\x00"
    return changed_body(wire, wire.body[:at] + noise + wire.body[at:])


def truncate(chance: Random, wire: Wire) -> Wire:
    return changed_body(wire, wire.body[: chance.randrange(len(wire.body))])


def cut_out(chance: Random, wire: Wire) -> Wire:
    start = chance.randrange(len(wire.body))
    return changed_body(wire, wire.body[:start] + wire.body[start + chance.randrange(1, 200) :])


def repeat(chance: Random, wire: Wire) -> Wire:
    return changed_body(wire, wire.body * chance.randrange(2, 4))


def replace(chance: Random, wire: Wire) -> Wire:
    return changed_body(wire, chance.choice(HOSTILE_BODIES))


def pack_again(chance: Random, wire: Wire) -> Wire:
    """Another encoding of the same bytes: the signature is that of the bytes on the wire."""
    body = zlib.compress(wire.body, chance.randrange(10), wbits=31)
    headers = (*without(wire, "content-encoding"), ("content-encoding", "gzip"))
    return changed_body(Wire(wire.method, wire.target, headers, wire.body), body)


def reorder(chance: Random, wire: Wire) -> Wire:
    at = chance.randrange(len(wire.body))
    return changed_body(wire, wire.body[at:] + wire.body[:at])


def other_encoding(chance: Random, wire: Wire) -> Wire:
    """An encoding that the body has not."""
    packed = wire.header("content-encoding") is not None
    names = ["br", "deflate", "gzip, gzip", "x-gzip", "gzip;q=1", "*", *HOSTILE_VALUES]
    name = chance.choice([*names[:6], "identity", ""] if packed else [*names, "gzip", "GZIP"])
    if name == "" and not packed:
        name = "compress"
    return Wire(
        wire.method,
        wire.target,
        (*without(wire, "content-encoding"), ("Content-Encoding", name)),
        wire.body,
    )


def drop(_: Random, wire: Wire, name: str) -> Wire:
    return Wire(wire.method, wire.target, without(wire, name), wire.body)


def alter(chance: Random, wire: Wire, name: str) -> Wire:
    """One character, which is another one in either case."""
    value = wire.header(name) or ""
    at = chance.randrange(len(value))
    other = chr(33 + (ord(value[at]) - 33 + chance.randrange(1, 94)) % 94)
    if other.lower() == value[at].lower():
        other = "~" if value[at] != "~" else "!"
    return with_header(wire, name, value[:at] + other + value[at + 1 :])


def shorten(chance: Random, wire: Wire, name: str) -> Wire:
    value = wire.header(name) or ""
    return with_header(wire, name, value[: chance.randrange(len(value))])


def lengthen(chance: Random, wire: Wire, name: str) -> Wire:
    value = wire.header(name) or ""
    at = chance.randrange(1, len(value))  # inside: a blank around a value is no part of it
    return with_header(wire, name, value[:at] + chance.choice("x0=_") + value[at:])


def hostile(chance: Random, wire: Wire, name: str) -> Wire:
    return with_header(wire, name, chance.choice(HOSTILE_VALUES))


def twice(chance: Random, wire: Wire, name: str) -> Wire:
    """A header that is there twice; the signature's has several values by itself."""
    name = "webhook-id" if name == "webhook-signature" else name
    value = chance.choice([wire.header(name) or "", *HOSTILE_VALUES])
    headers = [*wire.headers, (name, value)]
    if chance.randrange(2):
        headers.insert(0, headers.pop())
    return Wire(wire.method, wire.target, tuple(headers), wire.body)


def exchange(chance: Random, wire: Wire, name: str) -> Wire:
    """Another header's value."""
    others = [value for key, value in wire.headers if value != wire.header(name)]
    return with_header(wire, name, chance.choice(others))


def noise_header(chance: Random, wire: Wire) -> Wire:
    header = (f"X-Noise-{chance.randrange(99)}", chance.choice(HOSTILE_VALUES))
    return Wire(wire.method, wire.target, (header, *wire.headers), wire.body)


def other_case(chance: Random, wire: Wire) -> Wire:
    change = chance.choice((str.upper, str.title, str.lower))
    return Wire(
        wire.method, wire.target, tuple((change(name), value) for name, value in wire.headers), wire.body
    )


def query(chance: Random, wire: Wire) -> Wire:
    text = chance.choice(("?", "?a=1", "?a=1&a=2", "?x-api-key=k", "?%ff=%00", "?&&==", "?q=" + "x" * 2_000))
    return Wire(wire.method, wire.target.partition("?")[0] + text, wire.headers, wire.body)


def without(wire: Wire, name: str) -> tuple[tuple[str, str], ...]:
    return tuple(each for each in wire.headers if each[0].lower() != name)


def with_header(wire: Wire, name: str, value: str) -> Wire:
    return Wire(wire.method, wire.target, (*without(wire, name), (name, value)), wire.body)


OF_THE_BODY: Sequence[Mutation] = (
    *(flip, flip, overwrite, insert, truncate, cut_out),
    *(repeat, replace, pack_again, reorder),
)
OF_A_HEADER: Sequence[Callable[[Random, Wire, str], Wire]] = (
    *(drop, alter, alter, shorten),
    *(lengthen, hostile, twice, exchange),
)
HARMLESS: Sequence[Mutation] = (noise_header, other_case, query)
