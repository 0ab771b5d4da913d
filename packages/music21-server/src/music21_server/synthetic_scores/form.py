"""What the whole orchestra shares: sections with key, metre and tempo, and the chords of every bar."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from typing import Final

from music21_server.synthetic_scores.harmony import Chord, Key, chord, dominant_seventh, progression, related

QUARTER: Final = 24
"""Ticks: divisible into triplets, sextuplets and thirty-second notes."""

FURTHEST_SIGNATURE: Final = 4
"""Concert keys stay within so many sharps or flats, so that B flat instruments read no more than six."""

BARS_OF_PHRASE: Final = 4
_SECTION_BARS: Final = (8, 12, 16)
_PICKUP_BARS: Final = 4
"""Shorter scores begin with a full bar."""


@dataclass(frozen=True)
class Metre:
    """A time signature.

    Attributes:
        beats: Its upper number.
        kind: Its lower number.
        beat_ticks: How long a beat is felt to be.
        divisions: Ways to share a bar among chords, in ticks: few, some, many.
    """

    beats: int
    kind: int
    beat_ticks: int
    divisions: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]

    @property
    def ticks(self) -> int:
        """Length of a bar."""
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
    """A stretch of a bar with one chord, as a player reads it.

    Attributes:
        ticks: Its length.
        beat_ticks: Length of a beat.
        letters: Steps of the chord's tones, 0 for C, the root first.
        bass: Step of the lowest.
        alterations: Of each of the seven steps, in semitones; those of the chord, else those of the key.
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
        key: As it sounds.
        metre: Its metre.
        tempo: Name and quarter notes per minute.
    """

    key: Key
    metre: Metre
    tempo: tuple[str, int]


@dataclass(frozen=True)
class Bar:
    """A bar as it sounds.

    Attributes:
        number: As printed; 0 for a pickup.
        section: Where it belongs.
        lengths: Of its chords, in ticks.
        chords: One for each of them.
        phrase: Number of its phrase, over which an instrument keeps its figure.
    """

    number: int
    section: Section
    lengths: tuple[int, ...]
    chords: tuple[Chord, ...]
    phrase: int

    @property
    def ticks(self) -> int:
        """Its length."""
        return sum(self.lengths)

    def slots(self, fifths: int) -> tuple[Slot, ...]:
        """Return its chords as they are read.

        Args:
            fifths: How far the instrument's written pitch stands from the sounding one on the line of fifths.
        """
        key = Key(self.section.key.fifths + fifths, self.section.key.mode)
        return tuple(
            _slot(each.raised(fifths), key, length, self.section.metre.beat_ticks)
            for each, length in zip(self.chords, self.lengths, strict=True)
        )


def letter(fifth: int) -> int:
    """Return the step of a tone on the line of fifths, 0 for C."""
    return fifth * 4 % 7


def alteration(fifth: int) -> int:
    """Return the sharps of a tone on the line of fifths, or its flats below zero."""
    return (fifth + 1) // 7


def signature(fifths: int) -> tuple[int, ...]:
    """Return what a key signature does to each of the seven steps, in sharps."""
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


def compose(measures: int, chance: random.Random) -> tuple[Bar, ...]:
    """Return the bars of a score: a pickup if there is room, then sections, each in a key and metre.

    Args:
        measures: How many, the pickup included.
        chance: Decides.
    """
    lengths = _section_lengths(measures, chance)
    sections = _sections(len(lengths), chance)
    bars: list[Bar] = []
    heard: Counter[str] = Counter()
    for index, (section, length) in enumerate(zip(sections, lengths, strict=True)):
        next_key = sections[index + 1].key if index + 1 < len(sections) else None
        last = bars[-1] if bars else None
        bars += _bars(section, length, next_key, last, chance=chance, heard=heard)
    if measures >= _PICKUP_BARS:
        first = bars[0].section
        upbeat = Bar(0, first, (first.metre.beat_ticks,), (chord(first.key, "V"),), 0)
        bars.insert(0, upbeat)
    return tuple(bars)


def _section_lengths(measures: int, chance: random.Random) -> list[int]:
    left = measures - 1 if measures >= _PICKUP_BARS else measures
    lengths = []
    while left > 0:
        most = max(2, measures // 3)
        length = min(chance.choice(_SECTION_BARS), most)
        # A rest of one bar would have no room for a cadence.
        length = left if left - length < 2 else length
        lengths.append(length)
        left -= length
    return lengths


def _sections(count: int, chance: random.Random) -> list[Section]:
    key = Key(chance.randint(-2, 2), chance.choice(("major", "minor")))
    sections = [Section(key, METRES[0], chance.choice(TEMPOS))]
    while len(sections) < count:
        last = sections[-1]
        # The second section leaves both signatures, so that short scores have changes too.
        is_second = len(sections) == 1
        key = related(last.key, chance, furthest=FURTHEST_SIGNATURE, other_signature=is_second)
        metre = chance.choice(METRES) if not is_second and chance.random() < 0.5 else last.metre
        if is_second:
            metre = chance.choice(METRES[1:])
        tempo = chance.choice(TEMPOS) if chance.random() < 0.5 else last.tempo
        sections.append(Section(key, metre, tempo))
    return sections


def _bars(
    section: Section,
    count: int,
    next_key: Key | None,
    last: Bar | None,
    *,
    chance: random.Random,
    heard: Counter[str],
) -> list[Bar]:
    few, some, _ = section.metre.divisions
    divisions = [chance.choice(section.metre.divisions) for _ in range(count)]
    # A section that leads on needs room for its tonic and for the dominant of the next key.
    divisions[-1] = few if next_key is None else some
    slots = sum(len(division) for division in divisions)
    if next_key is None:
        chords = progression(section.key, slots, chance, heard)
    else:
        chords = [*progression(section.key, slots - 1, chance, heard), dominant_seventh(next_key)]
    number = last.number + 1 if last is not None else 1
    phrase = last.phrase + 1 if last is not None else 0
    bars, taken = [], 0
    for index, division in enumerate(divisions):
        bars.append(
            Bar(
                number=number + index,
                section=section,
                lengths=division,
                chords=tuple(chords[taken : taken + len(division)]),
                phrase=phrase + index // BARS_OF_PHRASE,
            )
        )
        taken += len(division)
    return bars
