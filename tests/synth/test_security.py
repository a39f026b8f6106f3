"""What a security review asks of every layout: no secret in clear, no wide permission, nothing unlabelled."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from support.layouts import SYNTHESIZED, Layout, twin_config
from support.synth import Stack, stacks, stacks_of
from support.terraform_json import Resource, resources, strings
from twin_runtime.roles import Cloud

each_layout = pytest.mark.parametrize("layout", SYNTHESIZED, ids=str)

SECRET_ATTRIBUTES = {
    "secret_string",
    "secret_data",
    "value",
    "password",
    "connection_string",
    "primary_access_key",
    "access_key",
    "private_key",
}
SECRET_TYPES = re.compile(r"secret_version|key_vault_secret|api_key$|password|certificate")
LOOKS_LIKE_A_SECRET = re.compile(
    r"whsec_[A-Za-z0-9+/]{8}|AKIA[0-9A-Z]{16}|-----BEGIN|AccountKey=|SharedAccessKey="
)


@each_layout
def test_no_secret_stands_in_the_terraform(layout: Layout) -> None:
    for name, stack in stacks(layout).items():
        for block in resources(stack):
            if SECRET_TYPES.search(block.kind):
                for attribute in SECRET_ATTRIBUTES & block.body.keys():
                    assert block.body[attribute].startswith("${"), f"{name}: {block.address}.{attribute}"
        for path, text in strings(stack):
            assert not LOOKS_LIKE_A_SECRET.search(text), f"{name}: {path}"
        for output, body in stack.get("output", {}).items():
            if output.endswith("_api_key"):
                assert body.get("sensitive") is True, f"{name}: output {output}"


# -- AWS
# ---------------------------------------------------------------------------------------------------------

# Actions for which the service authorization reference lists no resource type.
NO_RESOURCE_LEVEL = {
    "cloudwatch:GetMetricData",
    "cloudwatch:ListMetrics",
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
}


def statements(stack: Stack) -> Iterator[tuple[Resource, dict[str, Any]]]:
    """Every statement of every policy document."""
    for block in resources(stack):
        for attribute in ("policy", "assume_role_policy", "inline_policy"):
            text = block.body.get(attribute)
            if isinstance(text, str) and '"Statement"' in text:
                document = json.loads(text.replace("$${", "${"))
                for statement in document["Statement"]:
                    yield block, statement


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@each_layout
def test_aws_policies_name_their_actions_and_resources(layout: Layout) -> None:
    for block, statement in statements(stacks(layout).get("aws", {})):
        actions = as_list(statement["Action"])
        if statement["Effect"] == "Deny":
            continue  # a denial is meant to be wide
        assert not [action for action in actions if "*" in action], block.address
        if "*" in as_list(statement.get("Resource", [])):
            own_policy_of_a_key = block.kind == "aws_kms_key"
            assert own_policy_of_a_key or set(actions) <= NO_RESOURCE_LEVEL, block.address


@each_layout
def test_aws_policies_let_no_stranger_in(layout: Layout) -> None:
    for block, statement in statements(stacks(layout).get("aws", {})):
        if statement["Effect"] == "Allow" and "Principal" in statement:
            assert statement["Principal"] != "*", block.address
            assert "*" not in as_list(statement["Principal"].get("AWS", [])), block.address


@each_layout
def test_aws_functions_have_an_identity_each(layout: Layout) -> None:
    stack = stacks(layout).get("aws", {})
    roles = [block.body["role"] for block in resources(stack, "aws_lambda_function")]
    assert len(set(roles)) == len(roles)


# -- Azure
# -------------------------------------------------------------------------------------------------------

# Rights over resources themselves: none of the twin's identities needs one.
MANAGEMENT_ROLES = {"Owner", "Contributor", "User Access Administrator", "Key Vault Administrator"}
# The resource has a lock, under which Azure takes no role back; it is the only one of its kind in the group.
ON_THE_GROUP = {
    "Azure Digital Twins Data Owner",
    "Azure Digital Twins Data Reader",
    "IoT Hub Data Contributor",
}


@each_layout
def test_azure_roles_are_for_data_and_for_one_thing(layout: Layout) -> None:
    stack = stacks(layout).get("azure", {})
    for block in resources(stack, "azurerm_role_assignment"):
        assert block.body["role_definition_name"] not in MANAGEMENT_ROLES, block.address
        scope = block.body["scope"]
        assert not scope.startswith(("/subscriptions", "${data.azurerm_subscription")), block.address
        if block.body["role_definition_name"] not in ON_THE_GROUP:
            assert not scope.startswith("${azurerm_resource_group"), block.address


@each_layout
def test_azure_functions_have_an_identity_each(layout: Layout) -> None:
    stack = stacks(layout).get("azure", {})
    identities = [
        tuple(block.body["identity"]["identity_ids"])
        for block in resources(stack, "azurerm_function_app_flex_consumption")
    ]
    assert len(set(identities)) == len(identities)
    assert all(len(ids) == 1 for ids in identities)


# -- Google Cloud
# ------------------------------------------------------------------------------------------------

BASIC_ROLES = {"roles/owner", "roles/editor", "roles/viewer"}
# Roles that Google grants on a project alone, or whose resource has no policy of its own.
PROJECT_LEVEL = {
    "roles/run.builder",
    "roles/datastore.user",
    "roles/datastore.viewer",
    "roles/logging.logWriter",
    "roles/monitoring.viewer",
    "roles/workflows.invoker",
}
NARROWED_BY_CONDITION = {"roles/datastore.user", "roles/datastore.viewer"}


@each_layout
def test_google_roles_are_narrow(layout: Layout) -> None:
    stack = stacks(layout).get("gcp", {})
    members = [block for block in resources(stack) if block.kind.endswith("_iam_member")]
    for block in members:
        assert block.body["role"] not in BASIC_ROLES, block.address
        if block.kind == "google_project_iam_member":
            assert block.body["role"] in PROJECT_LEVEL, block.address
            if block.body["role"] in NARROWED_BY_CONDITION:
                assert block.body["condition"]["expression"], block.address
    assert not [block for block in resources(stack) if block.kind.endswith(("_iam_binding", "_iam_policy"))]


@each_layout
def test_google_functions_have_an_identity_each(layout: Layout) -> None:
    stack = stacks(layout).get("gcp", {})
    accounts = [
        block.body["service_config"]["service_account_email"]
        for block in resources(stack, "google_cloudfunctions2_function")
    ]
    assert len(set(accounts)) == len(accounts)


# -- Labels
# ------------------------------------------------------------------------------------------------------


# Google's `tags` are bindings to an organization's policies, and Azure's Event Grid has `labels` to filter
# by.
LABELLED = {
    "aws": ("cdktf_cdktf_provider_aws", ("tags",)),
    "azurerm": ("cdktf_cdktf_provider_azurerm", ("tags",)),
    "google": ("cdktf_cdktf_provider_google", ("labels", "user_labels")),
}


def takes_labels(kind: str) -> str | None:
    """The argument of a type that takes tags or labels; None where it has none."""
    from importlib import import_module
    from inspect import signature

    provider, _, name = kind.partition("_")
    if provider not in LABELLED:
        return None
    package, words = LABELLED[provider]
    module = import_module(f"{package}.{name}")
    config = next(value for key, value in vars(module).items() if _is_arguments_of(key, name))
    parameters = signature(config.__init__).parameters
    return next((word for word in words if word in parameters), None)


def _is_arguments_of(class_name: str, resource: str) -> bool:
    """Whether a class of a binding holds the arguments of its resource: its name may have an `A` in it, where
    another class has the plain one.
    """
    plain = "".join(word.capitalize() for word in resource.split("_"))
    return class_name in (f"{plain}Config", f"{plain}AConfig")


@each_layout
def test_everything_that_takes_labels_says_twin_layer_and_role(layout: Layout) -> None:
    for name, stack in stacks(layout).items():
        for block in resources(stack):
            if takes_labels(block.kind):
                labels = block.labels
                assert labels is not None, f"{name}: {block.address} has no labels"
                assert {"twin", "layer", "role"} <= labels.keys(), f"{name}: {block.address} has {labels}"
                assert labels["twin"] == "factory"


@pytest.mark.parametrize("cloud", list(Cloud))
def test_everything_that_takes_labels_has_those_of_twin_yaml(cloud: Cloud) -> None:
    """They add to twin, layer and role, and replace none of them."""
    own = {"cost_center": "4711", "env": "prod"}
    layout = Layout(*[cloud] * 7)
    without = {block.address: block.labels for block in resources(stacks(layout)[cloud])}
    for block in resources(stacks_of(twin_config(layout, tags=own))[cloud]):
        labels = without[block.address]
        added = {} if block.kind == "aws_s3_object" else own  # S3 takes ten tags on an object at most
        assert block.labels == (labels and {**added, **labels}), block.address
