"""Target files that `perf-core init` writes: whatever was drawn is read again as it was."""

from __future__ import annotations

import json
import random
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from perf_core.adapter import Expectation, Step
from perf_core.load.answers import meets
from perf_core.load.placeholders import as_it_is, filled
from perf_core.load.plan import Settings
from perf_core.load.plan_document import to_document
from perf_core.server.checks import Discovery, LeftOut, ToolCheck
from perf_core.server.credentials.access_settings import AccessSettings, OAuthSettings
from perf_core.shapes.registry import plan_scenario
from perf_core.targets.init_file import Reach, target_file
from perf_core.targets.registry import find_subjects
from perf_core.targets.toml_file import FileAdapter, read_target_file

REACH = Reach("weather", url="http://127.0.0.1:8000/mcp")


def written(tmp_path: Path, *steps: Step, reach: Reach = REACH, **discovery: Any) -> FileAdapter:
    tools = dict.fromkeys(step.tool for step in steps)
    checks = tuple(
        ToolCheck(tool, {"exact": sum(step.tool == tool for step in steps)}, "{}", "fine") for tool in tools
    )
    path = tmp_path / "weather.toml"
    text = target_file(reach, steps, Discovery(1, 2.0, **{"checks": checks, **discovery}))
    path.write_text(text, encoding="utf-8")
    return read_target_file(path)


def steps_of(file: FileAdapter) -> list[Step]:
    return [journey.steps[0] for journey in file.scenarios["load"].journeys(1)["mix"]]


@pytest.mark.parametrize(
    "expect",
    [
        Expectation.result({"sky": "grey", "n": [1, 2.5, True, {"a": ""}]}),
        Expectation.result([1, 2]),
        Expectation.members({"key with blank": 1}),
        Expectation.text('two\nlines, "quoted" and \\ and \x7f and ü and {braces}'),
        Expectation.contains("part"),
        Expectation.json({"id": 10**20}),
        Expectation.paths({"/content/1/text": "x"}),
        Expectation.whole({"content": [{"type": "image", "data": "AAAA"}]}),
        Expectation.shape({"content": [{"type": "string"}]}),
        Expectation.anything(),
    ],
)
def test_call_is_read_again_with_its_expectation(expect: Expectation, tmp_path: Path) -> None:
    step = Step("forecast", {"city": "Oslo\t\n#", "nested": {"days": [1, 2], "a.b": {}}}, expect)
    assert steps_of(written(tmp_path, step))[0] == step


def test_expectation_with_null_is_checked_as_far_as_toml_can_say(tmp_path: Path) -> None:
    result = {"id": 7, "gone": None, "inner": {"a/b": None, "c": [1, None]}, "~": "x"}
    step = Step("read", {}, Expectation.result(result))
    (read,) = {str(each): each for each in steps_of(written(tmp_path, step))}.values()
    assert read.expect == Expectation.paths(
        {
            "/structuredContent/id": 7,
            "/structuredContent/inner/c/0": 1,
            "/structuredContent/~0": "x",
        }
    )
    answer = {"content": [], "structuredContent": result}
    assert meets(read.expect, answer)
    assert not meets(read.expect, {**answer, "structuredContent": {**result, "id": 8}})
    assert (
        "Checked less strictly than it could be, since TOML has no null"
        in (tmp_path / "weather.toml").read_text()
    )


def test_call_with_null_is_left_out_and_shown(tmp_path: Path) -> None:
    steps = [Step("t", {"a": None}, Expectation.anything()), Step("t", {"a": 1}, Expectation.anything())]
    file = written(tmp_path, *steps)
    assert {str(each.arguments) for each in steps_of(file)} == {"{'a': 1}"}
    assert "# A call of t is left out, since TOML has no null" in (tmp_path / "weather.toml").read_text()


def test_tools_are_called_equally_often_however_many_calls_they_have(tmp_path: Path) -> None:
    many = [Step("many", {"n": n}, Expectation.anything()) for n in range(9)]
    file = written(tmp_path, *many, Step("one", {}, Expectation.anything()))
    tools = [step.tool for step in steps_of(file)]
    assert 0.4 < tools.count("one") / len(tools) < 0.6


def test_comments_have_what_was_left_out_and_the_warnings(tmp_path: Path) -> None:
    out = (
        LeftOut("delete", "it does not say that it only reads", advice="--tool delete permits it."),
        LeftOut("fetch", "no such host\nat line 2", tries=3, arguments='{"url": "x"}'),
    )
    step = Step("t", {}, Expectation.anything())
    written(tmp_path, step, left_out=out, warnings=("Every answer looks like an error.",))
    text = (tmp_path / "weather.toml").read_text()
    assert "1 of 3 tools are called" in text
    assert "#   delete: it does not say that it only reads\n#     --tool delete permits it." in text
    assert '#   fetch: no such host at line 2 (tried {"url": "x"})' in text
    assert "# Every answer looks like an error." in text


def test_comment_of_a_tool_says_how_strictly_its_calls_are_checked() -> None:
    checks = (
        ToolCheck("one", {"exact": 1}, "{}", "fine"),
        ToolCheck("two", {"exact": 2, "schema": 1, "no error": 0}, "{}", "fine", doubt="it says error"),
    )
    text = target_file(REACH, [], Discovery(1, 0.0, checks=checks), name="w.toml")
    assert "# one: 1 call; the whole answer is checked.\n# For example {} gave fine" in text
    assert (
        "# two: 3 calls; the whole answer is checked in 2; the types of the answer are checked in 1." in text
    )
    assert "# Doubtful: it says error" in text
    assert "# Measure:   perf-core run quick w.toml" in text


def test_command_variables_and_access_are_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", "abc123")
    monkeypatch.setenv("TOKEN", "opensesame")
    reach = Reach(
        "weather",
        ("weather-server", "--unit", 'C "x"'),
        transport="stdio",
        shared=True,
        env={"API_KEY": "${API_KEY}", "PLAIN": "costs $$5"},
        cwd="..",
        ready_timeout_s=90.0,
        access=AccessSettings(
            headers={"X-Key": "$API_KEY", "X-Plain": "y"}, bearer_env=("TOKEN",), revision="2025-06-18"
        ),
        remarks=("Two\nlines",),
    )
    file = written(tmp_path, Step("t", {}, Expectation.anything()), reach=reach)
    assert file.launch.argv == reach.command
    assert file.launch.transport == "stdio-shared"
    assert file.launch.env == {"API_KEY": "abc123", "PLAIN": "costs $5"}
    assert file.launch.cwd.resolve() == tmp_path.parent.resolve()
    assert file.launch.ready_timeout_s == 90
    assert file.access.revision == "2025-06-18"
    headers = file.access.own_headers()
    assert headers == {"X-Key": "abc123", "X-Plain": "y", "Authorization": "Bearer opensesame"}
    assert "abc123" not in (tmp_path / "weather.toml").read_text()
    (subject,) = find_subjects([str(tmp_path / "weather.toml")], (), None)
    assert subject.access.own_headers() == headers
    monkeypatch.delenv("API_KEY")
    with pytest.raises(Exception, match="API_KEY"):
        find_subjects([str(tmp_path / "weather.toml")], (), None)


def test_table_of_oauth_is_read_again(tmp_path: Path) -> None:
    oauth = OAuthSettings(client_id="lab", client_secret_env="LAB_SECRET", scope="read")  # noqa: S106 - a name
    ca_file = tmp_path / "ca.pem"
    reach = Reach("w", url="http://h", access=AccessSettings(oauth=oauth, ca_file=ca_file, insecure=True))
    text = target_file(reach, [], Discovery(1, 0.0))
    access = AccessSettings.model_validate(tomllib.loads(text)["access"])
    assert access.oauth == oauth
    assert access.ca_file == ca_file.resolve()
    assert access.insecure


def test_any_text_of_a_server_is_a_comment(tmp_path: Path) -> None:
    rng = random.Random(1)  # noqa: S311 - a draw of text
    odd = "".join(map(chr, rng.sample(range(0x20, 0x2FF), 200))) + "\x00\x1b\r\n\u2028\x85 end"
    check = ToolCheck("t", {"no error": 1}, odd, odd, doubt=odd)
    step = Step("t", {}, Expectation.anything())
    file = written(tmp_path, step, checks=(check,), left_out=(LeftOut(odd, odd, arguments=odd, advice=odd),))
    assert len(steps_of(file)) > 0


@pytest.mark.parametrize(
    "expect",
    [
        Expectation.paths({"/a": None}),
        Expectation.members({}),
        Expectation.contains(""),
        Expectation.shape({}),
    ],
)
def test_expectation_of_nothing_is_not_written(expect: Expectation, tmp_path: Path) -> None:
    (step,) = {str(each): each for each in steps_of(written(tmp_path, Step("t", {}, expect)))}.values()
    assert step.expect == Expectation.anything()


def test_call_with_a_name_in_braces_is_sent_and_expected_as_it_was_drawn(tmp_path: Path) -> None:
    step = as_it_is(
        Step("t", {"a": "x {unique}", "b": "{unique}"}, Expectation.json({"{unique}": "{unique}"}))
    )
    file = written(tmp_path, step)
    (read,) = {str(each): each for each in steps_of(file)}.values()
    assert filled(read, {"unique": "u"}) == filled(step, {"unique": "u"}) == replace(step, literals={})
    plan = plan_scenario(file.scenarios["load"], "session", Settings())
    assert "{unique}" not in json.dumps(to_document(plan, "run")["pools"])
