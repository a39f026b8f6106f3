"""The section `events`: rules that send a command to a device or start the workflow."""

from typing import Annotated, Any, Self

from pydantic import ConfigDict, Discriminator, Field, Tag, model_validator

from twinspan.config.base import (
    TAG,
    DeviceId,
    Entry,
    Identifier,
    List,
    Number,
    RelativePath,
    RuleName,
    Scalar,
)
from twinspan.config.problems import Refusal

COMPARISONS = ("above", "below", "at_least", "at_most", "equals", "not_equals")
DEEPEST = 8  # levels of all: and any:


class Comparison(Entry):
    """A metric compared with a constant."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": [name]} for name in COMPARISONS]})

    metric: str = Field(description="A metric of the rule's device type.", examples=["temperature"])
    above: Number | None = Field(default=None, description="Greater than.")
    below: Number | None = Field(default=None, description="Less than.")
    at_least: Number | None = Field(default=None, description="Greater or equal.")
    at_most: Number | None = Field(default=None, description="Less or equal.")
    equals: Scalar | None = Field(default=None, description="Equal; the value has the metric's type.")
    not_equals: Scalar | None = Field(default=None, description="Not equal; the value has the metric's type.")

    @model_validator(mode="after")
    def _one_comparison(self) -> Self:
        given = [name for name in COMPARISONS if getattr(self, name) is not None]
        if len(given) != 1:
            got = f"got {' and '.join(given)}; split them with all:" if given else "for example above: 80"
            raise Refusal(f"compare the metric by exactly one of {', '.join(COMPARISONS)}, {got}")
        return self

    @property
    def operator(self) -> str:
        """Which of the comparisons is given."""
        return next(name for name in COMPARISONS if getattr(self, name) is not None)

    @property
    def value(self) -> bool | int | float | str:
        """What the metric is compared with."""
        return getattr(self, self.operator)


class AllOf(Entry):
    """True when every condition is."""

    all: "List[Condition]" = Field(min_length=1, description="Conditions that must all hold.")


class AnyOf(Entry):
    """True when any condition is."""

    any: "List[Condition]" = Field(min_length=1, description="Conditions of which one must hold.")


def _variant(value: Any) -> str:
    for name, model in (("all", AllOf), ("any", AnyOf)):
        if isinstance(value, model) or (isinstance(value, dict) and name in value):
            return TAG + name
    return TAG + "metric"


Condition = Annotated[
    Annotated[Comparison, Tag(TAG + "metric")]
    | Annotated[AllOf, Tag(TAG + "all")]
    | Annotated[AnyOf, Tag(TAG + "any")],
    Discriminator(_variant),
]


class Feedback(Entry):
    """A command back to the device whose event fulfilled the rule."""

    command: str = Field(description="A command of the device's type.", examples=["set_point"])
    value: Scalar = Field(description="Value of the command's type.", examples=[20])


class Then(Entry):
    """The actions of a fulfilled rule: at least one of the two."""

    feedback: Feedback | None = Field(
        default=None, description="Command for the device.", examples=[{"command": "set_point", "value": 20}]
    )
    workflow: bool = Field(default=False, description="Start the workflow of the processing layer's cloud.")

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if self.feedback is None and not self.workflow:
            raise Refusal("has no effect; give feedback: {command: …, value: …}, workflow: true, or both")
        return self


def subject_problem(device_type: Any, device: Any) -> str | None:
    """Return the problem of a rule that names neither or both, None otherwise."""
    if (device_type is None) != (device is None):
        return None
    got = "got neither" if device is None else "got both"
    return f"give exactly one of device_type (every device of the type) and device (that one), {got}"


class Rule(Entry):
    """One rule, for every device of a type or for one device."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["device_type"]}, {"required": ["device"]}]}
    )

    name: RuleName = Field(description="Name, unique among the rules.", examples=["overheating"])
    device_type: Identifier | None = Field(
        default=None, description="Applies the rule to every device of this type."
    )
    device: DeviceId | None = Field(default=None, description="Applies the rule to this device only.")
    when: Condition = Field(
        description="The condition, on one event's metrics.",
        examples=[{"metric": "temperature", "above": 80}],
    )
    then: Then = Field(description="What to do.", examples=[{"workflow": True}])

    @model_validator(mode="after")
    def _one_subject(self) -> Self:
        if message := subject_problem(self.device_type, self.device):
            raise Refusal(message)
        return self


class Events(Entry):
    """The event system. `enabled` is the default of the variable that switches it at deploy time."""

    enabled: bool = Field(
        default=False,
        description="Default of the Terraform variable enable_events. While it is false, rules do nothing.",
    )
    workflow: RelativePath | None = Field(
        default=None,
        description="File with your workflow definition, relative to the twin.yaml; Twinspan's by default.",
        examples=["workflows/escalate.asl.json"],
    )
    rules: List[Rule] = Field(default=(), description="The rules.")
