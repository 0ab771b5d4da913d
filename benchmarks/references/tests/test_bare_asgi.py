"""Tests of the bare app in memory: its answers, and the HTTP that it implements."""

import json
import subprocess
import sys
from collections.abc import MutableMapping
from typing import Any

import pytest

from calculator_server import arithmetic
from lab_references.bare_asgi import BareApp, answer, result_of

EDGES = (0.0, -0.0, 1.0, -1.0, 0.1, 3.0, 1e-300, 5e-324, 1e154, 1e308, -1e308, 2.0**53)


@pytest.mark.parametrize("tool", ["add", "subtract", "multiply", "divide"])
def test_results_equal_those_of_the_calculator(tool: str) -> None:
    operation = getattr(arithmetic, tool)
    for a in EDGES:
        for b in EDGES:
            result = json.loads(result_of(tool, a, b))
            try:
                expected = operation(a, b)
            except arithmetic.CalculationError:
                assert result["isError"] is True
            else:
                # As repr, so that the sign of zero counts.
                assert repr(result["structuredContent"]) == repr({"result": expected})
                assert result["content"] == [{"type": "text", "text": f'{{"result":{expected!r}}}'}]
                assert result["isError"] is False


@pytest.mark.parametrize(
    ("tool", "a", "b"), [("add", float("nan"), 1.0), ("multiply", 10**400, 1), ("square_root", 1.0, 2.0)]
)
def test_a_call_without_a_finite_result_is_an_error(tool: str, a: float, b: float) -> None:
    assert json.loads(result_of(tool, a, b))["isError"] is True


def test_integers_are_answered_as_doubles() -> None:
    assert '"structuredContent":{"result":3.0}' in result_of("add", 1, 2)


@pytest.mark.parametrize("request_id", [7, "seven", 10**20])
def test_answer_has_the_id_of_the_request(request_id: object) -> None:
    response = json.loads(str(answer({"jsonrpc": "2.0", "id": request_id, "method": "ping"})))
    assert response == {"jsonrpc": "2.0", "id": request_id, "result": {}}


def test_unknown_method_is_an_error() -> None:
    response = json.loads(str(answer({"jsonrpc": "2.0", "id": 1, "method": "prompts/list"})))
    assert response["error"]["code"] == -32601


def test_notification_has_no_answer() -> None:
    assert answer({"jsonrpc": "2.0", "method": "notifications/initialized"}) is None


def exchange(method: str, *parts: bytes) -> tuple[int, dict[bytes, bytes], bytes]:
    """Send one request to the app, its body in parts; the app never waits, so no event loop is needed."""
    events = [
        {"type": "http.request", "body": part, "more_body": index < len(parts) - 1}
        for index, part in enumerate(parts)
    ]
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return events.pop(0)

    async def send(event: MutableMapping[str, Any]) -> None:
        sent.append(event)

    with pytest.raises(StopIteration):
        BareApp()({"type": "http", "method": method}, receive, send).send(None)
    start, body = sent
    return start["status"], dict(start["headers"]), body["body"]


def message(method: str, **more: object) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "method": method, **more}).encode()


def test_initialize_opens_no_session() -> None:
    status, headers, body = exchange("POST", message("initialize", id=0, params={}))
    assert status == 200
    assert json.loads(body)["result"]["serverInfo"]["name"] == "reference-asgi"
    assert b"mcp-session-id" not in headers


def test_body_may_arrive_in_parts() -> None:
    text = message("tools/call", id=1, params={"name": "add", "arguments": {"a": 1.5, "b": 2}})
    status, headers, body = exchange("POST", text[:10], text[10:40], text[40:])
    assert status == 200
    assert headers[b"content-length"] == str(len(body)).encode()
    assert b"mcp-session-id" not in headers
    assert json.loads(body)["result"]["structuredContent"] == {"result": 3.5}


def test_notification_delete_and_get_are_answered_with_their_status() -> None:
    assert exchange("POST", message("notifications/initialized"))[0] == 202
    assert exchange("DELETE", b"")[0] == 405
    assert exchange("GET", b"")[0] == 405


@pytest.mark.process
def test_no_heavy_module_is_imported() -> None:
    heavy = "{'fastmcp', 'mcp', 'pydantic', 'starlette', 'perf_core', 'calculator_server'}"
    script = f"import sys, lab_references.bare_asgi; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
