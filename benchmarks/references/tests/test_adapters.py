"""Tests that the reference adapters keep the lab's contract and make the calculator's calls."""

import json
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from calculator_server import perf_adapter
from lab_references import adapters, node
from lab_references.serving import Handicap, parse_options
from perf_core.adapter import ENTRY_POINT_GROUP, Expectation
from perf_core.errors import UsageError
from perf_core.scenarios import NO_ERRORS
from perf_core.testing import AdapterContract, meets

REFERENCES = (adapters.asgi, adapters.fastmcp, adapters.typescript)


@pytest.mark.process
class TestAsgi(AdapterContract):
    adapter = adapters.asgi


@pytest.mark.process
@pytest.mark.nightly
class TestFastmcp(AdapterContract):
    adapter = adapters.fastmcp


@pytest.mark.process
@pytest.mark.nightly
class TestTypescript(AdapterContract):
    adapter = adapters.typescript
    wires = ("session",)

    @pytest.mark.skipif(bool(node.missing()), reason=node.missing())
    def test_server_answers_as_expected(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("perf_core.testing.meets", meets_as_doubles)
        super().test_server_answers_as_expected(tmp_path)


def meets_as_doubles(expect: Expectation, result: Mapping[str, Any]) -> bool:
    # JavaScript writes doubles below 1e21 as integers, padded with zeros, which Python would read as exact.
    return meets(expect, json.loads(json.dumps(result), parse_int=float))


def test_entry_points_have_the_names_of_the_adapters() -> None:
    installed = {entry.name: entry.load() for entry in entry_points(group=ENTRY_POINT_GROUP)}
    for adapter in REFERENCES:
        assert installed[adapter.name] is adapter


@pytest.mark.parametrize("adapter", REFERENCES, ids=lambda adapter: adapter.name)
def test_scenarios_have_the_journeys_of_the_calculator_without_its_targets(
    adapter: adapters.ReferenceAdapter,
) -> None:
    theirs = perf_adapter.adapter.scenarios
    # Omitted: scenarios with their own launch of the calculator, and those that check its error messages.
    assert set(adapter.scenarios) == set(theirs) - {"rate-limit", "recovery", "cleanup"}
    for name, scenario in adapter.scenarios.items():
        assert scenario.journeys is theirs[name].journeys
        assert scenario.targets == (NO_ERRORS,)


def test_each_reference_is_measured_on_both_wires() -> None:
    assert adapters.asgi.scenarios["quick"].wires == ("session", "stateless")
    assert adapters.fastmcp.scenarios["quick"].wires == ("session", "stateless")
    assert adapters.typescript.scenarios["quick"].wires == ("session", "stateless")


def test_burn_changes_only_name_and_command() -> None:
    burning = adapters.with_burn(adapters.fastmcp, 100)
    assert burning.name == "reference-fastmcp+100us"
    assert burning.launch.argv == (*adapters.fastmcp.launch.argv, "--burn-us", "100")
    assert replace(burning, name=adapters.fastmcp.name, launch=adapters.fastmcp.launch) == adapters.fastmcp


@pytest.mark.parametrize(("adapter", "burn_us"), [(adapters.typescript, 100), (adapters.asgi, -1)])
def test_burn_is_refused_for_typescript_and_negative_times(
    adapter: adapters.ReferenceAdapter, burn_us: int
) -> None:
    with pytest.raises(UsageError, match=f"got {adapter.name} and {burn_us} µs"):
        adapters.with_burn(adapter, burn_us)


def test_handicap_is_passed_on_the_command_line() -> None:
    handicap = Handicap(slow_share=0.02, slow_us=5000, wrong_share=0.005)
    slower = adapters.with_handicap(adapters.asgi, handicap, "slower")
    assert slower.name == "slower"
    assert slower.launch.argv[: len(adapters.asgi.launch.argv)] == adapters.asgi.launch.argv
    assert (
        parse_options("A server.", slower.launch.argv[len(adapters.asgi.launch.argv) :]).handicap == handicap
    )


def test_handicap_is_refused_for_typescript() -> None:
    with pytest.raises(UsageError, match="got reference-typescript"):
        adapters.with_handicap(adapters.typescript, Handicap(wrong_share=0.1), "wrong")
