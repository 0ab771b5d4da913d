"""Values inserted into steps, as k6 inserts saved ones (tests/k6/further_steps.test.mjs)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from perf_core import Expectation, Step
from perf_core.load.placeholders import (
    as_it_is,
    drawn,
    filled,
    insert_values,
    json_text,
    placeholders,
    saved_values,
)

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


def test_drawn_values_stand_for_themselves() -> None:
    step = Step("t", {"a": "{city} {unique} {id}", "n": "{days}"}, Expectation.contains("{city}"))
    ready = drawn(step, {"city": "{unique} {id}", "days": 3, "unused": "{id}"})
    assert ready.literals == {"city": "{unique} {id}"}
    done = filled(ready, {"unique": "u", "id": 7, "city": "no"})
    assert done == Step("t", {"a": "{unique} {id} u 7", "n": 3}, Expectation.contains("{unique} {id}"))


def test_call_that_stands_for_itself() -> None:
    step = Step("t", {"a": "{unique}"}, Expectation.result({"a": "x{unique}"}))
    assert filled(as_it_is(step), {"unique": "u"}) == step
    plain = Step("t", {"a": "{b}"}, Expectation.anything())
    assert as_it_is(plain) is plain


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("7.0", "7"),
        ("-0.0", "0"),
        ("0.00001", "0.00001"),
        ("-0.000001234", "-0.000001234"),
        ("1e-7", "1e-7"),
        ("1.5e-10", "1.5e-10"),
        ("1e20", "100000000000000000000"),
        ("1.2345678901234568e20", "123456789012345680000"),
        ("1e21", "1e+21"),
        ("2.5e300", "2.5e+300"),
        ("9007199254740993", "9007199254740993"),
        ("0.1", "0.1"),
        ('{"a":[1.0,1e-6,null,true,"x"]}', '{"a":[1,0.000001,null,true,"x"]}'),
    ],
)
def test_saved_numbers_have_the_text_of_javascript(body: str, text: str) -> None:
    """The same table as in tests/k6/further_steps.test.mjs."""
    step = Step("t", {}, Expectation.anything(), save={"x": "/x"})
    saved = saved_values(step, {"x": json.loads(body)})
    assert insert_values("{x}!", saved) == f"{text}!"
    assert json_text(json.loads(body)) == text
    assert not isinstance(saved["x"], float) or not saved["x"].is_integer() or saved["x"] >= 1e21
