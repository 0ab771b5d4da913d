"""Whole runs with plain k6: every scenario, early ends, and unusable settings."""

import json
import operator
import re
import signal
import subprocess
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.k6
NIGHTLY = pytest.mark.nightly

PACE = {"THINK_TIME": "0.01"}
"""Hundreds of calls say as much about a scenario as thousands, and leave the CPUs to the other tests."""
ARRIVING = {"TEST_VUS": "3", "RATE": "40", "THINK_TIME": "0"}
"""Settings of scenarios in which a rate sets the pace."""

K6_FOLDER = Path(__file__).parents[2] / "src" / "perf_core" / "k6"
TOOLS = ("add", "subtract", "multiply", "divide")
OPERATIONS = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
}


@pytest.mark.parametrize(
    ("scenario", "wire", "variables"),
    [
        ("quick", "session", {"TEST_DURATION": "1s", "TEST_VUS": "3"}),
        ("load", "stateless", {"TIME_SCALE": "0.0001", "TEST_VUS": "4"}),
        pytest.param("stress", "stateless", {"TIME_SCALE": "0.0001", "TEST_VUS": "16"}, marks=NIGHTLY),
        ("endurance", "session", {**ARRIVING, "TEST_DURATION": "1s"}),
        pytest.param("spike", "stateless", {"TEST_DURATION": "5", "TEST_VUS": "6"}, marks=NIGHTLY),
        ("benchmark", "session", {"TIME_SCALE": "0.0001", "TEST_VUS": "4"}),
        pytest.param("concurrent", "stateless", {"TIME_SCALE": "0.0001", "TEST_VUS": "3"}, marks=NIGHTLY),
        pytest.param("memory", "stateless", {**ARRIVING, "TEST_DURATION": "2s"}, marks=NIGHTLY),
        pytest.param("recovery", "session", {"TEST_DURATION": "1s", "TEST_VUS": "3"}, marks=NIGHTLY),
    ],
)
def test_plain_k6_runs_each_scenario(
    server: Any, k6: Any, scenario: str, wire: str, variables: dict[str, str]
) -> None:
    run = k6.run(scenario, WIRE=wire, SERVER_URL=server.url.removesuffix("/mcp"), **PACE | variables)
    assert run.exit_code == 0, run.stderr
    assert server.violations == []
    assert server.sessions == set()
    assert run.count("mcp_errors") == 0
    assert run.count("mcp_sessions_opened") == run.count("mcp_sessions_closed")
    assert run.stdout.startswith(f"{scenario}, {wire} wire\n")
    for tool in TOOLS:
        assert run.count(f"mcp_tool_call_duration_ms{{tool:{tool}}}") > 0, tool
    stages = {stage["name"]: stage["kind"] for stage in run.summary["stages"]}
    # A ramp lasts 0.2 s here, in which a busy machine may not finish a call.
    held = [name for name, kind in stages.items() if kind not in ("ramp", "protocol")]
    calls = {name: run.count(f"mcp_tool_call_duration_ms{{stage:{name}}}") for name in held}
    assert calls, run.stdout
    assert all(calls.values()), (calls, run.stdout)
    assert [name for name, kind in stages.items() if kind != "protocol" and name not in run.stdout] == []
    assert run.summary["options"]["scenarios"]["load"]["executor"].startswith("ramping-")
    if scenario == "endurance":
        # One second at 40 per second, less what a busy machine drops; three VUs in a loop make thousands.
        assert 5 <= run.count("mcp_tool_call_duration_ms{stage:hold}") <= 44
        assert "dropped_iterations" in run.summary["metrics"]
    if scenario == "benchmark":
        assert set(TOOLS) < set(held)
        for method in ("GET /health", "ping", "tools/list"):
            assert run.count(f"mcp_protocol_duration_ms{{method:{method}}}") > 0, method
        # The first stage calls only the first tool; at its end VUs move on one after another.
        alone = int(run.count("mcp_tool_call_duration_ms{stage:add}"))
        assert {tool for tool, *_ in server.calls[: max(1, alone - 20)]} == {"add"}
        assert run.count("mcp_tool_call_duration_ms{tool:divide,kind:edge}") > 0


def test_benchmark_on_the_stateless_wire_calls_the_methods_of_that_wire(server: Any, k6: Any) -> None:
    calls = [
        ["add", "small", [["add", f'{{"a":{a},"b":1}}', "result", f'{{"result":{a + 1}}}']]]
        for a in range(150)
    ]
    plan = k6.plan(
        shape="benchmark",
        scenario="benchmark",
        wire="stateless",
        tools=["add"],
        pools={"mix": calls, "add": calls},
        settings={"time_scale": 0.001},
    )
    run = k6.run("benchmark", PLAN=plan, SERVER_URL=server.url)
    assert run.exit_code == 0, run.stderr
    assert server.violations == []
    assert run.count("mcp_errors") == 0
    for method in ("GET /health", "server/discover", "tools/list"):
        assert run.count(f"mcp_protocol_duration_ms{{method:{method}}}") > 0, method
    assert run.count("mcp_tool_call_duration_ms{tool:add,kind:small}") == len(server.calls)
    assert run.count("http_reqs") - run.count("mcp_overhead_requests") == len(server.calls)


def test_expected_answers_computed_by_k6_equal_those_of_python(k6: Any, tmp_path: Path) -> None:
    script = tmp_path / "pools.js"
    out = tmp_path / "pools.json"
    module = K6_FOLDER / "lib" / "calculations.js"
    script.write_text(
        f"""import {{ calculatorPool }} from "{module.as_posix()}";
        export const options = {{ iterations: 1 }};
        export default function () {{}}
        export function handleSummary() {{
          const pools = ["mix", "divide"].map((pool) => calculatorPool(pool, 4000, 20250711));
          return {{ "{out.as_posix()}": JSON.stringify(pools) }};
        }}"""
    )
    assert k6.run(script).exit_code == 0
    wrong = [
        (tool, arguments, expected)
        for pool in json.loads(out.read_text())
        for _, _, [[tool, arguments, kind, expected]] in pool
        if kind == "result"
        and json.loads(expected)["result"] != OPERATIONS[tool](*json.loads(arguments).values())
    ]
    assert wrong == []


def test_missing_server_is_reported(k6: Any) -> None:
    run = k6.run("quick", SERVER_URL="http://127.0.0.1:9")
    assert run.exit_code == 107
    assert "no server answers at http://127.0.0.1:9/mcp: start one, or set SERVER_URL" in run.stderr


def test_server_other_than_a_calculator_needs_a_plan(server: Any, k6: Any) -> None:
    def fault(_number: int, _tool: str, _arguments: dict[str, Any], reply: Any) -> Any:
        reply.body = reply.body.replace('"result":5', '"result":6')
        return reply

    server.fault = fault
    run = k6.run("quick", SERVER_URL=server.url)
    assert run.exit_code == 107
    assert "that adds 2 and 3, got wrong_answer: without PLAN these scripts call a calculator" in run.stderr
    assert len(server.calls) == 1
    assert server.sessions == set()


def test_failing_server_ends_stress_early_with_the_reason(server: Any, k6: Any) -> None:
    def fault(number: int, _tool: str, _arguments: dict[str, Any], reply: Any) -> Any:
        if number > 30:
            reply.status = 500
        return reply

    server.fault = fault
    run = k6.run(
        "stress", PLAN=k6.plan(shape="stress", settings={"vus": 8, "time_scale": 0.01}), SERVER_URL=server.url
    )
    assert run.exit_code == 108
    reason = r"failure in (hold|ramp)_\d: most of a VU's last calls failed \(http_status \d+\)"
    assert re.fullmatch(reason, run.summary["aborted"])
    assert run.count("mcp_errors{class:http_status}") >= 11
    # The whole load would take 13.2 s.
    assert run.summary["state"]["testRunDurationMs"] < 12_000


def test_outage_lasts_from_the_first_failed_call_to_the_next_right_answer(server: Any, k6: Any) -> None:
    def fault(number: int, _tool: str, _arguments: dict[str, Any], reply: Any) -> Any:
        if 20 < number <= 40:
            reply.status = 500
        return reply

    server.fault = fault
    plan = k6.plan(shape="recovery", settings={"vus": 2, "time_scale": 1 / 60})
    run = k6.run("recovery", PLAN=plan, SERVER_URL=server.url)
    assert run.exit_code == 0, run.stderr
    assert run.count("mcp_errors") == 20
    # One outage of each VU at most, though 20 calls failed.
    assert 1 <= run.count("mcp_outages") == run.count("mcp_outage_ms") <= 2
    assert run.summary["metrics"]["mcp_outage_ms"]["values"]["min"] > 0


def test_dead_server_is_retried_with_growing_pauses(server: Any, k6: Any) -> None:
    def fault(number: int, _tool: str, _arguments: dict[str, Any], reply: Any) -> Any:
        if number == 50:
            threading.Thread(target=server.stop).start()
        return reply

    server.fault = fault
    run = k6.run(
        "quick",
        PLAN=k6.plan(settings={"time_scale": 2 / 30, "request_timeout_s": 5.0}),
        SERVER_URL=server.url,
    )
    assert run.exit_code == 0, run.stderr
    # Two VUs in two seconds, pausing 0.1, 0.2, 0.4, 0.8 and 1 s.
    assert 2 <= run.count("mcp_errors{class:transport}") == run.count("mcp_errors") <= 14


def test_interrupted_run_writes_its_summary(server: Any, k6: Any) -> None:
    enough = threading.Event()

    def fault(number: int, _tool: str, _arguments: dict[str, Any], reply: Any) -> Any:
        if number == 50:
            enough.set()
        return reply

    server.fault = fault
    plan = k6.plan(settings={"time_scale": 2})
    with subprocess.Popen(
        k6.command("quick"),
        env=k6.environment(PLAN=plan, SERVER_URL=server.url),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert enough.wait(30)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 105
    summary = k6.read_summary()
    assert summary is not None
    assert summary["metrics"]["mcp_tool_call_duration_ms"]["values"]["count"] >= 45
    assert summary["metrics"]["mcp_errors"]["values"]["count"] == 0


def test_think_time_paces_each_vu(server: Any, k6: Any) -> None:
    run = k6.run(
        "quick",
        PLAN=k6.plan(wire="stateless", settings={"think_time_s": 0.3, "vus": 1}),
        SERVER_URL=server.url,
    )
    assert run.exit_code == 0, run.stderr
    # One second with pauses of 0.3 s; without them there would be hundreds.
    assert 1 <= len(server.calls) <= 4


def test_plan_of_thousands_of_journeys(server: Any, k6: Any) -> None:
    journeys = [
        ["add", "", [["add", f'{{"a":{a},"b":1}}', "result", f'{{"result":{a + 1}}}']]] for a in range(9_000)
    ]
    run = k6.run(
        "quick",
        PLAN=k6.plan(wire="stateless", pools={"mix": journeys}, settings={"vus": 10}),
        SERVER_URL=server.url,
    )
    assert run.exit_code == 0, run.stderr
    assert run.count("mcp_errors") == 0
    # Users begin at different places; a fast machine makes them meet in the end.
    first = server.calls[: len(journeys) // 4]
    different = len({arguments for _, arguments, _ in first})
    assert different > 50
    assert different > 0.9 * len(first)


@pytest.mark.parametrize(
    ("scenario", "variables", "message"),
    [
        ("quick", {"TEST_VUS": "many"}, 'TEST_VUS: expected a number, got "many"'),
        (
            "quick",
            {"SERVER_URL": "localhost"},
            "SERVER_URL: expected a URL such as http://127.0.0.1:8100, got",
        ),
        ("quick", {"PLAN": "missing.json"}, "PLAN: expected the path of a readable plan.json"),
        ("quick", {"PLAN": "bad.json"}, "PLAN: expected a file of JSON"),
        ("quick", {"PLAN": "plan.json", "SUMMARY": ""}, "SUMMARY: expected the path of the summary file"),
        ("load", {"PLAN": "plan.json"}, 'plan.shape: expected "load" in scenarios/load.js'),
        (
            "quick",
            {"PLAN": "empty.json"},
            "plan.pools.mix: expected a list of journeys, at least one, got []",
        ),
    ],
)
def test_unusable_settings_fail_at_load(
    k6: Any, scenario: str, variables: dict[str, str], message: str
) -> None:
    (k6.folder / "bad.json").write_text("{")
    k6.plan(pools={"mix": []})
    (k6.folder / "plan.json").rename(k6.folder / "empty.json")
    k6.plan()
    run = k6.run(scenario, **variables)
    assert run.exit_code == 107
    assert message in run.stderr
    assert run.summary is None


def test_slices_need_a_plan(server: Any, k6: Any) -> None:
    run = k6.run("slices", SERVER_URL=server.url)
    assert run.exit_code != 0
    assert "PLAN" in run.stderr
    assert "perf-core compare writes one" in run.stderr


def test_both_sides_of_a_comparison_have_texts_of_their_own(server: Any, k6: Any) -> None:
    # As in a comparison of the two wires of a server that is running already.
    rows = [["s1_a", "a", 0.0, 0.4], ["s1_b", "b", 0.5, 0.9]]
    echo = ["echo", '{"name":"{unique}"}', "result", '{"echo":{"name":"{unique}"}}']
    plan = k6.plan(
        shape="slices",
        tools=["echo"],
        kinds=[],
        pools={"mix": [["echo", "", [echo]]]},
        slices={"wires": {"a": "session", "b": "stateless"}, "schedule": rows},
    )
    run = k6.run("slices", PLAN=plan, SERVER_URL=server.url)
    assert run.exit_code == 0, run.stderr
    assert run.count("mcp_errors{stage:s1_a}") == run.count("mcp_errors{stage:s1_b}") == 0
    names = [json.loads(arguments)["name"] for _, arguments, _ in server.calls]
    assert {session is None for _, _, session in server.calls} == {True, False}, "both wires were loaded"
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("wire", ["session", "stateless"])
def test_tool_with_the_name_of_an_objects_own_method(server: Any, k6: Any, wire: str) -> None:
    tools = ["constructor", "toString"]
    pools = {tool: [[tool, "", [[tool, '{"a":1}', "result", '{"echo":{"a":1}}']]]] for tool in tools}
    plan = k6.plan(
        shape="tools", wire=wire, tools=tools, kinds=[], pools={"mix": [*pools[tools[0]]], **pools}
    )
    run = k6.run("tools", PLAN=plan, SERVER_URL=server.url)
    assert run.exit_code == 0, run.stderr
    assert run.count("mcp_errors") == 0, k6.events().failures
    assert {tool for tool, _, _ in server.calls} == set(tools)


def test_root_of_a_server_is_the_endpoint_where_the_lab_has_reached_it(server: Any, k6: Any) -> None:
    root = server.url.removesuffix("mcp")
    run = k6.run("quick", PLAN=k6.plan(), SERVER_URL=root)
    assert run.exit_code == 0, run.stderr
    assert {session.url for session in k6.events().open_sessions} == {root}


def test_cookies_of_a_session_are_kept(server: Any, k6: Any) -> None:
    # As those with which a load balancer keeps a session to its server.
    plain = server.encode

    def with_cookie(message: str) -> Any:
        reply = plain(message)
        reply.headers["Set-Cookie"] = "node=a"
        return reply

    server.encode = with_cookie
    cookies: Counter[str | None] = Counter()
    check_headers = server._check_headers

    def noted(headers: dict[str, str], request: dict[str, Any], *, stateless: bool) -> None:
        if request["method"] == "tools/call":
            cookies[headers.get("cookie")] += 1
        check_headers(headers, request, stateless=stateless)

    server._check_headers = noted
    run = k6.run("quick", PLAN=k6.plan(), SERVER_URL=server.url)
    assert run.exit_code == 0, run.stderr
    assert set(cookies) == {"node=a"}
    assert cookies["node=a"] > 10


def misrouted(server: Any) -> list[str]:
    """Give each session a cookie, as a load balancer does; return a list of later requests without theirs."""
    wrong: list[str] = []
    open_session, check_headers = server._open_session, server._check_headers

    def opened(request: dict[str, Any]) -> Any:
        reply = open_session(request)
        reply.headers["Set-Cookie"] = f"node={reply.headers['Mcp-Session-Id']}; Path=/"
        return reply

    def checked(headers: dict[str, str], request: dict[str, Any], *, stateless: bool) -> None:
        session = headers.get("mcp-session-id")
        if session is not None and headers.get("cookie") != f"node={session}":
            wrong.append(f"{request['method']} {session} {headers.get('cookie')}")
        check_headers(headers, request, stateless=stateless)

    server._open_session, server._check_headers = opened, checked
    return wrong


def test_cookies_are_those_of_one_user(server: Any, k6: Any) -> None:
    wrong = misrouted(server)
    run = k6.run("quick", PLAN=k6.plan(), SERVER_URL=server.url)
    assert run.exit_code == 0, run.stderr
    assert len(server.calls) > 10
    assert wrong == []
    sessions = k6.events().open_sessions
    assert sessions
    assert all(session.cookies == f"node={session.id}" for session in sessions)


def test_cookies_are_those_of_one_side_of_a_comparison(server: Any, k6: Any) -> None:
    wrong = misrouted(server)
    rows = [
        ["s1_a", "a", 0.0, 0.3],
        ["s1_b", "b", 0.35, 0.65],
        ["s2_a", "a", 0.7, 1.0],
        ["s2_b", "b", 1.05, 1.35],
    ]
    plan = k6.plan(shape="slices", slices={"wires": {"a": "session", "b": "session"}, "schedule": rows})
    run = k6.run("slices", PLAN=plan, SERVER_URL=server.url)
    assert run.exit_code == 0, run.stderr
    assert len(server.calls) > 10
    assert wrong == []
