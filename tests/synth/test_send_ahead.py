"""Calls that are sent to the jsii kernel before the answers of earlier ones are read."""

import json

import pytest

from twinspan import providers
from twinspan.providers import App, TerraformStack
from twinspan.providers.random import RandomId, RandomProvider


def stack() -> TerraformStack:
    made = TerraformStack(App(), "stack")
    RandomProvider(made)
    return made


def ids(made: TerraformStack) -> set[str]:
    return set(json.loads(providers.Testing.synth(made))["resource"]["random_id"])


def test_an_error_comes_with_the_call_that_it_belongs_to() -> None:
    made = stack()
    RandomId(made, "first", keepers={})
    RandomId(made, "first", keepers={})
    RandomId(made, "second", keepers={})
    with pytest.raises(RuntimeError, match="already a Construct with name 'first'") as caught:
        ids(made)
    assert "CreateRequest" in caught.value.__notes__[0]


def test_after_an_error_calls_and_answers_still_belong_together() -> None:
    for number in range(3):
        made = stack()
        RandomId(made, "a", keepers={})
        RandomId(made, "a", keepers={})
        with pytest.raises(RuntimeError, match="already a Construct"):
            ids(made)
        whole = stack()
        for name in range(number + 1):
            RandomId(whole, f"b{name}", keepers={})
        assert ids(whole) == {f"b{name}" for name in range(number + 1)}


def test_more_calls_than_are_sent_ahead() -> None:
    made = stack()
    for number in range(120):
        RandomId(made, f"a{number}", keepers={"n": str(number)})
    assert len(ids(made)) == 120
