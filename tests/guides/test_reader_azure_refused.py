"""What no guide is written from: Azure stacks that cannot work, or that say what the reader does not know."""

import copy
import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from guides import twins
from guides.readers import read
from support.guided_azure import (
    ALONE,
    APP,
    ASSIGNMENT,
    COSMOS_ASSIGNMENT,
    SUBSCRIPTION,
    WORKFLOW,
    Blocks,
    changed,
)
from twin_runtime.roles import Cloud


def _take_role(roles: dict[str, Any], name: str, *, waits: dict[str, Any]) -> None:
    del roles[name]
    for wait in waits.values():
        wait["for_each"] = re.sub(rf"\b{name} = [^,}}]+(, )?", "", wait["for_each"])


def _may_not_write_dead_letters(blocks: Blocks) -> None:
    _take_role(blocks[ASSIGNMENT], "broker_writes_broker_dead", waits=blocks["time_sleep"])


def _may_not_send(blocks: Blocks) -> None:
    _take_role(blocks[ASSIGNMENT], "processor_sends_persisting", waits=blocks["time_sleep"])


def _may_not_take(blocks: Blocks) -> None:
    _take_role(blocks[ASSIGNMENT], "processor_takes_processing", waits=blocks["time_sleep"])


def _may_not_keep_leases(blocks: Blocks) -> None:
    _take_role(blocks[COSMOS_ASSIGNMENT], "twin_sync_keeps_leases", waits=blocks["time_sleep"])


def _policy(blocks: Blocks) -> dict[str, Any]:
    triggers = blocks[WORKFLOW]["workflow"]["body"]["properties"]["accessControl"]["triggers"]
    (policy,) = triggers["openAuthenticationPolicies"]["policies"].values()
    return policy


def _may_not_start(blocks: Blocks) -> None:
    policy = _policy(blocks)
    policy["claims"] = [claim for claim in policy["claims"] if claim["name"] != "oid"]


def _may_start_by_another_claim(blocks: Blocks) -> None:
    (claim,) = (claim for claim in _policy(blocks)["claims"] if claim["name"] == "oid")
    claim["name"] = "sub"


def _may_be_anything(blocks: Blocks) -> None:
    blocks[ASSIGNMENT]["processor_sends_persisting"]["role_definition_name"] = "Owner"


def _may_read_and_write(blocks: Blocks) -> None:
    given = blocks[COSMOS_ASSIGNMENT]
    role = given["persister_writes_store"]["role_definition_id"]
    given["persister_reads_store"] = given["persister_writes_store"] | {"role_definition_id": role[:-1] + "1"}


def _no_threads(blocks: Blocks) -> None:
    del blocks[APP]["processor"]["app_settings"]["PYTHON_THREADPOOL_THREAD_COUNT"]


def _may_be_anything_in_cosmos(blocks: Blocks) -> None:
    role = blocks[COSMOS_ASSIGNMENT]["persister_writes_store"]
    role["role_definition_id"] = role["role_definition_id"][:-1] + "3"


def _another_subscriber(blocks: Blocks) -> None:
    blocks["azurerm_eventgrid_event_subscription"] = {
        "other": {
            "//": {"metadata": {"path": "azure/broker/other"}},
            "azure_function_endpoint": {"function_id": f"${{{APP}.dispatcher.id}}/functions/dispatcher"},
        }
    }


def _another_function(blocks: Blocks) -> None:
    endpoint = blocks[SUBSCRIPTION]["dispatcher"]["azure_function_endpoint"]
    endpoint["function_id"] = f"${{{APP}.dispatcher.id}}/functions/receiver"


def _no_app_of_the_stack(blocks: Blocks) -> None:
    endpoint = blocks[SUBSCRIPTION]["dispatcher"]["azure_function_endpoint"]
    endpoint["function_id"] = f"${{{APP}.receiver.id}}/functions/receiver"


def _no_function_of_the_stack(blocks: Blocks) -> None:
    blocks[SUBSCRIPTION]["dispatcher"]["azure_function_endpoint"]["function_id"] = "/subscriptions/x"


def _filter(blocks: Blocks) -> None:
    blocks[SUBSCRIPTION]["dispatcher"]["subject_filter"] = {"subject_begins_with": "x"}


def _always_ready(blocks: Blocks) -> None:
    blocks[APP]["processor"]["always_ready"] = [{"name": "function", "instance_count": 1}]


def _another_plan(blocks: Blocks) -> None:
    blocks["azurerm_service_plan"]["processor"]["sku_name"] = "EP1"


def _hidden_receiver(blocks: Blocks) -> None:
    blocks[APP]["hot_reader"]["public_network_access_enabled"] = False


def _open_consumer(blocks: Blocks) -> None:
    blocks[APP]["processor"]["public_network_access_enabled"] = True


def _no_keys(blocks: Blocks) -> None:
    del blocks[APP]["hot_reader"]["app_settings"]["API_KEYS_SECRET"]


def _no_queue_service(blocks: Blocks) -> None:
    del blocks[APP]["processor"]["app_settings"]["QUEUES__queueServiceUri"]


def _no_queue(blocks: Blocks) -> None:
    del blocks[APP]["processor"]["app_settings"]["TRIGGER_QUEUE"]


def _no_leases(blocks: Blocks) -> None:
    del blocks[APP]["twin_sync"]["app_settings"]["CHANGES_LEASES"]


def _unknown_role(blocks: Blocks) -> None:
    blocks[APP]["processor"]["app_settings"]["TWIN_ROLE"] = "producer"


def _role_of_another_cloud(blocks: Blocks) -> None:
    blocks[APP]["processor"]["app_settings"]["TWIN_ROLE"] = "twin_connector"


def _unknown_address(blocks: Blocks) -> None:
    blocks[APP]["twin_sync"]["app_settings"]["STORE"] += "/docs"


def _unknown_secret(blocks: Blocks) -> None:
    blocks[APP]["dashboard_sync"]["app_settings"]["LINK_SECRET"] += "-2"


REFUSED: Mapping[Callable[[Blocks], None], str] = {
    _may_not_write_dead_letters: "puts dead letters into .*broker_dead, and may not write there",
    _may_not_send: r"is told of azurerm_storage_queue\.persisting, and may not use it",
    _may_not_take: r"is told of azurerm_storage_queue\.processing, and may not use it",
    _may_not_keep_leases: r"is told of .*\.store_leases, and may not use it",
    _may_not_start: r"is told of azapi_resource\.workflow, and may not use it",
    _may_start_by_another_claim: r"names azurerm_user_assigned_identity\.event_checker in a way that",
    _may_be_anything: "gives the role Owner, which the guides do not know",
    _may_read_and_write: r"has .* Contributor and .* Reader on .*\.store: reading or writing",
    _no_threads: "does not say its PYTHON_THREADPOOL_THREAD_COUNT",
    _may_be_anything_in_cosmos: "gives a role that the guides do not know",
    _another_subscriber: r"event_subscription\.other does something with .* that the guides do not know",
    _another_function: "delivers to receiver, which .*dispatcher does not have",
    _no_app_of_the_stack: r"the stack has no block azurerm_function_app_flex_consumption\.receiver",
    _no_function_of_the_stack: "delivers to what is no function of the stack",
    _filter: "has subject_filter, which the guides do not know",
    _always_ready: "has always_ready, which the guides do not know",
    _another_plan: "is on the plan EP1, which the guides do not know",
    _hidden_receiver: "has no public network access, and httpTrigger that is called from there",
    _open_consumer: "has public network access, and nothing that is called from there",
    _no_keys: "has no API_KEYS_SECRET to check",
    _no_queue_service: "has no app setting QUEUES__queueServiceUri",
    _no_queue: "a binding asks for the app setting TRIGGER_QUEUE, which the stack does not set",
    _no_leases: "a binding asks for the app setting CHANGES_LEASES, which the stack does not set",
    _unknown_role: "has no TWIN_ROLE that the guides know: 'producer'",
    _role_of_another_cloud: "the package has no code of the role twin_connector",
    _unknown_address: "the app setting STORE is put together in a way that the guides do not know",
    _unknown_secret: "has the secret factory-own-dashboards-2 in LINK_SECRET, and may not read it",
}
"""Changes to a stack after which it does not work, or not as a guide would say; and the sentence on each."""


@pytest.mark.parametrize("change", REFUSED, ids=lambda change: change.__name__.strip("_"))
def test_what_is_not_known_or_cannot_work_is_refused(change: Callable[[Blocks], None]) -> None:
    with pytest.raises(KeyError, match=REFUSED[change]):
        changed(change)


def test_an_output_that_tells_of_another_app_is_refused() -> None:
    stack = copy.deepcopy(twins.stacks(ALONE)["azure"])
    output = stack["output"]["telemetry_api_url"]
    output["value"] = output["value"].replace(f"{APP}.hot_reader.", f"{APP}.twin_reader.")
    with pytest.raises(KeyError, match=r"no output tells where .*\.hot_reader is called at /hot_reader"):
        read(Cloud.AZURE, stack, twins.topology(ALONE))
