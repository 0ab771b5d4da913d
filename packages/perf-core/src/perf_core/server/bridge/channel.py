"""The messages between clients and one server: answers go to the client whose request has the same id."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from perf_core.server.bridge.counts import Counts
from perf_core.server.bridge.lines import LineBuffer, OverlongLine
from perf_core.server.bridge.messages import (
    INTERNAL_ERROR,
    FromServer,
    Request,
    dumps,
    error_answer,
    progress_token,
    read_from_server,
    split_batch,
    token_of_progress,
    with_answer_id,
    with_capabilities,
)
from perf_core.server.bridge.replies import DECLINE, Answers, reply_to

_INITIALIZE = "initialize"
_PROGRESS = "notifications/progress"
_NULL = b"null"
_REMEMBERED_ANSWERS = 1000
"""Latest answered requests whose second answer is recognised as one."""


class Client(Protocol):
    """A client that waits for an answer."""

    def answer(self, line: bytes) -> None:
        """Send it the answer."""
        ...

    def event(self, line: bytes) -> None:
        """Send it a message that comes before the answer."""
        ...

    def fail(self, status: int, answer: bytes) -> None:
        """Send it a JSON-RPC error with an HTTP status."""
        ...


@dataclass(slots=True, eq=False)
class Waiting:
    """A request without an answer so far.

    Attributes:
        raw_id: Id that the client gave it, as it was written.
        token: Its progress token, if it has one.
    """

    client: Client
    raw_id: bytes
    token: bytes | None = None


class Channel:
    """Passes messages to one server and its answers back.

    Args:
        write: Sends bytes to the server.
        note: Writes a line into the log.
        unique_ids: Whether requests get ids of the bridge's own, because several clients with equal ids share
            the server.
        answers: Answers to requests of the server, for which k6 has nobody to ask.
    """

    def __init__(
        self,
        write: Callable[[bytes], None],
        note: Callable[[str], None],
        counts: Counts,
        *,
        unique_ids: bool,
        answers: Answers = DECLINE,
    ) -> None:
        self._write = write
        self._note = note
        self._counts = counts
        self._unique_ids = unique_ids
        self._answers = answers
        self._end: tuple[int, str] | None = None
        self._last_id = 0
        self._waiting: dict[bytes, Waiting] = {}
        self._by_token: dict[bytes, Waiting] = {}
        self._answered: deque[bytes] = deque(maxlen=_REMEMBERED_ANSWERS)
        self._lines = LineBuffer()

    @property
    def pending(self) -> int:
        """Number of requests without an answer so far."""
        return len(self._waiting)

    def is_pending(self, request: Request) -> bool:
        """Return whether a request with the same id waits for its answer."""
        return not self._unique_ids and request.key in self._waiting

    def request(self, request: Request, client: Client) -> bytes:
        """Pass a request on; return the key with which it can be given up.

        After the end of the server its client gets the error of those that waited then.
        """
        if self._end is not None:
            status, message = self._end
            client.fail(status, error_answer(request.raw_id, INTERNAL_ERROR, message))
            return b""
        waiting = Waiting(client, request.raw_id, progress_token(request.body))
        if self._unique_ids:
            self._last_id += 1
            key = b"%d" % self._last_id
            body = request.with_id(key)
        else:
            assert request.key is not None, "only requests with an id wait"  # noqa: S101
            key, body = request.key, request.body
        if request.method == _INITIALIZE and (capabilities := self._answers.capabilities):
            body = with_capabilities(body, capabilities)
        self._waiting[key] = waiting
        if waiting.token is not None:
            self._by_token[waiting.token] = waiting
        self._counts.requests += 1
        self._write(body + b"\n")
        return key

    def notify(self, request: Request) -> None:
        """Pass on a message that gets no answer."""
        self._write(request.body + b"\n")

    def give_up(self, key: bytes) -> None:
        """Forget a request whose client has left; a late answer is dropped."""
        waiting = self._waiting.pop(key, None)
        if waiting is not None:
            self._forget_token(waiting)

    def feed(self, chunk: bytes) -> None:
        """Take what the server wrote."""
        for line in self._lines.feed(chunk):
            if isinstance(line, OverlongLine):
                self._on_overlong(line)
            else:
                self._on_line(line)

    def feed_message(self, line: bytes) -> None:
        """Take one whole message of the server."""
        self._on_line(line.replace(b"\n", b" "))

    def fail_all(self, status: int, message: str) -> None:
        """Answer every waiting request, and those that still come, with an error: the server has ended."""
        self._end = self._end or (status, message)
        waiting, self._waiting = self._waiting, {}
        self._by_token.clear()
        for each in waiting.values():
            each.client.fail(status, error_answer(each.raw_id, INTERNAL_ERROR, message))

    def fail_one(self, key: bytes, status: int, message: str) -> None:
        """Answer one waiting request with an error."""
        waiting = self._waiting.pop(key, None)
        if waiting is not None:
            self._forget_token(waiting)
            waiting.client.fail(status, error_answer(waiting.raw_id, INTERNAL_ERROR, message))

    def _on_line(self, line: bytes, *, in_batch: bool = False) -> None:
        message = read_from_server(line)
        if message is not None and message.key is not None:
            self._on_answer(line, message)
        elif message is not None and message.method:
            self._on_message(line, message)
        elif line.startswith(b"[") and not in_batch and (messages := split_batch(line)) != [line]:
            for each in messages:
                self._on_line(each, in_batch=True)
        elif line.strip() and self._counts.skip(line):
            self._note(
                "expected JSON-RPC messages on standard output, got "
                f"{self._counts.first_skipped_line!r}; such lines are skipped"
            )

    def _on_answer(self, line: bytes, message: FromServer) -> None:
        key = message.key or b""
        # A server that cannot read a request does not know its id.
        is_nameless = key == _NULL and len(self._waiting) == 1
        if is_nameless:
            key = next(iter(self._waiting))
        waiting = self._waiting.pop(key, None)
        if waiting is None:
            if key in self._answered:
                self._counts.repeated_answers += 1
            else:
                self._counts.late_answers += 1
            return
        self._answered.append(key)
        self._forget_token(waiting)
        if self._unique_ids or is_nameless:
            line = with_answer_id(line, message, waiting.raw_id)
        self._counts.answers += 1
        waiting.client.answer(line)

    def _on_message(self, line: bytes, message: FromServer) -> None:
        if message.raw_id:
            self._counts.server_requests[message.method] += 1
            self._write(dumps(reply_to(json.loads(line), self._answers)) + b"\n")
            return
        self._counts.notifications[message.method] += 1
        if message.method == _PROGRESS and self._by_token:
            waiting = self._by_token.get(token_of_progress(line) or b"")
            if waiting is not None:
                waiting.client.event(line)

    def _on_overlong(self, line: OverlongLine) -> None:
        self._counts.overlong_lines += 1
        problem = f"expected a message of at most {line.limit / 2**20:g} MiB, got one of {line.length} bytes"
        self._note(problem)
        message = read_from_server(line.head) or read_from_server(b'{"result":' + line.tail)
        key = message.key if message is not None else None
        if key is None and len(self._waiting) == 1:
            key = next(iter(self._waiting))
        self.fail_one(key or b"", 500, f"the bridge {problem}")

    def _forget_token(self, waiting: Waiting) -> None:
        if waiting.token is not None and self._by_token.get(waiting.token) is waiting:
            del self._by_token[waiting.token]
