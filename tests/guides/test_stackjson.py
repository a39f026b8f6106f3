"""Blocks, layers and expressions of synthesized Terraform JSON."""

from typing import Any

import pytest

from guides import facts
from guides.readers.values import duration, environment, listed, merged, words
from support import terraform_json
from twin_runtime.roles import Layer
from twinspan.terraform import resources
from twinspan.terraform.stackjson import Blocks, interpolations, pieces, references

FLAG = "${var.enable_events ? 1 : 0}"
NOUNS = {("aws_sqs_queue", "url"): "URL of the queue", ("aws_s3_bucket", "bucket"): "name of the bucket"}


def block(path: str, **body: Any) -> dict[str, Any]:
    return {"//": {"metadata": {"path": f"aws/{path}", "uniqueId": "x"}}, **body}


def blocks(**kinds: dict[str, Any]) -> Blocks:
    return Blocks({"resource": kinds, "data": {"aws_region": {"here": block("foundation/region")}}})


QUEUES = blocks(
    aws_sqs_queue={
        "events": block("event-check/queue", count=FLAG, tags={"layer": "processing"}),
        "letters": block("hot-storage/letters"),
        "shared": block("foundation/queue", tags={"layer": "shared"}),
    },
    aws_sqs_queue_policy={
        "events": block("event-check/policy", count=FLAG, queue_url="${one(aws_sqs_queue.events[*].url)}"),
        "each": block("event-check/each", for_each="${aws_sqs_queue.events}"),
        "shared": block("foundation/policy", queue_url="${aws_sqs_queue.shared.url}"),
        "other": block("foundation/other", tags={"layer": "archive_storage"}),
    },
)


@pytest.mark.parametrize(
    ("address", "layer"),
    [
        ("aws_sqs_queue.events", Layer.PROCESSING),
        ("aws_sqs_queue_policy.events", Layer.PROCESSING),  # as all labels in its construct say
        ("aws_sqs_queue.letters", Layer.HOT_STORAGE),  # as its construct is named
        ("aws_sqs_queue.shared", None),
        ("aws_sqs_queue_policy.shared", None),  # labels in its construct differ
        ("aws_sqs_queue_policy.other", Layer.ARCHIVE_STORAGE),
    ],
)
def test_a_block_is_in_the_layer_of_its_labels_or_of_its_construct(address: str, layer: Layer | None):
    assert QUEUES.layer(QUEUES.at(address)) is layer


def test_what_is_repeated_over_an_optional_block_is_optional():
    optional = {each.address for each in QUEUES.resources if QUEUES.optional(each)}
    assert optional == {"aws_sqs_queue.events", "aws_sqs_queue_policy.events", "aws_sqs_queue_policy.each"}


def test_a_block_is_found_by_its_address():
    assert QUEUES.at("data.aws_region.here").data
    with pytest.raises(KeyError, match=r"the stack has no block aws_sqs_queue.none"):
        QUEUES.at("aws_sqs_queue.none")


def test_a_template_is_text_and_expressions_in_order():
    assert list(pieces("a${b}c${d}")) == [(False, "a"), (True, "b"), (False, "c"), (True, "d")]
    assert list(pieces('${merge({a = "b"}, {})}')) == [(True, 'merge({a = "b"}, {})')]
    assert list(pieces("$${b} ${c}")) == [(False, "$${b} "), (True, "c")]
    assert list(pieces("plain")) == [(False, "plain")]
    assert list(pieces("")) == []
    assert list(interpolations("a${b}$${c}${d}")) == ["b", "d"]


def test_references_name_block_index_and_attribute():
    said = "${try(aws_sqs_queue.events[0].url, data.aws_region.here.name)}"
    first, second = references({"a": [said]})
    assert (first.address, first.index, first.attribute) == ("aws_sqs_queue.events", "[0]", "url")
    assert (second.address, second.kind, second.index) == ("data.aws_region.here", "aws_region", None)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("${one(aws_sqs_queue.events[*].url)}", "URL of the queue aws_sqs_queue.events"),
        ('${try(aws_sqs_queue.events[0].url, "")}', "URL of the queue aws_sqs_queue.events"),
        ("s3://${aws_s3_bucket.cold.bucket}?x=1", "s3://<name of the bucket aws_s3_bucket.cold>?x=1"),
        ("${var.notify_url}", "variable notify_url"),
        ("$${literal}", "${literal}"),
        ("", ""),
    ],
)
def test_templates_are_said_in_words(template: str, said: str):
    assert words(template, NOUNS) == said


@pytest.mark.parametrize(
    "template", ["${aws_sqs_queue.events.arn}", "${timestamp()}", "${aws_sqs_queue.events}"]
)
def test_an_expression_without_a_word_is_refused(template: str):
    with pytest.raises(KeyError, match=" "):
        words(template, NOUNS)


def test_a_variable_is_optional_when_its_value_is_and_its_function_is_not():
    values = {"B": "${one(aws_sqs_queue.events[*].url)}", "A": "${aws_sqs_queue.letters.url}"}
    always = environment(values, NOUNS, optional=False)
    assert [(each.name, each.optional) for each in always] == [("A", False), ("B", True)]
    assert not any(each.optional for each in environment(values, NOUNS, optional=True))


def test_uses_of_one_address_are_said_together():
    uses = [
        facts.Use("a", "reads"),
        facts.Use("b", "reads"),
        facts.Use("a", "writes"),
        facts.Use("a", "reads"),
    ]
    assert merged(uses) == (facts.Use("a", "reads; writes"), facts.Use("b", "reads"))


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (1, "1 s"),
        (60, "60 s"),
        (90, "90 s"),
        (120, "2 min"),
        (900, "15 min"),
        (21_600, "6 h"),
        (345_600, "4 days"),
    ],
)
def test_durations_are_said_in_the_largest_unit_that_fits(seconds: int, said: str):
    assert duration(seconds) == said


def test_lists_are_said_with_and():
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"


def test_variables_of_the_event_system_are_left_out_while_it_is_off() -> None:
    values = {"ROLE": "persister", "EVENTS": "x/${one(aws_sqs_queue.events[*].name)}"}
    written = resources.environment(values, optional=False)
    assert written == (
        '${merge({ROLE = "persister"}, '
        'var.enable_events ? {EVENTS = "x/${one(aws_sqs_queue.events[*].name)}"} : {})}'
    )
    assert terraform_json.environment(written) == values


def test_variables_of_a_function_that_is_off_itself_need_no_condition() -> None:
    values = {"EVENTS": "x/${one(aws_sqs_queue.events[*].name)}"}
    assert resources.environment(values, optional=True) == values


@pytest.mark.parametrize("value", ['a"b', "a\\b", "a\nb"])
def test_a_value_that_would_end_the_template_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="the value of ROLE cannot be part of a template"):
        resources.environment({"ROLE": value, "EVENTS": "${one(a_b.c[*].d)}"}, optional=False)
