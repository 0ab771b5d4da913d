"""Argument types, annotations, owners, errors and score summaries that the tools share."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from time import time
from typing import Annotated, Any, Final

from fastmcp.exceptions import ToolError
from mcp_types import ToolAnnotations
from pydantic import Field

from music21_server.errors import ScoreError
from music21_server.store.limits import StoredScore
from music21_server.theory.analyses.keys import Pitch
from music21_server.workers.fair_queue import EVERYBODY
from server_core import caller, session_client

ScoreId = Annotated[
    str,
    Field(min_length=1, max_length=64, description="Name of an imported score (import_score, list_scores)."),
]
Offset = Annotated[int, Field(ge=0, description="Index of the first row of the long list to return, from 0.")]
Limit = Annotated[int, Field(ge=1, le=1000, description="Most rows of the long list to return.")]
KeyName = Annotated[
    str | None,
    Field(description="Key for the Roman numerals, such as `F# minor` or `Bb`; unset: the most likely one."),
]
VoiceNames = Annotated[
    list[str] | None,
    Field(description="Names of parts or voices, or numbers of parts from 1; unset: all."),
]
FirstMeasure = Annotated[
    str | None,
    Field(description="Number of the first measure, as printed, or `@12` for the twelfth; unset: the first."),
]
LastMeasure = Annotated[
    str | None, Field(description="Number of the last measure, likewise; unset: to the end.")
]
PartNames = Annotated[
    list[str] | None, Field(description="Names of parts, or their numbers from 1; unset: all.")
]
PitchKind = Annotated[
    Pitch,
    Field(description="`sounding`: as heard; `written`: as notated for transposing instruments."),
]


READS: Final = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)
"""Annotations of tools that change nothing."""

STORES_SCORE: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
"""Annotations of tools that store a score; the same call again stores the same score."""

NewScoreId = Annotated[
    str | None,
    Field(description="Name for the new score; unset: made from its title. 1 to 64 letters, digits, . _ -"),
]

_SESSION: Final = "session "


def owner() -> str:
    """Return the owner of the scores that the caller sees: its token, else its session, else everybody.

    The token comes first, so that scores outlive a session and are the same on both wires. Sessions are those
    that are open and the caller's: nobody can invent an owner.
    """
    current = caller()
    if current.client is not None:
        return f"client {current.client}"
    return session_owner(current.session) if current.session is not None else EVERYBODY


def session_owner(session_id: str) -> str:
    """Return the owner of the scores that are imported in a session without a token."""
    return f"{_SESSION}{session_id}"


def client_of_owner(owner: str) -> str | None:
    """Return a key for the client whose session an owner is, None for owners who are no sessions."""
    if not owner.startswith(_SESSION):
        return None
    # No key: its clients cannot be told apart, so each session counts for itself.
    return session_client(owner.removeprefix(_SESSION)) or None


@contextmanager
def tool_errors() -> Iterator[None]:
    """Turn a ScoreError in this block into a tool error for the client."""
    try:
        yield
    except ScoreError as error:
        raise ToolError(str(error), log_level=logging.DEBUG) from error


def score_summary(score: StoredScore) -> dict[str, Any]:
    """Return name, format and facts of a stored score, as tools return them."""
    return {
        "score_id": score.name,
        "format": score.kind,
        **score.info,
        "unused_s": round(max(0.0, time() - score.used_s)),
    }
