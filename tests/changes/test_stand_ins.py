"""The stand-ins of the providers behave as the providers do, where a change of a stack depends on it."""

from typing import Any

import pytest

from support.planes import TerraformFailed, World

pytestmark = pytest.mark.terraform

PROVIDERS = {
    "azapi": {"source": "Azure/azapi"},
    "azurerm": {"source": "hashicorp/azurerm"},
    "google": {"source": "hashicorp/google"},
    "random": {"source": "hashicorp/random"},
    "time": {"source": "hashicorp/time"},
}
SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
GROUP = {"azurerm_resource_group": {"twin": {"name": "factory", "location": "westeurope"}}}
DEPLOYMENT = {"type": "Microsoft.Resources/deployments@2022-09-01", "method": "PUT"}
TOPIC = {"name": "events"}
PACKAGE = {
    "google_storage_bucket": {"code": {"name": "code-bucket", "location": "EUROPE-WEST1"}},
    "google_storage_bucket_object": {
        "code": {"bucket": "${google_storage_bucket.code.name}", "name": "code.zip", "content": "x"}
    },
}


def stack(*resources: dict[str, Any]) -> dict[str, Any]:
    """A stack of some resources by type and name, with the variable `on`."""
    made: dict[str, Any] = {}
    for one in resources:
        for type_, named in one.items():
            made.setdefault(type_, {}).update(named)
    return {
        "terraform": {"required_providers": PROVIDERS},
        "provider": {
            "google": [{"project": "my-project", "region": "europe-west1"}],
            "azurerm": [{"features": [{}], "subscription_id": SUBSCRIPTION}],
        },
        "variable": {"on": {"default": True}},
        "resource": made,
    }


def function(environment: dict[str, str], **arguments: Any) -> dict[str, Any]:
    source = {
        "bucket": "${google_storage_bucket.code.name}",
        "object": "${google_storage_bucket_object.code.name}",
    }
    body = {
        "name": "persister",
        "location": "europe-west1",
        "build_config": {"runtime": "python313", "source": {"storage_source": source}},
        "service_config": {"environment_variables": environment},
        **arguments,
    }
    return {"google_cloudfunctions2_function": {"persister": body}}


def environment_of(world: World) -> dict[str, str]:
    (made,) = world.objects("google_cloudfunctions2_function")
    return made["service_config"][0]["environment_variables"]


def test_a_function_keeps_a_variable_that_becomes_empty(world: World) -> None:
    world.apply("gcp", stack(PACKAGE, function({"QUEUE": '${var.on ? "q" : ""}'})), on=True)
    emptied = stack(PACKAGE, function({"QUEUE": ""}))
    assert world.changes("gcp", emptied) == {}
    world.apply("gcp", emptied)
    assert environment_of(world) == {"QUEUE": "q"}


def test_a_function_loses_a_variable_that_is_left_out(world: World) -> None:
    world.apply("gcp", stack(PACKAGE, function({"QUEUE": "q", "STORE": "s"})))
    world.apply("gcp", stack(PACKAGE, function({"STORE": "s"})))
    assert environment_of(world) == {"STORE": "s"}


def test_a_variable_that_is_not_known_breaks_the_update_of_a_function(world: World) -> None:
    world.apply("gcp", stack(PACKAGE, function({"STORE": "s"})))
    queue = {"google_pubsub_topic": {"events": TOPIC}}
    later = stack(PACKAGE, queue, function({"STORE": "s", "QUEUE": "${google_pubsub_topic.events.id}"}))
    with pytest.raises(
        TerraformFailed, match=r'(?s)inconsistent\s+final plan.*new\s+element "QUEUE" has appeared'
    ):
        world.apply("gcp", later)
    world.apply("gcp", later)
    assert environment_of(world) == {"STORE": "s", "QUEUE": "projects/my-project/topics/events"}


def test_a_function_needs_its_package_and_an_object_goes_with_its_bucket(world: World) -> None:
    before = stack(PACKAGE, function({}))
    world.apply("gcp", before)
    elsewhere = {"code": {"name": "code-bucket", "location": "EUROPE-WEST4"}}
    moved = stack(PACKAGE, {"google_storage_bucket": elsewhere}, function({}, location="europe-west4"))
    with pytest.raises(TerraformFailed, match=r"names ~object/code-bucket/code.zip, which was not found"):
        world.apply("gcp", moved)


def test_a_name_is_free_only_when_its_owner_is_gone(world: World) -> None:
    topic = {"google_pubsub_topic": {"a": TOPIC}}
    world.apply("gcp", stack(topic))
    with pytest.raises(TerraformFailed, match="already exists"):
        world.apply("gcp", stack(topic, {"google_pubsub_topic": {"b": TOPIC}}))
    database = {"name": "hot", "location_id": "europe-west1", "type": "FIRESTORE_NATIVE"}
    first_new = {**database, "lifecycle": {"create_before_destroy": True}}
    world.apply("hot", stack({"google_firestore_database": {"hot": first_new}}))
    with pytest.raises(TerraformFailed, match="already exists"):
        world.apply(
            "hot", stack({"google_firestore_database": {"hot": {**first_new, "location_id": "nam5"}}})
        )
    world.apply("hot", stack({"google_firestore_database": {"hot": {**database, "location_id": "nam5"}}}))


def test_a_subscription_follows_a_topic_that_was_made_anew(world: World) -> None:
    subscription = {"name": "all", "topic": "${google_pubsub_topic.events.name}"}
    resources = {
        "google_pubsub_subscription": {"all": subscription},
        "google_pubsub_topic": {"events": TOPIC},
    }
    world.apply("gcp", stack(resources))
    world.control.delete("google_pubsub_topic", world.objects("google_pubsub_topic")[0])
    assert world.changes("gcp", stack(resources)) == {
        "google_pubsub_subscription.all": ("delete", "create"),
        "google_pubsub_topic.events": ("create",),
    }


def test_dangling_finds_what_is_gone_and_what_never_was(world: World) -> None:
    names = {
        "A": "projects/my-project/topics/never",
        "B": "${google_pubsub_topic.events.id}",
        "C": "code-bucket",
    }
    topic = {"google_pubsub_topic": {"events": TOPIC}}
    world.apply("gcp", stack(PACKAGE, topic, function(names)))
    assert [line.rpartition(".")[2] for line in world.dangling()] == ["A: projects/my-project/topics/never"]
    for type_ in ("google_pubsub_topic", "google_storage_bucket"):
        world.control.delete(type_, world.objects(type_)[0])
    ends = {line.rpartition("environment_variables.")[2] for line in world.dangling()}
    assert {"B: projects/my-project/topics/events", "C: code-bucket"} <= ends


def test_a_counted_resource_comes_and_goes_and_a_trigger_replaces(world: World) -> None:
    counted = {"google_pubsub_topic": {"events": {**TOPIC, "count": "${var.on ? 1 : 0}"}}}
    sleep = {"create_duration": "1h", "lifecycle": {"replace_triggered_by": ["google_storage_bucket.code"]}}
    before = stack(counted, PACKAGE, {"time_sleep": {"wait": sleep}})
    world.apply("gcp", before)
    assert world.changes("gcp", before, on=False) == {"google_pubsub_topic.events[0]": ("delete",)}
    elsewhere = {"google_storage_bucket": {"code": {"name": "code-bucket", "location": "US"}}}
    changes = world.changes("gcp", stack(counted, PACKAGE, elsewhere, {"time_sleep": {"wait": sleep}}))
    assert changes["time_sleep.wait"] == ("delete", "create")


def test_one_unknown_value_makes_the_settings_of_an_app_unknown_and_no_more(world: World) -> None:
    plan = {"name": "p", "os_type": "Linux", "sku_name": "FC1"}
    place = {"location": "westeurope", "resource_group_name": "${azurerm_resource_group.twin.name}"}
    app = {
        **place,
        "name": "persister",
        "service_plan_id": "${azurerm_service_plan.p.id}",
        "runtime_name": "python",
        "runtime_version": "3.13",
        "storage_authentication_type": "SystemAssignedIdentity",
        "storage_container_type": "blobContainer",
        "storage_container_endpoint": "https://x",
        "site_config": {},
        "app_settings": {"STORE": "s"},
    }
    resources = {"azurerm_service_plan": {"p": {**plan, **place}}}
    world.apply("azure", stack(GROUP, resources, {"azurerm_function_app_flex_consumption": {"app": app}}))
    identity = {"azurerm_user_assigned_identity": {"i": {**place, "name": "i"}}}
    later = {**app, "app_settings": {"STORE": "s", "ID": "${azurerm_user_assigned_identity.i.client_id}"}}
    after = stack(GROUP, resources, identity, {"azurerm_function_app_flex_consumption": {"app": later}})
    world.apply("azure", after)
    assert world.changes("azure", after) == {}
    with pytest.raises(TerraformFailed, match="which was not found"):
        lost = {
            **app,
            "service_plan_id": "${azurerm_resource_group.twin.id}/providers/Microsoft.Web/serverFarms/q",
        }
        world.apply("azure", stack(GROUP, {"azurerm_function_app_flex_consumption": {"app": lost}}))


@pytest.mark.parametrize("leaves", ["nothing", "object", "tainted"])
def test_a_deployment_that_failed_has_to_be_imported_when_azure_kept_it(world: World, leaves: Any) -> None:
    deployment = {
        "name": "code",
        "resource_group_name": "${azurerm_resource_group.twin.name}",
        "deployment_mode": "Incremental",
        "template_content": "{}",
    }
    made = stack(GROUP, {"azurerm_resource_group_template_deployment": {"code": deployment}})
    world.fail("azurerm_resource_group_template_deployment", leaves=leaves)
    with pytest.raises(TerraformFailed, match="made to fail"):
        world.apply("azure", made)
    if leaves == "object":
        with pytest.raises(TerraformFailed, match=r"already\s+exists - to be managed via Terraform"):
            world.apply("azure", made)
    else:
        world.apply("azure", made)
        assert world.changes("azure", made) == {}


def test_an_action_that_failed_is_sent_again_and_one_whose_body_changed(world: World) -> None:
    address = "${azurerm_resource_group.twin.id}/providers/Microsoft.Resources/deployments/code"

    def deploying(revision: str) -> dict[str, Any]:
        body = {**DEPLOYMENT, "resource_id": address, "body": {"revision": revision}}
        return stack(GROUP, {"azapi_resource_action": {"code": body}})

    for revision in ("1", "2"):
        world.fail("azapi_resource_action", leaves="object")
        with pytest.raises(TerraformFailed, match="made to fail"):
            world.apply("azure", deploying(revision))
        assert "azapi_resource_action.code" in world.changes("azure", deploying(revision))
        world.apply("azure", deploying(revision))
        assert world.changes("azure", deploying(revision)) == {}
    assert [call.operation for call in world.log if call.type == "azapi_resource_action"] == [
        *["create"] * 2,
        *["update"] * 2,
    ]


def test_what_is_only_written_is_sent_again_when_it_changes(world: World) -> None:
    def written(value: str) -> dict[str, Any]:
        body = {
            "type": "Microsoft.Logic/workflows@2019-05-01",
            "name": "w",
            "parent_id": "${azurerm_resource_group.twin.id}",
            "location": "westeurope",
            "body": {"properties": {}},
            "sensitive_body": {"properties": {"url": value}},
        }
        return stack(GROUP, {"azapi_resource": {"w": body}})

    world.apply("azure", written("a"))
    assert world.changes("azure", written("a")) == {}
    assert world.changes("azure", written("b")) == {"azapi_resource.w": ("update",)}


def test_a_key_vault_secret_gets_a_new_version_and_goes_with_its_vault(world: World) -> None:
    place = {"location": "westeurope", "resource_group_name": "${azurerm_resource_group.twin.name}"}
    vault = {
        **place,
        "name": "v",
        "sku_name": "standard",
        "tenant_id": "${data.azurerm_client_config.me.tenant_id}",
    }

    def with_secret(value: str) -> dict[str, Any]:
        secret = {"name": "s", "key_vault_id": "${azurerm_key_vault.v.id}", "value": value}
        resources = {"azurerm_key_vault": {"v": vault}, "azurerm_key_vault_secret": {"s": secret}}
        return {**stack(GROUP, resources), "data": {"azurerm_client_config": {"me": {}}}}

    versions = []
    for value in ("a", "b"):
        world.apply("azure", with_secret(value))
        versions.append(world.objects("azurerm_key_vault_secret")[0]["version"])
    assert len({*versions}) == 2
    assert world.changes("azure", with_secret("b")) == {}
    world.control.delete("azurerm_key_vault", world.objects("azurerm_key_vault")[0])
    assert world.objects("azurerm_key_vault_secret") == []


def test_destroy_leaves_nothing_and_a_password_stays(world: World) -> None:
    made = stack(PACKAGE, {"random_password": {"p": {"length": 20}}})
    world.apply("gcp", made)
    assert world.changes("gcp", made) == {}
    assert world.changes("gcp", stack(PACKAGE, {"random_password": {"p": {"length": 30}}})) == {
        "random_password.p": ("delete", "create")
    }
    world.destroy("gcp", made)
    assert not any(world.objects(type_) for type_ in ("google_storage_bucket", "random_password"))
