"""The adapter satisfies the lab's contract and has the guide's scenarios."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from music21_server.perf_adapter import LIMITS, adapter, journeys
from music21_server.perf_adapter.journeys import SIZES, by_tool, faulty, large_scores, mixed
from perf_core import UNIQUE, Scenario
from perf_core.load.plan import Settings
from perf_core.server.client.connection import connect
from perf_core.server.credentials.access import bearer
from perf_core.server.process import ServerProcess
from perf_core.shapes.registry import plan_scenario
from perf_core.testing import AdapterContract, follow_journey

HEAVY = {"large-scores", "tools", "benchmark"}


PIECES = 6
"""Twice as many journeys are drawn: one for each call with a mistake."""


@pytest.fixture(autouse=True)
def _few_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    # Each piece is changed and analysed when it is drawn.
    monkeypatch.setattr(journeys, "PIECES", PIECES)


@pytest.mark.process
class TestContract(AdapterContract):
    """The contract for all scenarios but the heavy ones, which are tested below."""

    adapter = adapter
    calls_per_pool = 2 * PIECES
    wires = ("session",)

    def _scenarios(self) -> Iterator[Scenario]:
        yield from (each for each in super()._scenarios() if each.name not in HEAVY)


def test_adapter_has_all_scenarios_of_the_guide_and_of_the_calculator() -> None:
    assert set(adapter.scenarios) == {
        "quick", "load", "stress", "endurance", "spike", "benchmark", "concurrent", "large-scores", "memory",
        "tools", "rate-limit", "cleanup", "stability", "recovery",
    }  # fmt: skip


def test_half_of_the_imports_are_unseen_and_each_journey_has_its_own_score_name() -> None:
    drawn = mixed(1)["mix"]
    assert Counter(journey.kind for journey in drawn) == {"known": PIECES, "unseen": PIECES}
    for journey in drawn:
        tools = [step.tool for step in journey.steps]
        assert tools == ["import_score", "key_analysis", "chord_analysis", "export_score", "delete_score"]
        assert all(UNIQUE in str(step.arguments["score_id"]) for step in journey.steps)
        assert (UNIQUE in str(journey.steps[0].arguments["source"])) == (journey.kind == "unseen")
        assert all(step.expect.kind in {"members", "result"} for step in journey.steps)


@pytest.mark.process
def test_each_tool_has_a_pool_of_known_and_unseen_works(monkeypatch: pytest.MonkeyPatch) -> None:
    # One piece of each kind and one seed: each further one costs about 0.3 s of analyses or composition.
    monkeypatch.setattr(journeys, "PIECES_BY_TOOL", 1)
    monkeypatch.setattr(journeys, "COMPOSITIONS", 1)
    pools = by_tool(1)
    tools = {step.tool for journey in pools["mix"] for step in journey.steps}
    assert set(pools) - {"mix"} == tools
    assert len(tools) == 18
    for tool in tools:
        assert Counter(journey.kind for journey in pools[tool]) == {"known": 1, "unseen": 1}
        assert all(tool in [step.tool for step in journey.steps] for journey in pools[tool])


def test_large_scores_have_the_published_sizes() -> None:
    assert SIZES == ((20, 100), (50, 200), (100, 300), (150, 500))
    pools = large_scores(1, sizes=((3, 5), (4, 6)))
    assert list(pools) == ["mix", "3x5", "4x6"]
    (journey,) = pools["4x6"]
    assert journey.name == "4x6"
    tools = [step.tool for step in journey.steps]
    assert tools[1:4] == ["score_info", "key_analysis", "harmony_analysis"]
    assert "export_score" in tools
    facts = journey.steps[0].expect.value
    assert isinstance(facts, dict)
    assert facts["measures"] == 6


def test_three_of_four_faulty_journeys_have_a_mistake_of_each_kind() -> None:
    drawn = faulty(1)["mix"]
    assert {journey.kind for journey in drawn} == {"document", "question", "name", "none"}
    wrong = [step for journey in drawn for step in journey.steps if step.expect.kind == "error"]
    assert len(wrong) == 0.75 * len(drawn) == 0.75 * 2 * PIECES
    assert all(journey.steps[-1].tool == "delete_score" for journey in drawn)


def test_rate_limited_server_requires_tokens_and_has_the_limits(tmp_path: Path) -> None:
    scenario = adapter.scenarios["rate-limit"]
    assert scenario.launch is not None
    access = bearer(scenario.launch.tokens)
    assert len(access.users) == 2, "two clients, and one token for the lab itself"
    assert access.identities[0] not in access.users
    plan = plan_scenario(scenario, "session", Settings(), identities=len(access.users))
    assert plan.limits == LIMITS
    assert f"--rate-limit-burst {LIMITS.burst}" in " ".join(scenario.launch.argv)


@pytest.mark.long
def test_each_tool_and_large_scores_are_answered_as_expected(tmp_path: Path) -> None:
    drawn = [*large_scores(2, sizes=((12, 20),))["mix"]]
    drawn += [journey for pool in by_tool(1).values() for journey in pool[:4]]
    with (
        ServerProcess(adapter.launch, "session", tmp_path / "server.log") as process,
        connect(process.url, "session", 60.0) as client,
    ):
        for journey in drawn:
            follow_journey(client, set(process.handshake.tools), journey.name, journey)
