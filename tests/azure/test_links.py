"""Azure's side of the stack `links`."""

from __future__ import annotations

import json

import pytest

from support.layouts import Layout, twin_config
from support.terraform_json import resources
from twin_runtime.roles import Cloud
from twinspan import providers
from twinspan.azure.links import SecretWriter
from twinspan.providers import App, TerraformStack
from twinspan.topology import Topology
from twinspan.twin import Twin

CYCLE = Layout(Cloud.AWS, Cloud.AZURE, Cloud.AWS)
OUTPUTS = "data.terraform_remote_state.azure.outputs"


@pytest.fixture(scope="module")
def stack() -> dict:
    config = twin_config(CYCLE)
    app = App()
    stack = TerraformStack(app, "links")
    writer = SecretWriter(stack, "secrets-azure", twin=Twin(config), outputs=OUTPUTS)
    for link in Topology.of(config).wired_links:
        writer.write(link, f'${{jsonencode({{name = "{link.name}"}})}}')
    return json.loads(providers.Testing.synth(stack))


def test_each_link_s_secret_is_written_where_the_stack_said(stack: dict) -> None:
    secrets = {block.name: block for block in resources(stack, "azurerm_key_vault_secret")}
    assert secrets.keys() == {"link_telemetry", "link_write", "link_feedback"}
    for name, block in secrets.items():
        own = f"factory-{name.replace('_', '-')}"
        assert block.body["name"] == f'${{try({OUTPUTS}.{name}_secret, "{own}")}}'
        vault = block.body["key_vault_id"]
        assert vault.startswith(f'${{try({OUTPUTS}.key_vault_id, "/subscriptions/')
        assert block.counted is (name == "link_feedback")


def test_a_secret_is_read_by_those_alone_that_the_stack_names(stack: dict) -> None:
    readers = {block.name: block.body for block in resources(stack, "azurerm_role_assignment")}
    assert readers.keys() == {"link_telemetry_readers", "link_write_readers", "link_feedback_readers"}
    grant = readers["link_telemetry_readers"]
    assert grant["role_definition_name"] == "Key Vault Secrets User"
    assert grant["scope"] == "${azurerm_key_vault_secret.link_telemetry.resource_versionless_id}"
    assert grant["for_each"] == f"${{try({OUTPUTS}.link_telemetry_reader_principal_ids, {{}})}}"
    assert grant["principal_id"] == "${each.value}"
    optional = readers["link_feedback_readers"]
    assert "one(azurerm_key_vault_secret.link_feedback[*]" in optional["scope"]
    assert "if var.enable_events" in optional["for_each"]
    assert "count" not in optional
