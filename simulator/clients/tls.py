"""TLS with a client certificate."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from simulator.errors import NotConnected


class _Socket(ssl.SSLSocket):
    """Says of a broken connection what a plain socket says of it.

    paho takes `ConnectionError` for a lost connection; on another one, such as the SSL error of a broker that
    closes in the middle of a message, its thread ends, and with it the session, without a word.
    """

    def recv(self, *arguments: Any, **options: Any) -> bytes:
        with _lost():
            return super().recv(*arguments, **options)

    def send(self, *arguments: Any, **options: Any) -> int:
        with _lost():
            return super().send(*arguments, **options)


@contextlib.contextmanager
def _lost() -> Iterator[None]:
    try:
        yield
    except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
        raise  # not an error: try again
    except ssl.SSLError as error:
        raise ConnectionResetError(str(error)) from error


def context(certificate: tuple[Path, Path], ca_file: Path | None) -> ssl.SSLContext:
    """For a client with this certificate and key; `ca_file` None is for the system's authorities. Raises
    `NotConnected`.
    """
    made = ssl.create_default_context(cafile=ca_file)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.sslsocket_class = _Socket
    try:
        made.load_cert_chain(*certificate)
    except (OSError, ssl.SSLError) as error:
        raise NotConnected(f"{certificate[0]} and its key cannot be used: {error}.") from None
    return made
