"""The optional endpoints /health and /metrics, also on servers without them or with malformed ones."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from perf_core.server.client import endpoints

PAGES: dict[str, str] = {}


@pytest.fixture
def url() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            body = PAGES.get(self.path)
            self.send_response(404 if body is None else 200)
            self.end_headers()
            self.wfile.write((body or "").encode())

    PAGES.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/mcp"
        server.shutdown()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"uptime_s": 12.5}', 12.5),
        ('{"status": "ok"}', None),
        ("alive", None),
        ('{"uptime_s": "long"}', None),
        (f'{{"uptime_s": 1{"0" * 400}}}', None),
        ('{"uptime_s": 1e999}', None),
        ("[" * 100_000, None),
        ("[]", None),
    ],
)
def test_uptime(body: str, expected: float | None, url: str) -> None:
    PAGES["/health"] = body
    assert endpoints.uptime_s(url) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("# TYPE mcp_sessions_open gauge\nmcp_sessions_open 3.0\n", 3),
        ('mcp_sessions_open{service="x"} 1e1\n', 10),
        ("mcp_sessions_opened_total 4\n", None),
        ("mcp_sessions_open many\n", None),
        ("mcp_sessions_open 1e999\n", None),
        ('mcp_sessions_open{a="}"} 2\nmcp_sessions_open{a="b"} 3 1700000000000\n', 5),
        ("mcp_sessions_open 2\r\n", 2),
        ("mcp_sessions_open\nmcp_sessions_open{\n", None),
        ("", None),
    ],
)
def test_open_sessions(body: str, expected: int | None, url: str) -> None:
    PAGES["/metrics"] = body
    assert endpoints.open_sessions(url) == expected


def test_server_without_the_endpoints_reports_nothing(url: str) -> None:
    assert endpoints.uptime_s(url) is None
    assert endpoints.open_sessions("http://127.0.0.1:9/mcp") is None


ENDINGS = {"gc": ("gc_pause_seconds_sum", "gc_duration_seconds_sum"), "lag": ("event_loop_lag_seconds_sum",)}


@pytest.mark.parametrize(
    ("body", "gc", "lag"),
    [
        (
            "# TYPE mcp_gc_pause_seconds histogram\n"
            'mcp_gc_pause_seconds_bucket{generation="0",le="0.1"} 9\n'
            'mcp_gc_pause_seconds_sum{generation="0"} 0.5\n'
            'mcp_gc_pause_seconds_sum{generation="2"} 0.25\n'
            "mcp_event_loop_lag_seconds_sum 3\nmcp_event_loop_lag_max_seconds 8\n",
            0.75,
            3.0,
        ),
        ('go_gc_duration_seconds{quantile="0"} 1\ngo_gc_duration_seconds_sum 0.125\n', 0.125, None),
        ("mcp_gc_pause_seconds_sum many\n", None, None),
        ("# only a comment: mcp_gc_pause_seconds_sum 3\n", None, None),
        ("<html>no metrics</html>", None, None),
        ("", None, None),
    ],
)
def test_totals_by_the_ends_of_names(body: str, gc: float | None, lag: float | None, url: str) -> None:
    PAGES["/metrics"] = body
    assert endpoints.totals(url, ENDINGS) == {"gc": gc, "lag": lag}


def test_totals_of_a_server_without_metrics_are_unknown() -> None:
    assert endpoints.totals("http://127.0.0.1:9/mcp", ENDINGS) == {"gc": None, "lag": None}
