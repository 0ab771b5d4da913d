"""New headers for k6 during a load: a page of the lab on the loopback interface, at a secret path.

k6 has the headers of its users from the environment when it starts. Before a token expires, and after status
401, a virtual user asks here once, so that a renewal costs the calls in between nothing.
"""

from __future__ import annotations

import json
import secrets
import sys
import threading
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from perf_core.errors import TargetError
from perf_core.server.credentials.access import Identity

_NEVER_MS = 2**53 - 1
"""The latest time that a number of JavaScript can express."""

_SPREAD_MS = 200
"""Time over which virtual users spread their requests; a token is renewed long enough before its end."""


def user_document(identity: Identity, url: str = "") -> dict[str, Any]:
    """Return a user as k6 reads it: headers, and when and where to ask for new ones.

    Args:
        url: Where k6 asks; empty for a user whose headers never change.

    Raises:
        TargetError: A new token is needed and there is none.
    """
    document: dict[str, Any] = {"headers": dict(identity.headers())}
    if url and identity.is_renewable:
        at_s = identity.renew_at_s
        document["renew"] = {
            "url": url,
            "at_ms": _NEVER_MS if at_s is None else round(at_s * 1000),
            "spread_ms": _SPREAD_MS,
        }
    return document


class Renewal:
    """The page; use it as a context manager.

    Args:
        users: Users of one server or of several, in the order of :meth:`documents`.
    """

    def __init__(self, users: Sequence[Identity]) -> None:
        self._users = tuple(users)
        self._path = secrets.token_urlsafe(24)
        self._problems: dict[str, None] = {}
        self._server: ThreadingHTTPServer | None = None

    def __enter__(self) -> Renewal:
        if any(user.is_renewable for user in self._users):
            self._server = _Server(("127.0.0.1", 0), _handler(self._answer))
            threading.Thread(
                target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
            ).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def document(self, number: int) -> dict[str, Any]:
        """Return a user as k6 reads it.

        Raises:
            TargetError: A new token is needed and there is none.
        """
        return user_document(self._users[number], self._url(number))

    @property
    def problems(self) -> tuple[str, ...]:
        """Reasons for which there were no new headers, each once."""
        return tuple(self._problems)

    def _url(self, number: int) -> str:
        if self._server is None:
            return ""
        return f"http://127.0.0.1:{self._server.server_port}/{self._path}/{number}"

    def _answer(self, path: str) -> tuple[int, Mapping[str, Any]]:
        """Return status and document for a request."""
        place, _, query = path.partition("?")
        _, _, rest = place.partition(f"/{self._path}/")
        if not rest.isdecimal() or int(rest) >= len(self._users):
            return 404, {}
        number = int(rest)
        if query == "refused":
            self._users[number].refused()
        try:
            return 200, self.document(number)
        except TargetError as error:
            self._problems[error.message] = None
            return 503, {"problem": error.message}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024
    """Hundreds of virtual users may ask within seconds."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Write nothing about broken connections: virtual users break them when their load ends."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def _handler(answer: Any) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *_: object) -> None:
            """Write nothing: the path is a secret."""

        def do_GET(self) -> None:
            status, document = answer(self.path)
            content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    return Handler
