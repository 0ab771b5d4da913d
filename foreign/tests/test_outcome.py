"""Tests of the comparison between what the lab says and what is right."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from catalogue import Row
from installed_packages import pypi
from outcome import outcome_of

from perf_core.results.record import RunRecord, Series
from perf_core.server.checks import Discovery, LeftOut, ToolCheck
from perf_core.targets.discovery.tools import DrawOptions, parse_tools, refusal

ROW = Row("a server", pypi("some-server==1.0"), ("{bin}/server", "{port}"), transport="HTTP")
DISCOVERY = Discovery(
    1,
    2.0,
    (ToolCheck("add", {"exact": 3}, "{}", "3"), ToolCheck("now", {"members": 1}, "{}", "12:00")),
    (LeftOut("remove", "it does not say readOnlyHint: true"),),
)


def record(discovery: Discovery = DISCOVERY, **changes: Any) -> RunRecord:
    empty = RunRecord(
        "run",
        "quick",
        "server",
        "session",
        "2026-11-30T12:00:00Z",
        8.0,
        "pass",
        (),
        0,
        None,
        None,
        None,
        (),
        (),
        (),
        Series(1.0, {}, {}),
        {"server": {"version": "1.0.1"}, "protocol": {"revision": "2025-11-25"}},
        discovery=discovery,
    )
    return replace(empty, **changes)


def test_tools_are_counted_by_permission_and_strictness() -> None:
    outcome = outcome_of(ROW, [record()], 30, [])
    assert outcome.is_right, outcome.problems
    assert (outcome.called, outcome.read_only, outcome.not_permitted) == (2, 2, 1)
    assert outcome.strictness == {"exact": 1, "members": 1, "schema": 0, "no error": 0}
    assert outcome.version == "1.0", "that of the package"


@pytest.mark.parametrize(
    ("records", "took_s", "problem"),
    [
        ([], 30, "expected a record"),
        ([record(verdict="skipped")], 30, "expected a record"),
        (
            [record(verdict="fail", reasons=("error_rate",))],
            30,
            "verdict: expected pass, got fail: error_rate",
        ),
        ([record(manifest={})], 30, "protocol: expected 2025-11-25, got none"),
        ([record(replace(DISCOVERY, warnings=("errors only",)))], 30, "expected no warning"),
        (
            [record(replace(DISCOVERY, left_out=(LeftOut("search", "an error", tries=3),)))],
            30,
            "no call of search succeeded",
        ),
        ([record()], 121, "expected a report within 120 s"),
    ],
)
def test_each_difference_is_a_problem(records: list[RunRecord], took_s: float, problem: str) -> None:
    outcome = outcome_of(ROW, records, took_s, [])
    assert any(problem in each for each in outcome.problems), outcome.problems


def test_both_wires_are_shown_and_both_must_pass() -> None:
    stateless = record(manifest={"protocol": {"revision": "2026-07-28"}}, wire="stateless")
    row = replace(ROW, revision="2025-11-25 and 2026-07-28")
    assert outcome_of(row, [record(), stateless], 30, []).is_right
    outcome = outcome_of(row, [record(), replace(stateless, verdict="fail", reasons=("slow",))], 30, [])
    assert outcome.problems == ("verdict: expected pass, got pass and fail: slow",)


def test_a_tool_that_cannot_be_called_here_and_an_expected_warning_are_right() -> None:
    row = replace(ROW, no_call={"search": "it needs a network"}, warning="error")
    discovery = replace(
        DISCOVERY, left_out=(LeftOut("search", "an error", tries=3),), warnings=("every answer is an error",)
    )
    outcome = outcome_of(row, [record(discovery)], 30, [])
    assert outcome.is_right, outcome.problems
    assert (outcome.called, outcome.read_only) == (2, 3)


def test_the_lab_still_gives_the_reasons_that_are_counted_as_no_permission() -> None:
    tools = parse_tools(
        [
            {"name": "no hint"},
            {"name": "destroys", "annotations": {"readOnlyHint": True, "destructiveHint": True}},
            {"name": "reads", "annotations": {"readOnlyHint": True}},
        ]
    )
    left_out = tuple(left for tool in tools if (left := refusal(tool, DrawOptions())))
    named = tuple(left for tool in tools if (left := refusal(tool, DrawOptions(only=("reads",)))))
    for each in (left_out, named):
        assert len(each) == 2
        outcome = outcome_of(ROW, [record(replace(DISCOVERY, left_out=each))], 30, [])
        assert (outcome.not_permitted, outcome.read_only) == (2, 2)


def test_the_cost_of_the_bridge_is_expected_over_stdio() -> None:
    outcome = outcome_of(replace(ROW, transport="stdio"), [record()], 30, [])
    assert outcome.problems == ("expected the cost of the bridge, got none",)
