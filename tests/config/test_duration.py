"""`Duration`: what is accepted, its seconds, one sentence for each mistake, and its JSON schema."""

import json
from typing import Annotated, Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from pydantic import BaseModel, ValidationError

from twinspan.config.base import Duration, Entry, lasting


class Timed(BaseModel):
    """Strict as `Entry`, and no part of twin.yaml."""

    model_config = Entry.model_config

    wait: Annotated[Duration, lasting("10s", "1h")] = Duration("5m")


@pytest.mark.parametrize(
    ("text", "seconds"), [("10s", 10), ("5m", 300), ("1h", 3_600), ("60m", 3_600), ("3600s", 3_600)]
)
def test_it_is_text_with_a_length_in_seconds(text: str, seconds: int) -> None:
    wait = Timed.model_validate({"wait": text}).wait
    assert (wait, wait.seconds, type(wait)) == (text, seconds, Duration)


def test_the_units() -> None:
    assert [Duration(text).seconds for text in ("0s", "30s", "5m", "1h", "30d")] == [
        0,
        30,
        300,
        3_600,
        2_592_000,
    ]


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (30, "30 is not a duration; write a whole number with its unit, such as 30s, 30m, 30h or 30d"),
        (True, "true is not a duration; write a whole number with its unit, such as 30s, 5m, 1h or 30d"),
        ("1.5h", "'1.5h' is not a duration; write a whole number with its unit, such as 30s, 5m, 1h or 30d"),
        ("5 m", "'5 m' is not a duration; write a whole number with its unit, such as 30s, 5m, 1h or 30d"),
        ("5M", "'5M' is not a duration; write a whole number with its unit, such as 30s, 5m, 1h or 30d"),
        ("05m", "'05m' is not a duration; write a whole number with its unit, such as 30s, 5m, 1h or 30d"),
        ("5m\n", "'5m\\n' is not a duration; write a whole number with its unit, such as 30s, 5m, 1h or 30d"),
        ("9s", "must be at least 10s, got 9s; write 10s or more"),
        ("61m", "must be at most 1h, got 61m; write 1h or less"),
    ],
)
def test_what_is_refused(value: Any, sentence: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Timed.model_validate({"wait": value})
    assert [str(error["ctx"]["error"]) for error in caught.value.errors() if "ctx" in error] == [sentence]


def test_it_is_written_as_it_was_read() -> None:
    read = Timed.model_validate({"wait": "60m"})
    for plain in (read.model_dump(mode="json"), read.model_dump()):
        assert Timed.model_validate(yaml.safe_load(yaml.safe_dump(plain))) == read
    assert json.loads(read.model_dump_json()) == {"wait": "60m"}
    assert Timed().model_dump(mode="json") == {"wait": "5m"}


def test_its_schema() -> None:
    schema = Timed.model_json_schema()
    check = Draft202012Validator(schema)
    Draft202012Validator.check_schema(schema)
    assert schema["properties"]["wait"]["default"] == "5m"
    assert all(check.is_valid({"wait": text}) for text in ("10s", "5m", "1h"))
    assert not any(check.is_valid({"wait": value}) for value in (30, "30", "1.5h", "05m", "5 m", None))
