"""What the tools have in common: arguments by name, whose scores they see, and how a score is listed."""

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
from music21_server.store.local import StoredScore
from music21_server.theory.analyses.keys import Pitch
from server_core import caller

ScoreId = Annotated[
    str,
    Field(min_length=1, max_length=64, description="Name of an imported score (import_score, list_scores)."),
]
Offset = Annotated[int, Field(ge=0, description="Index of the first row of the long list to return, from 0.")]
Limit = Annotated[int, Field(ge=1, le=1000, description="How many rows of the long list to return at most.")]
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
    Field(
        description="Number of the first measure, as printed, or `@12` for the twelfth; unset: the first one."
    ),
]
LastMeasure = Annotated[
    str | None, Field(description="Number of the last measure, likewise; unset: to the end.")
]
PartNames = Annotated[
    list[str] | None, Field(description="Names of parts, or their numbers from 1; unset: all.")
]
PitchKind = Annotated[
    Pitch,
    Field(description="`sounding`: as heard; `written`: as transposing instruments read it."),
]


MAKING: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
"""Of tools that store a score: the same call again makes the same one."""

NewScoreId = Annotated[
    str | None,
    Field(
        description="How to call the new score; unset: made from its title. 1 to 64 of letters, digits, . _ -"
    ),
]


def owner() -> str:
    """Return whose scores the caller sees: its token's, else its session's, else everybody's.

    A token's come first, so that they outlive a session, and are the same on both wires.
    """
    who = caller()
    if who.client is not None:
        return f"client {who.client}"
    return f"session {who.session}" if who.session is not None else "everybody"


@contextmanager
def tool_errors() -> Iterator[None]:
    """Turn what is wrong with a score or a request into an answer to the client."""
    try:
        yield
    except ScoreError as error:
        raise ToolError(str(error), log_level=logging.DEBUG) from error


def score_summary(score: StoredScore) -> dict[str, Any]:
    """Return what a stored score is called, and the facts that lists tell of it."""
    return {
        "score_id": score.name,
        "format": score.kind,
        **score.info,
        "unused_s": round(max(0.0, time() - score.used_s)),
    }
