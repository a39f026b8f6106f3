"""From what the constructs of a cloud recorded to what a guide says of it.

Each cloud's module has the function `functions(inventory, topology)`, which yields the facts of every
function that the stack deploys. No figure is written a second time: it comes from what a construct recorded,
and `tests/guides/test_inventory.py` holds that against the stack's JSON. The topology alone says what is at
the remote end of a link. Resources, outputs and variables are listed from the JSON itself.
"""

from collections.abc import Callable, Iterator
from importlib import import_module

from guides import facts
from twin_runtime.roles import Cloud
from twinspan.inventory import Inventory
from twinspan.terraform.stackjson import Blocks, StackJson
from twinspan.topology import Topology

Reader = Callable[[Inventory, Topology], Iterator[facts.Function]]


def read(cloud: Cloud, stack: StackJson, inventory: Inventory, topology: Topology) -> facts.Stack:
    """The facts of one cloud's stack. KeyError when there are no words for something in it."""
    blocks = Blocks(stack)
    functions: Reader = import_module(f"{__name__}.{cloud}").functions
    return facts.Stack(
        cloud=cloud,
        resources=tuple(
            facts.Resource(block.address, layer=blocks.layer(block), optional=blocks.optional(block))
            for block in blocks.resources
        ),
        functions={function.role: function for function in functions(inventory, topology)},
        outputs=_described(stack, "output"),
        variables=_described(stack, "variable"),
    )


def _described(stack: StackJson, section: str) -> dict[str, str]:
    return {name: body.get("description", "") for name, body in stack.get(section, {}).items()}
