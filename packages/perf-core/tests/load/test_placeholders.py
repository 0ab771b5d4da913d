"""Values inserted into steps, as k6 inserts saved ones (tests/k6/further_steps.test.mjs)."""

from __future__ import annotations

from typing import Any

import pytest

from perf_core import Expectation, Step
from perf_core.load.placeholders import filled, insert_values, placeholders, saved_values

VALUES = {"id": 7, "name": 'Ana "A" {id}', "tags": ["a"], "z": None}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"id": "{id}"}, {"id": 7}),
        ({"note": "no. {id} of {name}"}, {"note": 'no. 7 of Ana "A" {id}'}),
        (
            {"name": "{name}", "list": ["{tags}", "{id}{id}", "{z}"]},
            {"name": 'Ana "A" {id}', "list": [["a"], "77", None]},
        ),
        ({"{id}": "{tags} x"}, {"7": '["a"] x'}),
        ({"a": "{other} {id", "b": {"id": 1}, "c": "{}"}, {"a": "{other} {id", "b": {"id": 1}, "c": "{}"}),
        ("{tags}", ["a"]),
        (5, 5),
    ],
)
def test_values_are_inserted(value: Any, expected: Any) -> None:
    assert insert_values(value, VALUES) == expected


def test_placeholders_at_every_depth() -> None:
    value = {"{a}": ["{b} and {c}", {"x": "{d}"}, 1, "{1}", "{}"]}
    assert set(placeholders(value)) == {"a", "b", "c", "d"}


def test_step_is_filled_and_saves() -> None:
    step = Step(
        "t", {"id": "{id}"}, Expectation.contains("no. {id}"), save={"a": "/content/0/text", "b": "/no"}
    )
    assert filled(step, {}) is step
    with_id = filled(step, {"id": 7})
    assert (with_id.arguments, with_id.expect) == ({"id": 7}, Expectation.contains("no. 7"))
    assert with_id.save == step.save


@pytest.mark.parametrize("kind", ["text", "contains", "regex"])
def test_expected_text_stays_a_text(kind: Any) -> None:
    step = Step("t", {"id": "{id}"}, Expectation(kind, "{id}"))
    assert filled(step, VALUES) == Step("t", {"id": 7}, Expectation(kind, "7"))
    assert filled(Step("t", {}, Expectation.result("{id}")), VALUES).expect == Expectation.result(7)


def test_params_of_other_methods_stay_texts() -> None:
    prompt = Step("p", {"name": "p", "arguments": {"id": "{id}"}}, Expectation.anything(), "prompts/get")
    assert filled(prompt, VALUES).arguments == {"name": "p", "arguments": {"id": "7"}}


def test_saved_values_of_a_result() -> None:
    step = Step("t", {}, Expectation.anything(), save={"a": "/content/0/text", "b": "/no"})
    assert saved_values(step, {"content": [{"text": "x"}]}) == {"a": "x"}
