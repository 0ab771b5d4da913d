"""Two servers are compared only when they answer alike, as far as the calls look."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from perf_core import UNIQUE, Expectation, Journey, Step
from perf_core.comparison.same_answers import expect_same_answers
from perf_core.errors import NotComparable


class Fake:
    """A client whose server answers by a function of the arguments."""

    def __init__(self, answer: Callable[[Any], dict[str, Any]], tools: tuple[str, ...] = ("t",)) -> None:
        self._answer = answer
        self._tools = tools
        self.calls = 0

    def tools(self) -> tuple[str, ...]:
        return self._tools

    def call(self, _tool: str, arguments: Any) -> dict[str, Any]:
        self.calls += 1
        return self._answer(arguments)


def answers(structured: object = None, text: str = "x", failed: bool = False) -> dict[str, Any]:
    result: dict[str, Any] = {"content": [{"type": "text", "text": text}], "isError": failed}
    return result if structured is None else {**result, "structuredContent": structured}


def journeys(expect: Expectation, count: int = 100) -> list[Journey]:
    return [Journey("j", (Step("t", {"n": n}, expect),)) for n in range(count)]


def check(first: dict[str, Any], second: dict[str, Any], expect: Expectation) -> None:
    expect_same_answers(Fake(lambda _: first), Fake(lambda _: second), journeys(expect))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("expect", "first", "second"),
    [
        (Expectation.result({"r": 1}), answers({"r": 1}, "1"), answers({"r": 1}, "1.0")),
        (Expectation.text("x"), answers({"r": 1}), answers({"r": 2})),
        (Expectation.error(), answers(text="no", failed=True), answers(text="never", failed=True)),
        (Expectation.anything(), answers({"r": 1}, '{"r":1}'), answers({"r": 1}, '{"r": 1}')),
        (Expectation.anything(), answers(text="x"), answers({"r": 1}, "x")),
    ],
)
def test_what_the_calls_do_not_look_at_may_differ(expect, first, second) -> None:
    check(first, second, expect)


@pytest.mark.parametrize(
    ("expect", "first", "second"),
    [
        (Expectation.result({"r": 1}), answers({"r": 1}), answers({"r": 2})),
        (Expectation.result({"r": 1}), answers({"r": 1}), answers()),
        (Expectation.text("x"), answers(text="x"), answers(text="y")),
        (Expectation.error(), answers(failed=True), answers(failed=False)),
        (Expectation.anything(), answers({"r": 1}), answers({"r": 2})),
        (Expectation.anything(), answers(text="x"), answers(text="y")),
    ],
)
def test_different_answers_are_not_comparable(expect, first, second) -> None:
    with pytest.raises(NotComparable, match="differently"):
        check(first, second, expect)


def test_server_that_contradicts_itself_is_not_held_against_the_other() -> None:
    ticks = iter(range(1000))
    clock = Fake(lambda _: answers(text=str(next(ticks))))
    expect_same_answers(clock, Fake(lambda _: answers(text="now")), journeys(Expectation.anything()))  # type: ignore[arg-type]


def test_a_difference_late_in_the_pool_is_found() -> None:
    first = Fake(lambda arguments: answers({"n": arguments["n"]}))
    second = Fake(lambda arguments: answers({"n": arguments["n"] if arguments["n"] < 90 else 0}))
    with pytest.raises(NotComparable, match=r"t\(\{'n': 9\d\}\)"):
        expect_same_answers(first, second, journeys(Expectation.result(None)))  # type: ignore[arg-type]
    assert first.calls < 30


def test_time_of_the_slower_one_comes_back() -> None:
    def slow(_: Any) -> dict[str, Any]:
        until = time.perf_counter() + 0.002
        while time.perf_counter() < until:
            pass
        return answers()

    took_s = expect_same_answers(Fake(lambda _: answers()), Fake(slow), journeys(Expectation.anything()))  # type: ignore[arg-type]
    assert 0.002 <= took_s < 0.1


def test_missing_tool_is_said() -> None:
    first, second = Fake(lambda _: answers()), Fake(lambda _: answers(), tools=("u", "v"))
    with pytest.raises(NotComparable, match="the second server lists u, v"):
        expect_same_answers(first, second, journeys(Expectation.anything()))  # type: ignore[arg-type]


def test_members_alone_are_compared_where_they_alone_are_expected() -> None:
    expect = Expectation.members({"key": "G"})
    check(answers({"key": "G", "at": 1}), answers({"key": "G", "at": 2}), expect)
    with pytest.raises(NotComparable):
        check(answers({"key": "G"}), answers({"key": "C"}), expect)
    with pytest.raises(NotComparable):
        check(answers({"key": "G"}), answers({"at": 1}), expect)


def test_journeys_have_texts_of_their_own_and_both_servers_the_same() -> None:
    seen: tuple[list[Any], list[Any]] = [], []
    step = Step("t", {"name": f"x-{UNIQUE}"}, Expectation.anything())
    both = [Fake(lambda arguments, own=own: own.append(arguments["name"]) or answers()) for own in seen]
    expect_same_answers(*both, [Journey("j", (step, step))] * 3)  # type: ignore[arg-type]
    assert seen[0] == seen[1]
    assert len(seen[0]) == 6
    assert len(set(seen[0])) == 3
    assert not any("{" in name for name in seen[0])
