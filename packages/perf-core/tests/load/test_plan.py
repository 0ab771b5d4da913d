"""The plan: every problem reported at once, the same plan for the same seed, lossless as JSON."""

from __future__ import annotations

import json
import random
import re
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perf_core import Expectation, Journey, Limits, Scenario, Step, ThinkTime
from perf_core.adapter import Pools
from perf_core.errors import ExitCode, UsageError
from perf_core.load.plan import Settings, parse_duration_s
from perf_core.load.plan_document import to_document
from perf_core.shapes.registry import plan_scenario

if TYPE_CHECKING:
    from conftest import Build


def step(
    arguments: dict[str, Any] | None = None, expect: Expectation | None = None, tool: str = "add"
) -> Step:
    return Step(tool, arguments or {}, expect or Expectation.anything())


def refusal(scenario: Scenario, wire: Any = "session", **settings: Any) -> str:
    with pytest.raises(UsageError) as caught:
        plan_scenario(scenario, wire, Settings(**settings))
    assert caught.value.exit_code == ExitCode.USAGE
    return caught.value.message


# --- durations ---


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("90s", 90),
        ("1.5m", 90),
        ("2h", 7200),
        ("250ms", 0.25),
        (" 30s ", 30),
        ("1h30m", 5400),
        ("1m0.5s", 60.5),
    ],
)
def test_duration(text: str, seconds: float) -> None:
    assert parse_duration_s(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s",
        "0",
        "0s",
        "-5s",
        "5 s",
        "5d",
        "5S",
        "1,5s",
        "1e3s",
        "nan",
        "inf",
        "5s5",
        ".5s",
        "9" * 400,
        "٣s",
    ],
)
def test_malformed_duration_is_refused_and_quoted(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_duration_s(text)
    assert repr(text) in caught.value.message
    assert "90s" in caught.value.message


# --- settings ---


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"time_scale": 0}, "--time-scale: expected a number above zero, got 0"),
        ({"time_scale": -1}, "--time-scale"),
        ({"time_scale": float("nan")}, "--time-scale"),
        ({"time_scale": float("inf")}, "--time-scale"),
        ({"duration_s": 0}, "--duration"),
        ({"vus": 0}, "--vus"),
        ({"vus": -3}, "--vus"),
        ({"vus": 2.5}, "--vus: expected a whole number, got 2.5"),
        ({"think_time_s": -0.1}, "--think-time: expected zero or more seconds, got -0.1"),
        ({"think_time_s": float("nan")}, "--think-time"),
        ({"calls_per_session": 0}, "calls per session"),
        ({"request_timeout_s": 0}, "request timeout"),
    ],
)
def test_impossible_setting_is_refused(build: type[Build], settings: Any, says: str) -> None:
    message = refusal(build.scenario("load"), **settings)
    assert says in message
    assert "load" in message


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"rate_per_s": 0}, "--rate: expected a number above zero, got 0"),
        ({"rate_per_s": 2.5}, "--rate: expected a whole number, got 2.5"),
        (
            {"think_time_s": 1.0},
            "--think-time: expected none, got 1.0; an arrival rate sets the pace",
        ),
    ],
)
def test_setting_that_does_not_fit_an_arrival_rate_is_refused(
    build: type[Build], settings: Any, says: str
) -> None:
    assert says in refusal(build.scenario("endurance"), **settings)


def test_rate_paces_any_shape_but_those_with_a_schedule_of_their_own(build: type[Build]) -> None:
    scenario = build.scenario("load")
    assert plan_scenario(scenario, "session", Settings(rate_per_s=100)).settings.rate_per_s == 100
    assert "an arrival rate sets the pace" in refusal(scenario, rate_per_s=100, think_time_s=1.0)
    assert "rate-limit has a pace of its own" in refusal(build.scenario("rate-limit"), rate_per_s=5)


def test_unknown_or_unsuitable_wire_is_refused(build: type[Build]) -> None:
    assert "wire: expected one of session, stateless, got 'http'" in refusal(build.scenario(), "http")
    message = refusal(build.scenario(), "stateless", session_per_iteration=True)
    assert "--session-per-iteration: expected --wire session, got stateless" in message


def test_every_problem_is_reported_at_once(build: type[Build]) -> None:
    message = refusal(build.scenario(), "http", time_scale=0, vus=-1, think_time_s=-1, rate_per_s=-5)
    for part in ("wire", "--time-scale", "--vus", "--think-time", "--rate"):
        assert part in message


def test_valid_settings_make_a_plan(build: type[Build]) -> None:
    settings = Settings(time_scale=0.02, vus=5, think_time_s=0.5, session_per_iteration=True, seed=9)
    plan = plan_scenario(build.scenario("load", name="rush"), "session", settings)
    assert (plan.scenario, plan.shape, plan.wire, plan.settings) == ("rush", "load", "session", settings)
    paced = plan_scenario(build.scenario("endurance"), "session", Settings(rate_per_s=100))
    assert paced.settings.rate_per_s == 100


# --- journeys ---


def test_malformed_pools_are_refused_with_every_problem(build: type[Build]) -> None:
    pools = {"extra": [], "broken": [build.journey(), Journey("hollow", ())]}
    message = refusal(build.scenario("load", pools))
    assert "expected a pool named 'mix', got ['broken', 'extra']" in message
    assert "expected journeys in pool 'extra', got none" in message
    assert "expected steps in journey 1 ('hollow') of pool 'broken', got none" in message


@pytest.mark.parametrize("label", ["", "a,b", "a{b", "a}b", 'a"b', " a", "a "])
def test_labels_that_k6_cannot_tag_are_refused(label: str, build: type[Build]) -> None:
    pools = {"mix": [Journey("j", (step(tool=label),))]}
    assert repr(label) in refusal(build.scenario("load", pools))


def test_tools_kinds_and_journeys_are_listed_sorted_and_once(build: type[Build]) -> None:
    visit = Journey("visit", (step(tool="total"), step(tool="add")))
    pools: Pools = {"mix": [build.journey(kind="small"), visit], "more": [build.journey(kind="large"), visit]}
    plan = build.plan("load", pools)
    assert plan.tools == ("add", "total")
    assert plan.kinds == ("large", "small")
    assert plan.journey_names == ("visit",)


# --- the document ---


def random_journeys(seed: int) -> Pools:
    r = random.Random(seed)  # noqa: S311 - a draw of load, no secret
    return {"mix": [Journey("add", (step({"a": r.random()}),)) for _ in range(20)]}


def test_same_seed_gives_the_same_plan_and_another_seed_another() -> None:
    def document(seed: int) -> str:
        scenario = Scenario("load", "load", "?", random_journeys)
        return json.dumps(to_document(plan_scenario(scenario, "session", Settings(seed=seed)), "run"))

    assert document(3) == document(3)
    assert document(3) != document(4)


def test_document_has_every_field_that_the_scripts_read(build: type[Build]) -> None:
    error = Journey("divide", (step({"b": 0}, Expectation.error(), "divide"),))
    text = Journey("say", (step({}, Expectation.text('a "b"'), "say"), step()), "odd")
    plan = build.plan("load", {"mix": [build.journey(), error, text]}, duration_s=90.0)
    document = json.loads(json.dumps(to_document(plan, "run-1")))
    assert document == {
        "schema": 1,
        "run_id": "run-1",
        "scenario": "load",
        "shape": "load",
        "wire": "session",
        "settings": asdict(plan.settings),
        "tools": ["add", "divide", "say"],
        "kinds": ["odd"],
        "journeys": ["say"],
        "pools": {
            "mix": [
                ["add", "", [["add", '{"a":1,"b":2}', "result", '{"result":3}']]],
                ["divide", "", [["divide", '{"b":0}', "error", ""]]],
                ["say", "odd", [["say", "{}", "text", '"a \\"b\\""'], ["add", "{}", "any", ""]]],
            ]
        },
    }
    # Written out, so that renaming a setting fails here: k6 reads these names.
    assert {
        "time_scale",
        "duration_s",
        "vus",
        "rate_per_s",
        "think_time_s",
        "session_per_iteration",
        "calls_per_session",
        "request_timeout_s",
    } <= set(document["settings"])


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(arguments=st.dictionaries(st.text(), JSON_VALUES, max_size=4), expected=JSON_VALUES)
@settings(max_examples=30)
def test_arguments_and_answers_are_kept_exactly(build: type[Build], arguments: Any, expected: Any) -> None:
    pools = {"mix": [Journey("j", (step(arguments, Expectation.result(expected)),))]}
    rows: Any = to_document(build.plan("load", pools), "run")["pools"]
    (_, arguments_text, _, expected_text) = rows["mix"][0][2][0]
    assert json.loads(arguments_text) == arguments
    assert json.loads(expected_text) == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2**80 + 1, "1208925819614629174706177"),
        (0.1 + 0.2, "0.30000000000000004"),
        (-0.0, "-0.0"),
        ("é 🎵\n", '"é 🎵\\n"'),
        ({"a": [1, 2], "b": None}, '{"a":[1,2],"b":null}'),
    ],
)
def test_text_is_compact_and_exact(build: type[Build], value: Any, text: str) -> None:
    pools = {"mix": [Journey("j", (step({}, Expectation.result(value)),))]}
    rows: Any = to_document(build.plan("load", pools), "run")["pools"]
    assert rows["mix"][0][2][0][3] == text


# --- needs of some shapes ---


def test_shape_with_a_stage_per_pool_needs_pools(build: type[Build]) -> None:
    for shape in ("tools", "large-scores"):
        assert "expected pools beside 'mix', got none" in refusal(build.scenario(shape))
        pools = {"mix": [build.journey()], "20x100": [build.journey()]}
        assert plan_scenario(build.scenario(shape, pools), "session", Settings()).shape == shape
        assert "'a,b'" in refusal(build.scenario(shape, {**pools, "a,b": [build.journey()]}))


def test_limits_and_identities_are_written_for_the_shape_that_measures_them(build: type[Build]) -> None:
    assert "expected limits in the scenario, got none" in refusal(build.scenario("rate-limit"))
    scenario = replace(build.scenario("rate-limit"), limits=Limits(0.5, 3))
    plan = plan_scenario(scenario, "session", Settings(), identities=2)
    document = to_document(plan, "run")
    assert document["limits"] == {"rate_per_s": 0.5, "burst": 3}
    assert document["identities"] == 2
    assert not {"limits", "identities"} & set(to_document(build.plan(), "run"))


def test_request_timeout_of_the_scenario_is_kept(build: type[Build]) -> None:
    patient = replace(build.scenario(), request_timeout_s=90.0)
    assert plan_scenario(patient, "session", Settings()).settings.request_timeout_s == 90
    longer = plan_scenario(patient, "session", Settings(request_timeout_s=120.0))
    assert longer.settings.request_timeout_s == 120
    hasty = replace(build.scenario(), request_timeout_s=5.0)
    assert plan_scenario(hasty, "session", Settings()).settings.request_timeout_s == 5
    shorter = plan_scenario(patient, "session", Settings(request_timeout_s=60.0))
    assert shorter.settings.request_timeout_s == 60
    assert plan_scenario(build.scenario(), "session", Settings()).settings.request_timeout_s == 30


def test_members_are_written_like_results(build: type[Build]) -> None:
    pools = {"mix": [Journey("j", (step({}, Expectation.members({"b": 1, "a": [2]})),))]}
    rows: Any = to_document(build.plan("load", pools), "run")["pools"]
    assert rows["mix"][0][2][0][2:] == ["members", '{"b":1,"a":[2]}']


def test_literal_values_reach_the_plan_as_they_are(build: type[Build]) -> None:
    literal = Step(
        "t",
        {"a": "{city} {unique}", "b": "{list}", "{city}": "\ufdd0", "c": "{id}"},
        Expectation.text("in {city}"),
        literals={"city": "x-{unique}", "list": [{"{id}": 1}]},
    )
    rows: Any = to_document(build.plan("load", {"mix": [Journey("j", (literal,))]}), "run")["pools"]
    _, arguments, _, expected = rows["mix"][0][2][0]
    # k6 replaces what stands in braces in these texts.
    assert re.findall(r"\{\w+\}", arguments) == ["{unique}", "{id}"]
    assert "{unique}" not in expected
    assert json.loads(arguments) == {
        "a": "x-{unique} {unique}",
        "b": [{"{id}": 1}],
        "x-{unique}": "\ufdd0",
        "c": "{id}",
    }
    assert json.loads(expected) == "in x-{unique}"


# --- steps beyond plain calls ---


def rows(plan: Any) -> Any:
    document: Any = to_document(plan, "run")
    return document["pools"]["mix"]


def test_steps_of_other_methods_and_saved_values_are_written(build: type[Build]) -> None:
    any_answer = Expectation.anything()
    steps = (
        Step("create", {}, Expectation.paths({"/content": []}), save={"id": "/structuredContent/id"}),
        Step("greet", {"name": "greet"}, Expectation.contains("{id}"), "prompts/get"),
        Step("note", {"uri": "note://{id}"}, any_answer, "resources/read", {"text": "/contents/0/text"}),
    )
    plan = build.plan("load", {"mix": [Journey("j", steps)]})
    assert rows(plan) == [
        [
            "j",
            "",
            [
                ["create", "{}", "paths", '{"/content":[]}', {"save": {"id": "/structuredContent/id"}}],
                ["greet", '{"name":"greet"}', "contains", '"{id}"', {"method": "prompts/get"}],
                [
                    "note",
                    '{"uri":"note://{id}"}',
                    "any",
                    "",
                    {"method": "resources/read", "save": {"text": "/contents/0/text"}},
                ],
            ],
        ]
    ]
    assert plan.tools == ("create", "greet", "note")
    assert plan.called_tools == ("create",)


@pytest.mark.parametrize(
    ("expect", "text"),
    [
        (Expectation.rpc_error(), ""),
        (Expectation.rpc_error(-32602), "-32602"),
        (Expectation.regex("^é$"), '"^é$"'),
        (Expectation.shape({"content": []}), '{"content":[]}'),
        (Expectation.json({"a": 2**53 + 1}), '{"a":9007199254740993}'),
    ],
)
def test_expected_value_of_each_kind_is_written(build: type[Build], expect: Expectation, text: str) -> None:
    plan = build.plan("load", {"mix": [Journey("j", (step({}, expect),))]})
    assert rows(plan)[0][2][0][2:] == [expect.kind, text]


def test_steps_that_no_answer_can_meet_are_refused(build: type[Build]) -> None:
    pools = {"mix": [Journey("j", (step({}, Expectation.regex("(")), step({}, Expectation("text", 5))))]}
    message = refusal(build.scenario("load", pools))
    assert "j: the pattern '(' is no regular expression" in message
    assert "j: expected a text for text, got 5" in message


@pytest.mark.parametrize("name", ["a,b", "a ", ""])
def test_name_of_a_longer_journey_must_be_a_label(build: type[Build], name: str) -> None:
    assert repr(name) in refusal(build.scenario("load", {"mix": [Journey(name, (step(), step()))]}))
    assert build.plan("load", {"mix": [Journey(name, (step(),))]}).journey_names == ()


def test_think_times_are_written_unless_something_else_sets_the_pace(build: type[Build]) -> None:
    pools = {
        "mix": [
            Journey("a", (step(),), think_time=ThinkTime.uniform(1, 2.5)),
            Journey("b", (step(),), think_time=ThinkTime.exponential(2)),
            Journey("c", (step(),)),
        ]
    }
    plan = build.plan("load", pools)
    assert [row[3:] for row in rows(plan)] == [[["uniform", 1, 2.5]], [["exponential", 2]], []]
    assert plan.longest_think_time_s == 10
    replaced = build.plan("load", pools, think_time_s=0.5)
    assert [row[3:] for row in rows(replaced)] == [[], [], []]
    assert replaced.longest_think_time_s == 0.5
    for paced in (build.plan("endurance", pools), build.plan("load", pools, rate_per_s=5)):
        assert [row[3:] for row in rows(paced)] == [[], [], []]
        assert paced.longest_think_time_s == 0
