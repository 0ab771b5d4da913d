"""Hostile inputs and right answers to them; pure."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from connections import HOSTILE_ADDRESS
from messages import Answer, Identity, call

MAX_ANSWER_BYTES = 1 << 20
"""Largest answer to a hostile input: a short request must not become a long answer."""


@dataclass(frozen=True)
class RightAnswer:
    """A right answer to a hostile input.

    Attributes:
        statuses: Statuses that are right; empty for every status below 500.
        result: Structured content of a call that has to work in spite of all; None if it is not looked at.
        is_refused: Whether the answer has to be a tool result with `isError`, or a JSON-RPC error.
    """

    statuses: frozenset[int] = frozenset()
    result: Mapping[str, Any] | None = None
    is_refused: bool = False


ANY = RightAnswer()


def status(*statuses: int) -> RightAnswer:
    """Return an answer with one of these statuses."""
    return RightAnswer(frozenset(statuses))


Ending = Literal["answers", "leave", "reset", "stall"]


@dataclass(frozen=True)
class HostileInput:
    """Bytes for one connection, or for several at once, and what has to come back.

    Attributes:
        pieces: What is sent, one piece after another.
        answers: The right answers, in order. The connection may be closed instead of any of them.
        ending: What the client does then: it waits for the answers; it leaves without reading; it resets the
            connection; or it stalls for a moment before it leaves, reading nothing.
        connections: Connections that send all of this, at once.
        address: Address from which they come.
    """

    pieces: tuple[bytes, ...]
    answers: tuple[RightAnswer, ...] = (ANY,)
    ending: Ending = "answers"
    connections: int = 1
    address: str = HOSTILE_ADDRESS


@dataclass
class Target:
    """The server under attack, as hostile clients know it.

    Attributes:
        token: Token of the hostile clients.
        tool: Tool that answers at once, with arguments and the structured content of its answer.
        other_tools: Names of all tools.
        good_sessions: Session ids of good clients, as far as a hostile client could have overheard them.
        own_sessions: Sessions that hostile clients have opened.
        secret: Text that is in the good clients' data, and in no answer to a hostile client.
    """

    token: str
    tool: str
    arguments: Mapping[str, Any]
    result: Mapping[str, Any] | None
    other_tools: Sequence[str] = ()
    good_sessions: list[str] = field(default_factory=list)
    own_sessions: list[str] = field(default_factory=list)
    secret: bytes = b""

    @property
    def identity(self) -> Identity:
        """A hostile client on the stateless wire, with a token of its own."""
        return Identity(self.token)

    def good_call(self, *headers: str) -> bytes:
        """Return a call that has to be answered rightly, with further header lines."""
        return call(self.tool, self.arguments, self.identity, 1, *headers)

    @property
    def right_answer(self) -> RightAnswer:
        """The answer to `good_call`."""
        return RightAnswer(frozenset({200}), self.result)


Draw = Callable[[random.Random, Target], HostileInput]
"""Draws an input of one kind."""

Kinds = Mapping[str, Draw]
"""Draws of hostile inputs by kind."""


def problem_of(right: RightAnswer, answer: Answer, secret: bytes) -> str | None:
    """Return what is wrong with an answer to a hostile input, None if it is right."""
    statuses = right.statuses or range(100, 500)
    if answer.status not in statuses:
        expected = "a status below 500" if not right.statuses else f"{sorted(right.statuses)}"
        return f"expected {expected}, got {answer.status} {answer.body[:200]!r}"
    if secret and secret in answer.body:
        return f"expected nothing of other clients, got {_around(answer.body, secret)!r}"
    if len(answer.body) > MAX_ANSWER_BYTES:
        return f"expected at most {MAX_ANSWER_BYTES:,} bytes, got {len(answer.body):,}"
    if right.result is not None or right.is_refused:
        return _problem_of_message(right, answer.message)
    return None


def _problem_of_message(right: RightAnswer, message: Any) -> str | None:
    if not isinstance(message, dict):
        return f"expected a JSON-RPC message, got {str(message)[:100]!r}"
    result = message.get("result")
    if right.is_refused:
        is_refused = "error" in message or (isinstance(result, dict) and result.get("isError") is True)
        return None if is_refused else f"expected a refusal, got {str(message)[:200]}"
    content = result.get("structuredContent") if isinstance(result, dict) else None
    return None if content == right.result else f"expected {right.result}, got {str(message)[:200]}"


def _around(body: bytes, secret: bytes) -> bytes:
    at = body.index(secret)
    return body[max(0, at - 40) : at + 80]
