"""Contract tests for adapters: subclass :class:`AdapterContract` in a server's own test suite.

Example::

    from perf_core.testing import AdapterContract
    from my_server.perf_adapter import adapter

    class TestAdapter(AdapterContract):
        adapter = adapter

pytest then checks that the adapter is complete, that its journeys are repeatable and make valid plans,
that the server starts, reports its URL, lists every tool that the plan calls, ends on request, and that
each kind of call is answered as the adapter expects, on every wire.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

from perf_core.adapter import WIRES, Expectation, Journey, Pools, Scenario, ServerAdapter, Wire
from perf_core.load.plan import Settings, filled
from perf_core.server.client import Client, connect
from perf_core.server.process import ServerProcess
from perf_core.shapes.registry import all_shapes, plan_scenario, shape_named

_FIGURE = re.compile(
    r"(tool_calls_per_s|error_rate|success_percent|failed_calls|errors\.\w+|sessions_left|clients_carried"
    r"|(latency_ms|kinds_ms|session_creation_ms|journey_ms|protocol_ms)[.](\S+[.])?"
    r"(min|avg|med|p90|p95|p99|max)"
    r"|server\.\w+)(@\w+)?"
)


def meets(expect: Expectation, result: Mapping[str, Any]) -> bool:
    """Return whether a tool's result is what was expected."""
    if expect.kind == "error":
        return result.get("isError") is True
    if result.get("isError"):
        return False
    if expect.kind == "result":
        return bool(result.get("structuredContent") == expect.value)
    if expect.kind == "members":
        content = result.get("structuredContent")
        assert isinstance(expect.value, dict)
        return isinstance(content, dict) and all(
            name in content and content[name] == value for name, value in expect.value.items()
        )
    if expect.kind == "text":
        content = result.get("content") or [{}]
        return bool(content[0].get("text") == expect.value)
    return True


def _first_of(journeys: Callable[[int], Pools], count: int) -> Callable[[int], Pools]:
    """Return the same draw, cut to a few journeys per pool."""
    return lambda seed: {name: pool[:count] for name, pool in journeys(seed).items()}


class AdapterContract:
    """What the lab relies on in an adapter; set ``adapter`` in the subclass.

    Attributes:
        adapter: The adapter.
        wires: Wires on which the server is called.
        calls_per_pool: Journeys of each pool that are tried; fewer for a server whose calls take long.
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
            assert scenario.shape in all_shapes(), f"{scenario.name}: {scenario.shape} is no load shape"

    def test_same_seed_same_plan(self) -> None:
        """Every scenario makes a valid plan, and the same seed draws the same journeys."""
        for scenario in self._scenarios():
            journeys = _first_of(scenario.journeys, self.calls_per_pool)
            plan_scenario(replace(scenario, journeys=journeys), scenario.wires[0], Settings())
        for scenario in self._drawing_apart():
            assert scenario.journeys(7) == scenario.journeys(7), (
                f"{scenario.name} draws other journeys from the same seed"
            )

    def test_targets_name_figures_and_needs(self) -> None:
        """Every target names a figure that the lab knows, and whose need it serves."""
        for scenario in self._scenarios():
            figures = shape_named(scenario.shape).figures
            for target in scenario.targets:
                is_figure = target.figure in figures or _FIGURE.fullmatch(target.figure)
                assert is_figure, f"{scenario.name}: no figure {target.figure!r}"
                assert target.need, f"{scenario.name}: {target.figure} serves no need"

    def test_server_answers_as_expected(self, tmp_path: Path) -> None:
        """The server starts, lists the tools, answers each journey as expected, and ends."""
        for wire in self.wires:
            process = ServerProcess(self.adapter.launch, wire, tmp_path / f"{wire}.log")
            with process:
                wanted = self.adapter.server_name
                assert wanted is None or process.handshake.server_name == wanted
                with connect(process.url, wire) as client:
                    self._walk(client, set(process.handshake.tools))
            assert process.exit_code is not None, "the server did not end"

    def _scenarios(self) -> Iterator[Scenario]:
        yield from self.adapter.scenarios.values()

    def _drawing_apart(self) -> Collection[Scenario]:
        """Return one scenario for each way of drawing journeys: most scenarios share one."""
        return {scenario.journeys: scenario for scenario in self._scenarios()}.values()

    def _walk(self, client: Client, tools: set[str]) -> None:
        for scenario in self._drawing_apart():
            for name, pool in scenario.journeys(1).items():
                for journey in islice(pool, self.calls_per_pool):
                    self._follow(client, tools, f"{scenario.name}, pool {name}", journey)

    def _follow(self, client: Client, tools: set[str], where: str, journey: Journey) -> None:
        unique = uuid4().hex[:16]
        for step in journey.steps:
            assert step.tool in tools, f"{where}: the server does not list {step.tool}"
            arguments = filled(dict(step.arguments), unique)
            expect = replace(step.expect, value=filled(step.expect.value, unique))
            result = client.call(step.tool, arguments)
            assert meets(expect, result), (
                f"{where}: {step.tool}({arguments}) should answer {expect}, {result} came"
            )
