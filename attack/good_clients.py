"""Clients that follow the rules, never retry, and check every answer."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Sequence

from connections import Connection, LostAnswerError, connect
from messages import Answer, Identity, call, delete, initialize, initialized
from tallies import GoodCalls, Loss

from perf_core import Journey, Step
from perf_core.load.answers import answer_error
from perf_core.load.placeholders import filled

ANSWER_S = 60.0
"""Longest time that a good client waits for an answer."""

_WORKER_ENDED = "The worker process ended"
"""Beginning of the message of a call whose worker process was killed: not the answer that was asked for."""

_PAUSE_S = 0.05
"""Pause after a lost answer, so that a server that is gone is not asked thousands of times."""

_SESSION_ENDED = 404
_SERVER_ERRORS = 500
_TOO_MANY = 429


class _EndedSessionError(Exception):
    """The server no longer knows the session."""


class GoodClient:
    """A client that makes journeys one after another until `is_over`.

    Args:
        number: Its number, which its losses carry.
        port: Port of the server.
        token: Its token.
        wire: `session` or `stateless`.
        journeys: Journeys to draw from, with the right answers.
        secret: Text that goes into the names of its scores.
        overheard: Ids of its sessions are put here for hostile clients.
    """

    def __init__(
        self,
        number: int,
        port: int,
        token: str,
        wire: str,
        journeys: Sequence[Journey],
        *,
        secret: str,
        seed: int,
        overheard: list[str],
    ) -> None:
        self._number = number
        self._port = port
        self._token = token
        self._wire = wire
        self._journeys = journeys
        self._secret = secret
        self._rng = random.Random(f"{seed} good {number}")
        self._overheard = overheard
        self._identity = Identity(token)
        self._connection: Connection | None = None
        self._answered = 0
        self._wrong: list[str] = []
        self._losses: list[Loss] = []
        self._sessions_ended = 0
        self._has_leftovers = False
        self._longest_s = 0.0

    @property
    def calls(self) -> GoodCalls:
        """Its requests so far, by outcome."""
        return GoodCalls(
            self._answered, tuple(self._wrong), tuple(self._losses), self._sessions_ended, self._longest_s
        )

    async def run(self, is_over: Callable[[], bool]) -> None:
        """Make journeys, in a new session for every few of them on the session wire."""
        while not is_over():
            try:
                if self._has_leftovers:
                    await self._delete_scores()
                await self._open()
                for _ in range(self._rng.randint(1, 20)):
                    if not is_over():
                        await self._make(self._rng.choice(self._journeys))
                await self._close()
            except LostAnswerError as error:
                self._losses.append(Loss(time.monotonic(), self._number, str(error)))
                self._has_leftovers = True
                await self._disconnect()
                await asyncio.sleep(_PAUSE_S)
            except _EndedSessionError:
                self._sessions_ended += 1
                self._has_leftovers = True
        with contextlib.suppress(LostAnswerError, _EndedSessionError):
            await self._delete_scores()
        await self._disconnect()

    async def _open(self) -> None:
        self._identity = Identity(self._token)
        if self._wire == "session":
            opened = await self._exchange(initialize(self._token))
            session = opened.headers.get("mcp-session-id", "")
            if opened.status != 200 or not session:
                self._note_wrong("initialize", opened)
                return
            self._identity = Identity(self._token, session)
            self._overheard.append(session)
            del self._overheard[:-20]
            done = await self._exchange(initialized(self._identity))
            if done.status != 202:
                self._note_wrong("notifications/initialized", done)
            self._answered += 2

    async def _close(self) -> None:
        if self._identity.session:
            ended = await self._exchange(delete(self._identity))
            if ended.status != 200:
                self._note_wrong("DELETE", ended)
            self._answered += 1

    async def _make(self, journey: Journey) -> None:
        unique = f"{self._secret}{self._rng.randrange(16**8):08x}"
        for number, step in enumerate(journey.steps, 1):
            await self._take(filled(step, {"unique": unique}), number)

    async def _take(self, step: Step, number: int) -> None:
        sent = call(step.tool, step.arguments, self._identity, number)
        answer = await self._exchange(sent)
        message = answer.message
        if isinstance(message, dict) and message.get("id") == number:
            if _WORKER_ENDED in str(message)[:2_000]:
                raise LostAnswerError(f"{step.tool}: its worker process ended")
            error = answer_error(message, step.expect, step.method)
            if answer.status == 200 and error is None:
                self._answered += 1
                return
        self._note_wrong(f"{step.tool} {str(dict(step.arguments))[:100]}", answer)

    async def _exchange(self, data: bytes) -> Answer:
        if self._connection is None or not self._connection.is_open:
            await self._disconnect()
            self._connection = await connect(self._port)
        begun_s = time.monotonic()
        answer = await self._connection.exchange(data, ANSWER_S)
        self._longest_s = max(self._longest_s, time.monotonic() - begun_s)
        if answer.status == _SESSION_ENDED and self._identity.session:
            raise _EndedSessionError
        if answer.status >= _SERVER_ERRORS or answer.status == _TOO_MANY:
            raise LostAnswerError(f"expected an answer, got {answer.status} {answer.body[:200]!r}")
        return answer

    def _note_wrong(self, request: str, answer: Answer) -> None:
        self._wrong.append(f"{request}: {answer.status} {answer.body[:300]!r}")

    async def _delete_scores(self) -> None:
        """Delete the scores of journeys that broke off; other servers refuse a tool they do not have."""
        self._identity = Identity(self._token)
        await self._exchange(call("delete_score", {"all_scores": True}, self._identity))
        self._has_leftovers = False

    async def _disconnect(self) -> None:
        if self._connection is not None:
            await self._connection.close()
            self._connection = None


async def keep_calling(clients: Sequence[GoodClient], is_over: Callable[[], bool]) -> None:
    """Run clients at one time until `is_over`."""
    async with asyncio.TaskGroup() as tasks:
        for client in clients:
            tasks.create_task(client.run(is_over))
