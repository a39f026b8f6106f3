"""Placing resources: addresses that a reviewer can read, and references that stay right under `count`.

CDKTF renders `${TYPE.NAME.arn}` for an attribute of a counted resource, without the index that Terraform asks
for, and names a resource after its construct path and a hash. Every resource is therefore placed through
here: its address is the word that is given, and its references are written by hand, without a round trip to
the jsii kernel.
"""

from dataclasses import dataclass, field

from twinspan.providers import TerraformElement

EVENTS_VARIABLE = "enable_events"
KEY_GENERATION_VARIABLE = "key_generation"
_COUNT = f"${{var.{EVENTS_VARIABLE} ? 1 : 0}}"
_types: dict[type, str] = {}


def literal(text: str) -> str:
    """Return `text` as Terraform reads it back unchanged, in a string of its JSON syntax.

    `${` and `%{` would start a template. Every free text of twin.yaml, and every file that it names, passes
    through here before it enters a resource.
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
        """The bare expression of an attribute, for use inside a larger `${…}`. Null when the resource is off.

        >>> Ref("aws_sqs_queue.events", True, element).path("arn")
        'one(aws_sqs_queue.events[*].arn)'
        """
        return f"one({self.address}[*].{attribute})" if self.optional else f"{self.address}.{attribute}"

    def __getitem__(self, attribute: str) -> str:
        """The attribute as an interpolation: `queue["arn"]`."""
        return f"${{{self.path(attribute)}}}"

    def or_empty(self, attribute: str) -> str:
        """The attribute, or the empty string when the resource is off: for what cannot be null."""
        return f'${{try({self.address}[0].{attribute}, "")}}' if self.optional else self[attribute]


def place(resource: TerraformElement, name: str, *, optional: bool = False) -> Ref:
    """Give a new resource its address `TYPE.name`, and `count` when it is part of the event system.

    `name` is unique in the stack for the resource's type: letters, digits and '_'.
    """
    resource.override_logical_id(name)
    if optional:
        resource.add_override("count", _COUNT)
    kind = type(resource)
    if kind not in _types:  # a class attribute of a binding is a call to the kernel
        _types[kind] = kind.TF_RESOURCE_TYPE  # pyright: ignore[reportAttributeAccessIssue]
    prefix = "data." if kind.__name__.startswith("Data") else ""
    return Ref(f"{prefix}{_types[kind]}.{name}", optional, resource)


def generations(*, optional: bool = False) -> str:
    """A `for_each` over the two generations of keys that are valid: the one before, and the current one.

    `for_each` excludes `count`, so an optional one is an empty set when the event system is off.
    """
    current = f"var.{KEY_GENERATION_VARIABLE}"
    both = f"[for generation in range({current} - 1, {current} + 1) : tostring(generation)]"
    return f"${{toset(var.{EVENTS_VARIABLE} ? {both} : [])}}" if optional else f"${{toset({both})}}"


def numbered(count: int, *, optional: bool = False) -> str:
    """A `for_each` over the numbers below `count`, as text; none when it is optional and off."""
    listed = ", ".join(f'"{number}"' for number in range(count))
    return f"${{toset(var.{EVENTS_VARIABLE} ? [{listed}] : [])}}" if optional else f"${{toset([{listed}])}}"
