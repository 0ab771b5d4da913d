"""Resource snapshots of a server: its processes, temporary files and gauges."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from perf_core.sampling import snapshot as module
from perf_core.sampling.snapshot import ResourceSnapshot, SnapshotPair, take_settled_snapshot, take_snapshot
from perf_core.server.credentials.access import Access, bearer

ACCESS = bearer(["secret-of-the-lab"])
SCORES = {"scores": "music_scores"}


@dataclass
class FakeLive:
    """The parts of a live server that a snapshot reads."""

    url: str
    pid: int | None
    temporary_folder: Path | None
    access: Access = ACCESS
    bridge_pid: int | None = None


@pytest.fixture
def gauge_values() -> list[float]:
    """Values of the server's gauge: one per request, the last one repeated."""
    return [5.0]


@pytest.fixture
def live(gauge_values: list[float], tmp_path: Path) -> Iterator[FakeLive]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            allowed = self.headers["Authorization"] == "Bearer secret-of-the-lab"
            self.send_response(200 if allowed else 401)
            self.end_headers()
            number = gauge_values.pop(0) if len(gauge_values) > 1 else gauge_values[0]
            self.wfile.write(f'music_scores{{a="b"}} {number}\nmusic_scores{{a="c"}} 1\n'.encode())

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield FakeLive(f"http://127.0.0.1:{server.server_port}/mcp", os.getpid(), tmp_path)
        server.shutdown()


def test_snapshot_counts_processes_files_and_gauges(live: FakeLive, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("left")
    snapshot = take_snapshot(live, SCORES)
    assert snapshot is not None
    assert snapshot.gauges == {"scores": 6.0}, "a gauge is summed over its labels"
    assert snapshot.temporary_files == 1
    assert snapshot.rss_mb > 1
    assert snapshot.processes >= 1
    assert snapshot.fds > 0


def test_unseen_processes_files_and_gauges_are_none(live: FakeLive) -> None:
    assert take_snapshot(FakeLive(live.url, None, None), SCORES) is None
    snapshot = take_snapshot(FakeLive(live.url, os.getpid(), None), {"cows": "no_such_gauge"})
    assert snapshot is not None
    assert snapshot.temporary_files is None
    assert snapshot.gauges == {"cows": None}


def test_settled_snapshot_waits_until_nothing_has_grown(
    live: FakeLive, gauge_values: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_POLL_S", 0.01)
    before = take_snapshot(live, SCORES)
    gauge_values[:] = [9.0, 7.0, 5.0]
    after = take_settled_snapshot(live, SCORES, before, lambda: False)
    assert after is not None
    assert after.gauges == {"scores": 6.0}
    assert gauge_values == [5.0], "it read the gauge until it was back"


def test_first_settled_snapshot_waits_until_nothing_changes(
    live: FakeLive, gauge_values: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_POLL_S", 0.01)
    monkeypatch.setattr(module, "_STABLE_S", 0.1)
    gauge_values[:] = [9.0, 7.0, 8.0, 5.0]
    snapshot = take_settled_snapshot(live, SCORES, None, lambda: False)
    assert snapshot is not None
    assert snapshot.gauges == {"scores": 6.0}


def test_settled_snapshot_is_taken_at_the_deadline_or_on_interruption(
    live: FakeLive, gauge_values: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_POLL_S", 0.01)
    monkeypatch.setattr(module, "SETTLING_S", 0.2)
    before = take_snapshot(live, SCORES)
    gauge_values[:] = [9.0]
    after = take_settled_snapshot(live, SCORES, before, lambda: False)
    assert after is not None
    assert after.gauges == {"scores": 10.0}
    gauge_values[:] = [9.0]
    monkeypatch.setattr(module, "SETTLING_S", 3600.0)
    on_interruption = take_settled_snapshot(live, SCORES, before, lambda: True)
    assert on_interruption is not None


@pytest.mark.parametrize(
    ("now", "grown"),
    [
        ({}, False),
        ({"rss_mb": 900.0, "fds": 19}, False),
        ({"fds": 21}, True),
        ({"threads": 5}, True),
        ({"processes": 4}, True),
        ({"temporary_files": 1}, True),
        ({"temporary_files": None}, False),
        ({"gauges": {"scores": 6.0}}, True),
        ({"gauges": {"scores": 4.0}}, False),
        ({"gauges": {"scores": None}}, False),
    ],
)
def test_growth_is_more_of_anything_but_memory(now: dict[str, Any], grown: bool) -> None:
    before = ResourceSnapshot(100.0, 20, 4, 3, 0, {"scores": 5.0})
    assert SnapshotPair(before, replace(before, **now)).has_growth is grown
