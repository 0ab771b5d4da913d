"""Mistakes across the tables of a target file: names in figures and scenarios, and every problem at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from target_files import CALL, JOURNEY, MINIMAL, URL, refusal, target_on


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
