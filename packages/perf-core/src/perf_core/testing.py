"""Contract tests for adapters, to subclass in the test suite of a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

from perf_core.adapter import WIRES, Journey, Pools, Scenario, ServerAdapter, Target, Wire
from perf_core.analysis.catalogue import (
    PROTOCOL_FIGURES,
    STAGE_FIGURES,
    figure_names,
    labels_of,
    target_problems,
)
from perf_core.load.answers import answer_error, meets
from perf_core.load.placeholders import filled, saved_values
from perf_core.load.plan import Settings
from perf_core.server.client.connection import Client, connect
from perf_core.server.client.session_end import deleted_session_problem
from perf_core.server.client.steps import answer_to
from perf_core.server.process import ServerProcess
from perf_core.shapes.registry import all_shapes, plan_scenario, shape_named

__all__ = ["AdapterContract", "follow_journey", "meets"]

_SEED = 1


class AdapterContract:
    """Tests of everything that the lab relies on in an adapter.

    The adapter is complete, its journeys make valid plans and are the same for the same seed; its server
    starts, reports its URL, lists every tool that the journeys call, answers each kind of call as expected on
    every wire, and ends on request.

    Attributes:
        adapter: Adapter under test.
        wires: Wires on which the server is called.
        calls_per_pool: Number of journeys of each pool that are tried; fewer for a server whose calls take
            long.

    Example::

        from my_server.perf_adapter import adapter
        from perf_core.testing import AdapterContract

        class TestAdapter(AdapterContract):
            adapter = adapter
    """

    adapter: ClassVar[ServerAdapter]
    wires: ClassVar[tuple[Wire, ...]] = WIRES
    calls_per_pool: ClassVar[int] = 50

    def test_adapter_is_complete(self) -> None:
        """The adapter has every part of the interface, and at least one scenario."""
        assert isinstance(self.adapter, ServerAdapter)
        assert self.adapter.name
        assert self.adapter.scenarios

    def test_shapes_exist(self) -> None:
        """Every scenario names a load shape that the lab has."""
        for scenario in self._scenarios():
            assert scenario.shape in all_shapes(), f"{scenario.name}: there is no load shape {scenario.shape}"

    def test_same_seed_same_plan(self) -> None:
        """Every scenario makes a valid plan, and the same seed draws the same journeys."""
        pools_by_draw: dict[Any, Pools] = {}
        for scenario in self._scenarios_by_draw():
            pools = scenario.journeys(_SEED)
            assert scenario.journeys(_SEED) == pools, (
                f"{scenario.name}: expected the same journeys from the same seed, got others"
            )
            pools_by_draw[scenario.journeys] = self._first_of(pools)
        for scenario in self._scenarios():
            few = replace(scenario, journeys=_constant(pools_by_draw[scenario.journeys]))
            plan_scenario(few, scenario.wires[0], Settings(seed=_SEED))

    def test_targets_name_figures_and_needs(self) -> None:
        """Every target names a figure of its scenario and the need that it serves.

        Only k6 knows the names of stages and of requests that call no tool: ``perf-core run`` checks them
        before the load.
        """
        pools_by_draw = {each.journeys: each.journeys(_SEED) for each in self._scenarios_by_draw()}
        for scenario in self._scenarios():
            drawn = replace(scenario, journeys=_constant(pools_by_draw[scenario.journeys]))
            plan = plan_scenario(drawn, scenario.wires[0], Settings(seed=_SEED))
            names = figure_names(labels_of(plan), shape_named(scenario.shape).figures)
            checkable = [
                _without_stage(target)
                for target in scenario.targets
                if not target.figure.startswith(PROTOCOL_FIGURES)
            ]
            problems = target_problems(checkable, names, scenario.name)
            assert not problems, "; ".join(problems)
            for target in scenario.targets:
                assert target.need, f"{scenario.name}: the target on {target.figure} has no need"

    def test_server_answers_as_expected(self, tmp_path: Path) -> None:
        """The server starts, lists its tools, answers journeys, forgets deleted sessions, and ends."""
        journeys = [
            (f"{scenario.name}, pool {name}", journey)
            for scenario in self._scenarios_by_draw()
            for name, pool in self._first_of(scenario.journeys(_SEED)).items()
            for journey in pool
        ]
        for wire in self.wires:
            process = ServerProcess(self.adapter.launch, wire, tmp_path / f"{wire}.log")
            with process:
                expected_name = self.adapter.server_name
                assert expected_name is None or process.handshake.server_name == expected_name
                with connect(process.url, wire, access=process.access) as client:
                    for place, journey in journeys:
                        follow_journey(client, set(process.handshake.tools), place, journey)
                problem = (
                    deleted_session_problem(process.url, access=process.access) if wire == "session" else ""
                )
                assert not problem, problem
            assert process.exit_code is not None, "the server did not end"

    def _scenarios(self) -> Iterator[Scenario]:
        yield from self.adapter.scenarios.values()

    def _scenarios_by_draw(self) -> list[Scenario]:
        """Return one scenario for each function that draws journeys: most scenarios share one."""
        return list({scenario.journeys: scenario for scenario in self._scenarios()}.values())

    def _first_of(self, pools: Pools) -> Pools:
        return {name: pool[: self.calls_per_pool] for name, pool in pools.items()}


def _constant(pools: Pools) -> Callable[[int], Pools]:
    return lambda _seed: pools


def _without_stage(target: Target) -> Target:
    """Return the target on the same figure of the whole run, if the figure is one that stages have."""
    figure, _, _stage = target.figure.partition("@")
    return replace(target, figure=figure) if figure in STAGE_FIGURES else target


def follow_journey(client: Client, tools: set[str], place: str, journey: Journey) -> None:
    """Make the calls of a journey and assert each answer; `place` names the journey in failures."""
    values: dict[str, Any] = {"unique": uuid4().hex[:16]}
    for each in journey.steps:
        step = filled(each, values)
        called = step.method != "tools/call" or step.tool in tools
        assert called, f"{place}: the server does not list {step.tool}"
        answer = answer_to(client, step)
        request = f"{step.tool}({dict(step.arguments)})"
        error = answer_error(answer, step.expect, step.method)
        assert error is None, f"{place}: expected {step.expect} from {request}, got {answer}"
        saved = saved_values(step, answer.get("result", {}))
        missing = [f"{name} at {pointer}" for name, pointer in step.save.items() if name not in saved]
        assert not missing, (
            f"{place}: expected {', '.join(missing)} for later calls from {request}, got {answer}"
        )
        values |= saved
