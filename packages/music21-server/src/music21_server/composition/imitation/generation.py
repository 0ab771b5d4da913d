"""What a worker process does for `imitate_style`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

import numpy as np

from music21_server.composition.imitation.imitate import Imitation, imitation
from music21_server.composition.imitation.pieces import Piece, piece_of
from music21_server.composition.imitation.similarity import Distribution, distances
from music21_server.composition.imitation.styles import STYLES, pieces_of
from music21_server.composition.imitation.transitions import Beats
from music21_server.errors import ScoreError
from music21_server.reading.ingest import DerivedScore, derive
from music21_server.score import codec
from music21_server.score.document import Document
from music21_server.score.entry import Entry
from music21_server.score.limits import Limits
from music21_server.score.table import Booleans, Integers
from music21_server.theory.pitch.names import Key, parse_key
from music21_server.writing.musicxml_writer import write_musicxml

MOST_MEASURES: Final = 64
LEAST_MEASURES: Final = 4
_MOST_VOICES: Final = 8
_MOST_NOTES: Final = 60_000
"""Of all scores that are learned from."""

PROFILES: Final = "styles.json"


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes:
        style: One of `STYLES`; None where scores are given to learn from.
        measures: How many bars.
        voices: How many; None for the usual number.
        key: As people write it; None for one of the works' keys.
        seed: Decides what is left open.
    """

    style: str | None
    measures: int
    voices: int | None
    key: str | None
    seed: int


def imitated(entries: tuple[Entry, ...], request: Request, limits: Limits) -> DerivedScore:
    """Make new music like works of the corpus or like stored scores.

    Args:
        entries: Scores to learn from; none where a style is given.
        request: What is asked for.
        limits: Of a score.

    Raises:
        ScoreError: It cannot be made so.
    """
    _check(entries, request)
    style, seed = request.style, request.seed
    key = parse_key(request.key) if request.key is not None else None
    pieces = pieces_of(style) if style is not None else _pieces(entries)
    whose = STYLES[style].title if style is not None else " and ".join(piece.name for piece in pieces)[:60]
    title = f"In the style of {whose} (seed {seed})"
    found = imitation(pieces, title, measures=request.measures, voices=request.voices, key=key, seed=seed)
    return derive(Document("musicxml", write_musicxml(found.score)), report_of(found, style, seed), limits)


def _check(entries: tuple[Entry, ...], request: Request) -> None:
    style, measures, voices = request.style, request.measures, request.voices
    if (style is None) == (not entries):
        raise ScoreError("Expected either composer or score_ids, got both or neither: send one of them.")
    if style is not None and style not in STYLES:
        raise ScoreError(f"Expected one of the styles {', '.join(STYLES)}; got {style[:40]!r}.")
    if not LEAST_MEASURES <= measures <= MOST_MEASURES:
        raise ScoreError(f"Expected {LEAST_MEASURES} to {MOST_MEASURES} measures, got {measures:,}.")
    if voices is not None and not 1 <= voices <= _MOST_VOICES:
        raise ScoreError(f"Expected 1 to {_MOST_VOICES} voices, got {voices}.")


def _pieces(entries: tuple[Entry, ...]) -> tuple[Piece, ...]:
    notes = sum(int(entry.info["notes"]) for entry in entries)
    if notes > _MOST_NOTES:
        raise ScoreError(
            f"Expected scores with at most {_MOST_NOTES:,} notes together to learn from, got {notes:,}: send "
            "fewer, or parts of them."
        )
    return tuple(
        piece_of(str(entry.info["title"]) or f"score {number}", codec.decode(entry.columns))
        for number, entry in enumerate(entries, start=1)
    )


def report_of(found: Imitation, style: str | None, seed: int) -> dict[str, Any]:
    """Return what there is to say about an imitation, JSON-able.

    Args:
        found: The imitation.
        style: One of `STYLES`; None where it was learned from scores.
        seed: That it was made with.
    """
    beats, way = found.beats, found.walk
    ways = np.array(way.beats)
    as_in_work = int(_is_own(beats, ways[:-1], ways[1:]).sum())
    works = [piece.name for piece in found.pieces]
    source = found.quotation.source
    return {
        "style": style or "scores",
        "seed": seed,
        "key": found.key.text,
        "time_signature": beats.metre.text,
        "voices": len(beats.contents[0]),
        "learned_from": {
            "works": works,
            "work_count": len(works),
            "notes": sum(piece.notes for piece in found.pieces),
            "beats": len(beats.contents),
            "bars": sum(max(piece.bars) + 1 for piece in found.pieces),
        },
        "model": {
            "order": 1,
            "beats": len(beats.contents),
            "distinct_beats": len(set(beats.contents)),
            "places": beats.places,
            "successions": len(beats.odds),
            "successions_of_works": int(_is_own(beats, beats.source, beats.target).sum()),
        },
        "way": {
            "beats": len(way.beats),
            "works_used": len({int(beats.of[index]) for index in way.beats}),
            "successions_as_in_a_work": as_in_work,
            "new_successions": len(ways) - 1 - as_in_work,
        },
        "likeness": {
            "distance": _rounded(found.distances),
            "works_themselves": round(found.own_distance, 3),
            "other_styles": _others(found.profile, found.key, style),
        },
        "quotation": {
            "longest_notes": found.quotation.notes,
            "most_notes_allowed": found.most_notes,
            "of": works[int(beats.of[source])] if source >= 0 else None,
        },
    }


def _is_own(beats: Beats, source: Integers, target: Integers) -> Booleans:
    """Return which successions stand so in a work."""
    found: Booleans = (beats.of[source] == beats.of[target]) & (beats.at[target] == beats.at[source] + 1)
    return found


def _rounded(found: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in found.items()}


def _others(found: Mapping[str, Distribution], key: Key, style: str | None) -> dict[str, float]:
    """Return the mean distance to other styles in the same mode, the nearest first."""
    means = {
        name: distances(found, modes[key.mode])["mean"]
        for name, modes in _profiles().items()
        if name != style and key.mode in modes
    }
    return _rounded(dict(sorted(means.items(), key=lambda each: each[1])))


@cache
def _profiles() -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    """Return the distributions of each style by mode, from the packaged table."""
    text = resources.files("music21_server").joinpath("data", PROFILES).read_text(encoding="utf-8")
    found: dict[str, dict[str, dict[str, dict[str, float]]]] = json.loads(text)["styles"]
    return found
