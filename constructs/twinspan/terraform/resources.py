"""Placing resources: addresses that a reviewer can read, and references that stay right under `count`.

CDKTF renders `${TYPE.NAME.arn}` for an attribute of a counted resource, without the index that Terraform asks
for, and names a resource after its construct path and a hash. Every resource is therefore placed through
here: its address is the word that is given, and its references are written by hand, without a round trip to
the jsii kernel.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from twinspan.providers import TerraformElement
from twinspan.terraform.stackjson import EVENTS_VARIABLE

KEY_GENERATION_VARIABLE = "key_generation"
KEYS_REVOKED_VARIABLE = "keys_revoked_before"
_CURRENT, _REVOKED = f"var.{KEY_GENERATION_VARIABLE}", f"var.{KEYS_REVOKED_VARIABLE}"
ACCEPTED_GENERATIONS = f"range(max({_CURRENT} - 1, {_REVOKED}), {_CURRENT} + 1)"
"""The bare expression of the generations of keys that are accepted, the oldest first."""
_COUNT = f"${{var.{EVENTS_VARIABLE} ? 1 : 0}}"
_EACH = "[*]."
"""Part of the expressions of `Ref.path` that are null while the event system is off."""
_BINDING = "cdktf_cdktf_provider_"


def literal(text: str) -> str:
    """Return `text` as Terraform reads it back unchanged, in a string of its JSON syntax.

    `${` and `%{` would start a template. Every free text of twin.yaml, and every file that it names, passes
    through here before it enters a resource; `tests/synth/test_literals.py` finds one that does not.
    """
    return text.replace("${", "$${").replace("%{", "%%{")


@dataclass(frozen=True, slots=True)
class Ref:
    """A placed resource or data source.

    `optional` says that it is part of the event system and has `count`.
    """

    address: str
    optional: bool
    element: TerraformElement = field(compare=False, repr=False)

    def path(self, attribute: str) -> str:
        """Return the bare expression of an attribute, for use inside a larger `${…}`.

        It is null when the resource is off, as in `one(aws_sqs_queue.events[*].arn)`.
        """
        return f"one({self.address}{_EACH}{attribute})" if self.optional else f"{self.address}.{attribute}"

    def __getitem__(self, attribute: str) -> str:
        """The attribute as an interpolation: `queue["arn"]`."""
        return f"${{{self.path(attribute)}}}"


def place(resource: TerraformElement, name: str, *, optional: bool = False, protect: bool = False) -> Ref:
    """Give a new resource its address `TYPE.name`, and `count` when it is part of the event system.

    `name` is unique in the stack for the resource's type: letters, digits and '_'. `protect`: Terraform
    refuses a plan that deletes it while its block is there. What is part of the event system cannot be
    protected so, because switching the event system off deletes it.
    """
    resource.override_logical_id(name)
    if optional:
        resource.add_override("count", _COUNT)
    elif protect:
        resource.add_override("lifecycle.prevent_destroy", True)
    return Ref(f"{type_of(type(resource))}.{name}", optional, resource)


def type_of(kind: type[TerraformElement]) -> str:
    """The type of a class's resources in an address: `aws_sqs_queue`, `data.aws_caller_identity`.

    A binding has it in the name of the module; the class attribute would be a call to the kernel.
    """
    package, _, module = kind.__module__.partition(".")
    if not package.startswith(_BINDING):
        return kind.TF_RESOURCE_TYPE  # pyright: ignore[reportAttributeAccessIssue]
    provider = package.removeprefix(_BINDING)
    source = f"data_{provider}_"
    if module.startswith(source):
        return f"data.{provider}_{module.removeprefix(source)}"
    return f"{provider}_{module}"


def only_with_events(value: str) -> bool:
    """Whether a value refers to what is not there while the event system is off."""
    return _EACH in value


def environment(values: Mapping[str, str], *, optional: bool) -> dict[str, str] | str:
    """The environment of a function: while the event system is off, what refers to its resources is left out.

    `optional` says that the function itself is off then. A value never becomes empty: google's provider takes
    the change of a variable to the empty string for no change.

    >>> environment({"A": "a", "B": "${one(aws_sqs_queue.events[*].url)}"}, optional=False)
    '${merge({A = "a"}, var.enable_events ? {B = "${one(aws_sqs_queue.events[*].url)}"} : {})}'
    """
    late = {name: value for name, value in values.items() if only_with_events(value)}
    if optional or not late:
        return dict(values)
    always = {name: value for name, value in values.items() if name not in late}
    return f"${{merge({_object(always)}, var.{EVENTS_VARIABLE} ? {_object(late)} : {{}})}}"


def _object(values: Mapping[str, str]) -> str:
    """An object of Terraform's whose values are templates; ValueError when one holds what ends a template."""
    for name, value in values.items():
        if set(value) & set('"\\\n'):
            raise ValueError(f"the value of {name} cannot be part of a template: {value!r}")
    return "{" + ", ".join(f'{name} = "{value}"' for name, value in values.items()) + "}"


def generations(*, optional: bool = False) -> str:
    """A `for_each` over the generations of keys that are accepted: the current one, and the one before unless
    it is revoked.

    `for_each` excludes `count`, so an optional one is an empty set when the event system is off.
    """
    both = f"[for generation in {ACCEPTED_GENERATIONS} : tostring(generation)]"
    return f"${{toset(var.{EVENTS_VARIABLE} ? {both} : [])}}" if optional else f"${{toset({both})}}"


def numbered(count: int, *, optional: bool = False) -> str:
    """A `for_each` over the numbers below `count`, as text; none when it is optional and off."""
    listed = ", ".join(f'"{number}"' for number in range(count))
    return f"${{toset(var.{EVENTS_VARIABLE} ? [{listed}] : [])}}" if optional else f"${{toset([{listed}])}}"
