"""The JSON documents that commands print, read with the schema that the reference shows."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from command.app import schemas


def checked(command: str, text: str) -> dict[str, Any]:
    """Return the document that the command printed, which must be of the command's schema."""
    document = json.loads(text)
    schema = schemas(command.split(maxsplit=1)[0])[command]
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(document)
    return document


def read(command: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return the document on standard output; see `checked`."""
    return checked(command, capsys.readouterr().out)
