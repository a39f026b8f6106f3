"""The cold and the archive tier in S3 buckets.

A tier's address is `s3://<bucket>?class=<storage class>`, such as STANDARD_IA or DEEP_ARCHIVE: a bucket has
no class of its own, so it is named with each object.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from botocore.exceptions import ClientError

from twin_aws.clients import calling, code_of
from twin_runtime.errors import ConfigurationError, Refused
from twin_runtime.ports import PARTS, Stored, Versioned

_STANDARD = "STANDARD"
_ARCHIVED = ("GLACIER", "DEEP_ARCHIVE")
"""Classes whose objects must be restored before they can be read."""
_RESTORED = 'ongoing-request="false"'
_MISSING = ("404", "NoSuchKey", "NotFound")  # HeadObject's answer has no body, so its code is the status
_OTHERS = ("PreconditionFailed", "ConditionalRequestConflict", *_MISSING)
"""Answers to a write on condition where another version is there, is being written, or was deleted."""
_PAGE = 1_000


class S3Objects:
    """`ports.Objects` in a bucket. Thread-safe, as the client is."""

    def __init__(self, bucket: str, storage_class: str, client: Any) -> None:
        self._bucket = bucket
        self._class = storage_class
        self._client = client

    @classmethod
    def at(cls, address: str, client: Any) -> S3Objects:
        """The tier at `s3://<bucket>?class=<storage class>`."""
        parts = urlsplit(address)
        classes = parse_qs(parts.query).get("class", [])
        if parts.scheme != "s3" or not parts.netloc or len(classes) != 1:
            raise ConfigurationError("A tier's address must be s3://<bucket>?class=<storage class>.")
        return cls(parts.netloc, classes[0], client)

    def put(self, name: str, body: bytes, *, rows: int, sha256: str) -> None:
        with calling("S3"):
            self._client.put_object(
                Bucket=self._bucket,
                Key=name,
                Body=body,
                ChecksumSHA256=b64encode(bytes.fromhex(sha256)).decode("ascii"),
                ContentType="application/gzip",
                Metadata={"rows": str(rows), "sha256": sha256},
                StorageClass=_STANDARD if name.startswith(PARTS) else self._class,
            )

    def stat(self, name: str) -> Stored | None:
        head = self._head(name)
        return None if head is None else _stored(name, head)

    def get(self, name: str, *, start: int = 0, length: int | None = None) -> bytes:
        part = {} if length is None else {"Range": f"bytes={start}-{start + length - 1}"}
        with calling("S3"), _refusing(name):
            return self._client.get_object(Bucket=self._bucket, Key=name, **part)["Body"].read()

    def read(self, name: str) -> Versioned | None:
        with calling("S3"):
            try:
                found = self._client.get_object(Bucket=self._bucket, Key=name)
                return Versioned(found["Body"].read(), found["ETag"])
            except ClientError as error:
                if code_of(error) in _MISSING:
                    return None
                raise

    def replace(self, name: str, body: bytes, *, version: str | None) -> str | None:
        condition = {"IfNoneMatch": "*"} if version is None else {"IfMatch": version}
        with calling("S3"):
            try:
                return self._client.put_object(
                    Bucket=self._bucket,
                    Key=name,
                    Body=body,
                    ContentType="application/gzip",
                    StorageClass=_STANDARD,
                    **condition,
                )["ETag"]
            except ClientError as error:
                if code_of(error) in _OTHERS:
                    return None
                raise

    def names(self, prefix: str, *, after: str = "", limit: int = _PAGE) -> Sequence[str]:
        found: list[str] = []
        listing: dict[str, Any] = {"Bucket": self._bucket, "Prefix": prefix}
        if after:
            listing["StartAfter"] = after
        while len(found) < limit:
            with calling("S3"):
                page = self._client.list_objects_v2(**listing, MaxKeys=min(limit - len(found), _PAGE))
            found += [each["Key"] for each in page.get("Contents", ())]
            if not page.get("IsTruncated"):
                break
            listing["ContinuationToken"] = page["NextContinuationToken"]
        return found

    def delete(self, name: str) -> None:
        with calling("S3"):
            self._client.delete_object(Bucket=self._bucket, Key=name)

    def thaw(self, name: str, *, days: int) -> bool:
        head = self._head(name)
        if head is None:
            raise Refused(f"{name} is not in the bucket.")
        if head.get("StorageClass") not in _ARCHIVED or _RESTORED in head.get("Restore", ""):
            return True
        request = {"Days": days, "GlacierJobParameters": {"Tier": "Bulk"}}
        with calling("S3"):
            try:
                self._client.restore_object(Bucket=self._bucket, Key=name, RestoreRequest=request)
            except ClientError as error:
                if code_of(error) != "RestoreAlreadyInProgress":
                    raise
        return False

    def _head(self, name: str) -> Mapping[str, Any] | None:
        with calling("S3"):
            try:
                return self._client.head_object(Bucket=self._bucket, Key=name, ChecksumMode="ENABLED")
            except ClientError as error:
                if code_of(error) in _MISSING:
                    return None
                raise


def _stored(name: str, head: Mapping[str, Any]) -> Stored:
    """What S3 has checked the bytes against counts, before what was written beside them."""
    try:
        metadata = head["Metadata"]
        checksum = head.get("ChecksumSHA256")
        sha256 = b64decode(checksum).hex() if checksum else metadata["sha256"]
        return Stored(name, head["ContentLength"], int(metadata["rows"]), sha256)
    except (KeyError, ValueError):
        raise Refused(f"{name} has no count of rows and checksum: it is not of a twin.") from None


@contextmanager
def _refusing(name: str) -> Iterator[None]:
    """What no second attempt changes is `Refused`."""
    try:
        yield
    except ClientError as error:
        if code_of(error) in _MISSING:
            raise Refused(f"{name} is not in the bucket.") from error
        if code_of(error) == "InvalidObjectState":
            raise Refused(f"{name} is archived and must be restored before it can be read.") from error
        raise
