"""Expressions of every layout: they resolve inside their stack, and are right whether the event system is on
or off.
"""

from importlib import import_module

import pytest

from support.layouts import SYNTHESIZED, Layout
from support.synth import Stack, stacks
from support.terraform_json import data_sources, references, resources, variables

EACH = pytest.mark.parametrize("layout", SYNTHESIZED, ids=str)
"""With the event system on: `test_the_file_s_flag_is_a_default_and_nothing_else`."""
BINDINGS = {
    "aws": "cdktf_cdktf_provider_aws",
    "azurerm": "cdktf_cdktf_provider_azurerm",
    "google": "cdktf_cdktf_provider_google",
}
BLOCKS = ("resource", "data", "output", "provider", "locals")


@EACH
def test_every_reference_resolves_inside_its_stack(layout: Layout) -> None:
    for name, stack in stacks(layout).items():
        known = {block.address for block in (*resources(stack), *data_sources(stack))}
        for block in BLOCKS:
            for reference in references(stack.get(block, {})):
                assert reference.address in known, f"{name}: {reference.expression}"
            for variable in variables(stack.get(block, {})):
                kind, word = variable.split(".")
                assert word in stack.get({"var": "variable", "local": "locals"}[kind], {}), (
                    f"{name}: {variable}"
                )


@EACH
def test_no_attribute_of_a_counted_block_is_read_without_one_or_an_index(layout: Layout) -> None:
    for name, stack in stacks(layout).items():
        repeated = _repeated(stack)
        for reference in (r for block in BLOCKS for r in references(stack.get(block, {}))):
            if reference.attribute is None:
                continue  # the block as a whole: a for_each over another's instances
            if reference.address in repeated:
                where = f"{name}: {reference.expression}"
                assert reference.index is not None, where
                if reference.index == "[*]" and repeated[reference.address] == "count":
                    assert "one(" in reference.expression or "length(" in reference.expression, where
            else:
                assert reference.index is None, f"{name}: {reference.expression} has an index and no count"


@EACH
def test_only_links_reads_other_stacks(layout: Layout) -> None:
    for name, stack in stacks(layout).items():
        states = stack.get("data", {}).get("terraform_remote_state", {})
        if name != "links":
            assert not states
        else:
            assert states
            assert set(states) <= set(layout.clouds)


def test_every_attribute_that_is_read_exists() -> None:
    """References are written by hand (see `terraform.resources`): nothing else would notice a wrong word."""
    seen = {
        (reference.address.startswith("data."), reference.kind, reference.attribute)
        for layout in SYNTHESIZED
        for stack in stacks(layout).values()
        for reference in references(stack)
        if reference.attribute and reference.kind.split("_")[0] in BINDINGS
    }
    assert len(seen) > 50
    unknown = [
        f"{kind}.{name}" for data, kind, name in sorted(seen) if not hasattr(binding(kind, data=data), name)
    ]
    assert not unknown


def binding(kind: str, *, data: bool) -> type:
    """The binding's class for a Terraform type."""
    provider, _, name = kind.partition("_")
    module = import_module(f"{BINDINGS[provider]}.{'data_' + kind if data else name}")
    return next(
        value
        for value in vars(module).values()
        if isinstance(value, type) and "TF_RESOURCE_TYPE" in dir(value) and kind == value.TF_RESOURCE_TYPE  # pyright: ignore[reportAttributeAccessIssue]
    )


@pytest.mark.parametrize("layout", SYNTHESIZED[::10], ids=str)
def test_the_file_s_flag_is_a_default_and_nothing_else(layout: Layout) -> None:
    on, off = stacks(layout, events=True), stacks(layout, events=False)
    assert on.keys() == off.keys()
    for name, stack in on.items():
        flag = stack["variable"]["enable_events"]
        assert flag["default"] is True
        switched = {**stack["variable"], "enable_events": {**flag, "default": False}}
        assert {**stack, "variable": switched} == off[name]


def _repeated(stack: Stack) -> dict[str, str]:
    """Addresses of the blocks that have `count` or `for_each`."""
    return {
        block.address: key
        for block in (*resources(stack), *data_sources(stack))
        for key in ("count", "for_each")
        if key in block.body
    }
