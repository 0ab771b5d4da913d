"""The first requests to a server that starts, and when each was answered."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from uuid import uuid4

from perf_core.adapter import Step, Wire
from perf_core.errors import NoAnswer, TargetError
from perf_core.load.answers import answer_error
from perf_core.load.placeholders import filled
from perf_core.server.client.connection import connect
from perf_core.server.client.handshake import Handshake
from perf_core.server.client.steps import answer_to
from perf_core.server.credentials.access import Access

_LOOK_S = 0.05
"""Time after which a server that does not listen may have ended, which its process knows."""

POLL_S = 0.001
"""Time between two looks at a server that starts; a look takes some 30 µs."""

_CONNECT_S = 1.0

CALL_LIMIT_S = 30.0
"""Longest time of the first call, which may wait for what the server starts only then."""


@dataclass
class Marks:
    """When the steps of one start were done, on the monotonic clock; None for those that were not."""

    listening_s: float | None = None
    initialize_s: float | None = None
    tools_list_s: float | None = None
    first_call_s: float | None = None


@dataclass
class FirstAnswers:
    """Greets a server over HTTP: waits until it listens, then asks for its tools and calls one.

    Attributes:
        step: The call; None for none.
        on_answered: Called right after the last answer, while the session is open.
        marks: When each step was done.
    """

    step: Step | None
    on_answered: Callable[[], None]
    marks: Marks = field(default_factory=Marks)

    def __call__(self, url: str, wire: Wire, timeout_s: float, *, access: Access) -> Handshake:
        """Make the requests and return the handshake.

        Raises:
            TargetError: It does not listen yet, or an answer is not what was expected.
        """
        self._wait_for_listener(url)
        began_s = time.monotonic()
        with connect(url, wire, timeout_s, access=access) as client:
            self.marks.initialize_s = time.monotonic()
            tools = client.tools()
            self.marks.tools_list_s = time.monotonic()
            if self.step is not None:
                step = with_unique_text(self.step)
                client.limit_requests(CALL_LIMIT_S)
                answer = answer_to(client, step)
                self.marks.first_call_s = time.monotonic()
                expect_right(step, answer)
            self.on_answered()
            name, version = (str(client.server_info.get(key, "")) for key in ("name", "version"))
            took_s = self.marks.initialize_s - began_s
            return Handshake(client.url, wire, name, version, tools, took_s, client.revision)

    def _wait_for_listener(self, url: str) -> None:
        """Return once a connection is accepted.

        Raises:
            NoAnswer: None is, for now.
        """
        parts = urlsplit(url)
        address = (parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
        until_s = time.monotonic() + _LOOK_S
        while self.marks.listening_s is None:
            with contextlib.suppress(OSError):
                socket.create_connection(address, _CONNECT_S).close()
                self.marks.listening_s = time.monotonic()
                return
            if time.monotonic() > until_s:
                raise NoAnswer("nothing listens there yet", is_temporary=True)
            time.sleep(POLL_S)


def with_unique_text(step: Step) -> Step:
    """Return a step whose ``{unique}`` is a text that no other start has."""
    return filled(step, {"unique": uuid4().hex[:16]})


def expect_right(step: Step, answer: dict[str, object]) -> None:
    """Raise TargetError if the answer to the first call is not the expected one."""
    problem = answer_error(answer, step.expect, step.method)
    if problem is not None:
        raise TargetError(
            f"expected the right answer to the first call, of {step.tool}, got: {problem.replace('_', ' ')}",
            "perf-core check shows what each tool answers.",
        )
