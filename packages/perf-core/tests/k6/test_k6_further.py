"""Journeys beyond plain tool calls under load: methods, saved values, expectations, think times."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from perf_core.adapter import Expectation, Journey, Scenario, Step, ThinkTime
from perf_core.load.k6_log import script_faults
from perf_core.load.placeholders import as_it_is, drawn
from perf_core.load.plan import Settings
from perf_core.load.plan_document import to_document
from perf_core.shapes.registry import plan_scenario

pytestmark = pytest.mark.k6

CASES = json.loads((Path(__file__).parents[1] / "data" / "answers.json").read_text(encoding="utf-8"))


def case_answer(case: dict[str, Any]) -> str:
    return case.get("answer_text") or json.dumps(case["answer"])


def test_every_case_of_the_table_is_judged_under_load_as_in_python(server: Any, k6: Any) -> None:
    labels = [f"case_{number}" for number in range(len(CASES))]
    server.answers = lambda request: {"text": answer_of[_case_of(request)]}
    answer_of = {label: case_answer(case) for label, case in zip(labels, CASES, strict=True)}
    journeys = [[label, "", [_row(label, case)]] for label, case in zip(labels, CASES, strict=True)]
    # Two rounds: the second meets what was learnt in the first.
    run = k6.run(
        "quick",
        PLAN=k6.plan(
            wire="stateless",
            tools=labels,
            kinds=[],
            pools={"mix": journeys},
            settings={"vus": 1, "time_scale": 3 / 30, "think_time_s": 0.0},
        ),
        SERVER_URL=server.url,
    )
    assert run.exit_code == 0, run.stderr
    seen = Counter[str]()
    for label, case in zip(labels, CASES, strict=True):
        calls = int(run.count(f"mcp_tool_call_duration_ms{{tool:{label}}}"))
        seen[label] = calls
        errors = {
            name: int(run.count(f"mcp_errors{{class:{name},tool:{label}}}"))
            for name in ("wrong_answer", "is_error", "jsonrpc_error", "http_status", "transport")
        }
        expected = {case["error"]: calls} if case["error"] else {}
        assert {name: count for name, count in errors.items() if count} == expected, case["name"]
    assert min(seen.values()) >= 2, "the load was too short for two rounds"
    assert server.violations == []


def _row(label: str, case: dict[str, Any]) -> list[Any]:
    expected = case.get("expected_text") or json.dumps(case["expected"])
    method = case.get("method", "tools/call")
    params: dict[str, Any] = {
        "tools/call": {},
        "resources/read": {"uri": label},
        "prompts/get": {"name": label},
        "completion/complete": {"ref": {"type": "ref/prompt", "name": label}, "argument": {}},
    }[method]
    row = [label, json.dumps(params), case["kind"], expected]
    return row if method == "tools/call" else [*row, {"method": method}]


def _case_of(request: dict[str, Any]) -> str:
    params = request["params"]
    return str(params.get("uri") or params.get("name") or params["ref"]["name"])


class Notes:
    """A server of notes whose ids are known only from its answers."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.next_id = 2**53 + 1

    def __call__(self, request: dict[str, Any]) -> dict[str, Any]:
        method, params = request["method"], dict(request["params"])
        params.pop("_meta", None)
        self.requests.append((method, params))
        match method:
            case "tools/call" if params["name"] == "create":
                self.next_id += 2
                note = {"id": self.next_id, "tag": f'"{self.next_id}"'}
                content = [{"type": "text", "text": json.dumps(note)}]
                return {"result": {"content": content, "structuredContent": note}}
            case "tools/call":
                note_id = params["arguments"]["id"]
                return {"result": {"content": [], "structuredContent": {"id": note_id}}}
            case "resources/read":
                return {"result": {"contents": [{"uri": params["uri"], "text": params["uri"]}]}}
            case "prompts/get":
                content = {"type": "text", "text": "Note " + params["arguments"]["tag"]}
                return {"result": {"messages": [{"role": "user", "content": content}]}}
            case _:
                return {"result": {"completion": {"values": [params["argument"]["value"]]}}}


STEPS = (
    Step(
        "create",
        {"text": "{unique}"},
        Expectation.shape({"structuredContent": {"id": "number"}}),
        save={"id": "/structuredContent/id", "tag": "/content/0/text/tag"},
    ),
    Step("get", {"id": "{id}"}, Expectation.result({"id": "{id}"}), save={"again": "/structuredContent/id"}),
    Step("note", {"uri": "note://{id}/é"}, Expectation.text("note://{again}/é"), "resources/read"),
    Step(
        "greet",
        {"name": "greet", "arguments": {"tag": "{id}"}},
        Expectation.text("Note {id}"),
        "prompts/get",
    ),
    Step(
        "complete",
        {"ref": {"type": "ref/prompt", "name": "greet"}, "argument": {"name": "tag", "value": "{tag}"}},
        Expectation.paths({"/completion/values": ["{tag}"]}),
        "completion/complete",
    ),
)


def planned(k6: Any, journeys: list[Journey], wire: Any = "session", **settings: Any) -> str:
    """Write the plan that the lab makes of these journeys and return its path."""
    scenario = Scenario("quick", "quick", "A question.", lambda _seed: {"mix": journeys})
    plan = plan_scenario(scenario, wire, Settings(time_scale=1 / 30, vus=2, **settings))
    path = k6.folder / "plan.json"
    path.write_text(json.dumps(to_document(plan, "run")), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("wire", ["session", "stateless"])
def test_values_of_an_answer_are_used_by_later_steps(server: Any, k6: Any, wire: str) -> None:
    server.answers = notes = Notes()
    run = k6.run("quick", PLAN=planned(k6, [Journey("write", STEPS)], wire), SERVER_URL=server.url)
    assert run.exit_code == 0, run.stderr
    assert server.violations == []
    assert run.count("mcp_errors") == 0, k6.events().failures
    assert run.count("mcp_journey_duration_ms{journey:write}") >= 2
    for step in STEPS:
        assert run.count(f"mcp_tool_call_duration_ms{{tool:{step.tool}}}") >= 2, step.tool
    methods = Counter(method for method, _ in notes.requests)
    assert set(methods) >= {"tools/call", "resources/read", "prompts/get", "completion/complete"}
    ids = {params["arguments"]["id"] for _, params in notes.requests if params.get("name") == "get"}
    assert len(ids) >= 2
    assert all(isinstance(each, int) and each > 2**53 and each % 2 for each in ids), "not rounded, not a text"


def test_values_of_one_journey_are_unknown_to_the_next(server: Any, k6: Any) -> None:
    server.answers = notes = Notes()
    literal = Journey("literal", (Step("get", {"id": "{id}"}, Expectation.result({"id": "{id}"})),))
    run = k6.run("quick", PLAN=planned(k6, [Journey("write", STEPS[:1]), literal]), SERVER_URL=server.url)
    assert run.exit_code == 0, run.stderr
    assert run.count("mcp_errors") == 0, k6.events().failures
    ids = [params["arguments"]["id"] for _, params in notes.requests if params["name"] == "get"]
    assert len(ids) > 1
    assert set(ids) == {"{id}"}


def test_a_missing_value_ends_the_journey_with_a_readable_example(server: Any, k6: Any) -> None:
    server.answers = notes = Notes()
    steps = (Step("create", {}, Expectation.anything(), save={"id": "/structuredContent/no"}), STEPS[1])
    run = k6.run("quick", PLAN=planned(k6, [Journey("write", steps)]), SERVER_URL=server.url)
    assert run.exit_code == 0, run.stderr
    calls = run.count("mcp_tool_call_duration_ms{tool:create}")
    assert run.count("mcp_errors{class:wrong_answer,tool:create}") == calls > 0
    assert not any(params["name"] == "get" for _, params in notes.requests)
    example = k6.events().failures[0]
    assert (example.kind, example.expected) == ("save", '{"id":"/structuredContent/no"}')
    assert '"structuredContent"' in example.body


def test_an_expected_json_rpc_error_may_have_another_status(server: Any, k6: Any) -> None:
    server.answers = lambda _request: {"error": {"code": -32602, "message": "unknown"}}

    def encode(message: str) -> Any:
        reply = plain(message)
        reply.status = 400 if "-32602" in message else 200
        return reply

    plain, server.encode = server.encode, encode
    refused = Journey("refused", (Step("nobody", {}, Expectation.rpc_error(-32602)),))
    other = Journey("other", (Step("other", {}, Expectation.rpc_error(-1)),))
    run = k6.run("quick", PLAN=planned(k6, [refused, other], "stateless"), SERVER_URL=server.url)
    assert run.exit_code == 0, run.stderr
    assert run.count("mcp_tool_call_duration_ms{tool:nobody}") > 0
    assert run.count("mcp_errors{class:http_status,tool:other}") == run.count("mcp_errors") > 0


def test_users_pause_as_their_journeys_say(server: Any, k6: Any) -> None:
    paused = Journey("slow", (Step("echo", {}, Expectation.anything()),), think_time=ThinkTime.constant(0.3))
    run = k6.run("quick", PLAN=planned(k6, [paused], "stateless"), SERVER_URL=server.url)
    assert run.exit_code == 0, run.stderr
    # Two users for a second and the time in which they end, some four calls each; without pauses it would be
    # hundreds.
    assert 2 <= len(server.calls) <= 20
    patient = Journey("patient", paused.steps, think_time=ThinkTime.constant(30))
    run = k6.run("quick", PLAN=planned(k6, [patient], "stateless"), SERVER_URL=server.url)
    assert run.summary["state"]["testRunDurationMs"] < 10_000, "a pause must not put off the end of the load"
    replaced = planned(k6, [paused], "stateless", think_time_s=0.001)
    run = k6.run("quick", PLAN=replaced, SERVER_URL=server.url)
    assert run.exit_code == 0, run.stderr
    assert len(server.calls) > 50


def test_exception_of_the_scripts_is_no_right_answer(server: Any, k6: Any) -> None:
    server.answers = lambda _request: {"result": {"content": [{"type": "text", "text": "a("}]}}
    steps = (
        Step("give", {}, Expectation.anything(), save={"open": "/content/0/text"}),
        # No pattern once the value is inserted.
        Step("take", {}, Expectation.regex("{open}")),
    )
    run = k6.run("quick", PLAN=planned(k6, [Journey("j", steps)]), SERVER_URL=server.url)
    assert run.exit_code == 0, run.stderr
    taken = run.count("mcp_tool_call_duration_ms{tool:take}")
    assert taken > 10, "the load goes on"
    assert run.count("mcp_errors{class:wrong_answer,tool:take}") == run.count("mcp_errors") == taken
    (fault,) = script_faults(run.stderr.splitlines())
    # Two users, and each logs three.
    assert fault.startswith("an exception in the scripts left answers unjudged (6 logged): SyntaxError")


def test_pattern_that_k6_cannot_compile_ends_it_at_once(server: Any, k6: Any) -> None:
    rows = [["t", "{}", "regex", '"^a{2000}$"']]
    plan = k6.plan(tools=["t"], kinds=[], pools={"mix": [["t", "", rows]]})
    run = k6.run("quick", PLAN=plan, SERVER_URL=server.url)
    assert run.summary is None
    assert "pattern that k6 can use" in run.stderr
    assert server.calls == []


def test_drawn_texts_in_braces_are_sent_and_expected_as_they_are(server: Any, k6: Any) -> None:
    def answer(request: dict[str, Any]) -> dict[str, Any]:
        params = request["params"]
        if request["method"] == "resources/read":
            sent.add(params["uri"])
            return {"result": {"contents": [{"uri": params["uri"], "text": params["uri"]}]}}
        sent.add(params["arguments"]["a"])
        text = json.dumps(params["arguments"])
        return {"result": {"content": [{"type": "text", "text": text}]}}

    sent: set[str] = set()
    server.answers = answer
    literal = as_it_is(Step("echo", {"a": "{unique}"}, Expectation.text('{"a": "{unique}"}')))
    template = Step("echo", {"a": "{city}-{unique}"}, Expectation.json({"a": "{city}-{unique}"}))
    uri = Step("read", {"uri": "a:{city}"}, Expectation.text("a:{city}"), "resources/read")
    rows = [drawn(step, {"city": "{unique}"}) for step in (template, uri)]
    journeys = [Journey("j", (literal,)), *(Journey("k", (step,)) for step in rows)]
    run = k6.run("quick", PLAN=planned(k6, journeys, "stateless"), SERVER_URL=server.url)
    assert run.exit_code == 0, run.stderr
    assert run.count("mcp_errors") == 0, k6.events().failures
    assert server.violations == []
    assert {"{unique}", "a:{unique}"} < sent
    others = sent - {"{unique}", "a:{unique}"}
    assert len(others) > 1
    assert all(re.fullmatch(r"\{unique\}-[a-z0-9]{16}", text) for text in others)
