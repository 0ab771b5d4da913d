"""Where a melody, a rhythm or a contour is in a score."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np

from music21_server.errors import ScoreError
from music21_server.score.table import STEP_SEMITONES, Booleans, Integers, Score
from music21_server.theory.melody.lines import ChordNote, Lines, melodic_lines, phrases
from music21_server.theory.melody.matcher import Matcher, Matches, Tolerance
from music21_server.theory.melody.queries import Query, WantedInterval, read_query
from music21_server.theory.pitch.intervals import interval_name
from music21_server.theory.pitch.transposition import SpelledPitches
from music21_server.theory.time.positions import Clock, Position

SearchForm = Literal["as given", "transposed", "inverted", "retrograde", "retrograde inverted"]
SEARCH_FORMS: Final[tuple[SearchForm, ...]] = get_args(SearchForm)

Compare = Literal["semitones", "steps"]
"""How intervals are compared: as they sound, or in steps, a major third like a minor one."""

_MOST_EXTRA_NOTES: Final = 4


@dataclass(frozen=True)
class Match:
    """One place where it was found.

    Attributes:
        voice: Name of the voice.
        begins: Where its first note begins.
        ends: Where its last note begins.
        form: ``as given``; ``transposed`` to another pitch; ``inverted`` upside down; ``retrograde``
            backwards; ``retrograde inverted`` both. Of a query without pitches, ``as given`` is at any pitch.
        transposed_by: Interval from the pitches given, such as ``up P5``; None where none were given.
        notes: The notes that match.
        quarters: Their lengths in quarter notes.
        extra_notes: How many other notes stand between them.
        varied_intervals: How many intervals are a step larger or smaller than given.
        times_as_long: Of a rhythm in other values, how many times as long its notes are; else None.
    """

    voice: str
    begins: Position
    ends: Position
    form: SearchForm
    transposed_by: str | None
    notes: tuple[str, ...]
    quarters: tuple[float, ...]
    extra_notes: int
    varied_intervals: int
    times_as_long: float | None


@dataclass(frozen=True)
class Search:
    """What was found.

    Attributes:
        understood_as: How the query was read.
        found: How many matches there are, exact.
        voices: In how many voices.
        matches: The first ones in time.
        rules: By which rules this was found.
    """

    understood_as: str
    found: int
    voices: int
    matches: tuple[Match, ...]
    rules: tuple[str, ...]


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
        score: Of all parts.
        pitches: Of its rows, written or sounding.
        query: As `queries.FORMS_OF_QUERIES` says.
        notation: How the query is written; None to tell from its words.
        forms: Which of `SEARCH_FORMS` count.
        compare: Whether intervals and pitches are compared in semitones or in steps.
        extra_notes: So many notes may stand between one note of the pattern and the next (ornaments, passing
            notes), 0 to 4.
        varied_intervals: So many intervals may be a step larger or smaller than given (tonal answers).
        any_speed: Whether a rhythm may come in other values, all longer or shorter by the same factor.
        voices: Which voices: their names, names of parts, or numbers of parts from 1; None for all.
        chord_note: Which note of a chord within a voice counts.
        most: How many matches to return; all are counted.

    Raises:
        ScoreError: The query is none, or an option does not exist or does not apply.
    """
    read = read_query(query, notation)
    _check(read, forms, extra_notes, varied_intervals)
    lines = melodic_lines(score, pitches, voices=voices, chord_note=chord_note)
    unit = score.notes.ticks_per_quarter
    tolerance = Tolerance(extra_notes, varied_intervals, any_speed)
    matcher = Matcher(lines, phrases(lines, unit), unit, compare, tolerance)
    matches, of_form = _of_all_forms(matcher, lines, read, compare, forms)
    order = np.lexsort((lines.line[matches.first], lines.start[matches.first]))
    clock = Clock(score)
    told = []
    for index in order[:most].tolist():
        form = SEARCH_FORMS[of_form[index]]
        path = matcher.path(_turned(read, form), int(matches.first[index]), int(matches.last[index]))
        told.append(
            Match(
                voice=lines.names[lines.line[path[0]]],
                begins=clock.at_tick(int(lines.start[path[0]])),
                ends=clock.at_tick(int(lines.start[path[-1]])),
                form=form,
                transposed_by=_transposed_by(lines, read, form, path[0]),
                notes=tuple(lines.name(note) for note in path),
                quarters=tuple(
                    round(float(ticks) / unit, 4) for ticks in (lines.end[path] - lines.start[path]).tolist()
                ),
                extra_notes=int(matches.extra[index]),
                varied_intervals=int(matches.varied[index]),
                times_as_long=_times_as_long(lines, _turned(read, form), path[0], unit)
                if any_speed
                else None,
            )
        )
    return Search(
        understood_as=_said(read),
        found=len(order),
        voices=len(np.unique(lines.line[matches.first])),
        matches=tuple(told),
        rules=_rules(lines, read, compare, tolerance, chord_note),
    )


def _check(query: Query, forms: Collection[str], extra_notes: int, varied_intervals: int) -> None:
    unknown = [form for form in forms if form not in SEARCH_FORMS]
    if unknown or not forms:
        came = repr(unknown[0]) if unknown else "none"
        raise ScoreError(f"Expected forms out of: {', '.join(SEARCH_FORMS)}; got {came}.")
    if not 0 <= extra_notes <= _MOST_EXTRA_NOTES:
        raise ScoreError(f"Expected extra_notes from 0 to {_MOST_EXTRA_NOTES}, got {extra_notes}.")
    if varied_intervals < 0:
        raise ScoreError(f"Expected varied_intervals from 0, got {varied_intervals}.")
    if query.intervals is None and (extra_notes or varied_intervals):
        raise ScoreError(
            "Expected no extra_notes and no varied_intervals with a rhythm, which has no intervals: leave "
            "them out, or search for notes with lengths, such as `C4:1 D4:0.5`."
        )


def _of_all_forms(
    matcher: Matcher, lines: Lines, query: Query, compare: Compare, forms: Collection[str]
) -> tuple[Matches, Integers]:
    """Return matches, each note of the score being the first of one at most, and the form of each."""
    wanted = [form for form in SEARCH_FORMS if form in forms]
    if query.notes is None:
        # Without pitches there is nothing to transpose.
        wanted = list(dict.fromkeys("as given" if form == "transposed" else form for form in wanted))
    if query.intervals is None:
        wanted = [form for form in wanted if "inverted" not in form] or ["as given"]
    found, of_form = [], []
    taken = np.zeros(len(lines), dtype=np.bool_)
    for form in wanted:
        matches = matcher.matches(_turned(query, form))
        at_pitch = _at_pitch(lines, query, compare, matches)
        if form == "as given" and query.notes is not None:
            matches = matches.chosen(at_pitch)
        elif form == "transposed":
            matches = matches.chosen(~at_pitch)
        matches = matches.chosen(~taken[matches.first])
        taken[matches.first] = True
        found.append(matches)
        of_form.append(np.full(len(matches.first), SEARCH_FORMS.index(form)))
    return Matches.joined(found), np.concatenate(of_form)


def _turned(query: Query, form: SearchForm) -> Query:
    """Return a query in one of the forms."""
    if form in ("as given", "transposed"):
        return query
    backwards, upside_down = "retrograde" in form, "inverted" in form
    # Backwards every interval goes the other way, and upside down once more.
    sign = -1 if backwards != upside_down else 1
    order = slice(None, None, -1 if backwards else 1)
    return Query(
        query.notation,
        None if query.intervals is None else tuple(_signed(each, sign) for each in query.intervals[order]),
        lengths=None if query.lengths is None else query.lengths[order],
        # A rest stands after the note that it followed before: backwards, after the next one.
        rests=(
            None
            if query.rests is None
            else (*query.rests[-2::-1], query.rests[-1])
            if backwards
            else query.rests
        ),
    )


def _signed(interval: WantedInterval, sign: int) -> WantedInterval:
    steps, cents, way = (
        None if each is None else sign * each for each in (interval.steps, interval.cents, interval.way)
    )
    return WantedInterval(steps, cents, way, interval.any_octave)


def _height(note: tuple[int, int, int | None], compare: Compare) -> tuple[int, int]:
    """Return the height of a note of a query, and what an octave is; the octave is 0 where it is any."""
    step, alter_cents, octave = note
    if compare == "steps":
        return step + 7 * (octave or 0), 7
    return int(STEP_SEMITONES[step]) * 100 + alter_cents + 1200 * ((octave or 0) + 1), 1200


def _at_pitch(lines: Lines, query: Query, compare: Compare, matches: Matches) -> Booleans:
    """Return which matches begin at the pitch given, or in any octave if none is given."""
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
    if query.lengths is None:
        return None
    wanted = next((each for each in query.lengths[:1] if each is not None), None)
    return (
        None
        if wanted is None
        else round(float(lines.end[first] - lines.start[first]) / unit / float(wanted), 4)
    )


def _said(query: Query) -> str:
    """Return how a query was read."""
    if query.notation == "rhythm":
        return f"a rhythm of {query.size} notes"
    if query.notation == "contour":
        return f"a contour of {query.size} notes"
    how = {"notes": "notes", "steps": "intervals in steps", "semitones": "intervals in semitones"}
    said = f"{query.size} notes, given as {how.get(query.notation, 'intervals by name')}"
    return said + (" with lengths" if query.lengths is not None else "")


def _rules(
    lines: Lines, query: Query, compare: Compare, tolerance: Tolerance, chord_note: ChordNote
) -> tuple[str, ...]:
    rules = [
        f"Of a chord within one voice the {chord_note} note counts; {lines.left_out} other notes do not. "
        "Tied notes are one note; grace notes and cues do not count.",
        "A match may have rests within it, but none longer than four quarter notes.",
    ]
    if query.notation in ("notes", "intervals"):
        by = (
            "in semitones, whatever the spelling"
            if compare == "semitones"
            else "in steps, major and minor alike"
        )
        rules.append(f"Pitches and intervals are compared {by}.")
    if query.notes is not None and any(octave is None for _, _, octave in query.notes):
        rules.append("Octaves were not given for all notes: each note may be in any octave.")
    if query.rests is not None:
        rules.append("A rhythm's rests must be as given too.")
    if tolerance.extra_notes:
        rules.append(f"Up to {tolerance.extra_notes} other notes may stand between one note and the next.")
    if tolerance.varied_intervals:
        rules.append(f"Up to {tolerance.varied_intervals} intervals may be a step larger or smaller.")
    return tuple(rules)
