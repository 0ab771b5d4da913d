"""Steps of journeys as requests of the lab's own client."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from perf_core.adapter import Expectation, Step
from perf_core.errors import NoAnswer, RequestRefused, TargetError
from perf_core.server.client.steps import answer_to, send_step


class FakeClient:
    """A client that notes what it is asked, and answers or raises."""

    def __init__(self, outcome: dict[str, Any] | Exception) -> None:
        self._outcome = outcome
        self.asked: list[Any] = []

    def call(self, tool: str, arguments: Any) -> dict[str, Any]:
        return self.request("tools/call", {"name": tool, "arguments": arguments}, tool)

    def request(self, method: str, params: Any, name: str | None) -> dict[str, Any]:
        self.asked.append((method, params, name))
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome


STEP = Step("add", {"a": 1}, Expectation.anything())


@pytest.mark.parametrize(
    ("step", "request_"),
    [
        (STEP, ("tools/call", {"name": "add", "arguments": {"a": 1}}, "add")),
        (
            Step("notes", {"uri": "a:b"}, Expectation.anything(), method="resources/read"),
            ("resources/read", {"uri": "a:b"}, "a:b"),
        ),
        (
            Step("greet", {"name": "greeting"}, Expectation.anything(), method="prompts/get"),
            ("prompts/get", {"name": "greeting"}, "greeting"),
        ),
        (
            Step("c", {"ref": {"type": "ref/prompt"}}, Expectation.anything(), method="completion/complete"),
            ("completion/complete", {"ref": {"type": "ref/prompt"}}, None),
        ),
    ],
)
def test_request_of_each_method(step: Step, request_: tuple[str, Any, str | None]) -> None:
    client = FakeClient({"content": []})
    assert send_step(client, step) == {"content": []}  # type: ignore[arg-type] # a fake client
    assert client.asked == [request_]


def test_time_out_is_an_error_of_the_call_and_not_of_the_connection() -> None:
    with pytest.raises(NoAnswer, match="expected an answer from add, got none in time") as caught:
        send_step(FakeClient(httpx2.ReadTimeout("timed out")), STEP)  # type: ignore[arg-type] # a fake client
    assert caught.value.timed_out
    with pytest.raises(httpx2.ConnectError):
        send_step(FakeClient(httpx2.ConnectError("refused")), STEP)  # type: ignore[arg-type] # a fake client


def test_answer_is_a_result_or_an_error_of_json_rpc() -> None:
    def answer(outcome: dict[str, Any] | Exception) -> dict[str, Any]:
        return answer_to(FakeClient(outcome), STEP)  # type: ignore[arg-type] # a fake client

    assert answer({"content": []}) == {"result": {"content": []}}
    refused = RequestRefused("no such tool", status=200, code=-32602)
    assert answer(refused) == {"error": {"code": -32602, "message": "no such tool"}}
    refused = RequestRefused("no such tool", status=404, code=-32602)
    assert answer(refused) == {"error": {"code": -32602, "message": "no such tool"}}
    for status in (401, 403, 429, 500, 302):
        with pytest.raises(RequestRefused, match="not now"):
            answer(RequestRefused("not now", status=status, code=-32602))
    with pytest.raises(TargetError, match="status 500"):
        answer(RequestRefused("status 500", status=500))
