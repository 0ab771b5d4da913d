"""Visits to servers whose sessions behave as told, and whose memory is not visible, as on other machines."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from perf_core.interruption import Interruption
from perf_core.results.session_costs import Ending, LadderName
from perf_core.runs.session_cost import earlier_sessions
from perf_core.runs.session_cost import visit as module
from perf_core.runs.session_cost.budget import Budget
from perf_core.runs.session_cost.visit import Findings, Visit, VisitOptions
from perf_core.server.credentials.access import OPEN, Access

GROWING: tuple[LadderName, ...] = ("control", "refused", "deleted", "abandoned")


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out pauses, and make few units of what answers alike."""
    monkeypatch.setattr(earlier_sessions, "_PAUSE_S", 0.0)
    for name, number in {
        "_WARM_UP_UNITS": 1,
        "_UNSEEN_UNITS": 4,
        "_DROPPED_S": 0,
        "_EXPIRY_LATE_S": 0,
    }.items():
        monkeypatch.setattr(module, name, number)


@dataclass
class FakeLive:
    """The parts of a live server that a visit needs."""

    url: str
    transport: str = "http"
    pid: int | None = None
    bridge_pid: int | None = None
    ready_s: float | None = None
    access: Access = OPEN
    temporary_folder: Path | None = None


def visit(
    url: str,
    ladders: Sequence[LadderName],
    *,
    most: int = 40,
    expires_after_s: float | None = None,
    interruption: Interruption | None = None,
) -> Findings:
    """Return what a visit found."""
    findings = Findings()
    live: Any = FakeLive(url)
    options = VisitOptions(most, 4, expires_after_s, 1e6)
    budget = Budget(60.0, ["warm_up", *ladders, "delete"])
    whole = Visit(
        live,
        "session",
        options,
        findings,
        budget=budget,
        interruption=interruption or Interruption(),
        on_progress=lambda _step, _share: None,
    )
    asyncio.run(whole.run(ladders))
    return findings


def ending(findings: Findings, name: str) -> Ending:
    return next(each for each in findings.endings if each.name == name)


def statuses(end: Ending) -> dict[str, dict[int, int]]:
    found: dict[str, dict[int, int]] = {}
    for each in end.answers:
        found.setdefault(each.request, {})[each.status] = each.count
    return found


def test_what_can_be_told_without_memory(keeper) -> None:
    server = keeper()
    findings = visit(server.url, (*GROWING, "dropped", "streams"))
    assert [ladder.name for ladder in findings.ladders] == [
        "refused",
        "deleted",
        "abandoned",
        "dropped",
        "streams",
    ]
    assert findings.cap is not None
    assert (findings.cap.kind, findings.cap.sessions) == ("none", 40)
    assert findings.holds_streams is True
    refused = findings.ladder("refused")
    assert refused is not None
    assert {each.status for each in refused.answers} == {404}
    deleted = statuses(ending(findings, "delete"))
    assert deleted["DELETE"] == {200: 40 + 4 + 4 + 1}
    assert deleted["ping in a deleted session"] == {404: 20}
    assert statuses(ending(findings, "disconnect")) == {
        "ping in a session whose stream was dropped": {200: 20}
    }
    assert server.keeper.open == 0
    assert not findings.open_sessions


def test_a_server_that_refuses_at_its_cap(keeper) -> None:
    server = keeper(cap=30, cap_status=503)
    findings = visit(server.url, GROWING)
    assert findings.cap is not None
    # One of the thirty is the session in which requests leave nothing.
    assert (findings.cap.kind, findings.cap.sessions) == ("refuses", 29)
    assert findings.cap.answer is not None
    assert findings.cap.answer.status == 503
    assert "too many sessions" in findings.cap.answer.excerpt
    assert server.keeper.open == 0


def test_a_server_that_replaces_the_oldest(keeper) -> None:
    server = keeper(cap=25, cap_mode="replace")
    findings = visit(server.url, GROWING)
    assert findings.cap is not None
    assert (findings.cap.kind, findings.cap.sessions) == ("replaces", 25)
    ladder = findings.ladder("abandoned")
    assert ladder is not None
    assert ladder.counted_units == 25
    assert statuses(ending(findings, "delete"))["DELETE"] == {200: 25, 404: 16}


def test_streams_need_room(keeper) -> None:
    findings = visit(keeper(cap=25, cap_mode="replace").url, (*GROWING, "streams"))
    assert findings.ladder("streams") is None
    assert any("the server was full" in remark for remark in findings.remarks)


def test_sessions_that_expire_in_time(keeper) -> None:
    server = keeper(ttl_s=0.3)
    findings = visit(server.url, GROWING, most=20, expires_after_s=0.3)
    assert statuses(ending(findings, "expiry")) == {"ping in a session that should have expired": {404: 20}}


def test_an_expiry_that_is_told_is_waited_for_if_there_is_time(keeper) -> None:
    findings = visit(keeper(ttl_s=3600, gauges=True).url, GROWING, most=20)
    assert any("Sessions expire after 3600 s: too long" in remark for remark in findings.remarks)
    assert (findings.gauges[0].name, findings.gauges[0].units) == ("mcp_sessions_open", 20)


def test_sessions_that_live_on_after_their_end(keeper) -> None:
    findings = visit(keeper(serves_deleted=True).url, GROWING, most=20)
    assert statuses(ending(findings, "delete"))["ping in a deleted session"] == {200: 20}


def test_a_server_that_lets_nobody_delete(keeper) -> None:
    findings = visit(keeper(deletes=False).url, GROWING, most=20)
    deleted = findings.ladder("deleted")
    assert deleted is not None
    assert deleted.end == "refused"
    assert {each.status for each in deleted.answers} == {405}
    assert findings.open_sessions


def test_a_server_without_sessions(keeper) -> None:
    findings = visit(keeper(sessions=False).url, (*GROWING, "streams"), most=20)
    assert not findings.has_sessions
    assert [ladder.name for ladder in findings.ladders] == ["refused", "abandoned"]
    assert findings.cap is None


def test_a_server_without_streams(keeper) -> None:
    findings = visit(keeper(streams=False).url, ("streams",))
    assert findings.holds_streams is False


def test_an_interrupted_visit_knows_what_it_has_left_open(keeper) -> None:
    server = keeper()
    interruption = Interruption()
    findings = Findings()
    live: Any = FakeLive(server.url)

    def stop(step: str, _share: float | None) -> None:
        interruption.requested = interruption.requested or step == "abandoned sessions"

    whole = Visit(
        live,
        "session",
        VisitOptions(500, 0, None, 1e6),
        findings,
        budget=Budget(60.0, []),
        interruption=interruption,
        on_progress=stop,
    )
    asyncio.run(whole.run(GROWING))
    assert findings.ladder("abandoned") is not None
    assert server.keeper.open == len(findings.open_sessions) > 1
