"""The local cloud's own authority."""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path

import pytest

from local_cloud.certificates import Authority, Certificate


def handshake(server: Certificate, trust: Path, name: str, client: Certificate | None = None) -> str:
    """The common name that the server was shown; raises what the client's handshake raises."""
    listening = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    listening.load_cert_chain(server.certificate, server.key)
    calling = ssl.create_default_context(cafile=str(trust))
    if client:
        listening.verify_mode = ssl.CERT_REQUIRED
        listening.load_verify_locations(trust)
        calling.load_cert_chain(client.certificate, client.key)
    here, there = socket.socketpair()
    shown: list[str] = []

    def accept() -> None:
        try:
            with listening.wrap_socket(there, server_side=True) as connection:
                subject = (connection.getpeercert() or {}).get("subject", ())
                shown.extend(value for names in subject for key, value in names if key == "commonName")
                connection.recv(1)
        except OSError:
            there.close()

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        with calling.wrap_socket(here, server_hostname=name) as connection:
            connection.send(b".")
    finally:
        here.close()
        thread.join()
    return shown[0] if shown else ""


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_a_server_on_loopback_is_trusted(tmp_path: Path, name: str) -> None:
    authority = Authority(tmp_path)
    assert handshake(authority.server(), authority.ca_file, name) == ""


def test_another_name_is_not(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(authority.server(), authority.ca_file, "example.org")


def test_another_authority_is_not(tmp_path: Path) -> None:
    one, two = Authority(tmp_path / "one"), Authority(tmp_path / "two")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(one.server(), two.ca_file, "localhost")


def test_a_client_is_told_by_its_common_name(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    client = authority.client("pump-1", tmp_path / "devices")
    assert client.certificate == tmp_path / "devices" / "pump-1.crt"
    assert handshake(authority.server(), authority.ca_file, "localhost", client) == "pump-1"


def test_nobody_else_reads_a_key(tmp_path: Path) -> None:
    assert Authority(tmp_path).client("pump-1").key.stat().st_mode & 0o077 == 0


def test_the_environment_that_trusts_it_names_the_authority(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    assert set(authority.trust().values()) == {str(authority.ca_file)}
