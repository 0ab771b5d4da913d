"""Mistakes in steps that no server needs to be asked for."""

from __future__ import annotations

from typing import Any

import pytest

from perf_core import Expectation, Journey, Step, ThinkTime
from perf_core.load.step_problems import journey_problems, step_problems

ANY = Expectation.anything()


@pytest.mark.parametrize(
    "step",
    [
        Step("t", {}, ANY, save={"id": "", "b_2": "/a~0~1/0"}),
        Step("t", {}, Expectation.whole({"content": [], "_meta": {}, "resultType": "complete"})),
        Step("t", {}, Expectation.shape({"content": [{"type": "string"}], "a": [], "b": "any"})),
        Step("t", {}, Expectation.rpc_error()),
        Step("r", {"uri": "file:///a"}, Expectation.json({"a": 1}), "resources/read"),
        Step("p", {"name": "greet"}, Expectation.regex("^Hello"), "prompts/get"),
        Step("c", {"ref": {}, "argument": {}}, Expectation.text("Oslo"), "completion/complete"),
    ],
)
def test_good_step_has_no_problem(step: Step) -> None:
    assert list(step_problems(step)) == []


@pytest.mark.parametrize(
    ("step", "says"),
    [
        (Step("r", {}, ANY, "resources/read"), "expected uri in the params of resources/read"),
        (Step("p", {}, ANY, "prompts/get"), "expected name in the params"),
        (Step("c", {"ref": {}}, ANY, "completion/complete"), "expected argument in the params"),
        (Step("p", {"name": "p"}, Expectation.result(1), "prompts/get"), "it is of tools only"),
        (Step("p", {"name": "p"}, Expectation.error(), "prompts/get"), "it is of tools only"),
        (Step("t", {}, Expectation("text", 5)), "expected a text for text, got 5"),
        (Step("t", {}, Expectation.regex("(?i)x")), "the pattern '(?i)x' has (?i"),
        (Step("t", {}, Expectation("json", [])), "expected an object for json"),
        (Step("t", {}, Expectation.paths({"content/0": 1})), "expected JSON pointers"),
        (Step("t", {}, Expectation.paths({"/a~2": 1})), "expected JSON pointers"),
        (Step("t", {}, Expectation.whole({"a": 1})), "expected a whole result of tools/call"),
        (Step("t", {}, Expectation.whole({"content": [], "isError": True})), "without isError"),
        (Step("t", {}, Expectation.shape({"a": "integer"})), "expected one of string, number"),
        (Step("t", {}, Expectation.shape(["string", "number"])), "expected one type for every element"),
        (Step("t", {}, Expectation("rpc_error", True)), "expected the code"),
        (Step("t", {}, ANY, save={"unique": "/a"}), "other than 'unique'"),
        (Step("t", {}, ANY, save={"a-b": "/a"}), "got 'a-b'"),
        (Step("t", {}, ANY, save={"a": "a/b"}), "expected a JSON pointer"),
        (Step("t", {}, Expectation.rpc_error(), save={"a": "/a"}), "which has no result"),
    ],
)
def test_mistake_is_named(step: Step, says: str) -> None:
    (problem,) = step_problems(step)
    assert says in problem


def test_each_mistake_of_a_plan_is_named_once() -> None:
    wrong = [Journey("j", (Step("t", {"n": n}, Expectation.regex("(")),)) for n in range(3)]
    problems = list(journey_problems({"mix": wrong, "t": wrong}))
    assert len(problems) == 1
    assert problems[0].startswith("j: the pattern '('")


def test_name_in_figures_is_of_one_method() -> None:
    pools = {"mix": [Journey("j", (Step("a", {}, ANY), Step("a", {"name": "a"}, ANY, "prompts/get")))]}
    (problem,) = journey_problems(pools)
    assert problem == "expected a name in figures for each method, got 'a' for prompts/get and tools/call"


@pytest.mark.parametrize(
    "think_time",
    [
        ThinkTime.constant(-1),
        ThinkTime.uniform(3, 1),
        ThinkTime.exponential(float("inf")),
        ThinkTime.constant(float("nan")),
        ThinkTime("uniform", (1,)),
    ],
)
def test_impossible_think_time_is_refused(think_time: Any) -> None:
    pools = {"mix": [Journey("j", (Step("a", {}, ANY),), think_time=think_time)]}
    (problem,) = journey_problems(pools)
    assert problem.startswith("j: expected ")
