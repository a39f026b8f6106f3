"""From a cloud's synthesized stack to what a guide says of it.

Each cloud's module has the function `functions(blocks, topology)`, which yields the facts of every function
that the stack deploys. What it tells comes out of the stack's JSON, so that no figure is written a second
time; the topology alone says what is at the remote end of a link. What a reader does not know raises KeyError
with a sentence, and nothing is left out in silence.
"""

from collections.abc import Callable, Iterator
from importlib import import_module

from guides import facts
from twin_runtime.roles import Cloud
from twinspan.terraform.stackjson import Blocks, StackJson
from twinspan.topology import Topology

Reader = Callable[[Blocks, Topology], Iterator[facts.Function]]


def read(cloud: Cloud, stack: StackJson, topology: Topology) -> facts.Stack:
    """The facts of one cloud's stack. KeyError when something in it is not known."""
    blocks = Blocks(stack)
    functions: Reader = import_module(f"{__name__}.{cloud}").functions
    return facts.Stack(
        cloud=cloud,
        resources=tuple(
            facts.Resource(block.address, layer=blocks.layer(block), optional=blocks.optional(block))
            for block in blocks.resources
        ),
        functions={function.role: function for function in functions(blocks, topology)},
        outputs=_described(stack, "output"),
        variables=_described(stack, "variable"),
    )


def _described(stack: StackJson, section: str) -> dict[str, str]:
    return {name: body.get("description", "") for name, body in stack.get(section, {}).items()}
