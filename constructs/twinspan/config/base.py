"""The frozen model that every section of twin.yaml extends, and the types of its fields."""

import math
import re
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    PlainSerializer,
    PlainValidator,
    Strict,
    WithJsonSchema,
    WrapSerializer,
)

from twin_runtime.roles import Cloud
from twin_runtime.values import ValueType
from twinspan.config.problems import Refusal
from twinspan.config.text import shown

TAG = "\0"  # pydantic puts a variant's tag into an error's location: this marks what is not in the file
Key = TypeVar("Key")
Value = TypeVar("Value")


class Entry(BaseModel):
    """One mapping of twin.yaml: frozen, without unknown fields, and nothing is converted silently."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, validate_default=True)


def one_text(pattern: str, longest: int, rule: str, shortest: int = 1) -> tuple[Any, Any]:
    """The validators of a text that matches `pattern` as a whole; `rule` is what the user reads."""
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not shortest <= len(value) <= longest or not compiled.fullmatch(value):
            raise Refusal(f"{shown(value)} is not allowed; {rule}")
        return value

    schema = {"type": "string", "pattern": f"^{pattern}$", "minLength": shortest, "maxLength": longest}
    return AfterValidator(check), WithJsonSchema(schema)


def _number(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        unquoted = isinstance(value, str) and re.fullmatch(r"[-+]?[0-9]+(\.[0-9]+)?", value)
        raise Refusal(
            f"must be a number, got {shown(value)}" + (f"; write {value} without quotes" if unquoted else "")
        )
    return _finite(value)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise Refusal(f"must be a finite number, got {shown(value)}; write one that a 64-bit float can hold")
    return value


def finite_scalar(value: Any) -> bool | int | float | str:
    """The value, where it is a number, true, false or text; raises `Refusal`."""
    if not isinstance(value, bool | int | float | str):
        raise Refusal(f"must be a number, true, false or text, got {shown(value)}")
    return _finite(value)


def relative_path(value: Any) -> PurePosixPath:
    """The value as the path of a file in the folder of the twin.yaml; raises `Refusal`."""
    if isinstance(value, PurePosixPath):
        return value
    if not isinstance(value, str):
        raise Refusal(f"must be the path of a file, got {shown(value)}")
    path = PurePosixPath(value)
    if not value or not value.isprintable() or "\\" in value:
        raise Refusal(
            f"{shown(value)} is not a valid path; write it with '/', for example processors/thermostat.py"
        )
    if path.is_absolute() or ".." in path.parts:
        raise Refusal(f"{shown(value)} is outside the folder of the twin.yaml; put the file into that folder")
    return path


_DURATION = r"(0|[1-9][0-9]{0,8})([smhd])"
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


class Duration(str):
    """A length of time as twin.yaml has it: a whole number of seconds, minutes, hours or days, such as 30s,
    5m, 1h or 30d. Compare `seconds`: 60s and 1m are two texts of one length.
    """

    __slots__ = ()

    @property
    def seconds(self) -> int:
        """The length in seconds."""
        return int(self[:-1]) * _UNITS[self[-1]]

    @classmethod
    def read(cls, value: Any) -> Self:
        """The value as a duration; raises `Refusal`."""
        if isinstance(value, str) and re.fullmatch(_DURATION, value):
            return cls(value)
        whole = isinstance(value, int) and not isinstance(value, bool) and value >= 0
        fix = f"{value}s, {value}m, {value}h or {value}d" if whole else "30s, 5m, 1h or 30d"
        raise Refusal(f"{shown(value)} is not a duration; write a whole number with its unit, such as {fix}")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> Any:
        schema = {"type": "string", "pattern": f"^{_DURATION}$"}
        plain = PlainSerializer(str.__str__, return_type=str)
        return handler.generate_schema(
            Annotated[Any, PlainValidator(cls.read), plain, WithJsonSchema(schema)]
        )


def lasting(shortest: str, longest: str) -> AfterValidator:
    """The validator of a `Duration` from `shortest` to `longest`."""
    least, most = Duration(shortest), Duration(longest)

    def check(value: Duration) -> Duration:
        if not least.seconds <= value.seconds <= most.seconds:
            low = value.seconds < least.seconds
            bound, side, more = (least, "least", "more") if low else (most, "most", "less")
            raise Refusal(f"must be at {side} {bound}, got {value}; write {bound} or {more}")
        return value

    return AfterValidator(check)


CloudName = Annotated[Cloud, Strict(False)]
TypeName = Annotated[ValueType, Strict(False)]
# `twinspan.naming` checks the names that each cloud derives from it.
TwinName = Annotated[
    str,
    *one_text(
        r"[a-z](?:-?[a-z0-9])+",
        20,
        "use 3–20 lowercase letters, digits and single hyphens; start with a letter, end with a letter or "
        "digit",
        shortest=3,
    ),
]
# What the digital twin languages accept too: a DTDL name has letters, digits and inner underscores, up to 64.
Identifier = Annotated[
    str,
    *one_text(
        r"[A-Za-z](?:[A-Za-z0-9_]*[A-Za-z0-9])?",
        64,
        "use up to 64 letters, digits and underscores; start with a letter, end with a letter or digit",
    ),
]
# Fields of a device's message besides its measurements (twin_runtime/events/payload.py): a metric of such a
# name would be read as that field.
RESERVED_METRICS = ("data", "id", "time", "traceparent")


def _not_reserved(value: str) -> str:
    if value in RESERVED_METRICS:
        raise Refusal(
            f"{shown(value)} is a field of the device's message; use a name other than "
            f"{', '.join(RESERVED_METRICS)}"
        )
    return value


MetricName = Annotated[Identifier, AfterValidator(_not_reserved)]
# The narrowest broker decides: an AWS IoT thing name is 1 to 128 of a-zA-Z0-9:_- (API: CreateThing).
# IoT Hub allows these and more in up to 128 (identity registry, deviceId); a Pub/Sub attribute value holds
# 1024 bytes. The first character keeps clear of ids that Firestore reserves (__x__).
DeviceId = Annotated[
    str,
    *one_text(
        r"[A-Za-z0-9][A-Za-z0-9:_-]*",
        128,
        "use up to 128 letters, digits, ':', '_' and '-'; start with a letter or digit, as AWS IoT requires",
    ),
]
RuleName = Annotated[
    str,
    *one_text(
        r"[A-Za-z][A-Za-z0-9_-]*", 64, "use up to 64 letters, digits, '_' and '-'; start with a letter"
    ),
]
Unit = Annotated[
    str, *one_text(r"\S(?:.{0,30}\S)?", 32, 'a unit is 1 to 32 characters, for example Cel or "%"')
]
# One address, in the plain form that SNS, Azure Monitor and Cloud Monitoring all take; 254 is SMTP's limit
# (RFC 5321).
Email = Annotated[
    str,
    *one_text(
        r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+",
        254,
        "write one e-mail address, for example ops@example.com",
    ),
]
Number = Annotated[int | float, PlainValidator(_number), WithJsonSchema({"type": "number"})]
Scalar = Annotated[
    bool | int | float | str,
    PlainValidator(finite_scalar),
    WithJsonSchema({"type": ["number", "boolean", "string"]}),
]
RelativePath = Annotated[
    PurePosixPath,
    Strict(False),
    BeforeValidator(relative_path),
    WithJsonSchema({"type": "string", "minLength": 1}),
]


def _plain(mapping: Mapping[Any, Any], handler: Callable[[Any], Any]) -> Any:
    return handler(dict(mapping))


FrozenMap = Annotated[Mapping[Key, Value], AfterValidator(MappingProxyType), WrapSerializer(_plain)]
List = Annotated[tuple[Value, ...], Strict(False)]
