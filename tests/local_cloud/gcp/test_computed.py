"""Attributes that Google Cloud would compute: every one that a stack refers to has a value."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from local_cloud.gcp.cloud import LocalGcp
from local_cloud.gcp.computed import Attributes
from local_cloud.processes import Processes
from support import synth
from support.layouts import Layout
from twin_runtime.roles import Cloud

GCP = Layout(Cloud.GCP, Cloud.GCP, Cloud.GCP)
REFERENCE = re.compile(r"(google_[a-z0-9_]+)\.([a-z][a-z0-9_]*)(?:\[[^\]]*\])*\.([a-z_]+)")


@pytest.mark.parametrize("layout", [GCP, Layout(Cloud.AWS, Cloud.AZURE, Cloud.GCP)], ids=str)
def test_every_attribute_that_a_stack_refers_to_has_a_value(layout: Layout) -> None:
    stack = synth.stacks(layout)["gcp"]
    resources = stack["resource"]
    urls = dict.fromkeys(resources["google_cloudfunctions2_function"], "http://127.0.0.1:1")
    computed = Attributes("my-project", urls)
    references = {match for match in REFERENCE.findall(json.dumps(stack)) if match[0] in resources}
    assert len(references) > 20
    for kind, name, attribute in references:
        body = resources[kind][name]
        assert attribute in {**body, **computed(kind, name, body)}, f"{kind}.{name}.{attribute}"


def test_addresses_have_the_form_of_the_real_ones() -> None:
    computed = Attributes("p", {"writer": "http://127.0.0.1:1"})
    assert computed("google_pubsub_topic", "x", {"name": "t"})["id"] == "projects/p/topics/t"
    assert computed("google_secret_manager_secret", "x", {"secret_id": "s"})["id"] == "projects/p/secrets/s"
    assert computed("google_firestore_database", "x", {"name": "d"})["id"] == "projects/p/databases/d"
    account = computed("google_service_account", "x", {"account_id": "a"})
    assert account["member"] == "serviceAccount:a@p.iam.gserviceaccount.com"
    assert re.fullmatch("[0-9]{21}", account["unique_id"])
    function = computed(
        "google_cloudfunctions2_function",
        "writer",
        {"name": "f", "location": "l", "service_config": {"timeout_seconds": 30}},
    )
    assert function["service_config"] == [{"timeout_seconds": 30, "uri": "http://127.0.0.1:1"}]


def test_a_proxy_before_a_function_is_where_the_stack_says_it_is(tmp_path: Path) -> None:
    """`start` runs no server for a stack that needs none."""
    stack = synth.stacks(GCP)["gcp"]
    resources = {"google_cloudfunctions2_function": stack["resource"]["google_cloudfunctions2_function"]}
    asked: dict[str, int] = {}

    def through(name: str, port: int) -> int:
        asked[name] = port
        return 1

    with Processes(tmp_path) as processes:
        cloud = LocalGcp(processes, folder=tmp_path, through=through)
        cloud.start({**stack, "resource": resources})
        for name, body in resources["google_cloudfunctions2_function"].items():
            computed = cloud.computed("google_cloudfunctions2_function", name, body)
            assert computed["service_config"][0]["uri"] == "http://127.0.0.1:1"
        cloud.close()
    assert set(asked) == set(resources["google_cloudfunctions2_function"])
    assert len(set(asked.values())) == len(asked)
    assert list(tmp_path.iterdir()) == []
