"""Right and wrong answers under load, judged by the real k6."""

import contextlib
import json
import socket
import sys
from typing import Any

import pytest

from perf_core.analysis.k6_summary import ERROR_CLASSES

pytestmark = pytest.mark.k6

CLASSES = ERROR_CLASSES


def errors_by_class(run: Any) -> dict[str, int]:
    counts = {name: int(run.count(f"mcp_errors{{class:{name}}}")) for name in CLASSES}
    return {name: count for name, count in counts.items() if count}


def test_every_fault_is_counted_under_its_class_and_nothing_else_is(server: Any, k6: Any) -> None:
    other = {"content": [], "structuredContent": {"result": -1}, "isError": False}
    rpc_error = {"code": -32603, "message": "internal"}

    def fault(number: int, _tool: str, arguments: dict[str, Any], reply: Any) -> Any:
        message = json.loads(reply.body)
        match number:
            case 10:
                message["result"]["structuredContent"]["result"] += 1
            case 20:
                message["id"] -= 1
            case 30:
                message["result"] = other
            case 40:
                message["result"] = {"content": [{"type": "text", "text": "no"}], "isError": True}
            case 50:
                message = {"jsonrpc": "2.0", "id": message["id"], "error": rpc_error}
            case 60:
                reply.body = "<html>busy</html>"
                return reply
            case 70 | 80 | 90:
                reply.status = {70: 500, 80: 429, 90: 400}[number]
            case 100:
                reply.close = True
            case 110:
                reply.delay_s = 5.0
        reply.body = json.dumps(message, separators=(",", ":"))
        return reply

    server.fault = fault
    run = k6.run(
        "quick",
        PLAN=k6.plan(wire="stateless", settings={"request_timeout_s": 1.5, "time_scale": 3 / 30}),
        SERVER_URL=server.url,
    )
    assert run.exit_code == 0, run.stderr
    assert errors_by_class(run) == {
        "wrong_answer": 4,
        "is_error": 1,
        "jsonrpc_error": 1,
        "http_status": 2,
        "rate_limited": 1,
        "transport": 1,
        "timeout": 1,
    }
    assert run.count("mcp_errors") == 11
    # Transport errors, HTTP errors and refusals are not samples; calls that were answered or timed out are.
    assert run.count("mcp_tool_call_duration_ms") == len(server.calls) - 4
    assert run.summary["metrics"]["mcp_tool_call_duration_ms"]["values"]["max"] >= 1490


def test_right_answers_are_right_in_every_encoding(server: Any, k6: Any) -> None:
    notification = '{"jsonrpc":"2.0","method":"notifications/progress","params":{}}'
    encodings = [
        lambda text: text,
        lambda text: json.dumps(json.loads(text), indent=1),
        lambda text: f"event: message\r\ndata: {text}\r\n\r\n",
        lambda text: f"event: message\ndata: {notification}\n\nevent: message\ndata: {text}\n\n",
        lambda text: (
            "data: " + json.dumps(json.loads(text), indent=1).replace("\n", "\r\ndata: ") + "\r\n\r\n"
        ),
    ]

    def fault(number: int, _tool: str, _arguments: dict[str, Any], reply: Any) -> Any:
        reply.body = encodings[number % len(encodings)](reply.body)
        if reply.body[0] != "{":
            reply.headers["Content-Type"] = "text/event-stream"
        return reply

    server.fault = fault
    run = k6.run("quick", PLAN=k6.plan(wire="stateless"), SERVER_URL=server.url)
    assert run.exit_code == 0, run.stderr
    assert run.count("mcp_tool_call_duration_ms") > 20
    assert errors_by_class(run) == {}


def test_all_expectations_in_journeys_of_several_steps(server: Any, k6: Any) -> None:
    big = 2**53 + 1
    sums = json.dumps({"a": big, "b": 2})
    journey = [
        "everything",
        "",
        [
            ["add", sums, "result", f'{{"result":{big + 2}}}'],
            ["add", '{"a":1,"b":2}', "result", '{"result": 3.0}'],
            ["add", '{"a":1,"b":2}', "text", '"3"'],
            ["divide", '{"a":1,"b":0}', "error", "null"],
            ["größe", '{"ü":"\U0001d11e"}', "result", '{"echo":{"ü":"\U0001d11e"}}'],
            ["größe", '{"z":1,"a":2}', "any", "null"],
        ],
    ]
    broken = [
        "broken",
        "",
        [["add", sums, "result", f'{{"result":{big + 1}}}'], ["add", sums, "any", "null"]],
    ]
    run = k6.run(
        "quick",
        PLAN=k6.plan(
            wire="stateless",
            tools=["add", "divide", "größe"],
            pools={"mix": [journey, broken]},
            settings={"vus": 1},
        ),
        SERVER_URL=server.url,
    )
    assert run.exit_code == 0, run.stderr
    assert server.violations == []
    broken_journeys = run.count("mcp_errors")
    assert errors_by_class(run) == {"wrong_answer": broken_journeys}
    journeys = run.count("mcp_journey_duration_ms")
    assert journeys >= 2
    assert abs(journeys - broken_journeys) <= 1
    assert run.count("mcp_tool_call_duration_ms") == pytest.approx(6 * journeys + broken_journeys, abs=6)
    assert run.count("mcp_tool_call_duration_ms{tool:größe}") == pytest.approx(2 * journeys, abs=2)


def test_answers_that_only_look_right_are_wrong(server: Any, k6: Any) -> None:
    """Each fault keeps the expected text in the body; several calls before it teach the pattern."""

    def fault(number: int, _tool: str, _arguments: dict[str, Any], reply: Any) -> Any:
        message = json.loads(reply.body)
        right = message["result"]["structuredContent"]
        match number:
            case 6:
                reply.body = reply.body[:-1]
            case 8:
                reply.body += " trailing"
            case 10:
                message["result"] = {
                    "content": [],
                    "structuredContent": {"result": -1},
                    "_meta": {"structuredContent": right},
                }
            case 12:
                del message["result"]
                message["error"] = {
                    "code": -32603,
                    "message": "no",
                    "data": {"result": {}, "structuredContent": right},
                }
            case 14:
                message["result"]["content"] = "5"
            case 16:
                del message["jsonrpc"]
            case 18:
                reply.body = f"event: message\ndata: {reply.body}\n"
                reply.headers["Content-Type"] = "text/event-stream"
        if number not in {6, 8, 18}:
            reply.body = json.dumps(message, separators=(",", ":"))
        return reply

    server.fault = fault
    run = k6.run("quick", PLAN=k6.plan(wire="stateless"), SERVER_URL=server.url)
    assert run.exit_code == 0, run.stderr
    assert errors_by_class(run) == {"wrong_answer": 6, "jsonrpc_error": 1}
    examples = [failure for failure in k6.events().failures if failure.error_class == "wrong_answer"]
    assert len(examples) == 3
    assert all(json.loads(example.arguments).keys() == {"a", "b"} for example in examples)
    assert all('"result"' in example.body for example in examples)


def test_calls_in_flight_at_the_end_are_unanswered(server: Any, k6: Any) -> None:
    def fault(number: int, _tool: str, _arguments: dict[str, Any], reply: Any) -> Any:
        if number > 20:
            reply.delay_s = 60.0
        return reply

    server.fault = fault
    run = k6.run(
        "quick",
        PLAN=k6.plan(wire="stateless", settings={"vus": 3, "request_timeout_s": 1.5}),
        SERVER_URL=server.url,
    )
    assert run.exit_code == 0, run.stderr
    assert errors_by_class(run) == {"unanswered": 3}
    # Every call that began is a sample, with the time for which it waited.
    assert run.count("mcp_tool_call_duration_ms") == len(server.calls) == 23
    assert run.summary["metrics"]["mcp_tool_call_duration_ms"]["values"]["max"] >= 1490
    assert {failure.stage for failure in k6.events().failures} == {"hold_3"}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux leaves such a connection waiting")
def test_a_call_that_times_out_while_it_connects_has_waited(k6: Any) -> None:
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(2):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        run = k6.run(
            "quick",
            PLAN=k6.plan(wire="stateless", settings={"vus": 1, "request_timeout_s": 1.5}),
            SERVER_URL=f"http://127.0.0.1:{listener.getsockname()[1]}/mcp",
        )
    assert run.exit_code == 0, run.stderr
    assert errors_by_class(run) == {"unanswered": 1}
    assert run.summary["metrics"]["mcp_tool_call_duration_ms"]["values"]["min"] >= 1490
    (failure,) = k6.events().failures
    assert failure.duration_s >= 1.49
