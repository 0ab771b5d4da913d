"""Servers described in TOML: valid files, and each kind of mistake."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

from perf_core import Expectation, Target
from perf_core.errors import UsageError
from perf_core.load.plan import Settings
from perf_core.scenarios import NO_ERRORS
from perf_core.shapes.registry import plan_scenario, shape_named
from perf_core.targets import toml_file
from perf_core.targets.toml_file import FileAdapter, read_target_file

FIRST = {"quick", "load", "stress", "endurance", "spike", "benchmark"}

GOOD = """
name = "weather"
server_name = "Weather"
command = ["weather-server", "--port", "{port}"]
url = "http://127.0.0.1:{port}/mcp"
env = { LEVEL = "3" }
ready_timeout_s = 5

[[calls]]
tool = "forecast"
arguments = { city = "Oslo", days = 3, big = 9007199254740993 }
expect = { text = "cold" }
weight = 3

[[calls]]
tool = "add"
arguments = { a = 1, b = 2 }
expect = { result = { result = 3 } }
kind = "small"

[[calls]]
tool = "fail"
expect = { error = true }

[[calls]]
tool = "anything"

[[targets]]
figure = "latency_ms.all.p95"
comparison = "<"
target = 100
stretch = 50
need = "People wait for it."
min_samples = 200
min_duration_s = 10
"""

MINIMAL = """
name = "s"
url = "http://127.0.0.1:8000/mcp"

[[calls]]
tool = "t"
"""


def read(folder: Path, text: str) -> FileAdapter:
    path = folder / "server.toml"
    path.write_text(text, encoding="utf-8")
    return read_target_file(path)


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(UsageError) as caught:
        read(folder, text)
    assert "server.toml" in caught.value.message
    assert caught.value.hint
    return caught.value.message


# --- good files ---


def test_launch_has_the_options_of_the_file(tmp_path: Path) -> None:
    adapter = read(tmp_path, GOOD)
    assert (adapter.name, adapter.server_name, adapter.running_url) == ("weather", "Weather", None)
    launch = adapter.launch
    assert launch.argv == ("weather-server", "--port", "{port}")
    assert launch.url == "http://127.0.0.1:{port}/mcp"
    assert (launch.env, launch.ready_timeout_s) == ({"LEVEL": "3"}, 5.0)
    # Relative paths in a command are relative to the file's folder, not to the lab's working folder.
    assert launch.cwd == tmp_path.resolve()


def test_calls_are_drawn_by_weight_with_their_expectations(tmp_path: Path) -> None:
    mix = read(tmp_path, GOOD).scenarios["load"].journeys(1)["mix"]
    expected = {journey.name: journey.steps[0].expect for journey in mix}
    assert expected == {
        "forecast": Expectation.text("cold"),
        "add": Expectation.result({"result": 3}),
        "fail": Expectation.error(),
        "anything": Expectation.anything(),
    }
    counts = Counter(journey.name for journey in mix)
    assert counts["forecast"] / len(mix) == pytest.approx(0.5, abs=0.06)
    assert {journey.kind for journey in mix if journey.name == "add"} == {"small"}
    arguments = next(journey.steps[0].arguments for journey in mix if journey.name == "forecast")
    assert arguments == {"city": "Oslo", "days": 3, "big": 2**53 + 1}


def test_same_seed_draws_the_same_calls(tmp_path: Path) -> None:
    scenario = read(tmp_path, GOOD).scenarios["load"]
    assert scenario.journeys(5) == scenario.journeys(5)
    assert scenario.journeys(5) != scenario.journeys(6)


def test_every_published_scenario_can_be_planned(tmp_path: Path) -> None:
    adapter = read(tmp_path, GOOD)
    # The others need more than calls: sizes, limits, processes that may be killed.
    assert set(adapter.scenarios) == FIRST | {"concurrent", "memory", "tools", "cleanup", "stability"}
    for scenario in adapter.scenarios.values():
        assert plan_scenario(scenario, "session", Settings()).tools == ("add", "anything", "fail", "forecast")


def test_targets_of_the_file_apply_to_every_scenario(tmp_path: Path) -> None:
    target = Target("latency_ms.all.p95", "<", 100, "People wait for it.", 50, 10, 200)
    scenarios = read(tmp_path, GOOD).scenarios
    assert {scenarios[name].targets for name in FIRST} == {(target,)}
    for name in set(scenarios) - FIRST:
        # The others have their own targets too.
        assert scenarios[name].targets == (*shape_named(name).targets, target)


def test_file_without_targets_allows_no_errors(tmp_path: Path) -> None:
    scenarios = read(tmp_path, MINIMAL).scenarios
    assert {scenarios[name].targets for name in FIRST} == {(NO_ERRORS,)}
    assert scenarios["memory"].targets == shape_named("memory").targets


def test_target_applies_to_its_scenarios_alone(tmp_path: Path) -> None:
    scenarios = read(
        tmp_path,
        MINIMAL
        + target_on("latency_ms.all.p95@hold_100", '["load"]')
        + target_on("stress.vus_carried", '["stress"]')
        + target_on("protocol_ms.ping.med", '["benchmark"]')
        + target_on("latency_ms.t.p99", '["quick", "load"]'),
    ).scenarios
    figures = {name: [target.figure for target in each.targets] for name, each in scenarios.items()}
    assert figures["load"] == ["latency_ms.all.p95@hold_100", "latency_ms.t.p99"]
    assert figures["stress"] == ["stress.vus_carried"]
    assert figures["benchmark"] == ["protocol_ms.ping.med"]
    assert figures["quick"] == ["latency_ms.t.p99"]
    # Without a target of its own a scenario has the usual one.
    assert figures["spike"] == [NO_ERRORS.figure]


def target_on(figure: str, scenarios: str = "") -> str:
    fields = f'figure = "{figure}"\ncomparison = "<"\ntarget = 1\nneed = "n"\n'
    return f"\n[[targets]]\n{fields}" + (f"scenarios = {scenarios}\n" if scenarios else "")


def test_file_without_a_command_describes_a_running_server(tmp_path: Path) -> None:
    assert read(tmp_path, MINIMAL).running_url == "http://127.0.0.1:8000/mcp"


def test_example_in_the_docstring_is_valid(tmp_path: Path) -> None:
    module = ast.parse(Path(toml_file.__file__).read_text(encoding="utf-8"))
    example = str(ast.get_docstring(module)).partition("Example::")[2]
    adapter = read(tmp_path, "\n".join(line.removeprefix("    ") for line in example.splitlines()))
    assert adapter.name == "weather"
    assert adapter.launch.argv[0] == "weather-server"


# --- bad files ---


def test_missing_or_binary_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read .*none\.toml: No such file"):
        read_target_file(tmp_path / "none.toml")
    with pytest.raises(UsageError, match="cannot read"):
        read_target_file(tmp_path)
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="is not TOML"):
        read_target_file(tmp_path / "binary.toml")


def test_malformed_toml_is_refused_with_its_line(tmp_path: Path) -> None:
    message = refusal(tmp_path, "name = \n")
    assert "is not TOML" in message
    assert "line 1" in message


CALL = '[[calls]]\ntool = "t"\n'
URL = 'name = "s"\nurl = "http://127.0.0.1:8000"\n'


@pytest.mark.parametrize(
    ("text", "field", "expected", "got"),
    [
        ('url = "http://h"\n' + CALL, "name", "Field required", "calls"),
        ('name = ""\nurl = "http://h"\n' + CALL, "name", "at least 1 character", "''"),
        ('name = 5\nurl = "http://h"\n' + CALL, "name", "valid string", "5"),
        (URL, "the file", "expected either calls or an installed adapter", "{'name'"),
        (
            URL + 'adapter = "a"\n' + CALL,
            "the file",
            "expected either calls or an installed adapter",
            "{'name'",
        ),
        (
            URL + 'adapter = "a"\n[[targets]]\nfigure = "f"\ncomparison = "<"\ntarget = 1\nneed = "n"\n',
            "the file",
            "expected no targets beside an adapter",
            "{'name'",
        ),
        (URL + "calls = []\n", "calls", "at least 1 item", "[]"),
        (URL + "[[calls]]\n", "calls.0.tool", "Field required", "{}"),
        (URL + '[[calls]]\ntool = ""\n', "calls.0.tool", "at least 1 character", "''"),
        (URL + CALL + "weight = 0\n", "calls.0.weight", "greater than 0", "0"),
        (URL + CALL + "weight = inf\n", "calls.0.weight", "finite number", "inf"),
        (URL + CALL + "arguments = [1]\n", "calls.0.arguments", "valid dictionary", "[1]"),
        (URL + CALL + "arguments = { a = nan }\n", "calls.0.arguments.a", "finite number", "nan"),
        (URL + CALL + "arguments = { a = 2024-01-01 }\n", "calls.0.arguments.a", "JSON", "datetime.date"),
        (URL + CALL + "expect = {}\n", "calls.0.expect", "exactly one of result, text, error", "{}"),
        (
            URL + CALL + 'expect = { text = "a", error = true }\n',
            "calls.0.expect",
            "exactly one of result, text, error",
            "'text': 'a'",
        ),
        (URL + CALL + "expect = { error = false }\n", "calls.0.expect.error", "True", "False"),
        (URL + CALL + "argments = {}\n", "calls.0.argments", "did you mean 'arguments'?", "{}"),
        (URL + "color = 1\n" + CALL, "color", "no such field", "1"),
        ('name = "s"\n' + CALL, "the file", "expected a command that starts the server, or the url", "calls"),
        (
            'name = "s"\ncommand = ["x", "--port", "80"]\n' + CALL,
            "the file",
            "{ready_file} in the command, or {port} together with url",
            "command",
        ),
        (
            'name = "s"\ncommand = ["x", "{port}"]\n' + CALL,
            "the file",
            "{ready_file} in the command, or {port} together with url",
            "command",
        ),
        (
            'name = "s"\nurl = "http://h:{port}"\n' + CALL,
            "the file",
            "expected {port} in the command too",
            "url",
        ),
        ('name = "s"\ncommand = []\n' + CALL, "command", "at least 1 item", "[]"),
        (URL + "ready_timeout_s = 0\n" + CALL, "ready_timeout_s", "greater than 0", "0"),
        (URL + "env = { A = 1 }\n" + CALL, "env.A", "valid string", "1"),
        (
            URL + CALL + '[[targets]]\nfigure = "f"\ncomparison = "<="\ntarget = 1\nneed = "n"\n',
            "targets.0.comparison",
            "pattern",
            "'<='",
        ),
        (
            URL + CALL + '[[targets]]\nfigure = "f"\ncomparison = "<"\ntarget = "fast"\nneed = "n"\n',
            "targets.0.target",
            "valid number",
            "'fast'",
        ),
        (
            URL + CALL + '[[targets]]\nfigure = "f"\ncomparison = "<"\ntarget = 1\n',
            "targets.0.need",
            "Field required",
            "'f'",
        ),
        (
            URL
            + CALL
            + '[[targets]]\nfigure = "f"\ncomparison = "<"\ntarget = 1\nneed = ""\nmin_samples = 0\n',
            "targets.0.min_samples",
            "greater than or equal to 1",
            "0",
        ),
    ],
)
def test_malformed_field_is_named_with_expected_and_actual_value(
    tmp_path: Path, text: str, field: str, expected: str, got: str
) -> None:
    message = refusal(tmp_path, text)
    (line,) = (line for line in message.splitlines() if line.strip().startswith(f"{field}"))
    assert expected in line
    assert got in line.rpartition(", got ")[2]


@pytest.mark.parametrize(
    ("figure", "scenarios", "expected"),
    [
        ("latency_ms.al.p95", "", "did you mean 'latency_ms.all.p95'?"),
        ("latency_ms.tt.p95", "", "did you mean 'latency_ms.t.p95'?"),
        ("kinds_ms.t.smal.p95", "", "did you mean 'kinds_ms.t.small.p95'?"),
        ("latency_ms.al.p95@hold_100", '["load"]', "did you mean 'latency_ms.all.p95'?"),
        # Stages have the latency of all tools only.
        ("latency_ms.t.p95@hold_100", '["load"]', "expected a figure that stages have"),
        ("nonsense", "", "expected the name of a figure, got 'nonsense'"),
        ("stress.vus_carried", "", 'scenarios = ["stress"] beside it'),
        ("error_rate@hold_10", "", 'scenarios = ["load"] beside it'),
        ("protocol_ms.ping.med", "", 'scenarios = ["benchmark"] beside it'),
        (
            "stress.vus_carried",
            '["load", "stress"]',
            "expected a figure of load, got 'stress.vus_carried', which only",
        ),
    ],
)
def test_misspelt_figure_is_refused_on_reading(
    tmp_path: Path, figure: str, scenarios: str, expected: str
) -> None:
    message = refusal(tmp_path, MINIMAL + 'kind = "small"\n' + target_on(figure, scenarios))
    (line,) = message.splitlines()[1:]
    assert line.startswith("  targets.0.figure: ")
    assert repr(figure) in line
    assert expected in line


def test_misspelt_scenario_of_a_target_is_refused_on_reading(tmp_path: Path) -> None:
    message = refusal(tmp_path, MINIMAL + target_on("error_rate", '["load", "laod"]'))
    assert "targets.0.scenarios: expected names of scenarios, got 'laod'; did you mean 'load'?" in message


def test_every_problem_is_listed(tmp_path: Path) -> None:
    message = refusal(tmp_path, 'name = ""\nurl = 5\n[[calls]]\nweight = -1\n')
    for field in ("name", "url", "calls.0.tool", "calls.0.weight"):
        assert f"\n  {field}: " in message


def test_long_values_are_shortened(tmp_path: Path) -> None:
    message = refusal(tmp_path, URL + CALL + f"env = 1\nweight = {[0] * 200}\n")
    assert all(len(line) < 200 for line in message.splitlines())
    assert "..." in message
