"""Taking stock of a server: its processes, temporary files, and what it says it holds."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from perf_core.sampling import snapshot as module
from perf_core.sampling.snapshot import take_settled_stock, take_stock

SCORES = {"scores": "music_scores"}


@dataclass
class FakeLive:
    """As much of a live server as stock is taken of."""

    url: str
    pid: int | None
    temporary_folder: Path | None
    token: str | None = "secret-of-the-lab"


@pytest.fixture
def held() -> list[float]:
    """What the server says it holds: one number per question, the last one again and again."""
    return [5.0]


@pytest.fixture
def live(held: list[float], tmp_path: Path) -> Iterator[FakeLive]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            allowed = self.headers["Authorization"] == "Bearer secret-of-the-lab"
            self.send_response(200 if allowed else 401)
            self.end_headers()
            number = held.pop(0) if len(held) > 1 else held[0]
            self.wfile.write(f'music_scores{{a="b"}} {number}\nmusic_scores{{a="c"}} 1\n'.encode())

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield FakeLive(f"http://127.0.0.1:{server.server_port}/mcp", os.getpid(), tmp_path)
        server.shutdown()


def test_stock_of_a_server(live: FakeLive, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("left")
    found = take_stock(live, SCORES)
    assert found is not None
    assert found.held == {"scores": 6.0}, "gauges are added up over their labels"
    assert found.temporary_files == 1
    assert found.rss_mb > 1
    assert found.processes >= 1
    assert found.fds > 0


def test_what_cannot_be_seen(live: FakeLive) -> None:
    assert take_stock(FakeLive(live.url, None, None), SCORES) is None
    found = take_stock(FakeLive(live.url, os.getpid(), None), {"cows": "no_such_gauge"})
    assert found is not None
    assert found.temporary_files is None
    assert found.held == {"cows": None}


def test_waits_until_the_server_is_back_at_rest(
    live: FakeLive, held: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_POLL_S", 0.01)
    before = take_stock(live, SCORES)
    held[:] = [9.0, 7.0, 5.0]
    after = take_settled_stock(live, SCORES, before, lambda: False)
    assert after is not None
    assert after.held == {"scores": 6.0}
    assert held == [5.0], "each answer was waited for"


def test_server_that_never_comes_back_is_not_waited_for_longer_than_that(
    live: FakeLive, held: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_POLL_S", 0.01)
    monkeypatch.setattr(module, "SETTLING_S", 0.2)
    before = take_stock(live, SCORES)
    held[:] = [9.0]
    after = take_settled_stock(live, SCORES, before, lambda: False)
    assert after is not None
    assert after.held == {"scores": 10.0}
    asked_to_stop = take_settled_stock(live, SCORES, before, lambda: True)
    assert asked_to_stop is not None
