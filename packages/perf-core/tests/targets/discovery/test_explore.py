"""First calls of tools: order, numbers of tries, and when a tool is given up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from perf_core.errors import TargetError
from perf_core.targets.discovery.calls import Answer
from perf_core.targets.discovery.explore import MOST_CALLS, MOST_TRIES, MOST_VAIN_TRIES, Explorer, Trial
from perf_core.targets.discovery.lanes import Budget
from perf_core.targets.discovery.seen_values import SeenValues
from perf_core.targets.discovery.tools import Tool

WANTED = {"type": "object", "properties": {"price": {"type": "integer"}}, "required": ["price"]}


def right(words: str = "fine") -> Answer:
    return Answer("answered", 0.001, {"content": [{"type": "text", "text": words}]})


def wrong(words: str = "bad") -> Answer:
    return Answer("answered", 0.001, {"content": [], "isError": True}, words)


class Server:
    """A user of a server that answers by a function of the tool, the arguments and the number of the call."""

    def __init__(self, answer: Callable[[str, dict, int], Answer]) -> None:
        self.calls: list[tuple[str, dict]] = []
        self._answer = answer

    def call(self, tool: str, arguments: dict) -> Answer:
        self.calls.append((tool, arguments))
        return self._answer(tool, arguments, len(self.calls))

    def run(self, tasks: Iterable[Callable[[Any], None]]) -> None:
        for task in tasks:
            task((self,))


def explored(server: Server, *tools: Tool, limit_s: float = 60.0) -> dict[str, Trial]:
    explorer = Explorer(tools, SeenValues(), 1, Budget(limit_s), lambda: None)
    explorer.explore(server)  # type: ignore[arg-type] # it runs tasks as lanes do
    return {trial.tool.name: trial for trial in explorer.trials}


def test_tool_that_always_fails_is_given_up_after_twenty_tries() -> None:
    server = Server(lambda *_: wrong())
    assert (
        len(explored(server, Tool("t", input_schema=WANTED))["t"].failures) == MOST_TRIES == len(server.calls)
    )


def test_tool_that_succeeds_gets_many_different_calls() -> None:
    server = Server(lambda *_: right())
    trial = explored(server, Tool("t", input_schema=WANTED))["t"]
    assert len(trial.calls) == MOST_CALLS == len(server.calls)
    assert len({arguments["price"] for _, arguments in server.calls}) == MOST_CALLS


def test_few_failures_in_a_row_end_a_tool_that_has_a_call() -> None:
    server = Server(lambda _tool, _arguments, number: right() if number == 3 else wrong())
    trial = explored(server, Tool("t", input_schema=WANTED))["t"]
    assert len(trial.calls) == 1
    assert len(server.calls) == 3 + MOST_VAIN_TRIES


def test_doubtful_answers_are_tried_to_be_bettered() -> None:
    server = Server(lambda _tool, _arguments, number: right("Error: x" if number < 5 else "fine"))
    trial = explored(server, Tool("t", input_schema=WANTED))["t"]
    assert [call.doubt for call in trial.calls[:5]] == ["Error: x"] * 4 + [""]
    assert all(not call.doubt for call in trial.useful)
    useless = Server(lambda *_: right("Error: x"))
    assert len(explored(useless, Tool("t", input_schema=WANTED))["t"].useful) == MOST_TRIES


def test_tools_without_arguments_come_first_and_name_values_for_others() -> None:
    def answer(tool: str, arguments: dict, _number: int) -> Answer:
        if tool == "list_users":
            return Answer("answered", 0.001, {"content": [], "structuredContent": {"users": [{"id": 4711}]}})
        return right() if arguments == {"user_id": 4711} else wrong()

    server = Server(answer)
    needs_id = {"type": "object", "properties": {"user_id": {"type": "integer"}}, "required": ["user_id"]}
    trials = explored(server, Tool("get_user", input_schema=needs_id), Tool("list_users"))
    assert server.calls[0] == ("list_users", {})
    assert server.calls[1] == ("get_user", {"user_id": 4711})
    assert len(trials["get_user"].calls) == 1


@pytest.mark.parametrize("outcome", ["silent", "lost", "asks"])
def test_tool_that_does_not_answer_is_not_tried_again(outcome: str) -> None:
    server = Server(lambda *_: Answer(outcome, 1.0, {}, "no answer"))  # type: ignore[arg-type] # of a parameter
    trial = explored(server, Tool("t", input_schema=WANTED))["t"]
    assert len(server.calls) == 1
    assert trial.ended == outcome


def test_tool_that_asks_its_client_has_no_calls() -> None:
    server = Server(
        lambda _tool, _arguments, number: right() if number == 1 else Answer("asks", 0.1, {}, "it sends")
    )
    assert explored(server, Tool("t", input_schema=WANTED))["t"].calls == []


def test_no_call_starts_when_the_rest_of_the_time_is_needed_to_repeat() -> None:
    slow = Answer("answered", 20.0, {"content": [{"type": "text", "text": "slow"}]})
    server = Server(lambda *_: slow)
    explored(server, Tool("a", input_schema=WANTED), Tool("b", input_schema=WANTED), limit_s=30.0)
    assert len(server.calls) == 1


def test_server_that_is_gone_names_the_call() -> None:
    def answer(*_: object) -> Answer:
        raise TargetError("expected a server, got no answer")

    with pytest.raises(TargetError, match=r"a call of t\(\{\}\).*got no answer"):
        explored(Server(answer), Tool("t"))


def test_values_that_an_error_lists_are_tried_next() -> None:
    def answer(_tool: str, arguments: dict, _number: int) -> Answer:
        unit = arguments["unit"]
        return (
            right(unit)
            if unit in {"furlong", "league"}
            else wrong(f"Unknown unit: {unit}. Supported: furlong, league")
        )

    schema = {"type": "object", "properties": {"unit": {"type": "string"}}, "required": ["unit"]}
    trial = explored(Server(answer), Tool("convert", input_schema=schema))["convert"]
    assert {call.arguments["unit"] for call in trial.calls} == {"furlong", "league"}


def test_rare_arguments_are_varied_one_property_at_a_time() -> None:
    schema = {
        "type": "object",
        "properties": {"where": {"type": "string"}, "count": {"type": "integer"}},
        "required": ["where"],
    }
    server = Server(lambda _tool, arguments, _: right() if arguments["where"] == "garden" else wrong())
    trial = explored(server, Tool("t", input_schema=schema))["t"]
    assert len({call.arguments.get("count") for call in trial.calls}) > 8


def test_secrets_that_a_server_names_are_in_no_call() -> None:
    secret = "s3cr3t-t0ken"

    def answer(tool: str, _arguments: dict, _number: int) -> Answer:
        named = {"apiKey": secret, "path": f"/srv/{secret}/data"}
        return (
            Answer("answered", 0.001, {"content": [], "structuredContent": named})
            if tool == "env"
            else right()
        )

    server = Server(answer)
    key = {"type": "object", "properties": {"api_key": {"type": "string"}}, "required": ["api_key"]}
    only = {"type": "object", "properties": {"key": {"const": secret}}, "required": ["key"]}
    tools = (Tool("env"), Tool("find", input_schema=key), Tool("open", input_schema=only))
    explorer = Explorer(tools, SeenValues(), 1, Budget(60.0), lambda: None, secrets=[secret])
    explorer.explore(server)  # type: ignore[arg-type] # it runs tasks as lanes do
    trials = {trial.tool.name: trial for trial in explorer.trials}
    assert len(trials["find"].calls) > 1
    assert secret not in repr(server.calls)
    assert (trials["open"].tried, trials["open"].undrawable) == (set(), "its arguments would hold a secret")
