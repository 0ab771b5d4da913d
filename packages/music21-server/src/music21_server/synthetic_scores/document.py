"""Random orchestral scores of any size, reproducible by seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import cycle
from typing import Final
from xml.sax.saxutils import escape

from music21_server.synthetic_scores.figuration import FIGURES
from music21_server.synthetic_scores.form import QUARTER, Bar, Slot, compose, signature
from music21_server.synthetic_scores.instruments import Clef, Instrument, InstrumentLine, Player, players
from music21_server.synthetic_scores.notation import (
    Accidentals,
    Placement,
    Syllable,
    bar_text,
    whole_bar_rest,
)
from music21_server.synthetic_scores.player_line import PlayerLine

_HEADER: Final = """\
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" \
"http://www.musicxml.org/dtds/partwise.dtd">
<score-partwise version="4.0">
"""
_GROUP_SIZE: Final = 4
"""Players of an instrument that share a figure, each on different chord tones."""

_DYNAMICS: Final = ("pp", "p", "mp", "mf", "f", "ff")
_WORDS: Final = (
    ("Ky", "ri", "e"), ("e", "lei", "son"), ("Do", "na"), ("no", "bis"), ("pa", "cem"), ("A", "gnus"),
    ("De", "i"), ("qui",), ("tol", "lis"), ("pec", "ca", "ta"), ("mun", "di"), ("mi", "se", "re", "re"),
    ("lux",), ("æ", "ter", "na"),
)  # fmt: skip
"""Words from the ordinary of the mass and the requiem."""


def orchestral_score(instruments: int, measures: int, seed: int) -> bytes:
    """Return a score as partwise MusicXML in UTF-8.

    All parts share a functional progression with modulations and changes of metre and tempo. Each part plays
    it within its range: sustained with ties over barlines, as arpeggios (also in triplets), scales, melodies
    with grace notes and slurs, or resting for a phrase. Clarinets, horns and trumpets are written transposed,
    piano and harp on two staves; choirs have lyrics. Scores of four or more bars begin with a pickup.

    Args:
        instruments: Number of `<part>` elements, at least one; 40 make a full orchestra with choir, more
            add further players. Piano and harp have two staves each.
        measures: Number of bars, at least one, including the pickup.
        seed: Seed of all other choices.

    Raises:
        ValueError: A number is less than one.
    """
    if instruments < 1 or measures < 1:
        raise ValueError(
            f"expected at least one instrument and one bar, got {instruments} instruments and {measures} bars"
        )
    bars = compose(measures, _rng(seed, "form"))
    ensemble = players(instruments)
    # Instruments with the same transposition share their chords.
    slots = {
        fifths: [bar.slots(fifths) for bar in bars]
        for fifths in {player.instrument.fifths for player in ensemble}
    }
    pieces = [_HEADER, _titles(seed), _part_list(ensemble)]
    for index, player in enumerate(ensemble):
        part = _Part(player, index == 0, seed)
        pieces.append(f'<part id="P{index + 1}">\n')
        pieces += part.measures(bars, slots[player.instrument.fifths])
        pieces.append("</part>\n")
    pieces.append("</score-partwise>\n")
    return "".join(pieces).encode()


def _rng(*seed: object) -> random.Random:
    """Return a generator that depends on the seed alone, not on earlier draws."""
    return random.Random("/".join(map(str, seed)))  # noqa: S311 - music, no secret


@lru_cache(maxsize=1 << 14)
def _draw(choices: tuple[str, ...], *seed: object) -> str:
    """Return a random choice, always the same one for the same seed."""
    return _rng(*seed).choice(choices)


def _titles(seed: int) -> str:
    return (
        f"<work><work-title>Symphonic Study No. {seed}</work-title></work>\n"
        '<identification><creator type="composer">Made by rule and chance</creator>'
        "<encoding><software>music21-server</software></encoding></identification>\n"
    )


def _part_list(ensemble: tuple[Player, ...]) -> str:
    pieces = ["<part-list>\n"]
    for index, player in enumerate(ensemble):
        name, identity = escape(player.name), f"P{index + 1}"
        # Channel 10 is reserved for percussion.
        channel = 10 if player.instrument.is_unpitched else [*range(1, 10), *range(11, 17)][index % 15]
        pieces.append(
            f'<score-part id="{identity}"><part-name>{name}</part-name>'
            f'<score-instrument id="{identity}-I1"><instrument-name>{name}</instrument-name>'
            f"</score-instrument>"
            f'<midi-instrument id="{identity}-I1"><midi-channel>{channel}</midi-channel>'
            f"<midi-program>{player.instrument.program}</midi-program></midi-instrument></score-part>\n"
        )
    pieces.append("</part-list>\n")
    return "".join(pieces)


@dataclass(frozen=True)
class _Voice:
    """A line of an instrument, the music played on it, and its voice and staff."""

    instrument_line: InstrumentLine
    player_line: PlayerLine
    placement: Placement


class _Part:
    """One part of the score."""

    def __init__(self, player: Player, is_first: bool, seed: int) -> None:
        self._player = player
        self._instrument = player.instrument
        self._is_first = is_first
        self._seed = seed
        self._voices = [self._voice(index, line) for index, line in enumerate(self._instrument.lines)]
        self._syllables = _syllables(player.number) if self._instrument.sings else None

    def _voice(self, index: int, line: InstrumentLine) -> _Voice:
        # Players of the same instrument start at different heights, and so take different chord tones.
        share = self._player.number / (self._player.total + 1)
        center = round(line.lowest + (line.highest - line.lowest) * (0.3 + 0.4 * share))
        rng = _rng(self._seed, self._player.name, index)
        staff = line.staff if len(self._instrument.clefs) > 1 else 0
        # Numbered like in engraving programs, with four voices per staff.
        voice = (
            4 * (line.staff - 1)
            + 1
            + sum(other.staff == line.staff for other in self._instrument.lines[:index])
        )
        placement = Placement(voice, staff, self._instrument.is_unpitched)
        return _Voice(line, PlayerLine(line.lowest, line.highest, center, rng), placement)

    def measures(self, bars: tuple[Bar, ...], slots: list[tuple[Slot, ...]]) -> Iterator[str]:
        """Yield the text of each bar."""
        # All music is composed first, because a tie is written at both of its notes.
        self._compose(bars, slots)
        before: Bar | None = None
        for index, bar in enumerate(bars):
            pickup = ' implicit="yes"' if bar.number == 0 else ""
            yield f'<measure number="{bar.number}"{pickup}>\n'
            yield self._attributes(bar, before)
            yield self._directions(bar, before)
            yield self._notes(bar, index)
            if index == len(bars) - 1:
                yield '<barline location="right"><bar-style>light-heavy</bar-style></barline>\n'
            yield "</measure>\n"
            before = bar

    def _compose(self, bars: tuple[Bar, ...], slots: list[tuple[Slot, ...]]) -> None:
        for index, voice in enumerate(self._voices):
            for bar, chords in zip(bars, slots, strict=True):
                figure = FIGURES[self._figure(bar, index, is_last=bar is bars[-1])]
                voice.player_line.begin_bar()
                for slot in chords:
                    figure(slot, voice.player_line)

    def _figure(self, bar: Bar, line: int, *, is_last: bool) -> str:
        """Return the name of the figure in a bar; a group of players shares one for a phrase."""
        figures = self._instrument.lines[line].figures
        if bar.number == 0:
            return figures[0] if figures[0] == "melody" else "silence"
        if is_last:
            return "roll" if self._instrument.is_unpitched else "hold"
        if bar.phrase == 0:
            return figures[0]
        group = (self._player.number - 1) // _GROUP_SIZE
        return _draw(figures[1:], self._seed, self._instrument.name, group, line, bar.phrase)

    def _notes(self, bar: Bar, index: int) -> str:
        beat_ticks = bar.section.metre.beat_ticks
        alterations = signature(bar.section.key.fifths + self._instrument.fifths)
        accidentals = {voice.instrument_line.staff: Accidentals(alterations) for voice in self._voices}
        texts = []
        for voice in self._voices:
            events = voice.player_line.bars[index]
            # Not in a pickup: many readers give a whole-bar rest the length of the time signature.
            if bar.number > 0 and not any(event.pitches for event in events):
                texts.append(whole_bar_rest(bar.ticks, voice.placement))
            else:
                staff_accidentals = accidentals[voice.instrument_line.staff]
                texts.append(
                    bar_text(events, voice.placement, beat_ticks, staff_accidentals, self._syllables)
                )
        return f"<backup><duration>{bar.ticks}</duration></backup>\n".join(texts)

    def _attributes(self, bar: Bar, before: Bar | None) -> str:
        if before is not None and before.section is bar.section:
            return ""
        section = bar.section
        key = time = ""
        if not self._instrument.is_unpitched:
            key = _key(section.key.fifths + self._instrument.fifths, section.key.mode)
        if before is None or before.section.metre != section.metre:
            metre = section.metre
            time = f"<time><beats>{metre.beats}</beats><beat-type>{metre.kind}</beat-type></time>"
        if before is not None:
            return f"<attributes>{key}{time}</attributes>\n" if key or time else ""
        staves = len(self._instrument.clefs)
        return (
            f"<attributes><divisions>{QUARTER}</divisions>{key}{time}"
            f"{f'<staves>{staves}</staves>' if staves > 1 else ''}"
            f"{''.join(_clef(clef, number, staves) for number, clef in enumerate(self._instrument.clefs, 1))}"
            f"{_transpose(self._instrument)}</attributes>\n"
        )

    def _directions(self, bar: Bar, before: Bar | None) -> str:
        texts = []
        is_new = before is None or before.section is not bar.section
        if self._is_first and is_new and (before is None or before.section.tempo != bar.section.tempo):
            word, beats = bar.section.tempo
            texts.append(
                f'<direction placement="above"><direction-type><words>{word}</words></direction-type>'
                "<direction-type><metronome><beat-unit>quarter</beat-unit>"
                f"<per-minute>{beats}</per-minute></metronome></direction-type>"
                f'<sound tempo="{beats}"/></direction>\n'
            )
        if before is None or before.phrase != bar.phrase:
            dynamic = _draw(_DYNAMICS, self._seed, self._instrument.name, bar.phrase)
            staff = "<staff>1</staff>" if len(self._instrument.clefs) > 1 else ""
            texts.append(
                f'<direction placement="below"><direction-type><dynamics><{dynamic}/></dynamics>'
                f"</direction-type>{staff}</direction>\n"
            )
        return "".join(texts)


def _key(fifths: int, mode: str) -> str:
    return f"<key><fifths>{fifths}</fifths><mode>{mode}</mode></key>"


def _clef(clef: Clef, number: int, staves: int) -> str:
    sign, line, octaves = clef
    which = f' number="{number}"' if staves > 1 else ""
    return (
        f"<clef{which}><sign>{sign}</sign>"
        f"{f'<line>{line}</line>' if line else ''}"
        f"{f'<clef-octave-change>{octaves}</clef-octave-change>' if octaves else ''}</clef>"
    )


def _transpose(instrument: Instrument) -> str:
    if not (instrument.diatonic or instrument.chromatic or instrument.octaves):
        return ""
    octaves = f"<octave-change>{instrument.octaves}</octave-change>" if instrument.octaves else ""
    return (
        f"<transpose><diatonic>{instrument.diatonic}</diatonic><chromatic>{instrument.chromatic}</chromatic>"
        f"{octaves}</transpose>"
    )


_PLACES: Final[Mapping[int, tuple[str, ...]]] = {
    1: ("single",),
    2: ("begin", "end"),
    3: ("begin", "middle", "end"),
    4: ("begin", "middle", "middle", "end"),
}


def _syllables(number: int) -> Iterator[Syllable]:
    """Yield syllables endlessly; singers of the same voice start with different words."""
    words = cycle(_WORDS[number % len(_WORDS) :] + _WORDS[: number % len(_WORDS)])
    for word in words:
        for text, place in zip(word, _PLACES[len(word)], strict=True):
            yield Syllable(text, place)
