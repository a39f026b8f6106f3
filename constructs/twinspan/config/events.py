"""The section `events`: rules that send a command to a device or start the workflow."""

from collections.abc import Collection
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Discriminator, Field, Tag, model_validator

from twin_runtime.rules import COOLDOWN_S, EXPIRES_IN_S, MAX_AGE_S
from twinspan.config.base import (
    TAG,
    DeviceId,
    Duration,
    Entry,
    Identifier,
    List,
    Number,
    RelativePath,
    RuleName,
    Scalar,
    lasting,
)
from twinspan.config.problems import Refusal
from twinspan.config.text import shown

ORDERED = ("above", "below", "at_least", "at_most")
COMPARISONS = (*ORDERED, "equals", "not_equals")
COOLDOWN, MAX_AGE, EXPIRES_IN = (
    Duration(f"{seconds // 60}m") for seconds in (COOLDOWN_S, MAX_AGE_S, EXPIRES_IN_S)
)
SHORTEST_REPEAT = Duration("1m")
DEEPEST = 8  # levels of all: and any:
# A device's state is one record of at most 60,000 bytes. At worst a rule takes 400 bytes, a comparison 100.
MOST_RULES, MOST_COMPARISONS = 50, 200


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
    """A command back to the device whose event made the rule fire."""

    command: str = Field(description="A command of the device's type.", examples=["set_point"])
    value: Scalar = Field(description="Value of the command's type.", examples=[20])
    expires_in: Annotated[Duration, lasting("10s", "7d")] = Field(
        default=EXPIRES_IN,
        description="How long after the rule fired the command may be sent. A later one goes to the "
        "dead-letter queue.",
        examples=["5m"],
    )


class Then(Entry):
    """The actions of a rule that fires: at least one of the two."""

    feedback: Feedback | None = Field(
        default=None, description="Command for the device.", examples=[{"command": "set_point", "value": 20}]
    )
    workflow: bool = Field(default=False, description="Start the workflow of the processing layer's cloud.")

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if self.feedback is None and not self.workflow:
            raise Refusal("has no effect; give feedback: {command: …, value: …}, workflow: true, or both")
        return self


def hysteresis_problem(value: Any, comparisons: Collection[str]) -> str | None:
    """Return the problem of a hysteresis on a condition that compares by these, None where it has none."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    if value <= 0:
        return f"must be above 0, got {shown(value)}; leave it out for no hysteresis"
    if comparisons and not any(name in ORDERED for name in comparisons):
        return f"needs a comparison by {', '.join(ORDERED)}; leave it out of a rule without one"
    return None


def repeat_problem(repeat: Any, cooldown: Any) -> str | None:
    """Return the problem of a rule that is to fire again before its cooldown is over, None otherwise."""
    if not isinstance(repeat, Duration) or not isinstance(cooldown, Duration):
        return None
    # A repeat below its bound is reported at the field.
    if repeat.seconds >= cooldown.seconds or repeat.seconds < SHORTEST_REPEAT.seconds:
        return None
    return f"{repeat} is shorter than the cooldown of {cooldown}; write {cooldown} or more"


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
        description="The condition, on the newest value of each metric. The rule fires when it becomes true, "
        "and again after it was false.",
        examples=[{"metric": "temperature", "above": 80}],
    )
    hysteresis: Number | None = Field(
        default=None,
        description="How far a value must go back behind a limit of above, below, at_least or at_most before "
        "the comparison is false again.",
        examples=[2],
        json_schema_extra={"exclusiveMinimum": 0},
    )
    hold: Annotated[Duration, lasting("1s", "7d")] | None = Field(
        default=None,
        alias="for",
        description="How long the condition must hold, by the times of the events. The rule fires on the "
        "first event after that.",
        examples=["30s"],
    )
    cooldown: Annotated[Duration, lasting("0s", "30d")] = Field(
        default=COOLDOWN,
        description="Shortest time between two firings for the same device; 0s is none.",
        examples=["10m"],
    )
    repeat: Annotated[Duration, lasting(SHORTEST_REPEAT, "30d")] | None = Field(
        default=None,
        description="Fires again after this time while the condition holds. By default it does not.",
        examples=["1h"],
    )
    max_age: Annotated[Duration, lasting("10s", "30d")] = Field(
        default=MAX_AGE,
        description="Events that are older when they are checked are ignored.",
        examples=["15m"],
    )
    then: Then = Field(description="What to do.", examples=[{"workflow": True}])

    @model_validator(mode="after")
    def _one_subject(self) -> Self:
        if message := subject_problem(self.device_type, self.device):
            raise Refusal(message)
        return self

    def document(self) -> dict[str, Any]:
        """The rule as twin.json has it, with times in seconds."""
        made = self.model_dump(mode="json", exclude_none=True, by_alias=True)
        made |= {"cooldown": self.cooldown.seconds, "max_age": self.max_age.seconds}
        made |= {"for": self.hold.seconds} if self.hold else {}
        made |= {"repeat": self.repeat.seconds} if self.repeat else {}
        if self.then.feedback:
            made["then"]["feedback"]["expires_in"] = self.then.feedback.expires_in.seconds
        return made


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
