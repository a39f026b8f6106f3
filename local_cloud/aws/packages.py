"""Has Terraform take the functions' packages from a bucket instead of from files.

The provider creates one function at a time from a file, and waits five seconds for each. From a bucket it
creates all of them at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

_BUCKET = "local-cloud-packages"
_FUNCTION = "aws_lambda_function"


def upload(stack: Mapping[str, Any], source: Path, *, s3: Any, region: str) -> dict[str, Any]:
    """Upload the packages that lie in `source`; returns the stack's functions with their code in S3."""
    functions = stack["resource"].get(_FUNCTION, {})
    # S3 refuses its first region as a constraint, and wants one for every other.
    place = {"CreateBucketConfiguration": {"LocationConstraint": region}} if region != "us-east-1" else {}
    s3.create_bucket(Bucket=_BUCKET, **place)
    for name in sorted({body["filename"] for body in functions.values()}):
        s3.upload_file(str(source / name), _BUCKET, name)
    return {_FUNCTION: {name: _from_s3(body) for name, body in functions.items()}} if functions else {}


def _from_s3(body: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in body.items() if key != "filename"}
    return {**kept, "s3_bucket": _BUCKET, "s3_key": body["filename"]}
