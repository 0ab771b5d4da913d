"""Servers described in TOML: what files say, and how far they can be read at all."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest
from target_files import CALL, MINIMAL, URL, read, refusal, target_on

from perf_core import Expectation, Launch, Step, Target, ThinkTime
from perf_core.errors import UsageError
from perf_core.load.plan import Settings
from perf_core.scenarios import NO_ERRORS
from perf_core.server.client.replies import Answers
from perf_core.shapes.registry import plan_scenario, shape_named
from perf_core.targets import toml_file
from perf_core.targets.toml_file import read_target_file

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


def test_file_without_targets_has_the_usual_ones(tmp_path: Path) -> None:
    scenarios = read(tmp_path, MINIMAL).scenarios
    assert {scenarios[name].targets for name in FIRST - {"endurance"}} == {(NO_ERRORS,)}
    assert scenarios["endurance"].targets == shape_named("endurance").targets
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


def test_file_without_a_command_describes_a_running_server(tmp_path: Path) -> None:
    assert read(tmp_path, MINIMAL).running_url == "http://127.0.0.1:8000/mcp"


FULL = """
name = "notes"
command = ["notes-server", "--data", "data"]
transport = "stdio"
shared = true
cwd = "server"
stop_timeout_s = 3
request_timeout_s = 90
think_time = { uniform = [1, 3] }

[answers]
elicitation = { city = "Oslo" }
sampling = "Yes."

[access]
headers = { X-Client = "lab" }

[[calls]]
resource = "note://{name}/{unique}"
think_time = 0.5
draw.name = { choice = ["a", "b"] }

[[calls]]
completion = { prompt = "greet", argument = "name", value = "A" }
expect = { paths = { "/completion/values" = ["Ana"] } }
weight = 0.5

[[journeys]]
name = "write"
kind = "small"
weight = 2
draw.days = { range = [1, 7] }

[[journeys.steps]]
tool = "create"
arguments = { days = "{days}", text = "for {days} days" }
expect = { shape = { structuredContent = { id = "number" } } }
save = { id = "/structuredContent/id" }

[[journeys.steps]]
prompt = "greet"
arguments = { id = "{id}" }
expect = { contains = "no. {id} for {days}" }

[[journeys.steps]]
resource = "note://{id}"
expect = { rpc_error = -32002 }

[[targets]]
figure = "journey_ms.write.p95"
comparison = "<"
target = 100
need = "People wait for it."
"""


def test_file_says_as_much_as_an_adapter(tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    adapter = read(tmp_path, FULL)
    launch = adapter.launch
    assert (launch.transport, launch.cwd) == ("stdio-shared", tmp_path.resolve() / "server")
    assert (launch.ready_timeout_s, launch.stop_timeout_s) == (20, 3)
    assert adapter.access.answers == Answers({"city": "Oslo"}, "Yes.")
    assert adapter.access.own_headers() == {"X-Client": "lab"}
    scenario = adapter.scenarios["load"]
    assert scenario.request_timeout_s == 90
    assert [target.figure for target in scenario.targets] == ["journey_ms.write.p95"]
    plan = plan_scenario(scenario, "session", Settings())
    assert plan.tools == ("completion of greet", "create", "greet", "note://<id>", "note://<name>/<unique>")
    assert plan.called_tools == ("create",)
    assert plan.journey_names == ("write",)
    assert plan.has_think_times
    mix = scenario.journeys(1)["mix"]
    assert len(mix) == 5000
    shares = Counter(journey.name for journey in mix)
    assert shares["write"] / len(mix) == pytest.approx(2 / 3.5, abs=0.03)
    assert {journey.think_time for journey in mix if journey.name != "note://<name>/<unique>"} == {
        ThinkTime.uniform(1, 3)
    }
    read_note = next(journey for journey in mix if journey.name == "note://<name>/<unique>")
    assert read_note.think_time == ThinkTime.constant(0.5)
    (step,) = read_note.steps
    assert step.method == "resources/read"
    assert step.arguments["uri"] in ("note://a/{unique}", "note://b/{unique}")
    visit = next(journey for journey in mix if journey.name == "write")
    create, greet, missing = visit.steps
    days = create.arguments["days"]
    assert isinstance(days, int)
    assert create == Step(
        "create",
        {"days": days, "text": f"for {days} days"},
        Expectation.shape({"structuredContent": {"id": "number"}}),
        save={"id": "/structuredContent/id"},
    )
    assert greet == Step(
        "greet",
        {"name": "greet", "arguments": {"id": "{id}"}},
        Expectation.contains(f"no. {{id}} for {days}"),
        "prompts/get",
    )
    assert missing.expect == Expectation.rpc_error(-32002)
    assert {each.steps[0].arguments["days"] for each in mix if each.name == "write"} == set(range(1, 8))


@pytest.mark.parametrize(
    ("expect", "expected"),
    [
        ("members = { a = 1 }", Expectation.members({"a": 1})),
        ('contains = "x"', Expectation.contains("x")),
        ('regex = "^x$"', Expectation.regex("^x$")),
        ("json = { a = [1] }", Expectation.json({"a": [1]})),
        ('paths = { "/content/1/text" = "x" }', Expectation.paths({"/content/1/text": "x"})),
        (
            'whole = { content = [{ type = "text", text = "x" }] }',
            Expectation.whole({"content": [{"type": "text", "text": "x"}]}),
        ),
        ('shape = { content = [{ type = "string" }] }', Expectation.shape({"content": [{"type": "string"}]})),
        ("rpc_error = true", Expectation.rpc_error()),
        ("rpc_error = -32602", Expectation.rpc_error(-32602)),
        ("any = true", Expectation.anything()),
        ('text = ""', Expectation.text("")),
        ("result = false", Expectation.result(False)),
    ],
)
def test_every_expectation_can_be_written(tmp_path: Path, expect: str, expected: Expectation) -> None:
    adapter = read(tmp_path, f"{MINIMAL}expect = {{ {expect} }}\n")
    assert adapter.scenarios["load"].journeys(1)["mix"][0].steps[0].expect == expected


def test_fields_of_a_launch_have_the_defaults_of_the_adapter(tmp_path: Path) -> None:
    launch = read(tmp_path, 'name = "s"\ncommand = ["x", "{ready_file}"]\n' + CALL).launch
    assert launch == Launch(("x", "{ready_file}"), cwd=tmp_path.resolve())


def test_port_may_stand_in_the_environment_alone(tmp_path: Path) -> None:
    text = 'name = "s"\ncommand = ["x"]\nurl = "http://127.0.0.1:{port}/mcp"\nenv = { PORT = "{port}" }\n'
    assert read(tmp_path, text + CALL).launch.env == {"PORT": "{port}"}


def test_file_without_calls_has_no_scenarios(tmp_path: Path) -> None:
    adapter = read(tmp_path, URL)
    assert (adapter.scenarios, adapter.running_url) == ({}, "http://127.0.0.1:8000")


def test_example_in_the_docstring_is_valid(tmp_path: Path) -> None:
    module = ast.parse(Path(toml_file.__file__).read_text(encoding="utf-8"))
    example = str(ast.get_docstring(module)).partition("Example::")[2]
    adapter = read(tmp_path, "\n".join(line.removeprefix("    ") for line in example.splitlines()))
    assert adapter.name == "weather"
    assert adapter.launch.argv[0] == "weather-server"


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


def test_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    assert read(tmp_path, "\ufeff" + MINIMAL).name == "s"


def test_call_of_the_smallest_weight_is_made_all_the_same(tmp_path: Path) -> None:
    rare = "".join(f'[[calls]]\ntool = "rare{number}"\nweight = 1e-9\n' for number in range(3))
    scenario = read(tmp_path, MINIMAL + rare).scenarios["load"]
    counts = Counter(journey.name for journey in scenario.journeys(1)["mix"])
    assert counts == {"t": 1000, "rare0": 1, "rare1": 1, "rare2": 1}
    assert scenario.journeys(1) == scenario.journeys(1)


@pytest.mark.parametrize("expect", ['text = ""', "result = {}", "shape = { content = [] }", "result = []"])
def test_empty_answer_may_be_expected(expect: str, tmp_path: Path) -> None:
    assert read(tmp_path, f"{MINIMAL}expect = {{ {expect} }}\n").scenarios
