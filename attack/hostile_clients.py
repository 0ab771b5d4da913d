"""Clients that draw hostile inputs by seed, send them, and judge what comes back."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable

from connections import HOSTILE_ADDRESS, Connection, LostAnswerError, SilentServerError, connect
from hostile_inputs import HostileInput, Kinds, RightAnswer, Target, problem_of
from messages import Answer, initialize
from tallies import HostileInputs

ANSWER_S = 60.0
"""Longest time that any answer to a hostile input may take."""

_STALL_S = 2.0
"""Longest time for which a client that stalls keeps its connection."""

_MOST_SESSIONS = 20

_WORKER_ENDED = 502
"""Status of an answer of a process that was killed, when another one passed the request on."""


class HostileClient:
    """A client that sends one hostile input after another until `is_over`.

    Args:
        number: Its number, which its draws depend on.
        port: Port of the server.
        kinds: Kinds of inputs.
        target: The server as hostile clients know it.
        may_close: Whether a process was killed lately, so that connections may break.
    """

    def __init__(
        self,
        number: int,
        port: int,
        kinds: Kinds,
        target: Target,
        *,
        seed: int,
        may_close: Callable[[], bool],
    ) -> None:
        self._may_close = may_close
        self._port = port
        self._kinds = kinds
        self._target = target
        self._rng = random.Random(f"{seed} hostile {number}")
        self._sent: Counter[str] = Counter()
        self._answers: Counter[tuple[str, int]] = Counter()
        self._wrong: list[str] = []

    @property
    def inputs(self) -> HostileInputs:
        """Its inputs so far, and their answers."""
        return HostileInputs(dict(self._sent), dict(self._answers), tuple(self._wrong))

    async def run(self, is_over: Callable[[], bool]) -> None:
        """Send each kind once, and then kinds at random."""
        names = list(self._kinds)
        self._rng.shuffle(names)
        while not is_over():
            if self._rng.random() < 0.05:
                await self._open_session()
            kind = names.pop() if names else self._rng.choice(list(self._kinds))
            drawn = self._kinds[kind](self._rng, self._target)
            self._sent[kind] += 1
            await asyncio.gather(*(self._send(kind, drawn) for _ in range(drawn.connections)))

    async def _send(self, kind: str, drawn: HostileInput) -> None:
        try:
            connection = await connect(self._port, address=drawn.address)
        except LostAnswerError:
            self._answers[kind, 0] += 1
            return
        try:
            await self._converse(kind, drawn, connection)
        except SilentServerError as error:
            self._wrong.append(f"{kind}: {error}, to {drawn.pieces[0][:200]!r}")
        except LostAnswerError:
            self._answers[kind, 0] += 1
        finally:
            await connection.close()

    async def _converse(self, kind: str, drawn: HostileInput, connection: Connection) -> None:
        # A server may answer, and stop reading, before all is sent.
        sending = asyncio.ensure_future(connection.send(*drawn.pieces))
        try:
            match drawn.ending:
                case "answers":
                    for right in drawn.answers:
                        answer = await self._answer(kind, right, connection)
                        self._answers[kind, answer.status] += 1
                        problem = problem_of(right, answer, self._target.secret)
                        is_of_killed = answer.status == _WORKER_ENDED and self._may_close()
                        if problem is not None and not is_of_killed:
                            self._wrong.append(f"{kind}: {problem}, to {drawn.pieces[0][:300]!r}")
                case "stall":
                    await connection.stall(self._rng.uniform(0, _STALL_S))
                case "reset":
                    await asyncio.wait((sending,), timeout=_STALL_S)
                    connection.reset()
                case "leave":
                    await asyncio.wait((sending,), timeout=_STALL_S)
        finally:
            sending.cancel()
            await asyncio.wait((sending,))

    async def _answer(self, kind: str, right: RightAnswer, connection: Connection) -> Answer:
        try:
            return await connection.answer(ANSWER_S)
        except SilentServerError:
            raise
        except LostAnswerError as error:
            if right.result is not None and not self._may_close():
                self._wrong.append(f"{kind}: expected {right.result}, got {error}")
            raise

    async def _open_session(self) -> None:
        """Open a session that hostile inputs may use."""
        try:
            connection = await connect(self._port, address=HOSTILE_ADDRESS)
        except LostAnswerError:
            return
        try:
            opened = await connection.exchange(initialize(self._target.token), ANSWER_S)
        except LostAnswerError:
            return
        finally:
            await connection.close()
        if "mcp-session-id" in opened.headers:
            self._target.own_sessions.append(opened.headers["mcp-session-id"])
            del self._target.own_sessions[:-_MOST_SESSIONS]
