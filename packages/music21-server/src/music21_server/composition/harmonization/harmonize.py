"""A melody becomes a harmonised score, with a report of what was done and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pydantic import TypeAdapter

from music21_server.composition.harmonization.checks import checked
from music21_server.composition.harmonization.classical import classical
from music21_server.composition.harmonization.jazz import jazz
from music21_server.composition.harmonization.layout import laid_out, spans_of
from music21_server.composition.harmonization.melody import Melody, melody_of
from music21_server.composition.harmonization.melody_fit import soundings
from music21_server.composition.harmonization.modal import modal
from music21_server.composition.harmonization.part_writing import harmony_of
from music21_server.composition.harmonization.pop import pop
from music21_server.composition.harmonization.progression import choices
from music21_server.composition.harmonization.report import MOST_LISTED, Report, Telling
from music21_server.composition.harmonization.segments import HarmonicRhythm, segments_of
from music21_server.composition.harmonization.style import Style, StyleName
from music21_server.composition.harmonization.tonality import Tonality, found_tonality, parse_tonality
from music21_server.composition.harmonization.voicings import VoiceRange, ranges
from music21_server.errors import ScoreError, UnreadableScoreError
from music21_server.reading import formats
from music21_server.reading.ingest import DerivedScore, derive
from music21_server.score import codec
from music21_server.score.document import Document
from music21_server.score.entry import Entry
from music21_server.score.limits import Limits
from music21_server.score.table import Score
from music21_server.workers.progress import report as progress
from music21_server.writing.musicxml_writer import write_musicxml

FEWEST_VOICES: Final = 2
MOST_VOICES: Final = 6


@dataclass(frozen=True)
class Request:
    """How a melody is to be harmonised.

    Attributes:
        style: Whose chords and manner.
        voices: Number of voices, the melody's included.
        key: Such as ``F# minor`` or ``D dorian``; None for the most likely one.
        part: Where the melody is; None for the first part that has notes.
        seed: Which of the good solutions; 0 is the best.
        rhythm: How often chords may change.
    """

    style: StyleName = "classical"
    voices: int = 4
    key: str | None = None
    part: str | None = None
    seed: int = 0
    rhythm: HarmonicRhythm = "auto"


@dataclass(frozen=True)
class Harmonization:
    """A harmonised melody.

    Attributes:
        score: With the melody on top.
        report: What was done.
    """

    score: Score
    report: Report


def harmonize(score: Score, request: Request) -> Harmonization:
    """Harmonise a melody.

    Args:
        score: That has it.
        request: How.

    Raises:
        ScoreError: There is no such melody, or it cannot be harmonised so.
    """
    if not FEWEST_VOICES <= request.voices <= MOST_VOICES:
        raise ScoreError(
            f"Expected {FEWEST_VOICES} to {MOST_VOICES} voices, the melody included, got {request.voices}."
        )
    given = parse_tonality(request.key) if request.key is not None else None
    melody = melody_of(score, request.part)
    below = ranges(request.voices, melody)
    key = given or found_tonality(melody, modal=request.style == "modal")
    segments = segments_of(melody, request.rhythm)
    style = _style(request, key, melody)
    possible = choices(style, segments, soundings(melody, segments), rhythm=request.rhythm, seed=request.seed)
    harmony = harmony_of(melody, possible, below)
    chords = [style.chords[index] for index in harmony.path]
    spans = spans_of(segments, chords, harmony.pitches)
    told = Telling(melody, possible, harmony, spans)
    symbols = told.symbols()
    runs = told.runs()
    title = f"{melody.score.title or 'Melody'}, {request.style} harmony"
    made = laid_out(melody, key, spans, below, title=title, symbols=symbols if style.has_symbols else ())
    verdict = checked(made, spans, below, style.manner)
    report = Report(
        key=key.text,
        key_given=given is not None,
        style=request.style,
        source=style.source,
        seed=request.seed,
        harmonic_rhythm=request.rhythm,
        melody_part=melody.source,
        voices=tuple(voice.text for voice in below),
        chord_count=len(runs),
        chords=told.chords(runs[:MOST_LISTED]),
        non_chord_tones=told.tones(MOST_LISTED),
        is_strict=not verdict.violations,
        checks=verdict.checks,
        violations=verdict.violations,
        remarks=tuple(_remarks(score, melody, key, below)),
    )
    return Harmonization(made, report)


def _style(request: Request, key: Tonality, melody: Melody) -> Style:
    if request.style == "classical":
        return classical(key)
    if request.style == "jazz":
        return jazz(key, request.voices)
    if request.style == "pop":
        return pop(key)
    return modal(key, {note.pitch % 12 for note in melody.notes})


def _remarks(score: Score, melody: Melody, key: Tonality, below: tuple[VoiceRange, ...]) -> list[str]:
    found = []
    if not melody.score.keys:
        found.append(f"The melody has no key signature; that of {key.text} was written.")
    if len(score.parts) > 1:
        found.append(f"Of {len(score.parts)} parts, {melody.source} was taken as the melody.")
    if shift := below[-1].shift:
        way = "lower" if shift < 0 else "higher"
        found.append(f"The voices lie {abs(shift)} semitones {way} than usual, to make room for the melody.")
    found.append("Lyrics, slurs, dynamics and ornaments of the melody are not carried over; its notes are.")
    return found


def harmonized(
    entries: tuple[Entry, ...], text: str | None, request: Request, limits: Limits
) -> DerivedScore:
    """Return a new score with a melody harmonised, as the store keeps it.

    Args:
        entries: The score that has the melody; none where it comes as text.
        text: The melody as notes or tiny notation; None where it is in a score.
        request: How.
        limits: Of a score.

    Raises:
        ScoreError: There is no such melody, or it cannot be harmonised so.
    """
    progress(0, 3, "reading the melody")
    score = codec.decode(entries[0].columns) if text is None else _read(text, limits)
    progress(1, 3, "choosing chords and voices")
    made_score = harmonize(score, request)
    progress(2, 3, "writing the score")
    document = Document("musicxml", write_musicxml(made_score.score))
    return derive(document, TypeAdapter(Report).dump_python(made_score.report, mode="json"), limits)


def _read(text: str, limits: Limits) -> Score:
    try:
        document = formats.recognise(text.encode())
    except UnreadableScoreError:
        document = None
    if document is None or document.kind != "tinynotation":
        raise ScoreError(
            "Expected a melody as notes (`C4 D4 E4`) or tiny notation (`tinyNotation: 3/4 c4 d e2.`), got "
            f"{text[:40]!r}: import other documents with import_score, and send their score_id."
        )
    return formats.read(document, limits)
