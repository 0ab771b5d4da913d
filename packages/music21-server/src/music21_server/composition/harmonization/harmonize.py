"""Harmonises a melody and reports the chords with their reasons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pydantic import TypeAdapter

from music21_server.composition.harmonization.checks import check_rules
from music21_server.composition.harmonization.classical import classical
from music21_server.composition.harmonization.jazz import jazz
from music21_server.composition.harmonization.layout import chord_spans, lay_out
from music21_server.composition.harmonization.melody import Melody, melody_of
from music21_server.composition.harmonization.melody_fit import segment_notes
from music21_server.composition.harmonization.modal import modal
from music21_server.composition.harmonization.part_writing import write_parts
from music21_server.composition.harmonization.pop import pop
from music21_server.composition.harmonization.progression import progression_costs
from music21_server.composition.harmonization.report import MOST_LISTED, Report, ReportBuilder
from music21_server.composition.harmonization.segments import HarmonicRhythm, segments_of
from music21_server.composition.harmonization.style import Style, StyleName
from music21_server.composition.harmonization.tonality import Tonality, detect_tonality, parse_tonality
from music21_server.composition.harmonization.voicings import VoiceRange, voice_ranges
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
    """A request for a harmonisation.

    Attributes:
        style: Style of chords and part-writing.
        voices: Number of voices, including the melody.
        key: Key such as ``F# minor`` or ``D dorian``; None to detect it.
        part: Part that has the melody; None for the first part that has notes.
        seed: Choice among the good solutions; 0 is the best.
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
        score: Score with the melody on top.
        report: Chords with reasons, checks and remarks.
    """

    score: Score
    report: Report


def harmonize(score: Score, request: Request) -> Harmonization:
    """Harmonise a melody.

    Args:
        score: Score that has the melody.
        request: Style, voices and other options.

    Raises:
        ScoreError: There is no such melody, or it cannot be harmonised as requested.
    """
    if not FEWEST_VOICES <= request.voices <= MOST_VOICES:
        raise ScoreError(
            f"Expected {FEWEST_VOICES} to {MOST_VOICES} voices, including the melody, got {request.voices}."
        )
    given = parse_tonality(request.key) if request.key is not None else None
    melody = melody_of(score, request.part)
    below = voice_ranges(request.voices, melody)
    key = given or detect_tonality(melody, modal=request.style == "modal")
    segments = segments_of(melody, request.rhythm)
    style = _style(request, key, melody)
    notes = segment_notes(melody, segments)
    costs = progression_costs(style, segments, notes, rhythm=request.rhythm, seed=request.seed)
    harmony = write_parts(melody, costs, below)
    chords = [style.chords[index] for index in harmony.path]
    spans = chord_spans(segments, chords, harmony.pitches)
    builder = ReportBuilder(melody, costs, harmony, spans)
    symbols = builder.symbols()
    runs = builder.runs()
    title = f"{melody.score.title or 'Melody'}, {request.style} harmony"
    harmonized = lay_out(melody, key, spans, below, title=title, symbols=symbols if style.has_symbols else ())
    result = check_rules(harmonized, spans, below, style.part_writing)
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
        chords=builder.chords(runs[:MOST_LISTED]),
        non_chord_tones=builder.tones(MOST_LISTED),
        is_strict=not result.violations,
        checks=result.checks,
        violations=result.violations,
        remarks=tuple(_remarks(score, melody, key, below)),
    )
    return Harmonization(harmonized, report)


def _style(request: Request, key: Tonality, melody: Melody) -> Style:
    if request.style == "classical":
        return classical(key)
    if request.style == "jazz":
        return jazz(key, request.voices)
    if request.style == "pop":
        return pop(key)
    return modal(key, {note.pitch % 12 for note in melody.notes})


def _remarks(score: Score, melody: Melody, key: Tonality, below: tuple[VoiceRange, ...]) -> list[str]:
    remarks = []
    if not melody.score.keys:
        remarks.append(f"The melody has no key signature; that of {key.text} was written.")
    if len(score.parts) > 1:
        remarks.append(f"The score has {len(score.parts)} parts; {melody.source} was taken as the melody.")
    if shift := below[-1].shift:
        direction = "lower" if shift < 0 else "higher"
        remarks.append(
            f"The other voices are {abs(shift)} semitones {direction} than usual, to suit the melody."
        )
    remarks.append("The notes of the melody are kept; its lyrics, slurs, dynamics and ornaments are not.")
    return remarks


def generate_harmonization(
    entries: tuple[Entry, ...], text: str | None, request: Request, limits: Limits
) -> DerivedScore:
    """Harmonise a melody and return the new score with a report.

    Args:
        entries: The score that has the melody; empty if the melody is given as text.
        text: Melody as notes or tiny notation; None if it is in a score.
        request: Style, voices and other options.
        limits: Limits on the new score.

    Raises:
        ScoreError: There is no such melody, or it cannot be harmonised as requested.
    """
    progress(0, 3, "reading the melody")
    score = codec.decode(entries[0].columns) if text is None else _read(text, limits)
    progress(1, 3, "choosing chords and voices")
    harmonization = harmonize(score, request)
    progress(2, 3, "writing the score")
    document = Document("musicxml", write_musicxml(harmonization.score))
    return derive(
        document, TypeAdapter(Report).dump_python(harmonization.report, mode="json", by_alias=True), limits
    )


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
