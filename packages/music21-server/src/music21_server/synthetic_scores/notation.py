"""Write events as the text of MusicXML notes: types, dots, beams, tuplets, ties, slurs, lyrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from xml.sax.saxutils import escape

from music21_server.score.table import STEPS
from music21_server.synthetic_scores.form import QUARTER
from music21_server.synthetic_scores.player_line import Event, Pitch


@dataclass(frozen=True)
class _Value:
    """Notation of a length: type, dots, beams, and the actual and normal number of notes of a tuplet."""

    name: str
    dots: int = 0
    beams: int = 0
    tuplet: tuple[int, int] | None = None


_VALUES: Final[Mapping[int, _Value]] = {
    96: _Value("whole"),
    72: _Value("half", 1),
    48: _Value("half"),
    36: _Value("quarter", 1),
    24: _Value("quarter"),
    18: _Value("eighth", 1, 1),
    12: _Value("eighth", 0, 1),
    8: _Value("eighth", 0, 1, (3, 2)),
    6: _Value("16th", 0, 2),
    4: _Value("16th", 0, 2, (6, 4)),
    3: _Value("32nd", 0, 3),
}
"""Notation by length in ticks."""


_ACCIDENTALS: Final = {-2: "flat-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp"}


class Accidentals:
    """Accidentals needed in one bar of a staff, given its signature and the notes so far."""

    def __init__(self, signature: tuple[int, ...]) -> None:
        self._signature = signature
        self._printed: dict[int, int] = {}

    def signs_for(self, event: Event) -> tuple[str, ...]:
        """Return an accidental or "" for each pitch, the grace note first."""
        pitches = event.pitches if event.grace is None else (event.grace, *event.pitches)
        signs = []
        for step, sharps in pitches:
            is_implied = event.from_tie or self._printed.get(step, self._signature[step % 7]) == sharps
            if not is_implied:
                self._printed[step] = sharps
            signs.append("" if is_implied else f"<accidental>{_ACCIDENTALS[sharps]}</accidental>")
        return tuple(signs)


@dataclass(frozen=True)
class Syllable:
    """A syllable under a note; `place` in its word is ``single``, ``begin``, ``middle`` or ``end``."""

    text: str
    place: str


@dataclass(frozen=True)
class Placement:
    """Voice and staff of notes (staff 0 if there is only one), and whether they are unpitched."""

    voice: int
    staff: int
    is_unpitched: bool = False


def bar_text(
    events: list[Event],
    placement: Placement,
    beat_ticks: int,
    accidentals: Accidentals,
    syllables: Iterator[Syllable] | None = None,
) -> str:
    """Return one voice of a bar.

    Args:
        events: Events of the voice.
        placement: Voice and staff.
        beat_ticks: Length of a beat; beams end with the beat.
        accidentals: State of this bar of the staff, shared by its voices.
        syllables: Lyrics for notes that begin; None for an instrument.
    """
    beams = _beams(tuple((event.ticks if event.pitches else -event.ticks) for event in events), beat_ticks)
    pieces, begin, is_slurred = [], 0, False
    for event, beam in zip(events, beams, strict=True):
        signs = () if placement.is_unpitched else accidentals.signs_for(event)
        text = _note(event, signs, beam, _tuplet_end(event.ticks, begin), placement)
        if syllables is not None and event.pitches and not event.from_tie and not is_slurred:
            note, end, rest = text.rpartition("</note>")  # skips a grace note
            text = f"{note}{_lyric(next(syllables))}{end}{rest}"
        pieces.append(text)
        is_slurred = event.slur == "start" or (is_slurred and event.slur != "stop")
        begin += event.ticks
    return "".join(pieces)


def whole_bar_rest(ticks: int, placement: Placement) -> str:
    """Return a whole-bar rest."""
    return f'<note><rest measure="yes"/><duration>{ticks}</duration>{_voice_and_staff(placement)}</note>\n'


def _voice_and_staff(placement: Placement, kind: str = "", ratio: str = "") -> str:
    staff = f"<staff>{placement.staff}</staff>" if placement.staff else ""
    return f"<voice>{placement.voice}</voice>{kind}{ratio}{staff}"


def _lyric(syllable: Syllable) -> str:
    return f"<lyric><syllabic>{syllable.place}</syllabic><text>{escape(syllable.text)}</text></lyric>"


def _tuplet_end(ticks: int, begin: int) -> str:
    """Return ``start`` or ``stop`` for the first and last note of a tuplet, which fills a quarter note."""
    if _VALUES[ticks].tuplet is None:
        return ""
    into = begin % QUARTER
    return "start" if into == 0 else "stop" if into + ticks == QUARTER else ""


@lru_cache(maxsize=1 << 16)
def _note(
    event: Event, signs: tuple[str, ...], beam: tuple[str, ...], tuplet_end: str, placement: Placement
) -> str:
    """Return the notes of an event; cached because the same ones recur often."""
    value = _VALUES[event.ticks]
    dots = "<dot/>" * value.dots
    ratio = ""
    if value.tuplet is not None:
        actual, normal = value.tuplet
        ratio = (
            f"<time-modification><actual-notes>{actual}</actual-notes><normal-notes>{normal}</normal-notes>"
            "</time-modification>"
        )
    kind = f"<type>{value.name}</type>{dots}"
    beams = "".join(f'<beam number="{level}">{word}</beam>' for level, word in enumerate(beam, 1))
    tuplet = f'<tuplet type="{tuplet_end}"/>' if tuplet_end else ""
    duration = f"<duration>{event.ticks}</duration>"
    if not event.pitches:
        return f"<note><rest/>{duration}{_voice_and_staff(placement, kind)}</note>\n"
    ties = [end for end, is_tied in (("stop", event.from_tie), ("start", event.to_tie)) if is_tied]
    tie = "".join(f'<tie type="{each}"/>' for each in ties)
    tied = "".join(f'<tied type="{each}"/>' for each in ties)
    slur = f'<slur type="{event.slur}" number="1"/>' if event.slur else ""
    notes = []
    if event.grace is not None:
        notes.append(_grace(event.grace, signs[0] if signs else "", placement))
        signs = signs[1:]
    for index, pitch in enumerate(event.pitches):
        sign = signs[index] if signs else ""
        # Beams, tuplets and slurs of a chord are written at its first note.
        marks = tied if index else f"{tied}{slur}{tuplet}"
        notes.append(
            f"<note>{'<chord/>' if index else ''}{_pitch(pitch, placement)}{duration}{tie}"
            f"{_voice_and_staff(placement, kind + sign, ratio)}"
            f"{'' if index else beams}{f'<notations>{marks}</notations>' if marks else ''}</note>\n"
        )
    return "".join(notes)


def _grace(pitch: Pitch, sign: str, placement: Placement) -> str:
    kind = _voice_and_staff(placement, f"<type>eighth</type>{sign}")
    return f'<note><grace slash="yes"/>{_pitch(pitch, placement)}{kind}</note>\n'


def _pitch(pitch: Pitch, placement: Placement) -> str:
    step, sharps = pitch
    octave, letter = divmod(step, 7)
    if placement.is_unpitched:
        return (
            f"<unpitched><display-step>{STEPS[letter]}</display-step><display-octave>{octave}</display-octave>"
            "</unpitched>"
        )
    alter = f"<alter>{sharps}</alter>" if sharps else ""
    return f"<pitch><step>{STEPS[letter]}</step>{alter}<octave>{octave}</octave></pitch>"


@lru_cache(maxsize=1 << 14)
def _beams(lengths: tuple[int, ...], beat_ticks: int) -> tuple[tuple[str, ...], ...]:
    """Return the beams of each event, the eighth-note beam first; rests have negative lengths."""
    groups: list[list[int]] = [[]]
    begin = 0
    for index, length in enumerate(lengths):
        if groups[-1] and begin % beat_ticks == 0:
            groups.append([])
        if length > 0 and _VALUES[length].beams:
            groups[-1].append(index)
        else:
            groups.append([])
        begin += abs(length)
    beams: list[tuple[str, ...]] = [()] * len(lengths)
    for group in groups:
        counts = [_VALUES[lengths[index]].beams for index in group]
        for position, index in enumerate(group if len(group) > 1 else []):
            beams[index] = tuple(_beam(counts, position, level) for level in range(1, counts[position] + 1))
    return tuple(beams)


def _beam(counts: list[int], position: int, level: int) -> str:
    """Return the MusicXML value of one beam of the note at `position`, given the beams of all notes."""
    joins_previous = position > 0 and counts[position - 1] >= level
    joins_next = position + 1 < len(counts) and counts[position + 1] >= level
    if joins_previous and joins_next:
        return "continue"
    if joins_next:
        return "begin"
    if joins_previous:
        return "end"
    return "backward hook" if position > 0 else "forward hook"
