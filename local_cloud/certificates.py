"""An authority of the local cloud's own, and certificates by it: for servers on loopback and for devices."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from trustme import CA

_LOOPBACK = ("localhost", "127.0.0.1")


@dataclass(frozen=True)
class Certificate:
    """A certificate and its key, both in PEM."""

    certificate: Path
    key: Path


class Authority:
    """Signs with a key that it makes and never writes down. `folder` gets `ca.pem` and the certificates."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._ca = CA(organization_name="Twinspan local cloud")
        self.ca_file = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(self.ca_file)

    def trust(self) -> dict[str, str]:
        """The environment by which OpenSSL's default context, and the `requests` of the SDKs, trust this
        authority, and no other.
        """
        return {"SSL_CERT_FILE": str(self.ca_file), "REQUESTS_CA_BUNDLE": str(self.ca_file)}

    def server(self, name: str = "server", *also: str) -> Certificate:
        """For a server on loopback, by name and by address, and by the names in `also`."""
        return self._issue(self.folder, name, *_LOOPBACK, *also)

    def client(self, name: str, folder: Path | None = None) -> Certificate:
        """For a client, which is told by the certificate's common name: `<name>.crt` and `<name>.key`."""
        return self._issue(folder or self.folder, name, "localhost")

    def _issue(self, folder: Path, name: str, *identities: str) -> Certificate:
        issued = self._ca.issue_cert(*identities, common_name=name)
        folder.mkdir(parents=True, exist_ok=True)
        made = Certificate(folder / f"{name}.crt", folder / f"{name}.key")
        issued.cert_chain_pems[0].write_to_path(made.certificate)
        made.key.touch(mode=0o600)
        issued.private_key_pem.write_to_path(made.key)
        return made
