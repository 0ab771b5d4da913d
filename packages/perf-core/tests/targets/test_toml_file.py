"""Servers described in TOML: valid files, and each kind of mistake."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

from perf_core import Expectation, Launch, Step, Target, ThinkTime
from perf_core.errors import UsageError
from perf_core.load.plan import Settings
from perf_core.scenarios import NO_ERRORS
from perf_core.server.client.replies import Answers
from perf_core.server.credentials.access_settings import AccessSettings
from perf_core.shapes.registry import plan_scenario, shape_named
from perf_core.targets import toml_file
from perf_core.targets.file_model import (
    AnswersTable,
    CallTable,
    CompletionTable,
    DrawTable,
    ExpectTable,
    JourneyTable,
    StepTable,
    TargetFile,
    TargetTable,
)
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


def target_on(figure: str, scenarios: str = "") -> str:
    fields = f'figure = "{figure}"\ncomparison = "<"\ntarget = 1\nneed = "n"\n'
    return f"\n[[targets]]\n{fields}" + (f"scenarios = {scenarios}\n" if scenarios else "")


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


def test_missing_folder_of_the_command_is_named(tmp_path: Path) -> None:
    message = refusal(tmp_path, URL + 'cwd = "none"\n' + CALL)
    assert 'cwd: expected a folder, relative to the file, got "none"' in message


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
COMMAND = 'name = "s"\ncommand = ["x"]\n'
TARGET = '[[targets]]\nfigure = "error_rate"\ncomparison = "<"\ntarget = 1\nneed = "n"\n'
JOURNEY = '[[journeys]]\nname = "j"\n'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('url = "http://h"\n' + CALL, "name: expected a value, got none"),
        ('name = ""\nurl = "http://h"\n' + CALL, 'name: expected a text that is not empty, got ""'),
        ('name = 5\nurl = "http://h"\n' + CALL, "name: expected a text, got 5"),
        (URL + 'adapter = "a"\n' + CALL, "calls: expected none beside adapter, which has its own, got"),
        (URL + 'adapter = "a"\n' + TARGET, "targets: expected none beside adapter, which has its own, got"),
        (URL + TARGET, "targets: expected calls or journeys beside them, got none"),
        (URL + "calls = []\n", "calls: expected at least one entry, got []"),
        (URL + "calls = 5\n", "calls: expected a list, such as [1, 2], got 5"),
        (URL + "[[calls]]\n", "calls[0]: expected exactly one of tool, resource, prompt, completion, got {}"),
        (URL + '[[calls]]\ntool = ""\n', 'calls[0].tool: expected a text that is not empty, got ""'),
        (
            URL + CALL + 'resource = "file:///a"\n',
            "calls[0]: expected exactly one of tool, resource, prompt, completion, got",
        ),
        (URL + CALL + "weight = 0\n", "calls[0].weight: expected a number above 0, got 0"),
        (URL + CALL + "weight = inf\n", "calls[0].weight: expected a number other than nan and inf"),
        (URL + CALL + 'weight = "3"\n', 'calls[0].weight: expected a number, got "3"'),
        (
            URL + CALL + "arguments = [1]\n",
            "calls[0].arguments: expected a table, such as { a = 1 }, got [1]",
        ),
        (
            URL + CALL + "arguments = { a = nan }\n",
            "calls[0].arguments.a: expected a number other than nan and inf, which JSON lacks, got nan",
        ),
        (
            URL + CALL + "arguments = { a = 2024-01-01 }\n",
            "calls[0].arguments.a: expected a value that JSON has, got 2024-01-01",
        ),
        (URL + CALL + "expect = {}\n", "calls[0].expect: expected exactly one of result, members, text,"),
        (URL + CALL + 'expect = { text = "a", error = true }\n', "calls[0].expect: expected exactly one of"),
        (URL + CALL + "expect = { error = false }\n", "calls[0].expect.error: expected true, got false"),
        (URL + CALL + 'expect = "x"\n', 'calls[0].expect: expected a table, such as { a = 1 }, got "x"'),
        (URL + CALL + 'expect = { rpc_error = "x" }\n', "calls[0].expect.rpc_error: expected the code of"),
        (URL + CALL + 'expect = { regex = "(?i)x" }\n', "calls[0].expect: the pattern '(?i)x' has (?i"),
        (URL + CALL + "expect = { paths = { a = 1 } }\n", "calls[0].expect: expected JSON pointers such as"),
        (URL + CALL + 'expect = { shape = "x" }\n', "calls[0].expect: expected one of string, number"),
        (
            URL + CALL + "argments = {}\n",
            "calls[0].argments: there is no such field here; did you mean 'arguments'?",
        ),
        (URL + CALL + "args = {}\n", "calls[0].args: there is no such field here; did you mean 'arguments'?"),
        (
            URL + CALL + 'expect = { path = "x" }\n',
            "calls[0].expect.path: there is no such field here; did you mean 'paths'?",
        ),
        (URL + "color = 1\n" + CALL, "color: there is no such field here"),
        (
            URL + "timeout = 1\n" + CALL,
            "timeout: there is no such field here; did you mean 'request_timeout_s'?",
        ),
        (URL + CALL + "save = {}\n", "calls[0].save: there is no such field here"),
        (
            'name = "s"\n' + CALL,
            "the file: expected a command that starts the server, or the url of a running one, got neither",
        ),
        (
            COMMAND + CALL,
            'command: expected {ready_file} in it, or {port} together with url, or transport = "stdio"',
        ),
        (
            'name = "s"\ncommand = ["x", "{port}"]\n' + CALL,
            "command: expected {ready_file} in it, or {port} together with url",
        ),
        (
            'name = "s"\nurl = "http://h:{port}"\n' + CALL,
            "url: expected {port} in the command or in env, too",
        ),
        (URL + 'transport = "stdio"\n' + CALL, "command: expected the command of a server with transport"),
        (URL + 'command = ["x"]\ntransport = "stdio"\n' + CALL, "url: expected none with transport"),
        (URL + 'transport = "sse"\n' + CALL, "transport: expected 'http' or 'stdio', got \"sse\""),
        (URL + "shared = true\n" + CALL, 'shared: expected transport = "stdio" beside it'),
        ('name = "s"\ncommand = []\n' + CALL, "command: expected at least one entry, got []"),
        (URL + "ready_timeout_s = 0\n" + CALL, "ready_timeout_s: expected a number above 0, got 0"),
        (URL + "env = { A = 1 }\n" + CALL, "env.A: expected a text"),
        (URL + CALL + "think_time = -1\n", "calls[0].think_time: expected seconds, { uniform = [1, 3] } or"),
        (
            URL + "think_time = { uniform = [3, 1] }\n" + CALL,
            "think_time: expected seconds, { uniform = [1, 3] } or",
        ),
        (URL + "think_time = true\n" + CALL, "think_time: expected seconds"),
        (
            URL + CALL + TARGET.replace("<", "<="),
            "targets[0].comparison: expected '<' or '>', got \"<=\"",
        ),
        (URL + CALL + TARGET.replace("= 1", '= "fast"'), 'targets[0].target: expected a number, got "fast"'),
        (URL + CALL + TARGET.replace('need = "n"\n', ""), "targets[0].need: expected a value, got none"),
        (
            URL + CALL + TARGET + "min_samples = 0\n",
            "targets[0].min_samples: expected a number from 1, got 0",
        ),
        (
            URL + CALL + TARGET + "min_samples = 1.5\n",
            "targets[0].min_samples: expected a whole number, got 1.5",
        ),
        (URL + JOURNEY, "journeys[0].steps: expected a value, got none"),
        (URL + JOURNEY + "steps = []\n", "journeys[0].steps: expected at least one entry, got []"),
        (
            URL + JOURNEY + '[[journeys.steps]]\ntool = "a"\n[[journeys.steps]]\ntool = "b"\nexpect = {}\n',
            "journeys[0].steps[1].expect: expected exactly one of",
        ),
        (
            URL + JOURNEY + '[[journeys.steps]]\ntool = "a"\nparams = {}\n',
            "journeys[0].steps[0].params: there is no such field here; did you mean 'arguments'?",
        ),
        (URL + (JOURNEY + '[[journeys.steps]]\ntool = "a"\n') * 2, "journeys[1].name: expected another name"),
        (
            URL + JOURNEY.replace('"j"', '"a, b"') + '[[journeys.steps]]\ntool = "a"\n',
            "journeys[0].name: expected a name",
        ),
        (URL + '[[calls]]\ntool = "a{b"\n', "calls[0]: expected a name that can label figures"),
        (URL + CALL + 'name = "x"\n', "calls[0].name: expected none for a tool"),
        (
            URL + '[[calls]]\nresource = "a"\narguments = { a = 1 }\n',
            "calls[0].arguments: expected none for a resource",
        ),
        (
            URL + '[[calls]]\nprompt = "p"\narguments = { a = 1 }\n',
            "calls[0].arguments.a: expected a text for a prompt",
        ),
        (
            URL + '[[calls]]\nprompt = "p"\nexpect = { error = true }\n',
            "calls[0].expect: expected another kind",
        ),
        (
            URL + CALL + '[[calls]]\nprompt = "t"\n',
            "calls[1]: expected a name that no request of another kind has",
        ),
        (
            URL + '[[calls]]\ncompletion = { argument = "a" }\n',
            "calls[0].completion: expected either a prompt or a",
        ),
        (
            URL
            + JOURNEY
            + '[[journeys.steps]]\ntool = "a"\narguments = { id = "{id}" }\nsave = { id = "/a" }\n',
            "journeys[0].steps[0]: expected values that earlier steps save, got {id}",
        ),
        (
            URL + JOURNEY + '[[journeys.steps]]\ntool = "a"\nsave = { "a b" = "/a", c = "x" }\n',
            "journeys[0].steps[0].save: expected a name of letters, digits and _ other than 'unique', got",
        ),
        (
            URL + JOURNEY + '[[journeys.steps]]\ntool = "a"\nsave = { id = "/a" }\n' * 2,
            "journeys[0].steps[1].save: expected a name that no other value has, got 'id'",
        ),
        (
            URL + '[[calls]]\nresource = "note://{id}"\n',
            "calls[0].resource: expected {id} to be drawn or saved",
        ),
        (
            URL
            + CALL
            + 'arguments = { a = "{a}" }\nexpect = { regex = "{a}" }\ndraw.a = { range = [1, 2] }\n',
            "calls[0].expect.regex: expected a pattern without drawn or saved values",
        ),
        (
            URL + CALL + "draw.a = { range = [1, 2] }\n",
            'calls[0].draw.a: expected "{a}" where the value is to stand',
        ),
        (URL + CALL + "draw.a = {}\n", "calls[0].draw.a: expected exactly one of range, choice, lines"),
        (
            URL + CALL + "draw.a = { range = [2, 1] }\n",
            "calls[0].draw.a.range: expected the lowest and the highest",
        ),
        (
            URL + CALL + "draw.a = { choices = [1] }\n",
            "calls[0].draw.a.choices: there is no such field here; did you mean 'choice'?",
        ),
        (
            URL + CALL + "draw.a = { choice = [1, 2], weights = [1] }\n",
            "calls[0].draw.a: expected as many weights as choices",
        ),
        (
            URL + CALL + 'draw.a = { range = [1, 2], column = "x" }\n',
            "calls[0].draw.a: expected column and type beside lines only",
        ),
        (
            URL + CALL + 'arguments = { a = "{a}" }\ndraw.a = { lines = "none.csv" }\n',
            "calls[0].draw.a: expected a file that can be read, got",
        ),
        (
            URL + CALL + "[access]\nheader = {}\n",
            "access.header: there is no such field here; did you mean 'headers'?",
        ),
        (URL + CALL + "[access]\nheaders = { A = 5 }\n", "access.headers.A: expected a text"),
    ],
)
def test_mistake_is_named_with_its_place_in_words_of_toml(tmp_path: Path, text: str, problem: str) -> None:
    lines = refusal(tmp_path, text).splitlines()[1:]
    assert any(line.startswith(f"  {problem}") for line in lines), lines
    assert all(len(line) < 320 for line in lines)
    for line in lines:
        assert not FOREIGN.search(line), line


FOREIGN = re.compile(
    r"Input should|instance of|pattern '\^|valid (string|number|dictionary|list)|Field required|_[A-Z]\w+|"
    r"ValidationError|pydantic|Literal|model_type|Extra inputs|type=|None\b|datetime"
)
"""Words of pydantic and Python that say nothing to people who write TOML."""


def test_a_secret_among_the_credentials_is_not_repeated(tmp_path: Path) -> None:
    message = refusal(tmp_path, URL + CALL + '[access]\nbearer_env = 5\nheaders = ["s3cret"]\n')
    assert "access.headers: expected a table" in message
    assert "s3cret" not in message


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
    assert line.startswith("  targets[0].figure: ")
    assert repr(figure) in line
    assert expected in line


def test_misspelt_scenario_of_a_target_is_refused_on_reading(tmp_path: Path) -> None:
    message = refusal(tmp_path, MINIMAL + target_on("error_rate", '["load", "laod"]'))
    assert "targets[0].scenarios: expected names of scenarios, got 'laod'; did you mean 'load'?" in message


def test_every_problem_is_listed(tmp_path: Path) -> None:
    message = refusal(
        tmp_path,
        'name = ""\nurl = 5\nshared = true\n[[calls]]\nweight = -1\n[[calls]]\ntool = 1\n[[targets]]\n',
    )
    for place in ("name", "url", "shared", "calls[0].weight", "calls[1].tool", "targets[0].figure"):
        assert f"\n  {place}: " in message


def test_malformed_expectations_and_pointers_are_listed_with_the_other_fields(tmp_path: Path) -> None:
    message = refusal(
        tmp_path,
        'name = ""\nurl = "http://h"\n[[calls]]\ntool = "t"\nexpect = { regex = "(" }\n'
        + JOURNEY
        + '[[journeys.steps]]\ntool = "t"\nexpect = { paths = { a = 1 } }\n'
        + 'save = { id = "a", "b c" = "/b" }\n',
    )
    for problem in (
        "name: expected a text that is not empty",
        "calls[0].expect: the pattern '(' is no regular expression",
        "journeys[0].steps[0].expect: expected JSON pointers such as /content/1/text, got 'a'",
        "journeys[0].steps[0].save: expected a JSON pointer such as /structuredContent/id for 'id', got 'a'; "
        "expected a name of letters, digits and _ other than 'unique', got 'b c'",
    ):
        assert f"\n  {problem}" in message, message
    assert message.count("got 'a'") == 2, "each problem once"


def test_every_problem_of_calls_is_listed_once_they_can_be_read(tmp_path: Path) -> None:
    message = refusal(
        tmp_path,
        URL
        + CALL
        + 'name = "x"\n[[calls]]\nresource = "a,b"\n'
        + target_on("latency_ms.x.p95")
        + "[access]\n",
    )
    for place in ("calls[0].name", "calls[1]", "targets[0].figure"):
        assert f"\n  {place}: " in message


def test_long_values_are_shortened(tmp_path: Path) -> None:
    message = refusal(tmp_path, URL + CALL + f"env = 1\nweight = {[0] * 200}\n")
    assert all(len(line) < 200 for line in message.splitlines())
    assert "…" in message


TABLES = {
    "": (TargetFile, "{field} = {value}\n"),
    "calls[0]": (CallTable, URL + "[[calls]]\n{tool}{field} = {value}\n"),
    "calls[0].expect": (ExpectTable, URL + CALL + "expect = {{ {field} = {value} }}\n"),
    "calls[0].completion": (CompletionTable, URL + "[[calls]]\ncompletion = {{ {field} = {value} }}\n"),
    "calls[0].draw.a": (
        DrawTable,
        URL + CALL + 'arguments = {{ a = "{{a}}" }}\ndraw.a = {{ {field} = {value} }}\n',
    ),
    "journeys[0]": (JourneyTable, URL + "[[journeys]]\n{field} = {value}\n"),
    "journeys[0].steps[0]": (StepTable, URL + JOURNEY + "[[journeys.steps]]\n{tool}{field} = {value}\n"),
    "targets[0]": (TargetTable, URL + CALL + "[[targets]]\n{field} = {value}\n"),
    "answers": (AnswersTable, URL + CALL + "[answers]\n{field} = {value}\n"),
    "access": (AccessSettings, URL + CALL + "[access]\n{field} = {value}\n"),
}
"""A file for each table, with a field of this table and little else."""


@pytest.mark.parametrize("table", TABLES)
def test_no_value_of_any_field_gives_words_of_python(tmp_path: Path, table: str) -> None:
    model, text = TABLES[table]
    messages: list[str] = []
    for name, field in model.model_fields.items():
        for value in ("5", '"x"', "true", "[5]", "{ x = [nan] }", "2024-01-01"):
            tool = "" if name in ("tool", "resource", "prompt", "completion") else 'tool = "t"\n'
            try:
                read(tmp_path, text.format(field=field.alias or name, value=value, tool=tool))
            except UsageError as error:
                messages.append(error.message)
    assert len(messages) > len(model.model_fields)
    assert [each for each in messages if FOREIGN.search(each)] == []


def test_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    assert read(tmp_path, "\ufeff" + MINIMAL).name == "s"


def test_call_of_the_smallest_weight_is_made_all_the_same(tmp_path: Path) -> None:
    rare = "".join(f'[[calls]]\ntool = "rare{number}"\nweight = 1e-9\n' for number in range(3))
    scenario = read(tmp_path, MINIMAL + rare).scenarios["load"]
    counts = Counter(journey.name for journey in scenario.journeys(1)["mix"])
    assert counts == {"t": 1000, "rare0": 1, "rare1": 1, "rare2": 1}
    assert scenario.journeys(1) == scenario.journeys(1)


@pytest.mark.parametrize(
    ("expect", "problem"),
    [
        ("members = {}", "members: expected at least one entry, got {}"),
        ("json = {}", "json: expected at least one entry, got {}"),
        ("paths = {}", "paths: expected at least one entry, got {}"),
        ('contains = ""', 'contains: expected a text that is not empty, got ""'),
        ('regex = ""', 'regex: expected a text that is not empty, got ""'),
    ],
)
def test_expectation_that_checks_nothing_is_refused(expect: str, problem: str, tmp_path: Path) -> None:
    assert f"calls[0].expect.{problem}" in refusal(tmp_path, f"{MINIMAL}expect = {{ {expect} }}\n")


@pytest.mark.parametrize("shape", ["{}", "[]"])
def test_shape_without_types_is_refused(shape: str, tmp_path: Path) -> None:
    message = refusal(tmp_path, f"{MINIMAL}expect = {{ shape = {shape} }}\n")
    assert "calls[0].expect: expected the type of at least one member for shape" in message


@pytest.mark.parametrize("expect", ['text = ""', "result = {}", "shape = { content = [] }", "result = []"])
def test_empty_answer_may_be_expected(expect: str, tmp_path: Path) -> None:
    assert read(tmp_path, f"{MINIMAL}expect = {{ {expect} }}\n").scenarios


@pytest.mark.parametrize(
    "fields",
    [
        'url = "https://me:opensesame@h:{port}/mcp"',
        'url = "https://h:{port}/mcp?api_key=opensesame"',
        'url = ["https://me:opensesame@h/mcp"]',
        'url = "https://me:opensesame@h/mcp"\ntransport = "stdio"',
        'command = ["x", "--api-key", "opensesame"]',
        'command = ["x", "API_KEY=opensesame", 5]',
        'command = "x --api-key opensesame"',
        'command = ["x", "--api-key", ["opensesame"]]',
        'url = "http://h/mcp"\nenv = { A = ["opensesame"] }',
        'url = "http://h/mcp"\nenv = "A=opensesame"',
    ],
)
def test_mistake_is_shown_without_secrets(fields: str, tmp_path: Path) -> None:
    assert "opensesame" not in refusal(tmp_path, f'name = "s"\n{fields}\n[[calls]]\ntool = "t"\n')


def test_wrong_word_of_a_command_is_shown(tmp_path: Path) -> None:
    text = 'name = "s"\ncommand = ["x", "--port", 8000]\ntransport = "stdio"\n'
    assert "command[2]: expected a text, got 8000" in refusal(tmp_path, text)


@pytest.mark.parametrize(
    "mistake",
    [
        "colour = 1\n",
        "think_time = -1\n",
        'access = { header = "x" }\n',
        "answers = 5\n",
        'name = ""\n',
    ],
)
def test_mistake_of_one_field_hides_no_other(mistake: str, tmp_path: Path) -> None:
    head = MINIMAL.replace('name = "s"\n', "") if mistake.startswith("name") else MINIMAL
    further = (
        '[[calls]]\ntool = "u"\narguments = { a = "{a}" }\ndraw.a = { lines = "none.csv" }\n'
        "weight = 2\n[[calls]]\nresource = 'note://{id}'\n"
        '[[targets]]\nfigure = "latency_ms.v.p95"\ncomparison = "<"\ntarget = 1\nneed = "n"\n'
    )
    message = refusal(tmp_path, mistake + head + further)
    assert message.splitlines()[1].startswith(f"  {mistake.partition(' ')[0]}")
    for problem in (
        "calls[1].draw.a: expected a file",
        "calls[2].resource: expected {id}",
        "targets[0].figure: ",
    ):
        assert problem in message
    assert len(message.splitlines()) == 5, message


def test_rest_of_a_file_is_checked_beside_tables_that_cannot_be_read(tmp_path: Path) -> None:
    text = MINIMAL + (
        'args = { a = "{a}" }\ndraw.a = { range = [1, 2] }\n'
        '[[calls]]\nprompt = "p"\nkind = "a,b"\nweight = "2"\n'
        '[[journeys]]\nname = "j"\nweight = 0\nkind = "small"\nsteps = [{ tool = "u" }, { tool = "v" }]\n'
        '[[journeys]]\nname = "j"\nsteps = [{ tool = "w" }]\n'
        '[[targets]]\nfigure = "latency_ms.t.p95"\ncomparison = "<"\ntarget = 1\nneed = "n"\n'
        '[[targets]]\nfigure = "journey_ms.j.p95"\ncomparison = "<"\ntarget = 1\nneed = "n"\n'
        '[[targets]]\nfigure = "latency_ms.p.p95"\ncomparison = "<"\ntarget = 1\nneed = "n"\n'
        '[[targets]]\nfigure = "latency_ms.x.p95"\ncomparison = "<"\ntarget = 1\nneed = "n"\n'
        '[[targets]]\nfigure = 5\ncomparison = "<"\ntarget = 1\nneed = "n"\n'
    )
    assert [line.split(": ")[0].strip() for line in refusal(tmp_path, text).splitlines()[1:]] == [
        "calls[0].args",
        "calls[1].weight",
        "journeys[0].weight",
        "targets[4].figure",
        "journeys[1].name",
        "targets[3].figure",
    ]


@pytest.mark.parametrize(
    "calls", ["[[calls]]\ntol = 't'\n", "[[calls]]\ntool = ''\n", "calls = [5]\n", "calls = 5\n"]
)
def test_figures_of_requests_without_a_name_are_not_judged(calls: str, tmp_path: Path) -> None:
    target = '[[targets]]\nfigure = "latency_ms.t.p95"\ncomparison = "<"\ntarget = 1\nneed = "n"\n'
    message = refusal(tmp_path, f'name = "s"\nurl = "http://h/mcp"\n{calls}{target}')
    assert "calls" in message
    assert "targets[0]" not in message
