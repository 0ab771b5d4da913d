"""Columns become ABC, standard 2.1: a tune with one voice (`V:`) for each lane of each part.

The writing keeps to what music21 reads as it is meant, beside what the standard says:

* A voice is written in one piece, as every `V:` begins a part there, with its fields on lines of their own,
  two together: a single one in front of a note is lost, and so are those in brackets.
* No clef stands in a `K:` field, where ``bass`` would move the notes by two octaves.
* Tuplets have up to nine notes; others are written as lengths that are exact and that few programs draw.
* Rests are visible, as ``x`` and ``Z`` are skipped with their time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from music21_server.score.table import NOTE, REST, KeyChange, Score
from music21_server.writing.abc_bars import AbcBars, Between
from music21_server.writing.abc_fields import (
    MOST_FIFTHS,
    fifths_written,
    key_field,
    quoted,
    tempo_field,
    text_field,
)
from music21_server.writing.abc_meters import meters
from music21_server.writing.marks import by_bar, instruments, moved_to_barlines, tempos_by_bar
from music21_server.writing.notation import alters_of_key, clefs
from music21_server.writing.selection import part_name
from music21_server.writing.voice_lanes import GAP, Item, Lane, Lanes

_LINE: Final = 80
"""Letters after which a line ends with its bar."""

_CLEFS: Final = {"G": "treble", "F": "bass", "percussion": "perc"}


@dataclass(frozen=True)
class AbcTune:
    """A tune.

    Attributes:
        text: ABC.
        remarks: What of the score is not in it as written, in sentences.
    """

    text: str
    remarks: tuple[str, ...]


def write_abc(score: Score) -> AbcTune:
    """Return a score as one ABC tune."""
    lanes = Lanes(score)
    body = _Body(score, lanes)
    voices = [line for lane in lanes.lanes for line in body.voice(lane)]
    lines = [*_header(score, lanes, body), *voices]
    return AbcTune("\n".join(lines) + "\n", tuple(_remarks(score, body)))


def _header(score: Score, lanes: Lanes, body: _Body) -> Iterator[str]:
    yield "%abc-2.1"
    yield "X:1"
    yield f"T:{text_field(score.title)}"
    if score.composer:
        yield f"C:{text_field(score.composer)}"
    yield "L:1/8"
    yield f"M:{body.meters[0].first}"
    first = [tempo for tempo in score.tempos if tempo.measure == tempo.onset == 0]
    if first:
        yield f"Q:{tempo_field(first[0].quarters_per_minute)}"
    if len(lanes.lanes) > 1:
        staves = [
            _together([str(lane.index + 1) for lane in lanes.of_part(part)], "()")
            for part in range(len(score.parts))
        ]
        groups = [_together([staves[part] for part in parts], "{}") for parts in instruments(score)]
        yield f"%%score {' '.join(groups)}"
    yield f"K:{body.key_at_beginning(0)}"


def _together(words: list[str], braces: str) -> str:
    return f"{braces[0]}{' '.join(words)}{braces[1]}" if len(words) > 1 else words[0]


class _Body:
    """Writes voices.

    Args:
        score: Whose voices.
        lanes: Of the score.

    Attributes:
        meters: Time signatures of each part.
        lost_symbols: Chord symbols that stand where no note or rest of a part's first voice begins.
    """

    def __init__(self, score: Score, lanes: Lanes) -> None:
        self._score = score
        self._lanes = lanes
        self._bars = AbcBars(score, lanes)
        self._clefs = clefs(score)
        self._keys = by_bar(score.keys)
        self._tempos = tempos_by_bar(score)
        self._symbols = by_bar(score.chord_symbols)
        times = by_bar(score.times)
        self.meters = [meters(score, times, part) for part in range(len(score.parts))]
        self.lost_symbols = 0

    def key_at_beginning(self, part: int) -> str:
        """Return the key that a part begins with."""
        keys = [key for key in self._keys.get((part, 0), []) if not key.onset]
        return key_field(keys[-1].fifths, keys[-1].mode) if keys else "C"

    def voice(self, lane: Lane) -> Iterator[str]:
        """Yield the lines of a voice."""
        part, score = lane.part, self._score
        if len(self._lanes.lanes) > 1 or score.parts[part].name:
            name = f" name={quoted(part_name(score, part))}" if not lane.rank else ""
            yield f"V:{lane.index + 1}{name} clef={_CLEFS[self._clefs[part].sign]}{self._transposes(lane, 0)}"
        if lane.index:
            yield f"M:{self.meters[part].first}"
            yield f"K:{self.key_at_beginning(part)}"
        of_key = alters_of_key(0)
        line = "| " if lane.bars < 3 else ""  # without two barlines music21 knows of no bars
        for bar, items in enumerate(self._lanes.bars(lane)):
            fields = list(self._fields(lane, bar)) if bar else []
            if fields:
                if line.strip():
                    yield line.rstrip()
                line = ""
                yield from ["L:1/8", *fields]
            at_start = [key for key in self._keys.get((part, bar), []) if not key.onset]
            if at_start:
                of_key = alters_of_key(fifths_written(at_start[-1].fifths))
            between = self._between(lane, bar)
            self.lost_symbols += sum(
                len(texts) for at, texts in between.symbols.items() if not _has_place(items, at)
            )
            line += self._bars.notes(lane, bar, items, of_key, between)
            line += " |" if bar < lane.bars - 1 or lane.bars < 3 else " |]"
            later = [key for key in self._keys.get((part, bar), []) if key.onset]
            if later:
                of_key = alters_of_key(fifths_written(later[-1].fifths))
            if len(line) >= _LINE:
                yield line
                line = ""
            else:
                line += " "
        if line.strip():
            yield line.rstrip()

    def _fields(self, lane: Lane, bar: int) -> Iterator[str]:
        """Yield the fields between a bar and the one before it."""
        part = lane.part
        if meter := self.meters[part].changes[bar]:
            yield f"M:{meter}"
        keys = list(moved_to_barlines(self._keys, part, bar))
        transposes = self._transposes(lane, bar)
        if keys or transposes:
            key = keys[-1] if keys else self._key_before(part, bar)
            yield f"K:{key_field(key.fifths, key.mode) if key else 'C'}{transposes}"
        if not lane.index:
            for tempo in self._tempos.get(bar, []):
                if not tempo.onset:
                    yield f"Q:{tempo_field(tempo.quarters_per_minute)}"

    def _between(self, lane: Lane, bar: int) -> Between:
        """Return what stands between the notes of a bar."""
        at = (lane.part, bar)
        fields: dict[int, str] = defaultdict(str)
        for key in self._keys.get(at, []):
            if key.onset:
                fields[key.onset] += f"[K:{key_field(key.fifths, key.mode)}]"
        if not lane.index:
            for tempo in self._tempos.get(bar, []):
                if tempo.onset:
                    fields[tempo.onset] += f"[Q:{tempo_field(tempo.quarters_per_minute)}]"
        symbols: dict[int, list[str]] = defaultdict(list)
        if not lane.rank:
            for symbol in self._symbols.get(at, []):
                symbols[symbol.onset].append(symbol.text)
        return Between(fields, symbols)

    def _transposes(self, lane: Lane, bar: int) -> str:
        """Return how a voice sounds from a bar on, where that is said there."""
        for each in self._score.parts[lane.part].transpositions:
            if each.measure == bar and (each.chromatic or bar):
                return f" transpose={each.chromatic}"
        return ""

    def _key_before(self, part: int, bar: int) -> KeyChange | None:
        for earlier in range(bar - 1, -1, -1):
            if keys := self._keys.get((part, earlier)):
                return keys[-1]
        return None


def _has_place(items: list[Item], at: int) -> bool:
    """Tell whether a chord symbol has a note or a rest to stand at."""
    return any(
        item.onset == at or (item.kind in (REST, GAP) and item.onset < at < item.onset + item.ticks)
        for item in items
        if item.ticks
    )


def _remarks(score: Score, body: _Body) -> Iterator[str]:
    table = score.notes
    pitched = (table.kind == NOTE) & ~table.cue
    between = int((pitched & (table.alter_cents % 100 != 0)).sum())
    if between:
        yield f"{between:,} notes between semitones are written on the nearest one."
    cues = int((table.cue & (table.kind != REST)).sum())
    if cues:
        yield f"{cues:,} notes of cues are left out."
    if body.lost_symbols:
        yield f"{body.lost_symbols:,} chord symbols that stand where no note or rest begins are left out."
    long_bars = frozenset().union(*(each.long_bars for each in body.meters))
    if long_bars:
        yield f"{len(long_bars):,} bars longer than their time signature have one of their own."
    keys = sum(abs(key.fifths) > MOST_FIFTHS for key in score.keys)
    if keys:
        yield f"{keys:,} keys of more than {MOST_FIFTHS} sharps or flats are written as accidentals."
