"""Form shared by all parts: sections with key, metre and tempo, and the chords of every bar."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from typing import Final

from music21_server.synthetic_scores.harmony import (
    Chord,
    Key,
    chord,
    dominant_seventh,
    progression,
    related_key,
)

QUARTER: Final = 24
"""Ticks of a quarter note; divisible into triplets, sextuplets and thirty-second notes."""

MAX_SIGNATURE: Final = 4
"""Most sharps or flats of a concert key, so that B flat instruments read no more than six."""

PHRASE_BARS: Final = 4
_SECTION_BARS: Final = (8, 12, 16)
_MIN_BARS_FOR_PICKUP: Final = 4
"""Shorter scores begin with a full bar."""


@dataclass(frozen=True)
class Metre:
    """A time signature.

    Attributes:
        beats: Its upper number.
        kind: Its lower number.
        beat_ticks: Length of a felt beat; a dotted quarter in 6/8.
        divisions: Lengths of the chords of a bar, in ticks, for few, some and many chords.
    """

    beats: int
    kind: int
    beat_ticks: int
    divisions: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]

    @property
    def ticks(self) -> int:
        """Length of a bar in ticks."""
        return sum(self.divisions[0])


METRES: Final = (
    Metre(4, 4, QUARTER, ((96,), (48, 48), (24, 24, 24, 24))),
    Metre(3, 4, QUARTER, ((72,), (48, 24), (24, 24, 24))),
    Metre(6, 8, 36, ((72,), (36, 36), (36, 36))),
    Metre(2, 4, QUARTER, ((48,), (24, 24), (24, 24))),
    Metre(5, 4, QUARTER, ((72, 48), (48, 24, 48), (24, 24, 24, 24, 24))),
)
TEMPOS: Final = (("Adagio", 60), ("Andante", 76), ("Allegretto", 108), ("Allegro", 132), ("Vivace", 160))


@dataclass(frozen=True)
class Slot:
    """A part of a bar with one chord, as written for an instrument.

    Attributes:
        ticks: Its length.
        beat_ticks: Length of a beat.
        letters: Letters of the chord tones, 0 for C, root first.
        bass: Letter of the bass tone.
        alterations: Alteration of each of the seven letters in semitones, by the chord or else by the key.
    """

    ticks: int
    beat_ticks: int
    letters: tuple[int, ...]
    bass: int
    alterations: tuple[int, ...]


@dataclass(frozen=True)
class Section:
    """Bars with one key, metre and tempo.

    Attributes:
        key: Sounding key.
        tempo: Name and quarter notes per minute.
    """

    key: Key
    metre: Metre
    tempo: tuple[str, int]


@dataclass(frozen=True)
class Bar:
    """A bar at sounding pitch.

    Attributes:
        number: Printed number; 0 for a pickup.
        section: Section that it belongs to.
        lengths: Lengths of its chords in ticks.
        chords: One chord for each length.
        phrase: Number of its phrase; an instrument keeps its figure for a phrase.
    """

    number: int
    section: Section
    lengths: tuple[int, ...]
    chords: tuple[Chord, ...]
    phrase: int

    @property
    def ticks(self) -> int:
        """Length in ticks."""
        return sum(self.lengths)

    def slots(self, fifths: int) -> tuple[Slot, ...]:
        """Return its chords as written for an instrument.

        Args:
            fifths: Distance from sounding to written pitch on the line of fifths.
        """
        key = Key(self.section.key.fifths + fifths, self.section.key.mode)
        return tuple(
            _slot(each.transposed(fifths), key, length, self.section.metre.beat_ticks)
            for each, length in zip(self.chords, self.lengths, strict=True)
        )


def letter(fifth: int) -> int:
    """Return the letter of a tone on the line of fifths, 0 for C."""
    return fifth * 4 % 7


def alteration(fifth: int) -> int:
    """Return the sharps of a tone on the line of fifths; flats are negative."""
    return (fifth + 1) // 7


def signature(fifths: int) -> tuple[int, ...]:
    """Return the sharps that a key signature puts on each of the seven letters; flats are negative."""
    alterations = {letter(tone): alteration(tone) for tone in range(fifths - 1, fifths + 6)}
    return tuple(alterations[step] for step in range(7))


def _slot(harmony: Chord, key: Key, ticks: int, beat_ticks: int) -> Slot:
    alterations = list(signature(key.fifths))
    for tone in harmony.tones:
        alterations[letter(tone)] = alteration(tone)
    return Slot(
        ticks=ticks,
        beat_ticks=beat_ticks,
        letters=tuple(letter(tone) for tone in harmony.tones),
        bass=letter(harmony.bass),
        alterations=tuple(alterations),
    )


def compose(measures: int, rng: random.Random) -> tuple[Bar, ...]:
    """Return the bars of a score: a pickup in all but very short scores, then sections.

    Args:
        measures: Number of bars, including the pickup.
        rng: Source of all choices.
    """
    lengths = _section_lengths(measures, rng)
    sections = _sections(len(lengths), rng)
    bars: list[Bar] = []
    usage: Counter[str] = Counter()
    for index, (section, length) in enumerate(zip(sections, lengths, strict=True)):
        next_key = sections[index + 1].key if index + 1 < len(sections) else None
        last = bars[-1] if bars else None
        bars += _bars(section, length, next_key, last, rng=rng, usage=usage)
    if measures >= _MIN_BARS_FOR_PICKUP:
        first = bars[0].section
        pickup = Bar(0, first, (first.metre.beat_ticks,), (chord(first.key, "V"),), 0)
        bars.insert(0, pickup)
    return tuple(bars)


def _section_lengths(measures: int, rng: random.Random) -> list[int]:
    left = measures - 1 if measures >= _MIN_BARS_FOR_PICKUP else measures
    lengths = []
    while left > 0:
        length = min(rng.choice(_SECTION_BARS), max(2, measures // 3))
        # A single bar left over would be too short for a cadence.
        length = left if left - length < 2 else length
        lengths.append(length)
        left -= length
    return lengths


def _sections(count: int, rng: random.Random) -> list[Section]:
    key = Key(rng.randint(-2, 2), rng.choice(("major", "minor")))
    sections = [Section(key, METRES[0], rng.choice(TEMPOS))]
    while len(sections) < count:
        last = sections[-1]
        # The second section always changes key and time signature, so that short scores have changes too.
        is_second = len(sections) == 1
        key = related_key(last.key, rng, max_signature=MAX_SIGNATURE, new_signature=is_second)
        metre = rng.choice(METRES) if not is_second and rng.random() < 0.5 else last.metre
        if is_second:
            metre = rng.choice(METRES[1:])
        tempo = rng.choice(TEMPOS) if rng.random() < 0.5 else last.tempo
        sections.append(Section(key, metre, tempo))
    return sections


def _bars(
    section: Section,
    count: int,
    next_key: Key | None,
    last: Bar | None,
    *,
    rng: random.Random,
    usage: Counter[str],
) -> list[Bar]:
    few, some, _ = section.metre.divisions
    divisions = [rng.choice(section.metre.divisions) for _ in range(count)]
    # Before another section, the last bar needs two chords: the tonic, and the dominant of the next key.
    divisions[-1] = few if next_key is None else some
    slots = sum(len(division) for division in divisions)
    if next_key is None:
        chords = progression(section.key, slots, rng, usage)
    else:
        chords = [*progression(section.key, slots - 1, rng, usage), dominant_seventh(next_key)]
    number = last.number + 1 if last is not None else 1
    phrase = last.phrase + 1 if last is not None else 0
    remaining = iter(chords)
    return [
        Bar(
            number=number + index,
            section=section,
            lengths=division,
            chords=tuple(islice(remaining, len(division))),
            phrase=phrase + index // PHRASE_BARS,
        )
        for index, division in enumerate(divisions)
    ]
