"""`plan`, `deploy` and `destroy` by real Terraform, on stand-ins of the providers of two clouds."""

import json
import stat
from io import StringIO

import jsonschema
import pytest
import yaml

from command.commands import deploy, destroy, plan
from support.layouts import Layout, twin_data
from support.operated import Operated
from support.planes import World
from twin_runtime.roles import Cloud

pytestmark = pytest.mark.terraform

AZURE, GCP = Cloud.AZURE, Cloud.GCP
HERE = Layout(GCP, GCP, GCP)
ACROSS = Layout(GCP, AZURE, GCP)


@pytest.mark.matrix
def test_a_twin_from_its_first_plan_to_its_end(
    operated: Operated, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    operated.write(twin_data(ACROSS))
    early = operated.run("deploy")
    assert (early.status, early.err) == (2, f"{deploy.NO_PLAN}\n")

    first = operated.run("--json", "plan")
    assert first.status == 0, first
    document = first.document
    jsonschema.validate(document, plan.SCHEMA)
    assert [each["layer"] for each in document["layers"]["appear"]] == [
        "acquisition",
        "processing",
        "hot_storage",
    ]
    (links,) = (each for each in document["stacks"] if each["name"] == "links")
    assert links["planned_again"]
    saved = operated.out / "plan.json"
    files = [saved, *operated.out.glob("stacks/*/twinspan.tfplan")]
    assert len(files) == 3  # the plan of links is made again
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}

    done = operated.run("--json", "deploy")
    assert done.status == 0, done
    jsonschema.validate(done.document, deploy.SCHEMA)
    assert done.document["deployed"] == ["azure", "gcp", "links"]
    assert set(done.document["endpoints"]) == {"broker_endpoint", "telemetry_api_url"}
    # The links have exactly what the page said, although their inputs were not there.
    made = {
        f"{each['type']}.{each['name']}"
        for each in operated.state("links")["resources"]
        if each["mode"] == "managed"
    }
    assert made == {address.partition("[")[0] for address in links["create"]}
    assert "links  " + "planning with the outputs of the clouds" in done.err
    assert "the page said" not in done.err
    for name in ("azure", "gcp", "links"):
        state = operated.folder / f"terraform.factory.{name}.tfstate"
        assert stat.S_IMODE(state.stat().st_mode) == 0o600
    assert yaml.safe_load((operated.out / "deployed.yaml").read_text())["twin"] == "factory"
    assert not saved.exists()
    assert not list(operated.out.glob("*/*/*.tfplan"))

    again = operated.run("plan")
    assert again.status == 0
    assert again.out.splitlines()[-1] == "Nothing changes."

    # The processing joins the other layers: the cloud that is left and links have nothing any more.
    data = twin_data(HERE)
    operated.write({**data, "clouds": twin_data(ACROSS)["clouds"]})
    moved = operated.run("--json", "plan")
    assert moved.status == 4
    lost = [each["store"] for each in moved.document["stores"] if each["needs_consent"]]
    assert "processing@azure" in lost
    assert moved.document["layers"]["move"] == [{"layer": "processing", "from": "azure", "to": "gcp"}]
    refused = operated.run("deploy")
    assert refused.status == 4
    assert "processing@azure would be deleted" in refused.err
    consent = [word for store in lost for word in ("--delete-data", store)]
    operated.deploy(*consent)
    assert operated.state("azure")["resources"] == []
    assert operated.state("links")["resources"] == []
    assert not (operated.out / "stacks" / "links").exists()

    # An entry that goes once its stack is empty is no problem.
    operated.write(data)
    gone = operated.run("--json", "plan")
    assert (gone.status, gone.document["left"]) == (0, [])

    (fleet,) = (each for each in world.objects("google_secret_manager_secret") if each["deletion_protection"])
    assert fleet["secret_id"].startswith("factory-fleet-")
    stopped = operated.run("destroy", "--yes")
    assert stopped.status == 4
    (protected,) = (
        each for each in stopped.err.splitlines() if each.startswith("acquisition@gcp is protected")
    )
    assert "secret" in protected
    assert "hot_storage@gcp is protected, with its rows" in stopped.err
    options = stopped.err.strip().splitlines()[-1].partition("twinspan destroy ")[2].split()
    assert operated.state("gcp")["resources"] != []
    monkeypatch.setattr("sys.stdin", StringIO("another\n"))
    mistyped = operated.run("destroy", *options)
    assert mistyped.status == 2
    assert "That is not the twin's name: nothing was deleted." in mistyped.err
    ended = operated.run("--json", "destroy", "--yes", *options)
    assert ended.status == 0, ended
    jsonschema.validate(ended.document, destroy.SCHEMA)
    assert ended.document == {"destroyed": ["gcp"], "failed": []}
    assert operated.state("gcp")["resources"] == []
    assert world.objects("google_secret_manager_secret") == []


@pytest.mark.matrix
def test_keys_and_events_are_what_the_file_says(operated: Operated) -> None:
    operated.write(twin_data(HERE))
    operated.deploy()

    operated.write(twin_data(HERE, keys={"generation": 3}))
    jumped = operated.run("plan")
    assert jumped.status == 4
    assert "the key generation would rise from 1 to 3" in jumped.out

    operated.write(twin_data(HERE, keys={"generation": 2}, events=False))
    given = operated.run("--json", "plan", "--var", "enable_events=true")
    assert given.status == 0, given
    assert given.document["variables"] == [
        {"variable": "enable_events", "value": True, "field": "events.enabled", "file": False}
    ]
    assert given.document["keys"]["generation"] == {"before": 1, "after": 2}
    changed = operated.run("--json", "plan")
    assert changed.document["events"] == {"before": True, "after": False}
    off = changed.document[
        "stores"
    ]  # queues of the event system, of which nobody can tell whether they are empty
    operated.deploy(*(word for each in off for word in ("--delete-data", each["store"])))
    assert operated.state("gcp")["outputs"]["deployment"]["value"]["key_generation"] == 2

    operated.write(twin_data(HERE, keys={"generation": 1}, events=False))
    back = operated.run("plan")
    assert back.status == 4
    assert (
        "the key generation would fall from 2 to 1, which refuses whoever has a key of generation 2."
        in back.out
    )


def test_a_plan_holds_for_what_it_was_made_for(operated: Operated) -> None:
    operated.write(twin_data(HERE))
    assert operated.run("plan").status == 0
    stack = operated.out / "stacks" / "gcp" / "cdk.tf.json"
    text = stack.read_text()
    stack.write_text(text.replace("thermostat-1", "thermostat-2"))
    edited = operated.run("deploy")
    assert edited.status == 4
    assert "the stack gcp was synthesized again, with another result. Run twinspan plan" in edited.err
    stack.write_text(text)

    state = operated.folder / "terraform.factory.gcp.tfstate"
    other = {"version": 4, "terraform_version": "1.11.4", "serial": 5, "lineage": "other", "outputs": {}}
    state.write_text(json.dumps({**other, "resources": []}))
    stale = operated.run("deploy")
    assert stale.status == 4
    assert "the state of the stack gcp has changed since. Run twinspan plan" in stale.err
    state.unlink()
    assert operated.run("deploy").status == 0


def test_a_store_or_variable_that_is_not_there_is_refused(operated: Operated) -> None:
    operated.write(twin_data(HERE))
    assert operated.run("plan", "--delete-data", "hot@gcp").err == (
        "--delete-data hot@gcp: write <layer>@<cloud>, as the plan does, such as hot_storage@aws.\n"
    )
    assert operated.run("plan", "--var", "enable_events").status == 2
    nothing = operated.run("plan", "--delete-data", "hot_storage@gcp")
    assert nothing.status == 2
    assert "this plan deletes nothing of hot_storage@gcp" in nothing.err


def test_a_twin_that_is_renamed_takes_its_state_along(operated: Operated) -> None:
    operated.write(twin_data(HERE))
    assert operated.run("deploy", "--yes").status == 0  # without a saved plan
    operated.write(twin_data(HERE, twin="works"))
    moved = operated.run("plan")
    assert moved.status == 1
    assert "terraform.factory.gcp.tfstate" in moved.err
    assert "If it is the state of this twin, move it:" in moved.err
    assert not (operated.out / "plan.json").exists()
