"""Runs a request of `imitate_style` in a worker process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

import numpy as np

from music21_server.composition.imitation.imitate import Imitation, imitate
from music21_server.composition.imitation.pieces import Piece, piece_of
from music21_server.composition.imitation.similarity import Distribution, distances
from music21_server.composition.imitation.styles import STYLES, pieces_of
from music21_server.composition.imitation.transitions import BeatGraph
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
"""Limit on the notes of all scores to learn from."""

PROFILES: Final = "styles.json"


@dataclass(frozen=True)
class Request:
    """A request for an imitation.

    Attributes:
        style: Name in `STYLES`; None if scores are given to learn from.
        measures: Number of bars.
        voices: Number of voices; None for the usual number.
        key: Key such as ``F# minor``; None for the key of one of the works.
        seed: Seed of all random choices.
    """

    style: str | None
    measures: int
    voices: int | None
    key: str | None
    seed: int


def generate_imitation(entries: tuple[Entry, ...], request: Request, limits: Limits) -> DerivedScore:
    """Compose music in the style of works of the corpus or of stored scores, and return it with a report.

    Args:
        entries: Scores to learn from; empty if a style is given.
        request: Style, length and other options.
        limits: Limits on the new score.

    Raises:
        ScoreError: The request is invalid, or there is too little music to learn from.
    """
    _check(entries, request)
    style, seed = request.style, request.seed
    key = parse_key(request.key) if request.key is not None else None
    pieces = pieces_of(style) if style is not None else _pieces(entries)
    subject = STYLES[style].title if style is not None else " and ".join(piece.name for piece in pieces)[:60]
    title = f"In the style of {subject} (seed {seed})"
    result = imitate(pieces, title, measures=request.measures, voices=request.voices, key=key, seed=seed)
    return derive(Document("musicxml", write_musicxml(result.score)), report_of(result, style, seed), limits)


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
            f"Expected scores with at most {_MOST_NOTES:,} notes in total to learn from, got {notes:,}: send "
            "fewer, or parts of them."
        )
    return tuple(
        piece_of(str(entry.info["title"]) or f"score {number}", codec.decode(entry.columns))
        for number, entry in enumerate(entries, start=1)
    )


def report_of(imitation: Imitation, style: str | None, seed: int) -> dict[str, Any]:
    """Return the report of an imitation as JSON-compatible values; `style` is None if it was learned from
    scores."""
    graph, path = imitation.graph, imitation.walk
    indices = np.array(path.beats)
    as_in_work = int(_is_own(graph, indices[:-1], indices[1:]).sum())
    works = [piece.name for piece in imitation.pieces]
    source = imitation.quotation.source
    return {
        "style": style or "scores",
        "seed": seed,
        "key": imitation.key.text,
        "time_signature": graph.metre.text,
        "voices": len(graph.contents[0]),
        "learned_from": {
            "works": works,
            "work_count": len(works),
            "notes": sum(piece.notes for piece in imitation.pieces),
            "beats": len(graph.contents),
            "bars": sum(max(piece.bars) + 1 for piece in imitation.pieces),
        },
        "model": {
            "order": 1,
            "beats": len(graph.contents),
            "distinct_beats": len(set(graph.contents)),
            "places": graph.places,
            "successions": len(graph.odds),
            "successions_of_works": int(_is_own(graph, graph.source, graph.target).sum()),
        },
        "way": {
            "beats": len(path.beats),
            "works_used": len({int(graph.work[index]) for index in path.beats}),
            "successions_as_in_a_work": as_in_work,
            "new_successions": len(indices) - 1 - as_in_work,
        },
        "likeness": {
            "distance": _rounded(imitation.distances),
            "works_themselves": round(imitation.own_distance, 3),
            "other_styles": _other_styles(imitation.profile, imitation.key, style),
        },
        "quotation": {
            "longest_notes": imitation.quotation.notes,
            "most_notes_allowed": imitation.quotation_limit,
            "of": works[int(graph.work[source])] if source >= 0 else None,
        },
    }


def _is_own(graph: BeatGraph, source: Integers, target: Integers) -> Booleans:
    """Return which successions are taken from a work."""
    is_own: Booleans = (graph.work[source] == graph.work[target]) & (
        graph.index[target] == graph.index[source] + 1
    )
    return is_own


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in values.items()}


def _other_styles(profile: Mapping[str, Distribution], key: Key, style: str | None) -> dict[str, float]:
    """Return the mean distance to other styles in the same mode, the nearest first."""
    means = {
        name: distances(profile, modes[key.mode])["mean"]
        for name, modes in _profiles().items()
        if name != style and key.mode in modes
    }
    return _rounded(dict(sorted(means.items(), key=lambda item: item[1])))


@cache
def _profiles() -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    """Return the distributions of each style by mode, from the packaged table."""
    text = resources.files("music21_server").joinpath("data", PROFILES).read_text(encoding="utf-8")
    profiles: dict[str, dict[str, dict[str, dict[str, float]]]] = json.loads(text)["styles"]
    return profiles
