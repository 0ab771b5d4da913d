"""Servers that keep exactly 50, 5 and 0 kB for each session, measured as a user would."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from perf_core.adapter import Launch
from perf_core.interruption import Interruption
from perf_core.results.session_costs import Cost, SessionCosts
from perf_core.runs.session_cost.measure import SessionOptions, measure_sessions
from perf_core.server.subject import DerivedAdapter, Subject

KEEPER = Path(__file__).parents[5] / "truth" / "session_keeper.py"

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.timeout(400),
    pytest.mark.skipif(sys.platform != "linux", reason="elsewhere memory is counted less exactly"),
]


def measured(folder: Path, *modes: str, streams: int = 0) -> SessionCosts:
    launch = Launch((sys.executable, str(KEEPER), "--ready-file", "{ready_file}", *modes))
    subject = Subject(DerivedAdapter("keeper", None, launch, {}))
    options = SessionOptions(folder, 2000, streams, 120.0)
    result = measure_sessions(
        subject, "session", options, interruption=Interruption(), on_progress=lambda _step, _share: None
    )
    assert SessionCosts.cost(result.document, "abandoned") is not None
    return result.document


def cost(document: SessionCosts, name: str) -> Cost:
    return next(each for each in document.costs if each.name == name)


@pytest.mark.parametrize("kb", [50, 5])
def test_what_a_session_keeps_is_told_within_a_tenth(tmp_path: Path, kb: int) -> None:
    abandoned = cost(measured(tmp_path, f"session_kb={kb}"), "abandoned")
    assert abandoned.kb == pytest.approx(kb, rel=0.1)
    assert abandoned.is_distinguishable
    assert 0.9 * kb < abandoned.low_kb <= abandoned.high_kb < 1.1 * kb


def test_nothing_is_not_told_from_nothing(tmp_path: Path) -> None:
    document = measured(tmp_path, "session_kb=0")
    for name in ("abandoned", "deleted", "refused"):
        assert not cost(document, name).is_distinguishable
    assert cost(document, "abandoned").high_kb < 0.5


def test_what_requests_leave_is_told_apart_from_what_sessions_keep(tmp_path: Path) -> None:
    # 2 kB are left by the two requests of a session.
    abandoned = cost(measured(tmp_path, "session_kb=20", "request_kb=1"), "abandoned")
    assert abandoned.kb == pytest.approx(20, rel=0.1)
    assert abandoned.requests_kb == pytest.approx(2, rel=0.5)


def test_what_deleted_sessions_and_refusals_leave(tmp_path: Path) -> None:
    document = measured(tmp_path, "session_kb=20", "deleted_kb=10", "refused_kb=5")
    assert cost(document, "deleted").kb == pytest.approx(10, rel=0.25)
    assert cost(document, "refused").kb == pytest.approx(5, rel=0.25)


def test_held_streams_cost_more_and_vanished_ones_do_not(tmp_path: Path) -> None:
    document = measured(tmp_path, "session_kb=20", "stream_kb=200", streams=200)
    held, vanished = cost(document, "streams"), cost(document, "dropped")
    # A held stream is a connection with its buffers, too.
    assert 215 < held.kb < 245
    assert vanished.kb == pytest.approx(20, rel=0.15)
