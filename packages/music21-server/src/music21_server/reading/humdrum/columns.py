"""A Humdrum document as columns: each **kern spine is a part, and paths of a split spine are its voices."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from music21_server.errors import UnreadableScoreError
from music21_server.reading.exact_rows import ExactRows, PartMeasures
from music21_server.reading.humdrum.kern import (
    KernNote,
    kern_note,
    key_mode,
    signature_fifths,
    step_of,
    tempo,
)
from music21_server.reading.humdrum.spines import NULL_TOKENS, PATH_INDICATORS, Path, Paths
from music21_server.reading.part_builder import LONGEST_MEASURE_QUARTERS
from music21_server.reading.written_meters import measure_quarters
from music21_server.score.limits import Limits
from music21_server.score.table import (
    NOTE,
    REST,
    UNPITCHED,
    Fermata,
    KeyChange,
    Part,
    Score,
    TempoChange,
)

_KERN: Final = "kern"
_REFERENCE: Final = re.compile(r"!!!\s*(OTL|OPR|COM)(?:@[\w@]*)?\d*\s*:\s*(.*)")
_NUMBER: Final = re.compile(r"=+(\d{1,6}[a-z]?)")
_METER: Final = re.compile(r"\*M(\d[\d+/%]*)")
_NAME: Final = re.compile(r'\*I"(.*)')
_CODE: Final = re.compile(r"\*I([a-z]{3,12})\d?$")
_LONGEST_NAME: Final = 200
_USUAL_QUARTERS: Final = Fraction(1)
"""Length of a note without one, as in chant."""


def read_humdrum(text: str, limits: Limits) -> Score:
    """Return the score in a Humdrum document.

    The last spine is the first part, as scores are printed. Repeats and sections stay as written.

    Raises:
        UnreadableScoreError: There is no **kern spine, or a value is out of range.
        TooMuchScoreError: The score exceeds a limit.
    """
    reader = _Reader(limits)
    for number, line in enumerate(text.splitlines(), start=1):
        reader.take(line.rstrip("\r"), number)
    return reader.score()


@dataclass
class _Staff:
    """A **kern spine: its printed name and its instrument's code."""

    name: str = ""
    code: str = ""


@dataclass(frozen=True)
class _Placed:
    """A note at its absolute onset, in quarter notes."""

    spine: int
    measure: int
    voice: int
    onset: Fraction
    length: Fraction
    note: KernNote


@dataclass(frozen=True)
class _Mark:
    """A key, mode, meter or tempo at an onset in a measure."""

    spine: int
    measure: int
    onset: Fraction
    value: _Fifths | _Mode | _Meter | float


class _Fifths(int):
    """A key signature."""


class _Mode(str):
    """A mode."""


class _Meter(str):
    """A meter."""


@dataclass
class _Reader:
    limits: Limits
    paths: Paths = field(default_factory=Paths)
    staves: dict[int, _Staff] = field(default_factory=dict)
    others: Counter[str] = field(default_factory=Counter)
    notes: list[_Placed] = field(default_factory=list)
    marks: list[_Mark] = field(default_factory=list)
    starts: list[Fraction] = field(default_factory=lambda: [Fraction(0)])
    numbers: list[str] = field(default_factory=lambda: [""])
    texts: dict[str, str] = field(default_factory=dict)
    late: int = 0

    def take(self, line: str, number: int) -> None:
        if line.startswith("!!!"):
            match = _REFERENCE.match(line)
            if match is not None:
                self.texts.setdefault(match[1], match[2].strip()[:_LONGEST_NAME])
            return
        if not line or line.startswith("!"):
            return
        if line.startswith("**") or (line.startswith("*") and "\t**" in line):
            self._begin(line)
            return
        if not self.paths.paths:
            raise UnreadableScoreError(
                f"Expected an exclusive interpretation such as **kern before line {number} of Humdrum, got "
                f"{line[:40]!r}."
            )
        tokens = self.paths.tokens(line)
        if line.startswith("*"):
            self._take_interpretations(tokens)
        elif line.startswith("="):
            self._take_barline(tokens)
        else:
            self._take_data(tokens)

    def _begin(self, line: str) -> None:
        tokens = line.split("\t")
        if self.paths.paths and not any(path.spine is None for path in self.paths.paths):
            raise UnreadableScoreError(
                "Expected one Humdrum document, got several one after the other: send one of them."
            )
        self.paths.begin(tokens)
        for path in self.paths.paths:
            if path.spine is None:
                continue
            if path.spine.kind == _KERN:
                self.staves.setdefault(path.spine.number, _Staff())
            else:
                self.others[path.spine.kind] += 0  # so that an error can name it
        self.limits.check("max_parts", len(self.staves))

    def _take_interpretations(self, tokens: list[str]) -> None:
        now = self._now()
        for path, token in zip(self.paths.paths, tokens, strict=True):
            if path.spine is not None and path.spine.number in self.staves and token not in NULL_TOKENS:
                self._take_interpretation(path.spine.number, token, now)
        if not PATH_INDICATORS.isdisjoint(tokens):
            self.paths.change(tokens)
            self.limits.check("max_parts", len(self.paths.paths))

    def _take_interpretation(self, spine: int, token: str, now: Fraction) -> None:
        staff = self.staves[spine]
        if (fifths := signature_fifths(token)) is not None:
            self._mark(spine, now, _Fifths(fifths))
        elif (mode := key_mode(token)) is not None:
            self._mark(spine, now, _Mode(mode))
        elif (quarters_per_minute := tempo(token)) is not None:
            self._mark(spine, now, quarters_per_minute)
        elif match := _METER.match(token):
            self._mark(spine, now, _Meter(match[1]))
        elif match := _NAME.match(token):
            staff.name = match[1].strip()[:_LONGEST_NAME]
        elif match := _CODE.match(token):
            staff.code = match[1]

    def _mark(self, spine: int, now: Fraction, value: _Fifths | _Mode | _Meter | float) -> None:
        self.marks.append(_Mark(spine, len(self.starts) - 1, now - self.starts[-1], value))
        self.limits.check("max_notes", len(self.marks) + len(self.notes))

    def _now(self) -> Fraction:
        ends = [path.end for path in self.paths.paths if self._is_staff(path)]
        return max(self.starts[-1], min(ends, default=Fraction(0)))

    def _is_staff(self, path: Path) -> bool:
        return path.spine is not None and path.spine.number in self.staves

    def _take_barline(self, tokens: list[str]) -> None:
        now = max([self.starts[-1], *(path.end for path in self.paths.paths if self._is_staff(path))])
        for path in self.paths.paths:
            path.end = now
        match = next(filter(None, map(_NUMBER.match, tokens)), None)
        number = match[1] if match else ""
        if now == self.starts[-1]:
            # A barline at the beginning, or another one at the same place.
            self.numbers[-1] = number or self.numbers[-1]
            return
        if now - self.starts[-1] > LONGEST_MEASURE_QUARTERS:
            raise UnreadableScoreError(
                f"Expected measures of at most {LONGEST_MEASURE_QUARTERS} quarter notes in Humdrum, got "
                f"{float(now - self.starts[-1]):,.0f}: add barlines."
            )
        self.starts.append(now)
        self.numbers.append(number)
        self.limits.check("max_measures", len(self.starts))

    def _take_data(self, tokens: list[str]) -> None:
        read: list[tuple[Path, int, list[KernNote]]] = []
        for column, path, voice in self.paths.voices():
            token = tokens[column]
            if path.spine is None or token in NULL_TOKENS:
                continue
            if path.spine.number not in self.staves:
                self.others[path.spine.kind] += 1
                continue
            notes = [note for part in token.split(" ") if (note := kern_note(part)) is not None]
            if notes:
                read.append((path, voice, notes))
        if not read:
            return
        timed = [path.end for path, _, notes in read if not notes[0].is_grace]
        # All tokens of a line begin together; where a document contradicts itself the latest one decides.
        now = max(timed, default=max(path.end for path, _, _ in read))
        self.late += sum(end != now for end in timed)
        for path, voice, notes in read:
            self._add(path, voice, notes, now)
        self.limits.check("max_notes", len(self.notes) + len(self.marks))

    def _add(self, path: Path, voice: int, notes: list[KernNote], now: Fraction) -> None:
        if path.spine is None:
            return
        if notes[0].is_grace:
            length, onset = Fraction(0), path.end
        else:
            length, onset = notes[0].quarters or _USUAL_QUARTERS, now
            path.end = now + length
        for note in notes:
            self.notes.append(_Placed(path.spine.number, len(self.starts) - 1, voice, onset, length, note))

    def score(self) -> Score:
        if not self.staves:
            kinds = ", ".join(f"**{kind[:20]}" for kind in list(self.others)[:5]) or "no spine"
            raise UnreadableScoreError(f"Expected Humdrum with at least one **kern spine, got {kinds}.")
        end = max([self.starts[-1], *(each.onset + each.length for each in self.notes)])
        if end == self.starts[-1] and len(self.starts) > 1:
            self.starts.pop()
            self.numbers.pop()
        lengths = [b - a for a, b in zip(self.starts, [*self.starts[1:], end], strict=True)]
        if max(lengths) > LONGEST_MEASURE_QUARTERS:
            raise UnreadableScoreError(
                f"Expected measures of at most {LONGEST_MEASURE_QUARTERS} quarter notes in Humdrum, got "
                f"{float(max(lengths)):,.0f}: add barlines."
            )
        rows = ExactRows(self.limits)
        part_of = {spine: len(self.staves) - 1 - index for index, spine in enumerate(sorted(self.staves))}
        last = len(self.starts) - 1
        ordered = sorted(self.notes, key=lambda each: (part_of[each.spine], each.measure, each.voice))
        for placed in ordered:
            measure = min(placed.measure, last)
            _write(rows, part_of[placed.spine], measure, placed.onset - self.starts[measure], placed)
        self._write_marks(rows, part_of, last)
        numbers = _printed(self.numbers)
        parts = [
            PartMeasures(_part(index, self.staves[spine]), numbers, lengths)
            for index, spine in enumerate(sorted(self.staves, reverse=True))
        ]
        return rows.score(
            parts,
            title=self.texts.get("OTL") or self.texts.get("OPR", ""),
            composer=self.texts.get("COM", ""),
            remarks=self._remarks(),
        )

    def _write_marks(self, rows: ExactRows, part_of: dict[int, int], last: int) -> None:
        modes = {
            (each.spine, each.measure, each.onset): each.value
            for each in self.marks
            if isinstance(each.value, _Mode)
        }
        for mark in sorted(self.marks, key=lambda each: (part_of[each.spine], each.measure, each.onset)):
            if mark.measure > last:
                continue
            place = (part_of[mark.spine], mark.measure, mark.onset)
            if isinstance(mark.value, _Fifths):
                mode = str(modes.get((mark.spine, mark.measure, mark.onset), ""))
                rows.add_mark(*place, KeyChange, int(mark.value), mode)
            elif isinstance(mark.value, _Meter):
                text = str(mark.value)
                rows.add_time(*place, text, Fraction(measure_quarters(text)).limit_denominator(1024))
            elif isinstance(mark.value, float):
                rows.add_mark(*place, TempoChange, mark.value)

    def _remarks(self) -> list[str]:
        remarks = []
        left_out = sorted(kind for kind, count in self.others.items() if count)
        if left_out:
            remarks.append(f"Spines left out: {', '.join(f'**{kind[:20]}' for kind in left_out[:10])}.")
        if self.late:
            remarks.append(f"Lengths that contradict other spines, where the latest decided: {self.late:,}.")
        return remarks


def _printed(numbers: Sequence[str]) -> list[str]:
    """Return the numbers of measures; those without one count on from the one before, a pickup is 0."""
    printed: list[str] = []
    for index, number in enumerate(numbers):
        if number:
            printed.append(number)
        elif index == 0:
            following = next((each for each in numbers[1:] if each), "")
            printed.append("0" if following == "1" else "1")
        else:
            before = printed[-1].rstrip(string.ascii_lowercase)
            printed.append(str(int(before) + 1))
    return printed


def _part(index: int, staff: _Staff) -> Part:
    return Part(f"P{index + 1}", staff.name or staff.code.capitalize())


def _write(rows: ExactRows, part: int, measure: int, onset: Fraction, placed: _Placed) -> None:
    note = placed.note
    kind = REST if not note.step else UNPITCHED if note.is_unpitched else NOTE
    rows.add(
        part, measure, onset, placed.length, kind, step_of(note), note.alteration, note.octave, note.tie,
        int(note.is_grace), 0, placed.voice,
    )  # fmt: skip
    if note.has_fermata:
        rows.add_mark(part, measure, onset, Fermata)
