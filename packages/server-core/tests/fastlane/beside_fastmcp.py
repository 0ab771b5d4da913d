"""The same steps sent to an app with the lane, with immediate calls, and through FastMCP alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fastmcp import FastMCP
from in_memory import Answer, Request
from lane_apps import served_app, started

Step = Request | Callable[[FastMCP[Any]], object]
"""A request, or a change of the running app."""

WAYS: dict[str, dict[str, bool]] = {
    "FastMCP": {"fast_lane": False, "immediate": False},
    "lane": {"fast_lane": True, "immediate": False},
    "immediate calls": {"fast_lane": True, "immediate": True},
}


@dataclass
class Outcome:
    """The answers of one app, and what its own code noted meanwhile."""

    answers: list[Answer]
    notes: list[str]
    lane_calls: int = field(default=0, compare=False)


async def outcomes(
    make: Callable[[list[str]], FastMCP[Any]],
    *steps: Step,
    before_start: Callable[[FastMCP[Any]], object] = lambda _mcp: None,
    **settings: Any,
) -> dict[str, Outcome]:
    """Return what the steps give, by way; `make` makes a new app and gets a list for its notes."""
    results = {}
    for way, options in WAYS.items():
        notes: list[str] = []
        mcp = make(notes)
        app = served_app(mcp, **options, **settings)
        before_start(mcp)
        async with started(app) as served:
            answers = []
            for step in steps:
                if isinstance(step, Request):
                    answers.append(await served.send(step))
                else:
                    step(mcp)
            lane_calls = served.lane_calls() if options["fast_lane"] else 0
        results[way] = Outcome(answers, notes, lane_calls)
    return results


async def assert_like_fastmcp(
    make: Callable[[list[str]], FastMCP[Any]], *steps: Step, lane_calls: int | None = None, **options: Any
) -> list[Answer]:
    """Assert that nobody can tell the lane from FastMCP, and return the answers.

    `lane_calls` is the expected number of calls that the lane answers.
    """
    results = await outcomes(make, *steps, **options)
    expected = results.pop("FastMCP")
    for way, outcome in results.items():
        assert outcome == expected, way
        if lane_calls is not None:
            assert outcome.lane_calls == lane_calls, way
    return expected.answers


def with_header(request: Request, name: str, value: str) -> Request:
    """Return a request with one more header."""
    return Request(request.method, [*request.headers, (name.encode(), value.encode())], request.body)
