"""Tools called one after another: a table of latencies, and pools without a right answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perf_core.shapes import tools

if TYPE_CHECKING:
    from conftest import Build


def test_every_pool_reached_needs_no_finding(build: type[Build]) -> None:
    found = tools.find_unreached_pools(build.evidence([build.stage("add", calls=7)]))
    assert found.figures["pools.unreached"].value == 0
    assert found.findings == ()


def test_right_answers_are_calls_without_errors(build: type[Build]) -> None:
    assert tools.right_answers(build.stage(calls=200, error_rate=0.25)) == 150
