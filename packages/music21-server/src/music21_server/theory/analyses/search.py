"""Search for a melody, a rhythm or a contour in a score."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import numpy as np
from pydantic import Field

from music21_server.errors import ScoreError
from music21_server.score.table import STEP_SEMITONES, Booleans, Integers, Score
from music21_server.theory.melody.lines import ChordNote, Lines, chord_rule, melodic_lines, phrases
from music21_server.theory.melody.matcher import Matcher, Matches, Tolerance
from music21_server.theory.melody.queries import Query, read_query
from music21_server.theory.melody.query_forms import SEARCH_FORMS, SearchForm, in_form
from music21_server.theory.pitch.intervals import interval_name
from music21_server.theory.pitch.transposition import SpelledPitches
from music21_server.theory.time.positions import Clock, Position

Compare = Literal["semitones", "steps"]
"""Unit of intervals: semitones, or steps, where a major third equals a minor one."""

_MOST_EXTRA_NOTES: Final = 4


@dataclass(frozen=True)
class Match:
    """One match of the query."""

    voice: str
    """Name of the voice."""
    begins: Position
    """Beginning of the first note."""
    ends: Position
    """Beginning of the last note."""
    form: SearchForm
    """`as given`; `transposed` to another pitch; `inverted` upside down; `retrograde` backwards; `retrograde
    inverted` both. For a query without pitches, `as given` means at any pitch."""
    transposed_by: str | None
    """Interval from the given pitches, such as `up P5`; null if none were given."""
    notes: tuple[str, ...]
    """Notes of the match."""
    quarters: tuple[float, ...]
    """Their lengths in quarter notes."""
    extra_notes: int
    """Number of other notes between them."""
    varied_intervals: int
    """Number of intervals that are a step larger or smaller than given."""
    times_as_long: float | None
    """For a rhythm at any speed, the factor by which its notes are longer; otherwise null."""


@dataclass(frozen=True)
class Search:
    """The matches of a query."""

    understood_as: str
    """Interpretation of the query."""
    match_count: Annotated[int, Field(alias="found")]
    """Exact number of matches."""
    voices: int
    """Number of voices with a match."""
    matches: tuple[Match, ...]
    """First matches in order of time."""
    rules: tuple[str, ...]
    """Rules of the search."""


def search_pattern(
    score: Score,
    pitches: SpelledPitches,
    query: str,
    *,
    notation: str | None = None,
    forms: Collection[str] = ("as given", "transposed"),
    compare: Compare = "semitones",
    extra_notes: int = 0,
    varied_intervals: int = 0,
    any_speed: bool = False,
    voices: Sequence[str] | None = None,
    chord_note: ChordNote = "highest",
    most: int = 200,
) -> Search:
    """Search all voices.

    Args:
        pitches: Pitches of its rows, written or sounding.
        query: Text in one of `queries.QUERY_FORMS`.
        notation: Notation of the query; None to recognise it by its words.
        forms: Forms that count, from `SEARCH_FORMS`.
        compare: Whether intervals and pitches are compared in semitones or in steps.
        extra_notes: Most notes between one note of the pattern and the next (ornaments, passing notes), 0 to
            4.
        varied_intervals: Most intervals that may be a step larger or smaller than given (tonal answers).
        any_speed: Whether a rhythm may be multiplied by one factor.
        voices: Names of voices or parts, or numbers of parts from 1; None for all.
        chord_note: Note that counts of a chord within one voice.
        most: Most matches to return; all are counted.

    Raises:
        ScoreError: The query is not valid, or an option is unknown or does not apply.
    """
    parsed = read_query(query, notation)
    _check(parsed, forms, extra_notes, varied_intervals)
    lines = melodic_lines(score, pitches, voices=voices, chord_note=chord_note)
    unit = score.notes.ticks_per_quarter
    tolerance = Tolerance(extra_notes, varied_intervals, any_speed)
    matcher = Matcher(lines, phrases(lines, unit), unit, compare, tolerance)
    matches, form_index = _matches_of_forms(matcher, lines, parsed, compare, forms)
    order = np.lexsort((lines.line[matches.first], lines.start[matches.first]))
    clock = Clock(score)
    listed = []
    for index in order[:most].tolist():
        form = SEARCH_FORMS[form_index[index]]
        path = matcher.path(in_form(parsed, form), int(matches.first[index]), int(matches.last[index]))
        listed.append(
            Match(
                voice=lines.names[lines.line[path[0]]],
                begins=clock.at_tick(int(lines.start[path[0]])),
                ends=clock.at_tick(int(lines.start[path[-1]])),
                form=form,
                transposed_by=_transposed_by(lines, parsed, form, path[0]),
                notes=tuple(lines.name(note) for note in path),
                quarters=tuple(
                    round(float(ticks) / unit, 4) for ticks in (lines.end[path] - lines.start[path]).tolist()
                ),
                extra_notes=int(matches.extra[index]),
                varied_intervals=int(matches.varied[index]),
                times_as_long=_times_as_long(lines, in_form(parsed, form), path[0], unit)
                if any_speed
                else None,
            )
        )
    return Search(
        understood_as=_interpretation(parsed),
        match_count=len(order),
        voices=len(np.unique(lines.line[matches.first])),
        matches=tuple(listed),
        rules=_rules(lines, parsed, compare, tolerance, chord_note),
    )


def _check(query: Query, forms: Collection[str], extra_notes: int, varied_intervals: int) -> None:
    unknown = [form for form in forms if form not in SEARCH_FORMS]
    if unknown or not forms:
        rejected = repr(unknown[0]) if unknown else "none"
        raise ScoreError(f"Expected forms from {', '.join(SEARCH_FORMS)}; got {rejected}.")
    if not 0 <= extra_notes <= _MOST_EXTRA_NOTES:
        raise ScoreError(f"Expected extra_notes from 0 to {_MOST_EXTRA_NOTES}, got {extra_notes}.")
    if varied_intervals < 0:
        raise ScoreError(f"Expected varied_intervals from 0, got {varied_intervals}.")
    if query.intervals is None and (extra_notes or varied_intervals):
        raise ScoreError(
            "Expected no extra_notes and no varied_intervals with a rhythm, which has no intervals: leave "
            "them out, or search for notes with lengths, such as `C4:1 D4:0.5`."
        )


def _matches_of_forms(
    matcher: Matcher, lines: Lines, query: Query, compare: Compare, forms: Collection[str]
) -> tuple[Matches, Integers]:
    """Return the matches in any of the forms, at most one from each note, and the form of each."""
    requested = [form for form in SEARCH_FORMS if form in forms]
    if query.notes is None:
        # Without pitches there is nothing to transpose.
        requested = list(dict.fromkeys("as given" if form == "transposed" else form for form in requested))
    if query.intervals is None:
        requested = [form for form in requested if "inverted" not in form] or ["as given"]
    sets, form_index = [], []
    taken = np.zeros(len(lines), dtype=np.bool_)
    for form in requested:
        matches = matcher.matches(in_form(query, form))
        at_pitch = _at_pitch(lines, query, compare, matches)
        if form == "as given" and query.notes is not None:
            matches = matches.select(at_pitch)
        elif form == "transposed":
            matches = matches.select(~at_pitch)
        matches = matches.select(~taken[matches.first])
        taken[matches.first] = True
        sets.append(matches)
        form_index.append(np.full(len(matches.first), SEARCH_FORMS.index(form)))
    return Matches.concatenate(sets), np.concatenate(form_index)


def _height(note: tuple[int, int, int | None], compare: Compare) -> tuple[int, int]:
    """Return the height of a query's note, and the size of an octave; without an octave, the one from C."""
    step, alter_cents, octave = note
    if compare == "steps":
        return step + 7 * (octave or 0), 7
    return int(STEP_SEMITONES[step]) * 100 + alter_cents + 1200 * ((octave or 0) + 1), 1200


def _at_pitch(lines: Lines, query: Query, compare: Compare, matches: Matches) -> Booleans:
    """Return which matches begin at the given pitch, in any octave if none is given."""
    if query.notes is None:
        return np.ones(len(matches.first), dtype=np.bool_)
    heights = (lines.place if compare == "steps" else lines.cents)[matches.first]
    height, octave = _height(query.notes[0], compare)
    if query.notes[0][2] is None:
        heights, height = (heights - height) % octave, 0
    at_pitch: Booleans = heights == height
    return at_pitch


def _transposed_by(lines: Lines, query: Query, form: SearchForm, first: int) -> str | None:
    if form not in ("as given", "transposed") or query.notes is None or query.notes[0][2] is None:
        return None
    steps = int(lines.place[first]) - _height(query.notes[0], "steps")[0]
    cents = int(lines.cents[first]) - _height(query.notes[0], "semitones")[0]
    if steps == 0 and cents == 0:
        return "P1"
    return f"{'up' if (cents, steps) > (0, 0) else 'down'} {interval_name(steps, cents)}"


def _times_as_long(lines: Lines, query: Query, first: int, unit: int) -> float | None:
    length = query.lengths[0] if query.lengths else None
    if length is None:
        return None
    return round(float(lines.end[first] - lines.start[first]) / unit / float(length), 4)


def _interpretation(query: Query) -> str:
    """Return how the query was interpreted."""
    if query.notation == "rhythm":
        return f"a rhythm of {query.size} notes"
    if query.notation == "contour":
        return f"a contour of {query.size} notes"
    notations = {"notes": "notes", "steps": "intervals in steps", "semitones": "intervals in semitones"}
    text = f"{query.size} notes, given as {notations.get(query.notation, 'intervals by name')}"
    return text + (" with lengths" if query.lengths is not None else "")


def _rules(
    lines: Lines, query: Query, compare: Compare, tolerance: Tolerance, chord_note: ChordNote
) -> tuple[str, ...]:
    rules = [
        chord_rule(lines, chord_note),
        "A match may have rests within it, but none longer than four quarter notes.",
    ]
    if query.notation in ("notes", "intervals"):
        unit = (
            "in semitones, whatever the spelling"
            if compare == "semitones"
            else "in steps, major and minor alike"
        )
        rules.append(f"Pitches and intervals are compared {unit}.")
    if query.notes is not None and any(octave is None for _, _, octave in query.notes):
        rules.append("Octaves were not given for all notes, so each note may be in any octave.")
    if query.rests is not None:
        rules.append("Rests in a rhythm must match as well.")
    if tolerance.extra_notes:
        rules.append(f"Up to {tolerance.extra_notes} other notes may occur between one note and the next.")
    if tolerance.varied_intervals:
        rules.append(f"Up to {tolerance.varied_intervals} intervals may be a step larger or smaller.")
    return tuple(rules)
