"""What the Azure stack is made of: identities, permissions, network, settings, order."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from support.layouts import Layout, twin_config, twin_data
from support.terraform_json import Resource, data_sources, environment, interpolations, references, resources
from twin_azure import settings as azure_settings
from twin_runtime import settings
from twin_runtime.roles import ROLES, Cloud, Role, Trigger
from twinspan import outputs as published
from twinspan.azure.deployment import template
from twinspan.azure.functions import memory_mb
from twinspan.config import Config
from twinspan.sizing import at_once
from twinspan.topology import Topology

from .stacks import ALL, AZURE_LAYOUTS, FIRST, LAST, MIDDLE, azure_stack, stack_of

APP = "azurerm_function_app_flex_consumption"
ROLE = "azurerm_role_assignment"
ONE_IN_THE_GROUP = {
    "IoT Hub Data Contributor": "azurerm_iothub",
    "Azure Digital Twins Data Owner": "azurerm_digital_twins_instance",
    "Azure Digital Twins Data Reader": "azurerm_digital_twins_instance",
}
"""Roles that are good for one type alone, of which the twin's group has one resource."""
PUBLIC = {*("dispatcher", "ingestion", "writer", "hot_reader")}


def topology(layout: Layout) -> Topology:
    return Topology.of(twin_config(layout))


def apps(layout: Layout) -> dict[str, dict[str, Any]]:
    """With the settings of the event system, too."""
    return {
        block.name: {**block.body, "app_settings": environment(block.body["app_settings"])}
        for block in resources(azure_stack(layout), APP)
    }


def grants(layout: Layout) -> dict[str, dict[str, Any]]:
    return {block.name: block.body for block in resources(azure_stack(layout), ROLE)}


def code_deployments() -> list[Resource]:
    actions = resources(azure_stack(ALL), "azapi_resource_action")
    return [block for block in actions if block.body["type"].startswith("Microsoft.Resources/deployments@")]


@pytest.mark.parametrize("layout", AZURE_LAYOUTS, ids=str)
class TestEveryLayout:
    def test_the_roles_of_this_cloud_and_no_others(self, layout: Layout) -> None:
        here = {role for role, cloud in topology(layout).roles.items() if cloud is Cloud.AZURE}
        assert set(apps(layout)) == here

    def test_settings_are_exactly_what_a_function_reads(self, layout: Layout) -> None:
        known = topology(layout)
        for role, app in apps(layout).items():
            link = known.link_of(Role(role))
            remote = link is not None and ROLES[Role(role)].remote_link == link.name
            own = azure_settings.expected(Role(role), remote=remote)
            given = app["app_settings"].keys()
            assert settings.required(role, "azure", remote=remote) | own <= given, role
            assert given <= settings.expected(role, "azure", remote=remote) | own, role

    def test_what_can_be_reached_from_outside(self, layout: Layout) -> None:
        receivers = set(topology(layout).receivers_in(Cloud.AZURE))
        for role, app in apps(layout).items():
            assert app["public_network_access_enabled"] is (role in receivers or role == Role.DISPATCHER), (
                role
            )
            assert app["https_only"] is True
            assert app["webdeploy_publish_basic_authentication_enabled"] is False

    def test_every_app_has_its_own_identity_plan_container_and_host_id(self, layout: Layout) -> None:
        for key in ("service_plan_id", "storage_user_assigned_identity_id", "storage_container_endpoint"):
            values = [app[key] for app in apps(layout).values()]
            assert len(values) == len(set(values)), key
        ids = [app["app_settings"]["AzureFunctionsWebHost__hostid"] for app in apps(layout).values()]
        assert len(ids) == len(set(ids))

    def test_no_key_opens_queues_hosts_or_rows(self, layout: Layout) -> None:
        stack = azure_stack(layout)
        accounts = {block.name: block.body for block in resources(stack, "azurerm_storage_account")}
        assert {name for name, body in accounts.items() if body["shared_access_key_enabled"]} == {"packages"}
        assert all(body["allow_nested_items_to_be_public"] is False for body in accounts.values())
        # Besides packages, the account with keys holds nothing.
        inside = [
            block.address
            for block in resources(stack)
            if block.kind in ("azurerm_storage_container", "azurerm_storage_queue")
            and "storage_account.packages" in str(block.body)
        ]
        assert inside == ["azurerm_storage_container.packages"]
        for block in resources(stack, "azurerm_cosmosdb_account"):
            assert block.body["local_authentication_disabled"] is True
        for block in resources(stack, "azurerm_iothub"):
            assert block.body["local_authentication_enabled"] is False

    def test_no_grant_is_wider_than_what_it_is_for(self, layout: Layout) -> None:
        narrow = re.compile(
            r"\$\{(one\()?(azapi_resource\.state|azurerm_(storage_queue|storage_container|key_vault_secret)\.\w+)"
            r"(\[\*\])?"
            r"\.(resource_versionless_id|id)\)?\}"
        )
        grafana = {"${azapi_resource.grafana.id}", "${azurerm_log_analytics_workspace.logs.id}"}
        for name, grant in grants(layout).items():
            if name.startswith("operators_") or name == "grafana_admins":
                assert grant["principal_id"] == "${each.value}"
            elif name in ("grafana_reads_metrics", "dashboard_sync_keeps_dashboards"):
                assert grant["scope"] in grafana, name
                assert "principal_id" in grant["principal_id"]
            elif grant["role_definition_name"] in ONE_IN_THE_GROUP:
                (_,) = resources(azure_stack(layout), ONE_IN_THE_GROUP[grant["role_definition_name"]])
                assert grant["scope"] == "${azurerm_resource_group.twin.id}", name
                assert "principal_id" in grant["principal_id"]
            else:
                assert narrow.fullmatch(grant["scope"]), name
                assert "principal_id" in grant["principal_id"]

    def test_a_vault_is_there_when_a_secret_is(self, layout: Layout) -> None:
        known = topology(layout)
        ends = known.link_secrets_in(Cloud.AZURE)
        expected = 1 if ends or known.receivers_in(Cloud.AZURE) else 0
        assert len(resources(azure_stack(layout), "azurerm_key_vault")) == expected

    def test_every_dead_letter_queue_has_an_alarm_that_looks_for_its_name(self, layout: Layout) -> None:
        stack = azure_stack(layout)
        queues = {block.name: block.body["name"] for block in resources(stack, "azurerm_storage_queue")}
        alarms = {
            block.name: (block.body["criteria"][0]["query"], block.counted)
            for block in resources(stack, "azurerm_monitor_scheduled_query_rules_alert_v2")
        }
        dead = {name for name in queues if name.endswith("_dead")}
        assert dead == {name for name in alarms if not name.endswith(("_failed", "_behind", "_refusals"))}
        for block in resources(stack, "azurerm_storage_queue"):
            if block.name in dead:
                query, counted = alarms[block.name]
                assert f'"{queues[block.name]}"' in query
                assert counted is block.counted

    def test_an_app_is_written_when_the_roles_of_its_host_are_in_effect(self, layout: Layout) -> None:
        waits = {block.name: block.body for block in resources(azure_stack(layout), "time_sleep")}
        for role, app in apps(layout).items():
            assert app["depends_on"] == [f"time_sleep.{role}"]
            for purpose in ("keeps_azure_webjobs_hosts", "keeps_azure_webjobs_secrets", "keeps_code"):
                assert f"{ROLE}.{role}_{purpose}" in waits[role]["for_each"]

    def test_outputs_for_the_stack_that_wires_the_links(self, layout: Layout) -> None:
        known, outputs = topology(layout), azure_stack(layout).get("output", {})
        for role in known.receivers_in(Cloud.AZURE):
            assert outputs[published.api_key(role)]["sensitive"] is True
            assert f"/{role}" in outputs[published.url(role)]["value"]
        for link in known.link_secrets_in(Cloud.AZURE):
            if not link.wired:  # this stack fills it
                assert f"link_{link.name}" in azure_stack(layout)["resource"]["azurerm_key_vault_secret"]
                continue
            assert outputs[f"link_{link.name}_secret"]["value"] == f"factory-link-{link.name}"
            reader = link.sender if link.sender_cloud is Cloud.AZURE else link.receiver
            assert reader is not None
            readers = outputs[f"link_{link.name}_reader_principal_ids"]["value"]
            assert f"azurerm_user_assigned_identity.{reader}" in readers[reader]
            assert "key_vault_id" in outputs

    def test_references_resolve_and_counted_ones_are_guarded(self, layout: Layout) -> None:
        stack = azure_stack(layout)
        blocks = {block.address: block for block in (*resources(stack), *data_sources(stack))}
        for part in ("resource", "output", "provider"):
            for reference in references(stack.get(part, {})):
                block = blocks[reference.address]
                if block.counted or "for_each" in block.body:
                    assert reference.index, reference.expression
                    assert reference.index != "[*]" or "one(" in reference.expression


def test_the_user_s_code_runs_on_one_message_at_a_time() -> None:
    queues = "AzureFunctionsJobHost__extensions__queues__"
    for role, app in apps(ALL).items():
        given = app["app_settings"]
        threads = given["PYTHON_THREADPOOL_THREAD_COUNT"]
        if role == "processor":
            # At most batchSize + newBatchThreshold: functions-bindings-storage-queue, host.json settings.
            assert threads == given[f"{queues}batchSize"] == "1"
            assert given[f"{queues}newBatchThreshold"] == "0"
        else:
            trigger = Trigger.QUEUE if "TRIGGER_QUEUE" in given else ROLES[Role(role)].trigger
            assert threads == str(at_once(Role(role), Cloud.AZURE, trigger))
            assert f"{queues}batchSize" not in given


class TestSecretless:
    def test_a_single_cloud_without_read_api_has_no_secret_and_no_random_value(self) -> None:
        stack = azure_stack(ALL, read_api=False)
        assert not resources(stack, "azurerm_key_vault", "azurerm_key_vault_secret", "random_password")
        assert "random" not in stack["provider"]
        assert set(stack["output"]) == {
            "broker_endpoint",
            "dead_letter_queues",
            "deployment",
            "device_values",
            "storage_tiers",
        }

    def test_no_value_in_the_stack_is_a_secret(self) -> None:
        for layout in (ALL, FIRST, MIDDLE, LAST):
            text = json.dumps(azure_stack(layout))
            assert not re.search(
                r"AccountKey=|SharedAccess|primary_access_key|connection_string\":\s*\"[^$]", text
            )


class TestGrants:
    def test_a_reader_reads_rows_and_a_writer_writes_them(self) -> None:
        roles = {
            block.name: block.body["role_definition_id"][-1]
            for block in resources(azure_stack(LAST), "azurerm_cosmosdb_sql_role_assignment")
        }
        assert roles == {"hot_reader_reads_store": "1", "writer_writes_store": "2"}

    def test_a_consumer_takes_from_its_queue_and_may_send_to_the_dead_letters(self) -> None:
        found = grants(ALL)
        assert found["processor_takes_processing"]["role_definition_name"] == "Storage Queue Data Contributor"
        assert (
            found["processor_sends_processing_dead"]["role_definition_name"]
            == "Storage Queue Data Message Sender"
        )
        takes = {
            name
            for name, grant in found.items()
            if grant["role_definition_name"].endswith("Contributor") and "_takes_" in name
        }
        assert takes == {
            *("processor_takes_processing", "persister_takes_persisting"),
            *("event_checker_takes_events", "event_feedback_takes_commands"),
        }

    def test_only_feedback_commands_devices_and_only_the_topic_writes_refused_events(self) -> None:
        found = grants(ALL)
        assert [n for n, g in found.items() if g["role_definition_name"] == "IoT Hub Data Contributor"] == [
            "event_feedback_commands_devices"
        ]
        assert found["broker_writes_broker_dead"]["scope"] == "${azurerm_storage_container.broker_dead.id}"

    def test_a_grant_is_optional_when_either_end_is(self) -> None:
        found = grants(ALL)
        assert "count" in found["persister_sends_events"]
        assert "count" in found["event_checker_sends_commands"]
        assert "count" not in found["persister_sends_persisting_dead"]


class TestDeployment:
    content = template()
    config, nested = content["resources"]
    inner = nested["properties"]["template"]
    (deploy,) = inner["resources"]

    def test_the_settings_of_the_app_are_written_without_the_provider_s_own(self) -> None:
        # The provider adds AzureWebJobsStorage on each create and update: its issue 29693.
        assert self.config["type"] == "Microsoft.Web/sites/config"
        assert "parameters('settings')" in self.config["properties"]
        assert "AzureWebJobsStorage" not in json.dumps(template())
        settings_id = "resourceId('Microsoft.Web/sites/config', parameters('site'), 'appsettings')"
        assert self.nested["dependsOn"] == [f"[{settings_id}]"]

    def test_code_goes_in_by_one_deploy_and_is_built_there(self) -> None:
        # functions-infrastructure-as-code, deployment package; functions-deployment-technologies, one deploy.
        assert self.deploy["type"] == "Microsoft.Web/sites/extensions"
        assert "/onedeploy" in self.deploy["name"]
        assert self.deploy["properties"]["remoteBuild"] is True

    def test_the_signature_that_opens_the_package_is_for_reading_one_blob_for_an_hour(self) -> None:
        uri = self.deploy["properties"]["packageUri"]
        for part in ("'signedResource', 'b'", "'signedPermission', 'r'", "'signedProtocol', 'https'"):
            assert part in uri
        # utcNow is for default values of parameters alone: template-functions-date.
        assert self.inner["parameters"]["expires"]["defaultValue"].startswith("[dateTimeAdd(utcNow(), 'PT1H'")
        assert json.dumps(template()).count("utcNow") == 1

    def test_every_parameter_is_given_and_used(self) -> None:
        def used(resources: list[Any]) -> set[str]:
            return set(re.findall(r"parameters\('(\w+)'\)", json.dumps(resources)))

        assert self.nested["properties"]["expressionEvaluationOptions"] == {"scope": "inner"}
        given = self.nested["properties"]["parameters"]
        assert used(self.inner["resources"]) == self.inner["parameters"].keys() == {*given, "expires"}
        wanted = self.content["parameters"].keys()
        assert used([self.config, given]) == wanted
        for block in code_deployments():
            sent = block.body["body"]["properties"]
            assert sent["template"] == self.content
            assert sent["parameters"].keys() == wanted

    def test_a_deployment_that_failed_and_one_that_a_change_of_the_app_undid_are_repeated(self) -> None:
        """azapi_action_resource.go: state is written after the action alone, and never read from Azure."""
        actions = {block.name: block for block in code_deployments()}
        assert actions.keys() == apps(ALL).keys()
        for role, block in actions.items():
            app = f"{APP}.{role}"
            assert block.body["lifecycle"] == {"replace_triggered_by": [app]}
            assert app in block.body["body"]["properties"]["parameters"]["settings"]["value"]
            assert block.counted is ("count" in apps(ALL)[role])

    def test_azure_s_own_tag_is_left_alone(self) -> None:
        for app in apps(ALL).values():
            assert app["lifecycle"]["ignore_changes"] == ['tags["hidden-link: /app-insights-resource-id"]']

    def test_event_grid_delivers_when_the_dispatcher_is_deployed(self) -> None:
        (block,) = resources(azure_stack(ALL), "azurerm_eventgrid_system_topic_event_subscription")
        assert block.body["depends_on"] == ["azapi_resource_action.dispatcher", "time_sleep.broker"]


@pytest.mark.parametrize(
    ("wanted", "size"), [(128, 512), (512, 512), (513, 2048), (1024, 2048), (4096, 4096)]
)
def test_memory_is_rounded_up_to_a_size_that_there_is(wanted: int, size: int) -> None:
    assert memory_mb(wanted) == size


def test_more_memory_than_there_is_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 4096 MB"):
        memory_mb(4097)


class TestWorkflow:
    def flow(self) -> dict[str, Any]:
        return azure_stack(ALL)["resource"]["azapi_resource"]["workflow"]

    def test_the_checker_s_identity_alone_starts_it(self) -> None:
        triggers = self.flow()["body"]["properties"]["accessControl"]["triggers"]
        (policy,) = triggers["openAuthenticationPolicies"]["policies"].values()
        claims = {claim["name"]: claim["value"] for claim in policy["claims"]}
        assert claims["iss"].startswith("https://sts.windows.net/")
        assert claims["oid"] == "${one(azurerm_user_assigned_identity.event_checker[*].principal_id)}"

    def test_its_address_carries_no_signature(self) -> None:
        address = apps(ALL)["event_checker"]["app_settings"]["WORKFLOW"]
        endpoint = "${one(azapi_resource.workflow[*].output.properties.accessEndpoint)}"
        assert address == f"{endpoint}/triggers/fired/paths/invoke?api-version=2016-10-01"
        assert "callback_url" not in json.dumps(azure_stack(ALL))

    def test_the_notify_url_is_in_the_request_that_makes_the_logic_app(self) -> None:
        """A request without the value would take it away, and the definition of another request too."""
        value = {"notify_url": {"value": "${var.workflow_notify_url}"}}
        assert self.flow()["sensitive_body"] == {"properties": {"parameters": value}}
        assert "workflow_notify_url" not in json.dumps(self.flow()["body"])
        kinds = {block.kind for block in resources(azure_stack(ALL)) if "workflow" in block.name}
        assert kinds == {"azapi_resource", "azurerm_monitor_metric_alert"}
        # azapi, docs/resources/resource: sensitive_body is write-only, which Terraform knows since 1.11.
        assert azure_stack(ALL)["terraform"]["required_version"] == ">= 1.11"

    def test_no_name_or_text_of_a_definition_is_a_template_of_terraform(self, tmp_path: Path) -> None:
        odd = '${file("x")} %{ if true } "'
        action = {"type": "Compose", "inputs": {odd: odd, "list": [odd, 1, None, True, []]}, "runAfter": {}}
        own = {
            "parameters": {odd: {"type": "String", "defaultValue": odd}},
            "triggers": {odd: {"type": "Request"}},
            "actions": {odd: action},
            "outputs": {odd: {"type": "String", "value": odd}},
        }
        (tmp_path / "own.json").write_text(json.dumps(own), encoding="utf-8")
        data = twin_data(ALL)
        data["device_types"]["thermostat"].pop("processor")
        data["events"]["workflow"] = "own.json"
        stack = stack_of(Config.model_validate(data, context={"folder": tmp_path}))
        body = stack["resource"]["azapi_resource"]["workflow"]["body"]["properties"]["definition"]
        assert list(interpolations(json.dumps(body))) == ["null"]
        assert "%{" not in json.dumps(body).replace("%%{", "")
        text = json.dumps(body).replace('"${null}"', "null")
        read = json.loads(text.replace("$${", "${").replace("%%{", "%{"))
        assert {name: read[name] for name in own} == own
        address = stack["resource"][APP]["event_checker"]["app_settings"]["WORKFLOW"]
        assert len(list(interpolations(address))) == 1
        assert "/triggers/%24%7Bfile%28%22x%22%29%7D%20" in address

    def test_all_of_it_is_optional(self) -> None:
        for block in resources(azure_stack(ALL)):
            if "workflow" in block.name or "state" in block.name.split("_"):
                assert block.counted, block.address

    def test_the_checker_alone_keeps_the_rules_state(self) -> None:
        """learn.microsoft.com, 'Assign an Azure role for access to table data': the scope of one table."""
        stack, table = azure_stack(ALL), "azapi_resource.state[*]"
        settings = apps(ALL)["event_checker"]["app_settings"]
        endpoint = "${azurerm_storage_account.twin.primary_table_endpoint}"
        assert settings["STATE_STORE"] == f"{endpoint}${{one({table}.name)}}"
        grants = {
            block.name: block.body["role_definition_name"]
            for block in resources(stack, ROLE)
            if block.body["scope"] == f"${{one({table}.id)}}"
        }
        assert grants == {"event_checker_writes_state": "Storage Table Data Contributor"}
        assert not [
            block for block in resources(stack, ROLE) if "Table" in block.body["role_definition_name"]
        ][1:]

    def test_a_run_that_failed_is_one_message(self) -> None:
        """A stateful alarm sends another when it is resolved, and a count in two windows counts twice."""
        alarm = azure_stack(ALL)["resource"]["azurerm_monitor_metric_alert"]["workflow_failed"]
        assert alarm["auto_mitigate"] is False
        assert alarm["window_size"] == alarm["frequency"] == "PT5M"
        assert alarm["criteria"][0]["metric_name"] == "RunsFailed"


class TestAlerts:
    def test_an_address_is_told_by_every_alarm(self) -> None:
        stack = stack_of(twin_config(ALL, alerts={"email": "ops@example.com"}))
        (group,) = [b for b in resources(stack, "azurerm_monitor_action_group") if b.name == "alerts"]
        assert not group.counted
        assert [r["email_address"] for r in group.body["email_receiver"]] == ["ops@example.com"]
        # docs/r/monitor_action_group: short_name, which stands in e-mails, has at most 12 characters.
        assert len(group.body["short_name"]) <= 12
        told = "${azurerm_monitor_action_group.alerts.id}"
        alarms = resources(stack, "azurerm_monitor_metric_alert")
        assert len(alarms) == 2
        assert all(block.body["action"] == [{"action_group_id": told}] for block in alarms)
        alarms = resources(stack, "azurerm_monitor_scheduled_query_rules_alert_v2")
        assert len(alarms) == 6
        assert all(block.body["action"] == {"action_groups": [told]} for block in alarms)

    def test_many_refusals_of_a_reader_fire_an_alarm(self) -> None:
        """More than 60 a minute over the window of 15 minutes, by all instances."""
        stack = stack_of(twin_config(ALL))
        alarm = stack["resource"]["azurerm_monitor_scheduled_query_rules_alert_v2"]["hot_reader_refusals"]
        (criteria,) = alarm["criteria"]
        assert (
            'AppRoleName =~ "${azurerm_function_app_flex_consumption.hot_reader.name}"' in criteria["query"]
        )
        assert 'line.event == "refused" and toint(line.status) in (401, 429)' in criteria["query"]
        assert criteria["query"].endswith(
            'summarize refused = sum(toint(line["count"])) | where refused > 900'
        )
        assert alarm["window_duration"] == "PT15M"

    def test_a_line_that_comes_late_is_seen(self) -> None:
        # A workspace shows a line minutes after it was logged; a look covers the window before it alone.
        for block in resources(azure_stack(ALL), "azurerm_monitor_scheduled_query_rules_alert_v2"):
            assert block.body["evaluation_frequency"] == "PT5M"
            assert block.body["window_duration"] == "PT15M"

    def test_without_an_address_alarms_notify_no_one(self) -> None:
        stack = azure_stack(ALL)
        assert [b.name for b in resources(stack, "azurerm_monitor_action_group")] == ["smart_detection"]
        for block in resources(
            stack, "azurerm_monitor_metric_alert", "azurerm_monitor_scheduled_query_rules_alert_v2"
        ):
            assert "action" not in block.body


class TestBodies:
    """What is too long for a message of a queue."""

    def test_who_sends_or_takes_has_its_container_and_no_other(self) -> None:
        found: dict[str, set[str]] = {}
        for block in resources(azure_stack(ALL), "azurerm_role_assignment"):
            if block.name.endswith("_bodies"):
                assert block.body["role_definition_name"] == "Storage Blob Data Contributor"
                role, _, queue = block.name.removesuffix("_bodies").partition("_keeps_")
                found.setdefault(queue, set()).add(role)
        assert found == {
            "telemetry": {"dispatcher"},
            "processing": {"dispatcher", "processor"},
            "persisting": {"processor", "persister"},
            "events": {"persister", "event_checker"},
            "commands": {"event_checker", "event_feedback"},
        }

    def test_a_queue_and_its_poison_queue_have_one_container(self) -> None:
        settings = apps(ALL)["processor"]["app_settings"]
        endpoint = "${azurerm_storage_account.twin.primary_blob_endpoint}"
        bodies = endpoint + "${azurerm_storage_container.processing_bodies.name}"
        assert settings["TRIGGER_BODIES"] == bodies
        assert settings["DEAD_LETTER_QUEUE"].endswith(f"?bodies={bodies}")
        assert apps(ALL)["dispatcher"]["app_settings"]["PROCESSING_QUEUE"].endswith(f"?bodies={bodies}")

    def test_an_account_has_one_policy_and_it_deletes_versions_within_days(self) -> None:
        policies = resources(azure_stack(ALL), "azurerm_storage_management_policy")
        accounts = [block.body["storage_account_id"] for block in policies]
        assert len(accounts) == len(set(accounts))
        (policy,) = (block for block in policies if block.name == "twin")
        rule = next(rule for rule in policy.body["rule"] if rule["name"] == "bodies")
        containers = [
            block.body["name"]
            for block in resources(azure_stack(ALL), "azurerm_storage_container")
            if block.name.endswith("_bodies")
        ]
        (prefix,) = rule["filters"]["prefix_match"]
        assert len(containers) == 5 and all(name.startswith(prefix) for name in containers)
        assert rule["actions"]["version"] == {"delete_after_days_since_creation": 1}
