"""The sections that keep a deployed twin safe while it changes: `keys`, `read_api`, `protect`, `former` and
`tags`.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, NamedTuple, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    PlainSerializer,
    PlainValidator,
    Tag,
    TypeAdapter,
    WithJsonSchema,
    model_validator,
)

from twin_runtime.roles import Cloud, Layer
from twinspan.config.base import TAG, Entry, FrozenMap, List, one_text
from twinspan.config.problems import Refusal
from twinspan.config.text import one_of, shown, suggestion

KEEPS = (Layer.HOT_STORAGE, Layer.COLD_STORAGE, Layer.ARCHIVE_STORAGE)
"""The layers with a store that can outlive them under `former`."""
LATEST_GENERATION = 1_000_000
_MOST_TAGS = 20
_TAKEN = ("twin", "layer", "role")
_PREFIXES = ("aws", "azure", "microsoft", "windows", "goog")


class Generations(Entry):
    """The generation of a set of keys, and the first one that is still accepted."""

    generation: int = Field(
        default=1,
        ge=1,
        le=LATEST_GENERATION,
        description="Generation of the keys. Raise it by one to rotate: this generation and the one before "
        "are accepted.",
    )
    revoked_before: int = Field(
        default=0,
        ge=0,
        le=LATEST_GENERATION,
        description="Generations below this one are refused at once. In an emergency: the generation itself.",
    )

    @model_validator(mode="after")
    def _keeps_one(self) -> Self:
        if self.revoked_before > self.generation:
            raise Refusal(
                f"revoked_before is {self.revoked_before}, which revokes every key up to the generation "
                f"{self.generation}; write revoked_before: {self.generation}, or raise generation"
            )
        return self

    @property
    def accepted(self) -> tuple[int, ...]:
        """The generations that are accepted, the oldest first."""
        return tuple(range(max(self.generation - 1, self.revoked_before), self.generation + 1))


class Keys(Generations):
    """API keys and signing keys of the links. Defaults of the Terraform variables `key_generation` and
    `keys_revoked_before`.
    """


ClientName = Annotated[
    str,
    *one_text(
        r"[a-z](?:-?[a-z0-9])*",
        20,
        "use up to 20 lowercase letters, digits and single hyphens; start with a letter, end with a letter "
        "or digit",
    ),
]


class Client(Generations):
    """A client of the read API, with keys of its own."""

    name: ClientName = Field(description="Name of the client; the access log contains it.", examples=["erp"])


def _named(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


class _OrName:
    """Lets the schema accept the name alone."""

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:
        return {"anyOf": [TypeAdapter(ClientName).json_schema(), handler(core)]}


def _each_once(clients: tuple[Client, ...]) -> tuple[Client, ...]:
    names = [client.name for client in clients]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise Refusal(f"{shown(twice)} is given twice; keep one of them")
    return clients


class ReadApi(Entry):
    """Public endpoints for clients outside the twin."""

    clients: Annotated[
        List[Annotated[Client, BeforeValidator(_named), _OrName()]],
        AfterValidator(_each_once),
    ] = Field(
        min_length=1,
        max_length=50,
        description="One API key per client: a name, or a name with generation and revoked_before.",
        examples=[["erp", {"name": "mobile", "generation": 2}]],
    )


YesOrClients = Annotated[
    Annotated[bool, Tag(TAG + "bool")] | Annotated[ReadApi, Tag(TAG + "clients")],
    Discriminator(lambda value: TAG + ("clients" if isinstance(value, dict | ReadApi) else "bool")),
]


class Former(NamedTuple):
    """A store that a layer has left: it stays in the stack of its cloud, readable, no longer written."""

    layer: Layer
    cloud: Cloud

    def __str__(self) -> str:
        return f"{self.layer}@{self.cloud}"


def _former(value: Any) -> Former:
    if isinstance(value, Former):
        return value
    if isinstance(value, str):
        layer, at, cloud = value.partition("@")
        if at and layer in KEEPS and cloud in tuple(Cloud):
            return Former(Layer(layer), Cloud(cloud))
        if value in KEEPS:
            raise Refusal(
                f"{shown(value)} lacks its cloud; use {one_of(f'{value}@{each}' for each in Cloud)}"
            )
        known = [f"{each}@{cloud}" for each in KEEPS for cloud in Cloud]
        raise Refusal(f"{shown(value)} is not a store that can stay; {suggestion(value, known)}")
    raise Refusal(f"must be <layer>@<cloud>, such as hot_storage@aws, got {shown(value)}")


FormerStore = Annotated[
    Former,
    PlainValidator(_former),
    PlainSerializer(str),
    WithJsonSchema(
        {"type": "string", "pattern": f"^({'|'.join(KEEPS)})@({'|'.join(Cloud)})$"},
    ),
]


def _protect(value: Any) -> bool | dict[Layer, bool]:
    if isinstance(value, bool):
        return value
    if not isinstance(value, Mapping):
        raise Refusal(f"must be true, false or a layer with true or false, got {shown(value)}")
    for layer, on in value.items():
        if layer not in tuple(Layer):
            raise Refusal(
                f"{shown(layer)} is not a layer; {suggestion(str(layer), [each.value for each in Layer])}"
            )
        if not isinstance(on, bool):
            raise Refusal(f"{layer} must be true or false, got {shown(on)}")
    return {Layer(layer): on for layer, on in value.items()}


def _written(value: bool | dict[Layer, bool]) -> bool | dict[str, bool]:
    return value if isinstance(value, bool) else {layer.value: on for layer, on in value.items()}


Protect = Annotated[
    bool | dict[Layer, bool],
    PlainValidator(_protect),
    PlainSerializer(_written),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "boolean"},
                {
                    "type": "object",
                    "properties": {layer.value: {"type": "boolean"} for layer in Layer},
                    "additionalProperties": False,
                },
            ]
        }
    ),
]


def _key(value: str) -> str:
    if value in _TAKEN:
        raise Refusal(f"{shown(value)} is a tag of Twinspan's own; use a name other than {', '.join(_TAKEN)}")
    if value.startswith(_PREFIXES):
        prefix = next(each for each in _PREFIXES if value.startswith(each))
        raise Refusal(f"{shown(value)} starts with {prefix!r}, which a cloud reserves; use another name")
    return value


def _few(tags: Iterable[str]) -> Any:
    if (count := len(tuple(tags))) > _MOST_TAGS:
        raise Refusal(f"has {count} tags; a resource takes at most {_MOST_TAGS}")
    return tags


# Google Cloud's labels are the narrowest (cloud.google.com/compute/docs/labeling-resources, "Requirements for
# labels"): one rule for all clouds, so that a layer can move without a change here.
TagKey = Annotated[
    str,
    *one_text(
        r"[a-z][a-z0-9_-]*",
        63,
        "use up to 63 lowercase letters, digits, '_' and '-', as Google Cloud requires; start with a letter",
    ),
    AfterValidator(_key),
]
TagValue = Annotated[
    str,
    *one_text(
        r"[a-z0-9_-]*",
        63,
        "use up to 63 lowercase letters, digits, '_' and '-', as Google Cloud requires",
        shortest=0,
    ),
]
Tags = Annotated[FrozenMap[TagKey, TagValue], AfterValidator(_few)]
