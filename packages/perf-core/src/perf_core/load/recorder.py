"""Receives what k6 sends of its metrics while it runs, and writes the recording."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from perf_core.load.k6_recording import Recording
from perf_core.load.remote_write import read_message

OUTPUT: Final = "experimental-prometheus-rw"
"""k6's name for the output that sends metrics."""

_LARGEST_MESSAGE: Final = 16_000_000


class Recorder:
    """A receiver on loopback; use it as a context manager around the run of k6.

    Messages are decoded as they come, so that memory does not grow with the length of the run.

    Args:
        path: File for the lines of the recording.
        period_s: Time between two messages.
    """

    def __init__(self, path: Path, period_s: float) -> None:
        self._path = path
        self._period_s = period_s
        self._recording = Recording(period_s)
        self._lock = threading.Lock()
        # Other users of the machine can reach the port, but do not know the path.
        self._place = f"/{secrets.token_urlsafe(16)}"
        self._server: ThreadingHTTPServer | None = None

    def __enter__(self) -> Recorder:
        self._file = self._path.open("w", encoding="utf-8", newline="\n")
        self._write([self._recording.first_line()])
        self._server = _Server(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
        with self._lock:
            self._file.close()

    def env(self) -> Mapping[str, str]:
        """Return the variables with which k6's output sends to this receiver."""
        if self._server is None:
            raise RuntimeError("expected a running receiver, got none; enter the context manager first")
        return {
            "K6_PROMETHEUS_RW_SERVER_URL": f"http://127.0.0.1:{self._server.server_port}{self._place}",
            "K6_PROMETHEUS_RW_PUSH_INTERVAL": f"{round(self._period_s * 1000)}ms",
            # Without histograms k6 sorts all durations for each message, as its dashboard does.
            "K6_PROMETHEUS_RW_TREND_AS_NATIVE_HISTOGRAM": "true",
        }

    def receive(self, body: bytes, at_s: float) -> None:
        """Record one message.

        Args:
            at_s: Its arrival, in seconds since the epoch.

        Raises:
            ValueError: The body is no message of remote write.
        """
        sent = list(read_message(body))
        with self._lock:
            if not self._file.closed:
                self._write(list(self._recording.lines(sent, at_s)))

    def _write(self, lines: list[str]) -> None:
        # At once: a recording that was cut off is worth as much as it has.
        self._file.writelines(f"{line}\n" for line in lines)
        self._file.flush()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        recorder, place = self, self._place

        class Handler(BaseHTTPRequestHandler):
            # k6 keeps its connection.
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                at_s = time.time()
                self._answer(self._outcome(at_s))

            def _outcome(self, at_s: float) -> HTTPStatus:
                length = int(self.headers.get("Content-Length", "0"))
                if not 0 < length <= _LARGEST_MESSAGE:
                    self.close_connection = True
                    return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
                body = self.rfile.read(length)
                if self.path != place:
                    return HTTPStatus.NOT_FOUND
                try:
                    recorder.receive(body, at_s)
                except ValueError:
                    return HTTPStatus.BAD_REQUEST
                return HTTPStatus.NO_CONTENT

            def _answer(self, status: HTTPStatus) -> None:
                self.send_response(status)
                if status is not HTTPStatus.NO_CONTENT:
                    self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing: the terminal belongs to the run."""

        return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # A connection of k6 that is still open must not keep the lab from ending.
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a k6 that was ended broke its connection."""
