"""A plan as `terraform show -json` prints it, read as facts about the twin and as the page."""

from typing import TYPE_CHECKING, Any, cast

import jsonschema
import pytest

from command.commands.plan import SCHEMA
from command.plan import facts, page, release, scratch
from command.plan.contents import UNKNOWN, Contents
from command.plan.destroying import elsewhere
from command.plan.planning import Planned
from command.plan.reading import Action, read
from command.state import Vanished
from stacks.states import Place
from support.layouts import Layout, twin_config
from twin_runtime.roles import Cloud
from twinspan.config import Config

if TYPE_CHECKING:
    from command.terraform.program import Stack

AWS, AZURE, GCP = Cloud.AWS, Cloud.AZURE, Cloud.GCP
TABLE = {
    "id": "factory-hot",
    "name": "factory-hot",
    "hash_key": "device",
    "range_key": "key",
    "billing_mode": "PAY_PER_REQUEST",
    "attribute": [{"name": "device", "type": "S"}, {"name": "key", "type": "S"}],
    "deletion_protection_enabled": True,
    "tags": {"layer": "hot_storage", "twin": "factory", "costs": "${free}"},
    "ttl": [],
}
NO_BLOCKS: dict[str, Any] = {"resource": {}, "terraform": {}, "variable": {}}


def change(address: str, *actions: str, before: Any = None, after: Any = None, **more: Any) -> dict[str, Any]:
    kind, _, name = address.partition(".")
    return {
        "address": address,
        "mode": "managed",
        "type": kind,
        "name": name.partition("[")[0],
        "change": {"actions": list(actions), "before": before, "after": after, **more},
    }


def deployment(before: Any, after: Any) -> dict[str, Any]:
    actions = ["no-op"] if before == after else ["update"]
    return {"deployment": {"actions": actions, "before": before, "after": after}}


def told(layers: tuple[str, ...], *, events: bool = True, generation: int = 1) -> dict[str, Any]:
    return {
        "twinspan": "1",
        "twin": "factory",
        "layers": list(layers),
        "former": [],
        "events": events,
        "key_generation": generation,
        "keys_revoked_before": 0,
    }


def plan(*changes: dict[str, Any], outputs: Any = None, variables: Any = None) -> dict[str, Any]:
    given = {name: {"value": value} for name, value in (variables or {}).items()}
    return {"resource_changes": list(changes), "output_changes": outputs or {}, "variables": given}


@pytest.fixture
def config() -> Config:
    return twin_config(Layout(AWS, AWS, AWS))


def test_what_a_plan_deletes_is_in_a_store(config: Config) -> None:
    found = read(
        "aws",
        plan(
            change("aws_dynamodb_table.hot", "delete", before=TABLE),
            change(
                "aws_sqs_queue.writing_dead", "delete", before={"id": "q", "tags": {"layer": "hot-storage"}}
            ),
            change("aws_lambda_function.writer", "delete", before={"tags": {"role": "writer"}}),
            change("aws_sqs_queue.processing", "no-op"),
            change("aws_iot_thing.devices", "delete", "create", before={"id": "t"}, replace_paths=[["name"]]),
        ),
        NO_BLOCKS,
    )
    assert [(each.store, each.action, each.because) for each in found.losses] == [
        ("hot_storage@aws", Action.DELETE, ()),
        ("hot_storage@aws", Action.DELETE, ()),
        ("acquisition@aws", Action.REPLACE, ("name",)),
    ]
    assert found.of(Action.DELETE) == [
        "aws_dynamodb_table.hot",
        "aws_lambda_function.writer",
        "aws_sqs_queue.writing_dead",
    ]
    assert found.functions == {"writer": Action.DELETE}


def test_what_twinspan_makes_again_is_no_data() -> None:
    key = change('random_password.hot_reader_api_keys["1"]', "delete", before={"result": "secret"})
    unknown = change("aws_of_an_earlier_version.a", "delete", before={})
    assert read("gcp", plan(key, unknown), NO_BLOCKS).losses == ()
    table = change("aws_dynamodb_table.hot", "delete", before=TABLE)
    assert read("links", plan(table), NO_BLOCKS).losses == ()


@pytest.mark.parametrize(
    ("address", "before", "after"),
    [
        ("aws_lambda_function.f", {"source_code_hash": "a"}, {"source_code_hash": "b"}),
        (
            "google_cloudfunctions2_function.f",
            {"build_config": [{"source": [{"storage_source": [{"object": "a"}]}]}]},
            {"build_config": [{"source": [{"storage_source": [{"object": "b"}]}]}]},
        ),
        (
            "azapi_resource_action.f",
            {"body": {"properties": {"parameters": {"packageBlob": {"value": "a"}}}}},
            {"body": {"properties": {"parameters": {"packageBlob": {"value": "b"}}}}},
        ),
    ],
)
def test_a_function_has_other_code(address: str, before: Any, after: Any) -> None:
    def functions(old: Any, new: Any) -> Any:
        return read("aws", plan(change(address, "update", before=old, after=new)), NO_BLOCKS).functions

    assert functions(before, after) == {"f": Action.CHANGE}
    assert functions(before, {**before, "timeout": 3}) == {}


def document(config: Config, *plans: tuple[str, dict[str, Any]], **options: Any) -> facts.Document:
    readings = [read(name, each, NO_BLOCKS) for name, each in plans]
    found = facts.document(config, readings, options.pop("contents", {}), **options)
    jsonschema.validate(found, SCHEMA)
    return found


MOVED = (
    ("aws", plan(change("aws_dynamodb_table.hot", "delete", before=TABLE), outputs=deployment(
        told(("acquisition", "processing", "hot_storage")), told(("acquisition", "processing"))))),
    ("gcp", plan(outputs=deployment(None, told(("hot_storage",))))),
)  # fmt: skip


def test_a_layer_that_moves_is_refused_with_what_to_do(config: Config) -> None:
    contents = {"aws_dynamodb_table.hot": Contents("about 1,200", True)}
    found = document(config, *MOVED, contents=contents)
    assert found["layers"]["move"] == [{"layer": "hot_storage", "from": "aws", "to": "gcp"}]
    assert found["refused"] == [
        "hot_storage@aws would be deleted, with its rows (about 1,200). To keep it, write former: "
        "[hot_storage@aws] into twin.yaml. To delete it, add --delete-data hot_storage@aws."
    ]
    lines = list(page.lines(found))
    assert "  hot_storage moves from AWS to Google Cloud" in lines
    assert "  hot_storage@aws  rows deleted (about 1,200)  aws_dynamodb_table.hot" in lines
    assert lines[-4:] == [
        "Refused",
        "  hot_storage@aws would be deleted, with its rows (about 1,200).",
        "    To keep it, write former: [hot_storage@aws] into twin.yaml.",
        "    To delete it, add --delete-data hot_storage@aws.",
    ]
    allowed = document(config, *MOVED, contents=contents, delete_data=["hot_storage@aws"])
    assert allowed["refused"] == []


def test_the_page_lists_three_addresses_and_counts_the_others(config: Config) -> None:
    def lines(number: int) -> list[str]:
        queues = (
            change(f"aws_sqs_queue.q{each}", "delete", before={"tags": {"layer": "processing"}})
            for each in range(number)
        )
        found = document(config, ("aws", plan(*queues)))
        return list(page.lines(found))

    four, five = lines(4), lines(5)
    assert four[four.index("Stores") + 1 : four.index("Stacks") - 1] == [
        "  processing@aws  messages deleted  aws_sqs_queue.q0",
        *(f"                  messages deleted  aws_sqs_queue.q{each}" for each in range(1, 4)),
    ]
    assert five[five.index("Stacks") - 2] == "                  2 more"
    assert [line for line in four if "more" in line] == []
    assert "         deleted: 2 more (all: twinspan --json plan)" in five


def test_the_page_lists_functions_by_cloud(config: Config) -> None:
    found = document(config, ("aws", plan()))
    functions = [
        ("writer", "gcp", "code changes"),
        ("persister", "aws", "goes"),
        ("writer", "aws", "appears"),
    ]
    found["functions"] = [
        {"function": name, "cloud": cloud, "what": what}
        for name, cloud, what in (*functions, ("processor", "gcp", "appears"))
    ]
    lines = list(page.lines(found))
    assert lines[lines.index("Functions") + 1 : lines.index("Stacks") - 1] == [
        "  Google Cloud  appears       processor",
        "                code changes  writer",
        "  AWS           appears       writer",
        "                goes          persister",
    ]


@pytest.mark.parametrize(
    ("contents", "refused"),
    [(Contents("none", False), 0), (Contents("about 3", True), 1), (UNKNOWN, 1)],
)
def test_an_empty_queue_needs_no_consent(config: Config, contents: Contents, refused: int) -> None:
    queue = change("aws_sqs_queue.events", "delete", before={"id": "q", "tags": {"layer": "processing"}})
    found = document(config, ("aws", plan(queue)), contents={"aws_sqs_queue.events": contents})
    assert len(found["refused"]) == refused
    assert "former" not in "".join(found["refused"])


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (1, 2, None),
        (3, 3, None),
        (3, 2, "would fall from 3 to 2"),
        (1, 3, "would rise from 1 to 3"),
    ],
)
def test_the_generation_of_keys_rises_by_one(
    config: Config, before: int, after: int, words: str | None
) -> None:
    outputs = deployment(told((), generation=before), told((), generation=after))
    found = document(config, ("aws", plan(outputs=outputs)))
    assert bool(found["refused"]) is bool(words)
    assert (words or "") in "".join(found["refused"])
    assert found["keys"]["generation"] == {"before": before, "after": after}


def test_a_first_deployment_takes_any_generation(config: Config) -> None:
    found = document(config, ("aws", plan(outputs=deployment(None, told((), generation=7)))))
    assert found["refused"] == []


def test_a_variable_that_differs_from_the_file_is_named(config: Config) -> None:
    given = {"enable_events": "false", "key_generation": 1, "keys_revoked_before": "0"}
    found = document(config, ("aws", plan(variables=given)))
    assert found["variables"] == [
        {"variable": "enable_events", "value": False, "field": "events.enabled", "file": True}
    ]
    assert (
        "  enable_events is false in the environment or --var, but twin.yaml says events.enabled: true"
        in page.lines(found)
    )


def test_a_plan_without_changes_says_so(config: Config) -> None:
    same = told(("acquisition",))
    lines = list(page.lines(document(config, ("aws", plan(outputs=deployment(same, same))))))
    assert lines[-1] == "Nothing changes."
    assert "  aws    no change" in lines


def test_a_cloud_that_was_forgotten_is_named(config: Config) -> None:
    found = document(config, ("aws", plan()), left=[Vanished(AZURE, Place("local", ("x",)), 41)])
    assert found["left"][0]["stack"] == "azure"
    assert found["left"][0]["advice"] in "\n".join(page.lines(found))


def test_what_is_released_keeps_all_but_its_protection() -> None:
    (loss,) = read("aws", plan(change("aws_dynamodb_table.hot", "delete", before=TABLE)), NO_BLOCKS).losses
    protected = release.locked([loss])
    assert list(protected) == ["aws_dynamodb_table.hot"]
    body = release.unlocked(NO_BLOCKS, protected)["resource"]["aws_dynamodb_table"]["hot"]
    assert body["deletion_protection_enabled"] is False
    assert body["lifecycle"]["ignore_changes"] == [
        "attribute", "billing_mode", "hash_key", "name", "range_key", "tags",
    ]  # fmt: skip
    open_table = {**TABLE, "deletion_protection_enabled": False}
    (loss,) = read(
        "aws", plan(change("aws_dynamodb_table.hot", "delete", before=open_table)), NO_BLOCKS
    ).losses
    assert release.locked([loss]) == {}


def test_the_lock_on_what_is_deleted_is_released_with_it() -> None:
    account = {"id": "/subscriptions/1/a", "tags": {"layer": "hot_storage"}}
    lock = "/providers/Microsoft.Authorization/locks/twinspan"

    def locked(scope: str) -> dict[str, Any]:
        values = {
            "type": "Microsoft.Authorization/locks@2020-05-01",
            "resource_id": scope + lock,
            "method": "PUT",
        }
        return {
            "address": f"azapi_resource_action.l{len(scope)}",
            "type": "azapi_resource_action",
            "values": values,
        }

    deleted = plan(change("azurerm_cosmosdb_account.store", "delete", before=account))
    state = [locked("/subscriptions/1/a/db/x"), locked("/subscriptions/1/another")]
    deleted["prior_state"] = {"values": {"root_module": {"resources": state}}}
    (loss,) = read("azure", deleted, NO_BLOCKS).losses
    protected = release.locked([loss])
    (address,) = protected
    body = release.unlocked(NO_BLOCKS, protected)["resource"]["azapi_resource_action"][address.split(".")[1]]
    assert body["method"] == "DELETE"
    assert body["resource_id"] == "/subscriptions/1/a/db/x" + lock


def test_a_destroy_in_another_region_would_leave_everything(config: Config) -> None:
    found = plan()
    at = cast("Stack", None)

    def said(region: str) -> str | None:
        home = {"deployed_in": {"value": {"account": "000000000000", "region": region}}}
        found["prior_state"] = {"values": {"outputs": home}}
        return elsewhere(Planned(read("aws", found, NO_BLOCKS), at, found), config)

    assert said("eu-central-1") is None
    assert (said("eu-west-1") or "").startswith(
        "Stack aws: the twin is deployed in region eu-west-1, but twin.yaml says eu-central-1."
    )


def test_links_is_planned_with_the_outputs_that_will_be() -> None:
    links = {
        "data": {"terraform_remote_state": {"gcp": {"config": {"path": "x"}}}},
        "resource": {
            "google_secret_manager_secret_version": {
                "link_write": {
                    "secret": "${try(data.terraform_remote_state.gcp.outputs.link_write_secret, "
                    '"projects/p/secrets/s")}',
                    "for_each": "${try(data.terraform_remote_state.gcp.outputs.readers, {})}",
                    "gone": "${try(data.terraform_remote_state.gcp.outputs.gone, null)}",
                    "known": "${try(data.terraform_remote_state.gcp.outputs.known, null)}",
                }
            }
        },
    }
    body = {
        "output": {"link_write_secret": {"value": "${s.id}"}, "readers": {"value": {"writer": "${w.id}"}}}
    }
    outputs = {
        "link_write_secret": {"actions": ["create"], "after_unknown": True},
        "readers": {"actions": ["create"], "after_unknown": True},
        "known": {"actions": ["create"], "after": "$5 ${x}", "after_unknown": False},
        "gone": {"actions": ["delete"], "before": "x", "after": None, "after_unknown": False},
    }
    assert scratch.reads(links) == {"gcp": {"link_write_secret", "readers", "gone", "known"}}
    made = scratch.with_outputs(links, {"gcp": {"output_changes": outputs}}, {"gcp": body})
    version = made["resource"]["google_secret_manager_secret_version"]["link_write"]
    assert version == {
        "secret": "${local.twinspan_stand_in_gcp.link_write_secret}",
        "for_each": "${local.twinspan_stand_in_gcp.readers}",
        "gone": "${null}",
        "known": "${local.twinspan_stand_in_gcp.known}",
    }
    unknown = "${terraform_data.twinspan_stand_in.output}"
    assert made["locals"]["twinspan_stand_in_gcp"] == {
        "link_write_secret": unknown,
        "readers": {"writer": unknown},
        "known": "$5 $${x}",
    }
    assert "data" not in made


@pytest.mark.parametrize(("before", "after", "refused"), [(1, 2, 0), (2, 2, 0), (2, 1, 1), (1, 3, 1)])
def test_the_generation_of_a_client_rises_by_one(before: int, after: int, refused: int) -> None:
    def config(generation: int) -> Config:
        clients = ["erp", {"name": "mobile", "generation": generation}]
        return twin_config(Layout(AWS, AWS, AWS), read_api={"clients": clients})

    found = document(config(after), ("aws", plan()), before=config(before))
    assert len(found["refused"]) == refused
    assert all("of the client mobile would" in sentence for sentence in found["refused"])
