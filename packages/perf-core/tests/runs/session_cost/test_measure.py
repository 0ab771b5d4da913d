"""Whole measurements of servers at a URL: they are left as they were, also after an interruption."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perf_core.adapter import Launch
from perf_core.errors import Interrupted
from perf_core.interruption import Interruption
from perf_core.runs.session_cost import earlier_sessions
from perf_core.runs.session_cost import visit as module
from perf_core.runs.session_cost.measure import MeasuredSessions, SessionOptions, measure_sessions
from perf_core.server.credentials.access import bearer
from perf_core.server.subject import DerivedAdapter, Subject

SECRET = "token-of-the-lab"


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(earlier_sessions, "_PAUSE_S", 0.0)
    for name, number in {"_WARM_UP_UNITS": 1, "_UNSEEN_UNITS": 4, "_DROPPED_S": 0}.items():
        monkeypatch.setattr(module, name, number)
    # Its memory is that of this very process, which says nothing.
    monkeypatch.setattr("perf_core.server.live.root_listener", lambda _url: None)


def measured(
    url: str,
    folder: Path,
    on_progress: Callable[[str, float | None], None] = lambda _step, _share: None,
    interruption: Interruption | None = None,
) -> MeasuredSessions:
    subject = Subject(DerivedAdapter("there", None, Launch(("x",)), {}), url=url, access=bearer([SECRET]))
    options = SessionOptions(folder, 30, 4, 30.0)
    return measure_sessions(
        subject, None, options, interruption=interruption or Interruption(), on_progress=on_progress
    )


def test_a_server_elsewhere_is_left_as_it_was(keeper: Any, tmp_path: Path) -> None:
    server = keeper(cap=20, cap_mode="replace")
    document = measured(server.url, tmp_path).document
    assert server.keeper.open == 0
    assert document.left_open == 0
    assert document.memory_source == ""
    assert document.health.state == "unknown"
    assert document.costs == ()
    assert document.cap is not None
    assert (document.cap.kind, document.cap.sessions) == ("replaces", 20)


def test_sessions_are_deleted_after_an_interruption_too(keeper: Any, tmp_path: Path) -> None:
    server = keeper()
    interruption = Interruption()

    def stop(step: str, share: float | None) -> None:
        interruption.requested |= step == "abandoned sessions" and (share or 0) > 0.3

    document = measured(server.url, tmp_path, stop, interruption).document
    assert document.interrupted
    assert server.keeper.open == 0
    assert document.left_open == 0


def test_sessions_that_cannot_be_deleted_are_stated(keeper: Any, tmp_path: Path) -> None:
    document = measured(keeper(deletes=False).url, tmp_path).document
    assert document.left_open > 20


def test_an_interruption_at_the_beginning_leaves_nothing_to_tell(keeper: Any, tmp_path: Path) -> None:
    server = keeper()
    interruption = Interruption()

    def stop(step: str, _share: float | None) -> None:
        interruption.requested = interruption.requested or step == "warming up"

    with pytest.raises(Interrupted, match="before there was anything to tell"):
        measured(server.url, tmp_path, stop, interruption)
    assert server.keeper.open == 0


def test_no_file_has_the_token(keeper: Any, tmp_path: Path) -> None:
    folder = measured(keeper().url, tmp_path).folder
    assert json.loads((folder / "sessions.json").read_text())["wire"] == "session"
    for path in folder.iterdir():
        assert SECRET not in path.read_text()
