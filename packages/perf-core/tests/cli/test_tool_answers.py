"""One call of each tool: which journeys make them, and what their answers are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from perf_core.adapter import Expectation, Journey, Launch, Scenario, Step
from perf_core.cli.tool_answers import (
    ToolAnswer,
    answer_text,
    answers,
    covering_journeys,
    not_reached,
    shown,
)
from perf_core.errors import RequestRefused, TargetError


def journey(*tools: str) -> Journey:
    return Journey("j", tuple(Step(tool, {}, Expectation.anything()) for tool in tools))


def scenario(*journeys: Journey, launch: Launch | None = None) -> Scenario:
    return Scenario("load", "load", "?", lambda _seed: {"mix": list(journeys)}, launch=launch)


def test_journeys_call_every_tool_and_are_no_longer_than_that_takes() -> None:
    pool = [journey("a"), journey("a", "b", "a"), journey("b"), journey("a", "c"), journey("c", "b")]
    chosen = covering_journeys([scenario(*pool)])
    assert [[step.tool for step in each.steps] for each in chosen] == [["a"], ["a", "b"], ["a", "c"]]


def test_scenarios_that_start_another_server_are_left_out() -> None:
    other = scenario(journey("b"), launch=Launch(("x",)))
    chosen = covering_journeys([scenario(journey("a")), other])
    assert [step.tool for each in chosen for step in each.steps] == ["a"]


class FakeClient:
    """A client whose answers are a function of tool and arguments."""

    def __init__(self, answer: Callable[[str, Any], dict[str, Any]]) -> None:
        self._answer = answer
        self.asked: list[tuple[str, Any]] = []

    def call(self, tool: str, arguments: Any) -> dict[str, Any]:
        self.asked.append((tool, arguments))
        return self._answer(tool, arguments)

    def request(self, method: str, params: Any, name: str | None) -> dict[str, Any]:
        self.asked.append((method, params, name))  # type: ignore[arg-type] # another kind of request
        return {"contents": [{"uri": "a:b", "text": "hello"}]}


def result(structured: object = None, text: str = "x", *, failed: bool = False) -> dict[str, Any]:
    content = {"content": [{"type": "text", "text": text}], "isError": failed}
    return content if structured is None else {**content, "structuredContent": structured}


def all_answers(client: FakeClient, *journeys: Journey, tools: str = "abc") -> list[ToolAnswer]:
    return list(answers(client, journeys, tools, lambda _tool: None))  # type: ignore[arg-type] # a fake client


def raising(error: Exception) -> FakeClient:
    def fail(_tool: str, _arguments: Any) -> dict[str, Any]:
        raise error

    return FakeClient(fail)


def test_each_tool_is_answered_once() -> None:
    client = FakeClient(lambda tool, _: result({"tool": tool}))
    found = all_answers(client, journey("a", "b"), journey("a", "c"))
    assert [(each.tool, each.is_right, each.answer) for each in found] == [
        ("a", True, '{"tool": "a"}'),
        ("b", True, '{"tool": "b"}'),
        ("c", True, '{"tool": "c"}'),
    ]


@pytest.mark.parametrize(
    ("expect", "answer", "text"),
    [
        (Expectation.result({"r": 1}), result({"r": 2}), 'expected {"r": 1}, got {"r": 2}'),
        (Expectation.text("y"), result(), 'expected "y", got x'),
        (Expectation.anything(), result(text="no", failed=True), "expected no error, got an error: no"),
        (Expectation.error(), result(), "expected a tool error, got x"),
    ],
)
def test_wrong_answer_is_shown_with_the_expected_one(
    expect: Expectation, answer: dict[str, Any], text: str
) -> None:
    (only,) = all_answers(FakeClient(lambda *_: answer), Journey("j", (Step("a", {}, expect),)))
    assert (only.is_right, only.answer) == (False, text)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (TargetError("tools/call: status 500"), "tools/call: status 500"),
        (httpx2.ReadTimeout("timed out"), "expected an answer from a, got none in time"),
        (httpx2.RemoteProtocolError("closed"), "expected an answer, got none: closed"),
    ],
)
def test_tool_without_an_answer_does_not_end_the_check(error: Exception, text: str) -> None:
    client = raising(error)
    found = all_answers(client, journey("a"), journey("b"))
    assert [(each.is_right, each.answer.replace("from b", "from a")) for each in found] == [(False, text)] * 2


def test_closed_connection_without_a_text_has_the_name_of_its_error() -> None:
    (answer,) = all_answers(raising(httpx2.ReadError("")), journey("a"))
    assert answer.answer == "expected an answer, got none: ReadError"


def test_expected_error_of_the_protocol_is_right() -> None:
    refused = raising(RequestRefused("no", status=200, code=-32602))
    for code, is_right in ((-32602, True), (None, True), (-1, False)):
        (only,) = all_answers(refused, Journey("j", (Step("a", {}, Expectation.rpc_error(code)),)))
        assert only.is_right is is_right


def test_saved_values_are_sent_and_a_wrong_answer_ends_the_journey() -> None:
    create = Step("a", {"name": "{unique}"}, Expectation.anything(), save={"id": "/structuredContent/id"})
    read = Step("b", {"id": "{id}"}, Expectation.result({"id": "{id}"}))
    last = Step("c", {}, Expectation.anything())
    client = FakeClient(lambda tool, _: result({"id": 7 if tool == "a" else 8}))
    found = all_answers(client, Journey("j", (create, read, last)))
    assert client.asked[1] == ("b", {"id": 7})
    assert len(client.asked[0][1]["name"]) == 16
    assert [(each.tool, each.is_right) for each in found] == [("a", True), ("b", False)]


def test_value_that_is_missing_where_it_is_to_be_saved_is_wrong_and_ends_the_journey() -> None:
    save = {"id": "/structuredContent/id", "at": "/structuredContent/at"}
    create = Step("a", {}, Expectation.anything(), save=save)
    read = Step("b", {"id": "{id}"}, Expectation.anything())
    client = FakeClient(lambda *_: result({"at": 5}))
    (only,) = all_answers(client, Journey("j", (create, read)))
    assert (only.tool, only.is_right) == ("a", False)
    assert only.answer == 'expected a value at /structuredContent/id to save as id, got {"at": 5}'
    assert client.asked == [("a", {})], "{id} itself is no value to send"


def test_further_call_of_a_tool_with_a_wrong_answer_is_shown() -> None:
    first, second = Step("a", {"n": 1}, Expectation.anything()), Step("a", {"n": 2}, Expectation.anything())
    client = FakeClient(lambda _, arguments: result(failed=arguments["n"] == 2))
    found = all_answers(client, Journey("j", (first, second, first)))
    assert [(each.tool, each.is_right) for each in found] == [("a", True), ("a", False)]


def test_tools_behind_a_failed_step_have_a_reason() -> None:
    journeys = [journey("a", "b", "c"), journey("z", "d"), journey("e", "c")]
    assert not_reached(journeys, "abcde", ["a", "e"]) == {
        "b": "a step before it failed",
        "c": "a step before it failed",
        "z": "the server does not list it",
        "d": "the server does not list z, which is called before it",
    }
    assert not_reached(journeys[:1], "abc", "abc") == {}


def test_tool_that_the_server_does_not_list_is_not_called() -> None:
    client = FakeClient(lambda *_: result())
    assert [each.tool for each in all_answers(client, journey("z"), journey("a"))] == ["a"]
    assert [tool for tool, *_ in client.asked] == ["a"]


def test_resource_is_read_with_its_uri() -> None:
    read = Step("notes", {"uri": "a:b"}, Expectation.text("hello"), method="resources/read")
    client = FakeClient(lambda *_: result())
    (only,) = all_answers(client, Journey("j", (read,)))
    assert only.is_right
    assert client.asked == [("resources/read", {"uri": "a:b"}, "a:b")]


def test_answers_are_one_short_line() -> None:
    assert shown("a\n b\t c") == "a b c"
    assert len(shown("x" * 1000)) == 300
    blocks = [{"type": "text", "text": "a"}, {"type": "image", "data": "AAAA"}]
    assert answer_text({"content": blocks}) == "a (image)"
    assert answer_text({"content": []}) == "(empty)"
    assert answer_text({"messages": []}) == '{"messages": []}'
