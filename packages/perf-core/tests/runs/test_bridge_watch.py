"""The bridge is looked at before and after a load, and what a server wrote is shown without secrets."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from perf_core.adapter import Launch
from perf_core.runs import bridge_watch as module
from perf_core.runs.bridge_watch import watch_bridge
from perf_core.server.bridge.cost import BridgeCost
from perf_core.server.bridge.pages import BridgeCounts, End
from perf_core.server.credentials.access import Access, bearer

COST = BridgeCost(400, 130.0, 50.0, 61.0)
LAUNCH = Launch(("server", "--api-key", "key-of-a-user"), env={"SERVICE_TOKEN": "token-of-a-user"})
SHOUTED = "started with key-of-a-user, token-of-a-user and bearer-of-a-user"


@dataclass
class FakeLive:
    """The parts of a live server that are looked at."""

    url: str = "http://127.0.0.1:1/mcp"
    bridge_pid: int | None = 4711
    access: Access = field(default_factory=lambda: bearer(["bearer-of-a-user"]))
    handshake: Any = field(default_factory=lambda: SimpleNamespace(wire="session"))


@pytest.fixture
def bridge(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A bridge whose counts a test can set; None does not answer."""
    state: dict[str, Any] = {"counts": BridgeCounts(1.0, requests=3), "measured": 0}

    def measure(_url: str) -> BridgeCost:
        state["measured"] += 1
        return COST

    monkeypatch.setattr(module, "read_counts", lambda _url: state["counts"])
    monkeypatch.setattr(module, "measure_cost", measure)

    def prepare(url: str, count: int, initialize: dict[str, Any], each_s: float) -> tuple[float, ...]:
        state["prepared"] = (url, count, initialize["params"], each_s)
        return (0.5,) * count

    monkeypatch.setattr(module, "prepare_servers", prepare)
    return state


def test_cost_is_measured_once_and_counts_are_read_twice(bridge: dict[str, Any]) -> None:
    watch = watch_bridge(FakeLive(), LAUNCH, 3)  # type: ignore[arg-type]
    assert watch is not None
    bridge["counts"] = BridgeCounts(2.0, requests=9)
    observed = watch.observations()
    assert observed.cost == COST
    assert (observed.before.requests, bridge["measured"]) == (3, 1)
    assert observed.after is not None
    assert observed.after.requests == 9


def test_text_of_the_server_is_shown_without_secrets(bridge: dict[str, Any]) -> None:
    watch = watch_bridge(FakeLive(), LAUNCH, 3)  # type: ignore[arg-type]
    assert watch is not None
    ends = (End(1, 2, "ended with exit code 3", SHOUTED),)
    bridge["counts"] = BridgeCounts(2.0, ended=1, first_skipped_line=SHOUTED, ends=ends)
    after = watch.observations().after
    assert after is not None
    for text in (after.first_skipped_line, after.ends[0].stderr):
        assert text == "started with ***, *** and ***"
    assert "of-a-user" not in repr(watch)


def test_server_without_a_bridge_is_not_watched(bridge: dict[str, Any]) -> None:
    assert watch_bridge(FakeLive(bridge_pid=None), LAUNCH, 3) is None  # type: ignore[arg-type]
    assert bridge["measured"] == 0


def test_bridge_to_a_server_elsewhere_has_no_child_to_measure_with(bridge: dict[str, Any]) -> None:
    bridge["counts"] = BridgeCounts(1.0, is_remote=True)
    watch = watch_bridge(FakeLive(), LAUNCH, 3)  # type: ignore[arg-type]
    assert watch is not None
    assert watch.cost is None
    assert bridge["measured"] == 0


def test_bridge_that_no_longer_answers_has_no_counts_afterwards(bridge: dict[str, Any]) -> None:
    watch = watch_bridge(FakeLive(), LAUNCH, 3)  # type: ignore[arg-type]
    assert watch is not None
    bridge["counts"] = None
    assert watch.observations().after is None
    assert watch_bridge(FakeLive(), LAUNCH, 3) is None  # type: ignore[arg-type]


def test_first_users_of_a_server_on_stdio_find_their_processes_started(bridge: dict[str, Any]) -> None:
    live, launch = FakeLive(), replace(LAUNCH, transport="stdio")
    watch = watch_bridge(live, launch, 3)  # type: ignore[arg-type]
    assert watch is not None
    assert watch.observations().starts_s == (0.5, 0.5, 0.5)
    url, count, params, each_s = bridge["prepared"]
    assert (url, count) == (live.url, 3)
    assert params["protocolVersion"] == live.access.revision
    assert params["capabilities"] == {}
    # Servers refuse a client without either.
    assert params["clientInfo"] == {"name": "k6", "version": "1"}
    assert each_s == launch.ready_timeout_s
    watch_bridge(live, launch, 800)  # type: ignore[arg-type]
    assert bridge["prepared"][1] == 50


@pytest.mark.parametrize(
    ("transport", "wire", "users"),
    [
        ("stdio", "session", 0),
        ("stdio", "stateless", 3),
        ("stdio-shared", "session", 3),
        ("http", "session", 3),
    ],
)
def test_other_servers_are_not_prepared(
    transport: Any, wire: str, users: int, bridge: dict[str, Any]
) -> None:
    live = FakeLive(handshake=SimpleNamespace(wire=wire))
    watch_bridge(live, replace(LAUNCH, transport=transport), users)  # type: ignore[arg-type]
    assert "prepared" not in bridge


def test_server_elsewhere_is_not_prepared_although_its_adapter_starts_it_on_stdio(
    bridge: dict[str, Any],
) -> None:
    bridge["counts"] = BridgeCounts(1.0, is_remote=True)
    watch_bridge(FakeLive(), replace(LAUNCH, transport="stdio"), 3)  # type: ignore[arg-type]
    assert "prepared" not in bridge
