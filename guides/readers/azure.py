"""Function Apps: from the stack `azure` to what a guide says of each."""

from collections.abc import Iterator

from guides import facts
from guides.readers import azure_event_grid as event_grid
from guides.readers import azure_names as names
from guides.readers.azure_app import App
from guides.readers.azure_grants import held_by, permissions
from guides.readers.azure_retries import retries
from guides.readers.azure_triggers import triggers
from guides.readers.azure_uses import Uses
from guides.readers.values import environment
from twin_runtime.roles import Cloud
from twinspan.terraform.stackjson import Blocks
from twinspan.topology import Topology


def functions(blocks: Blocks, topology: Topology) -> Iterator[facts.Function]:
    """The facts of every Function App of a stack. KeyError, with a sentence, when something is not known.

    An app is one role's. It holds a function of that name, one for each partition where the role runs by the
    clock, and one more where the hot store hands it changes.
    """
    event_grid.check(blocks)
    for block in blocks.of(names.APP):
        yield _function(App.of(block, blocks), topology)


def _function(app: App, topology: Topology) -> facts.Function:
    layer, optional = app.blocks.layer(app.block), app.blocks.optional(app.block)
    if layer is None:
        raise KeyError(f"{app.address} belongs to no layer")
    held = held_by(app.identity, app.role, app.blocks, topology)
    started = triggers(app)
    uses = Uses(app, started, held, topology)
    return facts.Function(
        role=app.role,
        cloud=Cloud.AZURE,
        layer=layer,
        address=app.address,
        optional=optional,
        runtime=app.runtime,
        memory_mb=app.memory_mb,
        timeout_s=app.timeout_s,
        limits=app.limits,
        triggers=started,
        inputs=uses.inputs(),
        outputs=uses.outputs(),
        environment=environment(names.readable(app.settings), app.blocks, names.NOUNS, optional=optional),
        permissions=permissions(held),
        retries=retries(app),
        dead_letters=uses.dead_letters(),
    )
