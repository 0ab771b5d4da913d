"""Outcomes of the same tests with and without the lane, compared; pure.

A test that fails with the lane and passes without it shows a difference between the two. A difference that
occurs only in one of two runs is reported, but not counted: some tests depend on time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

UNCOLLECTED: Final = "uncollected"
"""Outcome of a module that pytest could not import; its id is that of the module."""

_BAD: Final = ("failed", UNCOLLECTED)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a test.

    Attributes:
        outcome: `passed`, `skipped`, `xfailed`, `failed` or `uncollected`.
        message: The error in one line; empty if there is none.
        requests: Requests to MCP endpoints that the test sent through server_core.
        reached_fastmcp: Those of them that server_core did not answer itself.
    """

    outcome: str
    message: str = ""
    requests: int = 0
    reached_fastmcp: int = 0

    @property
    def is_bad(self) -> bool:
        """Whether the test failed or its module could not be imported."""
        return self.outcome in _BAD


Outcomes = Mapping[str, Outcome]
"""Outcomes by the ids of tests, and of modules that could not be collected."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement on one way of running the suite.

    Attributes:
        passed: Number of tests that passed with the lane.
        left_out: Number of tests that were skipped, or expected to fail.
        through_lane: Number of passed tests with a request that server_core answered without FastMCP.
        requests: Requests of all tests to MCP endpoints.
        answered: Those of them that server_core answered without FastMCP.
        fail_anyway: Tests that fail without the lane as well.
        uncollected: Modules that cannot be imported, with and without the lane.
        unsteady: Tests that failed with the lane and passed without it, but not both times.
        expected: Differences that are listed.
        unexplained: Differences that are not listed, with the error.
        stale: Listed differences that do not occur.
    """

    passed: int
    left_out: int
    through_lane: int
    requests: int
    answered: int
    fail_anyway: tuple[str, ...]
    uncollected: tuple[str, ...]
    unsteady: tuple[str, ...]
    expected: tuple[str, ...]
    unexplained: Mapping[str, str]
    stale: tuple[str, ...]


def bad(outcomes: Outcomes) -> list[str]:
    """Return the ids of tests that failed, and of modules that could not be collected."""
    return sorted(test for test, outcome in outcomes.items() if outcome.is_bad)


def differing(with_lane: Outcomes, without: Outcomes) -> list[str]:
    """Return the ids of tests that fail with the lane and not without it.

    Args:
        with_lane: Outcomes with the lane.
        without: Outcomes of the tests that fail with it. A module that could be collected is not in them.
    """
    return [test for test in bad(with_lane) if not (test in without and without[test].is_bad)]


def judge(
    with_lane: Outcomes,
    without: Outcomes,
    again_with_lane: Outcomes,
    again_without: Outcomes,
    listed: Iterable[str],
) -> Verdict:
    """Return the verdict on a way of running the suite.

    Args:
        with_lane: Outcomes of all tests with the lane.
        without: Outcomes, without the lane, of the tests that failed with it.
        again_with_lane: Outcomes of the differing tests in a second run.
        again_without: The same without the lane.
        listed: Ids of the tests that are expected to differ, among those that were run.
    """
    expected_to_differ = set(listed)
    differing_once = differing(with_lane, without)
    differing_twice = [test for test in differing(again_with_lane, again_without) if test in differing_once]
    bad_both_ways = [test for test in bad(with_lane) if test not in differing_once]
    passed = [outcome for outcome in with_lane.values() if outcome.outcome == "passed"]
    requests = sum(outcome.requests for outcome in with_lane.values())
    return Verdict(
        passed=len(passed),
        left_out=sum(outcome.outcome in ("skipped", "xfailed") for outcome in with_lane.values()),
        through_lane=sum(outcome.requests > outcome.reached_fastmcp for outcome in passed),
        requests=requests,
        answered=requests - sum(outcome.reached_fastmcp for outcome in with_lane.values()),
        fail_anyway=tuple(test for test in bad_both_ways if with_lane[test].outcome != UNCOLLECTED),
        uncollected=tuple(test for test in bad_both_ways if with_lane[test].outcome == UNCOLLECTED),
        unsteady=tuple(test for test in differing_once if test not in differing_twice),
        expected=tuple(test for test in differing_twice if test in expected_to_differ),
        unexplained={
            test: with_lane[test].message for test in differing_twice if test not in expected_to_differ
        },
        stale=tuple(sorted(expected_to_differ - set(differing_once))),
    )
