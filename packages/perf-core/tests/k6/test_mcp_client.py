"""The functions of mcp-client.js, as a script of one's own calls them in the real k6."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest

pytestmark = pytest.mark.k6

FUNCTIONS = (
    "callTool, deleteSession, healthCheck, initializeSession, listTools, parseSSEResponse, performCalculation"
)


class Evaluator:
    """Runs JavaScript that uses the library as the one iteration of a k6 script."""

    def __init__(self, k6: Any, url: str) -> None:
        self.k6 = k6
        self.url = url
        self.run: Any = None

    def __call__(self, body: str, setup: str = "null", **variables: str) -> Any:
        """Return what the body of the iteration returns; it can use `fromSetup`, the result of setup()."""
        library = (self.k6.scripts / "lib" / "mcp-client.js").as_posix()
        script = self.k6.folder / "script.js"
        script.write_text(
            f"""import {{ {FUNCTIONS} }} from "{library}";
            export const options = {{ iterations: 1 }};
            export function setup() {{ return {setup}; }}
            export default function (fromSetup) {{
              const value = (() => {{ {body} }})();
              console.log(JSON.stringify(value));
            }}
            export function handleSummary(data) {{ return {{ [__ENV.SUMMARY]: JSON.stringify(data) }}; }}""",
            encoding="utf-8",
        )
        output = self.k6.folder / "console.txt"
        output.unlink(missing_ok=True)
        options = ("--log-format", "raw", "--console-output", str(output))
        self.run = self.k6.run(script, *options, **{"SERVER_URL": self.url, **variables})
        assert self.run.exit_code == 0, self.run.stderr
        return json.loads(output.read_text(encoding="utf-8"))


@pytest.fixture
def evaluate(server: Any, k6: Any) -> Evaluator:
    return Evaluator(k6, server.url)


@pytest.mark.parametrize("wire", ["session", "stateless"])
def test_calls_in_a_session(server: Any, evaluate: Any, wire: str) -> None:
    server.tool_pages = [["add", "subtract"], ["multiply"], ["divide"]]
    value = evaluate(
        """const session = initializeSession();
        const value = {
          session,
          tools: listTools(session),
          sum: callTool(session, "add", { a: 5, b: 3 }),
          product: callTool(session, "multiply", { a: 7, b: 6 }).result,
          bare: callTool(session, "echo").structuredContent,
        };
        return { ...value, deletion: deleteSession(session) };""",
        WIRE=wire,
    )
    assert server.violations == []
    keeps_sessions = wire == "session"
    assert value["session"]["error"] is None
    assert value["session"]["protocolVersion"] == ("2025-11-25" if keeps_sessions else "2026-07-28")
    assert value["session"]["serverInfo"] == ({"name": "f", "version": "1"} if keeps_sessions else None)
    assert [tool["name"] for tool in value["tools"]["tools"]] == ["add", "subtract", "multiply", "divide"]
    assert value["sum"].pop("duration_ms") > 0
    assert value["sum"] == {
        "error": None,
        "errorClass": None,
        "status": 200,
        "result": 8,
        "structuredContent": {"result": 8},
        "content": [{"type": "text", "text": "8"}],
        "text": "8",
        "isError": False,
    }
    assert value["product"] == 42
    assert value["bare"] == {"echo": {}}
    assert value["deletion"]["error"] is None
    assert server.sessions == set()
    assert server.counts["initialize"] == server.counts["delete"] == (1 if keeps_sessions else 0)
    assert evaluate.run.count("mcp_errors") == 0
    samples = evaluate.run.summary["metrics"]["mcp_tool_call_duration_ms"]["values"]
    assert samples["max"] > 0


@pytest.mark.parametrize(
    ("content", "result"),
    [
        ('{"result":8}', 8),
        ('{"result":8,"unit":"m"}', {"result": 8, "unit": "m"}),
        ('{"sum":8}', {"sum": 8}),
        ("null", None),
    ],
)
def test_result_is_the_only_member_or_all_of_the_structured_content(
    server: Any, evaluate: Any, content: str, result: Any
) -> None:
    def fault(_number: int, _tool: str, _arguments: dict[str, Any], reply: Any) -> Any:
        return replace(reply, body=reply.body.replace('{"result":8}', content))

    server.fault = fault
    value = evaluate('return callTool(initializeSession(), "add", { a: 5, b: 3 });')
    assert (value["result"], value["structuredContent"]) == (result, json.loads(content))


def test_malformed_content_is_not_an_exception(server: Any, evaluate: Any) -> None:
    server.fault = lambda _number, _tool, _arguments, reply: replace(
        reply, body=reply.body.replace('"content":[', '"content":[null,')
    )
    body = 'return callTool(initializeSession(), "add", { a: 5, b: 3 });'
    assert evaluate(body)["text"] == "8"
    server.fault = lambda _number, _tool, _arguments, reply: replace(
        reply, body=re.sub(r'"content":\[.*?\]', '"content":7', reply.body)
    )
    value = evaluate(body)
    assert (value["text"], value["content"], value["result"]) == ("", [], 8)


def test_setup_can_open_the_session_and_a_vu_can_hold_two(server: Any, evaluate: Any) -> None:
    value = evaluate(
        """const second = initializeSession();
        const add = (session) => callTool(session, "add", { a: 1, b: 2 }).result;
        const results = [fromSetup, second, fromSetup].map(add);
        return [results, [fromSetup, second].map((session) => deleteSession(session).error)];""",
        setup="initializeSession()",
    )
    assert value == [[3, 3, 3], [None, None]]
    sessions = [session for _, _, session in server.calls]
    assert sessions[0] == sessions[2] != sessions[1]
    assert server.sessions == set()
    assert server.violations == []


@pytest.mark.parametrize(
    ("reply", "error_class", "sentence"),
    [
        ({"status": 503, "body": "busy"}, "http_status", r"expected HTTP 200, got 503 \(busy\)"),
        ({"status": 500, "body": "x" * 999}, "http_status", r"expected HTTP 200, got 500 \(x{200}…\)"),
        (
            {"status": 429, "body": ""},
            "rate_limited",
            r"expected HTTP 200, got 429 \(nothing\): .* less$",
        ),
        (
            {"close": True},
            "transport",
            r"expected an answer from http:.*/mcp, got none \(.+\): check",
        ),
        ({"body": "<html>"}, "wrong_answer", "expected a JSON-RPC response with a result, got <html>"),
        (
            {"body": '{"jsonrpc":"2.0","id":-1,"result":{}}'},
            "wrong_answer",
            r'expected a JSON-RPC response with a result, got \{"jsonrpc":"2.0","id":-1,"result":\{\}\}',
        ),
        (
            {"body": '{"jsonrpc":"2.0","id":null,"error":{"code":-32602,"message":"bad"}}'},
            "jsonrpc_error",
            r'expected a result, got \{"code":-32602,"message":"bad"\}',
        ),
    ],
)
def test_failed_call_says_what_was_expected_and_what_arrived(
    server: Any, evaluate: Any, reply: dict[str, Any], error_class: str, sentence: str
) -> None:
    server.fault = lambda _number, _tool, _arguments, original: replace(original, **reply)
    value = evaluate('return callTool(initializeSession(), "add", { a: 5, b: 3 });')
    assert value["errorClass"] == error_class
    assert re.match(sentence, value["error"]), value["error"]
    assert (value["result"], value["content"], value["isError"]) == (None, [], True)
    assert value["status"] == (0 if "close" in reply else reply.get("status", 200))
    assert evaluate.run.count("mcp_errors") == 1


def test_error_of_a_tool_keeps_its_text(server: Any, evaluate: Any) -> None:
    value = evaluate('return callTool(initializeSession(), "divide", { a: 1, b: 0 });')
    assert value["errorClass"] == "is_error"
    assert value["error"] == "expected a result of divide, got an error of the tool: b must not be 0"
    assert (value["text"], value["result"], value["isError"]) == ("b must not be 0", None, True)


def test_server_that_refuses_sessions(server: Any, evaluate: Any) -> None:
    server.accepts_sessions = False
    value = evaluate(
        """const session = initializeSession();
        return [session, callTool(session, "add", { a: 1, b: 2 }), listTools(session), deleteSession(session),
          performCalculation("add", 1, 2)];"""
    )
    session, call, tools, deletion, calculation = value
    assert session["error"] == "expected HTTP 200, got 503 (nothing)"
    assert (session["status"], session["errorClass"], session["sessionId"]) == (503, "http_status", None)
    for later in (call, tools, deletion, calculation):
        assert later["error"] == f"expected an open session, got one that did not open: {session['error']}"
        assert later["errorClass"] == "http_status"
    assert (call["isError"], tools["tools"]) == (True, [])
    assert server.calls == []
    # The two attempts to open a session; requests that were not sent are not counted.
    assert evaluate.run.count("mcp_errors") == server.counts["initialize"] == 2


def test_no_server(evaluate: Any) -> None:
    session, health = evaluate(
        "return [initializeSession(), healthCheck()];", SERVER_URL="http://127.0.0.1:9"
    )
    assert re.match(r"expected an answer from http://127.0.0.1:9/mcp, got none \(", session["error"])
    assert re.match(r"expected an answer from http://127.0.0.1:9/health, got none \(", health["error"])
    assert (health["healthy"], health["status"]) == (False, 0)


def test_deleted_session_is_refused_by_the_server(server: Any, evaluate: Any) -> None:
    call, deletion = evaluate(
        """const session = initializeSession();
        deleteSession(session);
        return [callTool(session, "add", { a: 1, b: 2 }), deleteSession(session)];"""
    )
    assert call["error"] == (
        "expected HTTP 200, got 404 (unknown session): "
        "the server has no such session, or its MCP endpoint is elsewhere"
    )
    assert (deletion["errorClass"], deletion["status"]) == ("http_status", 404)


def test_list_of_tools_that_fails_on_a_page(server: Any, evaluate: Any) -> None:
    server.tool_pages = [["add"], ["subtract"]]
    encode = server.encode
    server.encode = lambda message: encode(
        message.replace('"tools":', '"no":') if "subtract" in message else message
    )
    value = evaluate("return listTools(initializeSession());")
    assert [tool["name"] for tool in value["tools"]] == ["add"]
    assert value["errorClass"] == "wrong_answer"
    assert value["error"].startswith("expected a JSON-RPC response with a result, got {")


@pytest.mark.parametrize(
    ("repeated", "pages"),
    [(("1", "0"), 2), (("2", "0"), 3), (None, 200)],
    ids=["same", "circle", "always new"],
)
def test_list_of_tools_without_an_end(
    repeated: tuple[str, str] | None, pages: int, server: Any, evaluate: Any
) -> None:
    server.tool_pages = [["add"]] * 300
    if repeated is not None:
        encode, (cursor, earlier) = server.encode, repeated
        server.encode = lambda message: encode(
            message.replace(f'"nextCursor":"{cursor}"', f'"nextCursor":"{earlier}"')
        )
    value = evaluate("return listTools(initializeSession());")
    assert value["errorClass"] == "wrong_answer"
    assert value["error"] == f"expected a last page without a nextCursor, got one on each of {pages} pages"
    assert len(value["tools"]) == server.counts["tools/list"] == pages


def test_calculation_is_checked(server: Any, evaluate: Any) -> None:
    def fault(_number: int, tool: str, _arguments: dict[str, Any], reply: Any) -> Any:
        if tool == "multiply":
            reply.body = reply.body.replace('"result":42', '"result":43')
        return reply

    server.fault = fault
    right, zero, wrong, unopened = evaluate(
        """const session = initializeSession();
        const value = [
          performCalculation("divide", 7, 2, session), performCalculation("divide", 7, 0, session),
          performCalculation("multiply", 7, 6, session), performCalculation("subtract", 7, 9),
        ];
        deleteSession(session);
        return value;"""
    )
    assert (right["error"], right["result"], right["isError"]) == (None, 3.5, False)
    assert (zero["error"], zero["text"], zero["isError"]) == (None, "b must not be 0", True)
    assert wrong["error"] == 'expected {"result":42}, got {"result":43}'
    assert (wrong["errorClass"], wrong["result"]) == ("wrong_answer", 43)
    assert (unopened["error"], unopened["result"]) == (None, -2)
    assert server.counts["initialize"] == server.counts["delete"] == 2
    assert evaluate.run.count("mcp_errors") == 1


def test_health_check(server: Any, evaluate: Any) -> None:
    assert evaluate("return healthCheck();")["healthy"] is True
    server.health_status = 404
    value = evaluate("return healthCheck();")
    assert (value["healthy"], value["status"]) == (False, 404)
    assert value["error"].startswith("expected HTTP 200, got 404")


def test_messages_of_an_event_stream(evaluate: Any) -> None:
    value = evaluate(
        r"""const body = 'event: message\r\ndata: {"id":1,\r\ndata: "result":{}}\r\n\r\n: comment\n'
          + 'data: {"method":"notifications/progress"}\n\nid: 7\ndata:\n\ndata: 12345678901234567';
        let failure = null;
        try { parseSSEResponse("data: {\n\n"); } catch (error) { failure = [error.name, error.message]; }
        return [parseSSEResponse(body), failure];"""
    )
    messages, failure = value
    assert messages == [{"id": 1, "result": {}}, {"method": "notifications/progress"}, 12345678901234568]
    assert failure == ["SyntaxError", "expected JSON as the data of an event, got {"]


def test_event_stream_as_the_answer(server: Any, evaluate: Any) -> None:
    def fault(_number: int, _tool: str, _arguments: dict[str, Any], reply: Any) -> Any:
        reply.headers["Content-Type"] = "text/event-stream"
        progress = '{"jsonrpc":"2.0","method":"notifications/progress","params":{}}'
        reply.body = f"event: message\r\ndata: {progress}\r\n\r\ndata: {reply.body}\r\n\r\n"
        return reply

    server.fault = fault
    assert evaluate('return callTool(initializeSession(), "add", { a: 5, b: 3 }).result;') == 8


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('callTool(undefined, "add")', "expected a session from initializeSession(), got undefined"),
        ("listTools({})", "expected a session from initializeSession(), got {}"),
        (
            'performCalculation("power", 1, 2)',
            "expected one of add, subtract, multiply, divide, got power",
        ),
    ],
)
def test_misuse_throws(evaluate: Any, body: str, message: str) -> None:
    value = evaluate(f"try {{ {body} }} catch (error) {{ return `${{error.name}}: ${{error.message}}`; }}")
    assert value == f"TypeError: {message}"


def test_wrong_setting_is_refused_at_load(k6: Any) -> None:
    script = k6.folder / "script.js"
    library = (k6.scripts / "lib" / "mcp-client.js").as_posix()
    script.write_text(f'import "{library}"; export default function () {{}}', encoding="utf-8")
    run = k6.run(script, WIRE="websocket")
    assert run.exit_code == 107
    assert 'WIRE: expected "session" or "stateless"' in run.stderr


def test_headers_and_revision_come_from_the_environment(k6: Any, guarded: Any) -> None:
    server = guarded()
    server.tokens = {"t0ken"}
    users = json.dumps([{"headers": {"Authorization": "Bearer t0ken"}}])
    body = """const session = initializeSession();
        return [session.protocolVersion, callTool(session, "add", { a: 1, b: 2 }).result];"""
    variables = {"MCP_IDENTITIES": users, "MCP_REVISION": "2025-03-26"}
    assert Evaluator(k6, server.url)(body, **variables) == ["2025-03-26", 3]
    assert server.identities == {"Bearer t0ken": 1}
