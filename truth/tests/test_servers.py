"""Tests of the catalogue: it is large enough, and every row can be measured."""

from __future__ import annotations

import pytest
from measuring import row_subject
from modes import parse_modes
from servers import PAIRS, ROWS, Pair, Row

from perf_core.shapes.registry import plan_scenario


def test_there_are_at_least_thirty_servers_with_names_of_their_own() -> None:
    names = [each.name for each in (*ROWS, *PAIRS)]
    assert len(set(names)) == len(names) >= 30


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_each_row_has_a_plan_and_modes_that_the_command_line_carries(row: Row) -> None:
    assert parse_modes(row.modes.words()) == row.modes
    scenario = row_subject(row, row.modes).adapter.scenarios[row.scenario]
    assert set(row.targets) <= set(scenario.targets)
    assert plan_scenario(scenario, row.wire, row.settings).tools


@pytest.mark.parametrize("row", [row for row in ROWS if row.verdicts != ("pass",)], ids=lambda row: row.name)
def test_each_faulty_server_is_checked_by_more_than_an_accepted_pass(row: Row) -> None:
    assert row.checks or row.verdicts == ("invalid",) or row.reason or "pass" not in row.verdicts


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.name)
def test_each_pair_has_one_right_verdict(pair: Pair) -> None:
    assert len(pair.verdicts) == 1
    assert (pair.a == pair.b) == (pair.verdicts == ("same",))
