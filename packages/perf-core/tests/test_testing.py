"""Contract tests for adapters, and their comparison of results."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import Any

import pytest

from perf_core import Expectation, Journey, Launch, ServerAdapter, Step, Target
from perf_core.errors import RequestRefused
from perf_core.testing import AdapterContract, follow_journey, meets

RESULT: dict[str, Any] = {
    "structuredContent": {"a": 1, "b": [1, {"c": 2}]},
    "content": [{"type": "text", "text": "one"}],
}


@pytest.mark.parametrize(
    ("expect", "met"),
    [
        (Expectation.result(RESULT["structuredContent"]), True),
        (Expectation.result({"a": 1}), False),
        (Expectation.members({"a": 1}), True),
        (Expectation.members({"b": [1, {"c": 2}], "a": 1.0}), True),
        (Expectation.members({}), True),
        (Expectation.members({"a": 2}), False),
        (Expectation.members({"b": [1]}), False),
        (Expectation.members({"d": None}), False),
        (Expectation.text("one"), True),
        (Expectation.text("two"), False),
        (Expectation.anything(), True),
        (Expectation.error(), False),
    ],
)
def test_expectations(expect: Expectation, met: bool) -> None:
    assert meets(expect, RESULT) is met


def test_error_meets_only_the_expectation_of_an_error() -> None:
    failed = {**RESULT, "isError": True}
    assert meets(Expectation.error(), failed)
    for expect in (Expectation.members({"a": 1}), Expectation.anything(), Expectation.text("one")):
        assert not meets(expect, failed)
    assert not meets(Expectation.members({"a": 1}), {"content": []})


# --- journeys ---


class NotesClient:
    """A client of a server of notes, which knows the id of a note only after it was created."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, Any, str | None]] = []

    def call(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        self.requests.append((tool, arguments, tool))
        note = {"id": 7} if tool == "create" else {"id": arguments.get("id")}
        return {"content": [], "structuredContent": note}

    def request(self, method: str, params: dict[str, Any], name: str | None) -> dict[str, Any]:
        self.requests.append((method, params, name))
        if method == "resources/read" and params["uri"] != "note://7":
            raise RequestRefused("no such note", status=200, code=-32002)
        if method == "completion/complete":
            raise RequestRefused("no such method", status=404)
        return {"contents": [{"uri": params["uri"], "text": params["uri"]}]}


CREATE = Step("create", {"text": "{unique}"}, Expectation.anything(), save={"id": "/structuredContent/id"})
READ = Step("note", {"uri": "note://{id}"}, Expectation.text("note://{id}"), "resources/read")


def follow(*steps: Step) -> NotesClient:
    client: Any = NotesClient()
    follow_journey(client, {"create", "get"}, "here", Journey("j", steps))
    return client  # type: ignore[no-any-return] # it is the client of above


def test_saved_values_are_used_by_later_steps() -> None:
    client = follow(CREATE, Step("get", {"id": "{id}"}, Expectation.result({"id": "{id}"})), READ)
    (_, created, _), get, read = client.requests
    assert len(created["text"]) == 16
    assert get == ("get", {"id": 7}, "get")
    assert read == ("resources/read", {"uri": "note://7"}, "note://7")


def test_missing_value_wrong_answer_and_unlisted_tool_fail() -> None:
    with pytest.raises(AssertionError, match="here: expected id at /no for later calls from create"):
        follow(replace(CREATE, save={"id": "/no"}), READ)
    with pytest.raises(AssertionError, match=r"here: expected .*value='other'.* from note"):
        follow(CREATE, replace(READ, expect=Expectation.text("other")))
    with pytest.raises(AssertionError, match="here: the server does not list add"):
        follow(Step("add", {}, Expectation.anything()))


def test_json_rpc_error_may_be_the_expected_answer() -> None:
    missing = replace(READ, arguments={"uri": "note://8"}, expect=Expectation.rpc_error(-32002))
    assert len(follow(missing).requests) == 1
    with pytest.raises(AssertionError, match="no such note"):
        follow(replace(missing, expect=Expectation.rpc_error(-1)))
    with pytest.raises(RequestRefused, match="no such method"):
        follow(Step("c", {}, Expectation.rpc_error(), "completion/complete"))


# --- the contract ---

ADDER = Path(__file__).parent / "servers" / "adder.py"


@pytest.fixture
def adapter(build: Any) -> ServerAdapter:
    """An adapter of the adder that keeps the contract."""
    launch = Launch((sys.executable, str(ADDER), "--ready-file", "{ready_file}"))
    target = Target("latency_ms.all.p95", "<", 100.0, need="Answers must be quick.")
    scenario = build.scenario("load", {"mix": [build.journey(2, 3)]}, (target,))
    return build.adapter(
        {"load": scenario, "quick": replace(scenario, name="quick", shape="quick")}, launch=launch
    )


def run_contract(contract: type[AdapterContract], tmp_path: Path) -> list[str]:
    """Run the tests of a contract and return their names."""
    tests = [name for name in dir(contract) if name.startswith("test_")]
    for name in tests:
        test: Callable[..., None] = getattr(contract(), name)
        test(tmp_path) if "tmp_path" in inspect.signature(test).parameters else test()
    return tests


@pytest.mark.process
def test_example_of_the_docstring(
    adapter: ServerAdapter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("my_server.perf_adapter")
    vars(module)["adapter"] = adapter
    monkeypatch.setitem(sys.modules, "my_server", ModuleType("my_server"))
    monkeypatch.setitem(sys.modules, "my_server.perf_adapter", module)
    example = dedent(str(AdapterContract.__doc__).partition("Example::\n")[2])
    names: dict[str, Any] = {}
    exec(example, names)  # noqa: S102 - our own example
    assert len(run_contract(names["TestAdapter"], tmp_path)) == 5


def broken(adapter: ServerAdapter, **changes: Any) -> type[AdapterContract]:
    """Return a contract for an adapter whose scenarios have these changes."""
    scenarios = {name: replace(scenario, **changes) for name, scenario in adapter.scenarios.items()}
    return type("Broken", (AdapterContract,), {"adapter": replace(adapter, scenarios=scenarios)})


def test_contract_refuses_journeys_that_ignore_the_seed(adapter: ServerAdapter, build: Any) -> None:
    number = count()
    contract = broken(adapter, journeys=lambda _seed: {"mix": [build.journey(next(number), 1)]})
    with pytest.raises(AssertionError, match="quick: expected the same journeys from the same seed"):
        contract().test_same_seed_same_plan()


def test_contract_refuses_figures_that_do_not_exist(adapter: ServerAdapter) -> None:
    contract = broken(adapter, targets=(Target("latency.p95", "<", 100.0, need="Speed."),))
    with pytest.raises(AssertionError, match=r"expected a figure of load, got 'latency\.p95'"):
        contract().test_targets_name_figures_and_needs()


@pytest.mark.parametrize(
    ("figure", "closest"),
    [
        ("latency_ms.ad.p95", "latency_ms.add.p95"),
        ("latency_ms.add.p95@hold_100", "latency_ms.add.p95"),
        ("stress.knee_vus", None),
    ],
)
def test_contract_refuses_tools_that_are_not_called_and_figures_of_other_shapes(
    figure: str, closest: str | None, adapter: ServerAdapter
) -> None:
    contract = broken(adapter, targets=(Target(figure, "<", 100.0, need="Speed."),))
    with pytest.raises(AssertionError) as caught:
        contract().test_targets_name_figures_and_needs()
    assert f"expected a figure of load, got {figure!r}" in str(caught.value)
    assert closest is None or f"did you mean {closest!r}?" in str(caught.value)


def test_contract_accepts_names_that_only_k6_knows(adapter: ServerAdapter) -> None:
    figures = ("latency_ms.all.p95@hold_100", "protocol_ms.ping.med")
    contract = broken(adapter, targets=tuple(Target(name, "<", 100.0, need="Speed.") for name in figures))
    contract().test_targets_name_figures_and_needs()


@pytest.mark.process
def test_contract_refuses_wrong_answers(adapter: ServerAdapter, build: Any, tmp_path: Path) -> None:
    step = Step("add", {"a": 1, "b": 2}, Expectation.result({"result": 4}))
    contract = broken(adapter, journeys=lambda _seed: {"mix": [replace(build.journey(), steps=(step,))]})
    with pytest.raises(AssertionError, match=r"quick, pool mix: expected .*4.* from add\(.*\), got .*3"):
        contract().test_server_answers_as_expected(tmp_path)


@pytest.mark.process
def test_server_with_one_token_keeps_the_contract(adapter: ServerAdapter, tmp_path: Path) -> None:
    launch = replace(adapter.launch, env={"ADDER_TOKEN": "everybody-s"}, tokens=("everybody-s",))
    contract = type("WithToken", (AdapterContract,), {"adapter": replace(adapter, launch=launch)})
    contract().test_server_answers_as_expected(tmp_path)
    refused = type(
        "Without", (AdapterContract,), {"adapter": replace(adapter, launch=replace(launch, tokens=()))}
    )
    with pytest.raises(RequestRefused, match="status 401"):
        refused().test_server_answers_as_expected(tmp_path)
