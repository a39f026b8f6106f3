"""An authority of the local cloud's own, and certificates by it: for servers on loopback and for devices."""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFETIME = datetime.timedelta(days=30)
_SKEW = datetime.timedelta(days=1)
_SERVER_NAMES = ("localhost", "127.0.0.1")


@dataclass(frozen=True)
class Certificate:
    """A certificate and its key, both in PEM."""

    certificate: Path
    key: Path


class Authority:
    """Signs with a key that it makes and never writes down. `folder` gets `ca.pem` and the certificates."""

    def __init__(self, folder: Path, name: str = "Twinspan local cloud") -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        builder = _unsigned(self._name, self._name, self._key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_usage(signs=True), critical=True)
        self.ca_file = folder / "ca.pem"
        self.ca_file.write_bytes(_pem(builder.sign(self._key, hashes.SHA256())))

    def trust(self) -> dict[str, str]:
        """The environment by which OpenSSL's default context, and the `requests` of the SDKs, trust this
        authority, and no other.
        """
        return {"SSL_CERT_FILE": str(self.ca_file), "REQUESTS_CA_BUNDLE": str(self.ca_file)}

    def server(self, name: str = "server", *also: str) -> Certificate:
        """For a server on loopback, by name and by address, and by the names in `also`."""
        names = x509.SubjectAlternativeName(
            [
                *(x509.DNSName(each) for each in (_SERVER_NAMES[0], *also)),
                x509.IPAddress(ipaddress.ip_address(_SERVER_NAMES[1])),
            ]
        )
        return self._issue(name, _SERVER_NAMES[0], ExtendedKeyUsageOID.SERVER_AUTH, names)

    def client(self, name: str, folder: Path | None = None) -> Certificate:
        """For a client, which is told by the certificate's common name: `<name>.crt` and `<name>.key`."""
        return self._issue(name, name, ExtendedKeyUsageOID.CLIENT_AUTH, None, folder)

    def _issue(
        self,
        file: str,
        common_name: str,
        purpose: x509.ObjectIdentifier,
        names: x509.SubjectAlternativeName | None,
        folder: Path | None = None,
    ) -> Certificate:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _unsigned(_named(common_name), self._name, key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(signs=False), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = builder.add_extension(authority, critical=False)
        if names is not None:
            builder = builder.add_extension(names, critical=False)
        folder = folder or self.folder
        folder.mkdir(parents=True, exist_ok=True)
        made = Certificate(folder / f"{file}.crt", folder / f"{file}.key")
        made.certificate.write_bytes(_pem(builder.sign(self._key, hashes.SHA256())))
        made.key.touch(mode=0o600)
        made.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return made


def _named(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _unsigned(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .subject_name(subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
