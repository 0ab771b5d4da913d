"""Reader of one MusicXML `<part>`, measure by measure."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final

from music21_server.errors import UnreadableScoreError
from music21_server.reading.chord_symbols import chord_symbol
from music21_server.reading.musicxml_marks import read_key, read_metronome, read_time, read_transpose, tempo
from music21_server.reading.musicxml_note import NoteReader, staff_number
from music21_server.reading.note_deduplication import DEDUPLICATED
from music21_server.reading.numbers import quantity
from music21_server.reading.part_builder import LONGEST_MEASURE_QUARTERS, PartBuilder
from music21_server.reading.xml import text_of
from music21_server.score.table import ChordSymbol, KeyChange, TempoChange, TimeChange


class PartReader:
    """Reads the measures of one part into a `PartBuilder`.

    Args:
        builder: Receives the part.
        note_reader: Reads `<note>` elements.
        is_finale: Whether Finale wrote the document, whose `<forward>` elements are hidden rests.
    """

    def __init__(self, builder: PartBuilder, note_reader: NoteReader, *, is_finale: bool) -> None:
        self._builder = builder
        self._note_reader = note_reader
        self._is_finale = is_finale

    def read_measure(self, measure: Any) -> None:
        """Read the next measure.

        Raises:
            UnreadableScoreError: It contains something that should be a number and is not.
            TooMuchScoreError: The part exceeds a limit.
        """
        builder, note_reader = self._builder, self._note_reader
        builder.begin_measure(measure.get("number") or "")
        try:
            for child in measure:
                tag = child.tag
                if tag == "note":
                    builder.add_notes((note_reader.read(child),))
                elif tag == DEDUPLICATED:
                    builder.add_notes(note_reader.repeated(child))
                else:
                    handler = _HANDLERS.get(tag)
                    if handler is not None:
                        handler(self, child)
            builder.end_measure()
        except (ValueError, OverflowError) as error:
            raise UnreadableScoreError(f"Cannot read {builder}: {error}.") from error

    def _read_backup(self, element: Any) -> None:
        self._builder.move_back(self._ticks(element))

    def _read_forward(self, element: Any) -> None:
        builder = self._builder
        node = builder.next_node()
        ticks = self._ticks(element)
        voice = text_of(element.find("voice"))
        if self._is_finale and ticks:
            builder.add_finale_rest(ticks, staff_number(element.findtext("staff")), voice, node)
        else:
            builder.move_forward(ticks, voice)

    def _ticks(self, element: Any) -> int:
        text = element.findtext("duration")
        return self._builder.ticks(text) if text and text.strip() else 0

    def _read_attributes(self, attributes: Any) -> None:
        for child in attributes:
            handler = _ATTRIBUTE_HANDLERS.get(child.tag)
            if handler is not None:
                handler(self, child)

    def _read_divisions(self, element: Any) -> None:
        divisions = quantity(element.text or "", "<divisions>", 0, 10**9)
        if divisions == 0:
            raise ValueError("expected <divisions> above 0, got 0")
        self._builder.set_divisions(divisions)

    def _read_staves(self, element: Any) -> None:
        self._builder.set_staff_count(staff_number(element.text))

    def _read_numbered_staff(self, element: Any) -> None:
        self._builder.add_staff(staff_number(element.get("number")) or 1)

    def _read_key(self, element: Any) -> None:
        key = read_key(element)
        if key is not None:
            builder = self._builder
            staff = staff_number(element.get("number"))
            builder.add_mark(staff, KeyChange(0, builder.measure, builder.now, *key))

    def _read_time(self, element: Any) -> None:
        time = read_time(element)
        if time.quarters > LONGEST_MEASURE_QUARTERS:
            raise ValueError(
                f"expected a <time> of at most {LONGEST_MEASURE_QUARTERS} quarter notes, got "
                f"{float(time.quarters):,}"
            )
        builder = self._builder
        builder.set_time(time.quarters)
        builder.ticks_of_quarters(time.unit_quarters)  # so that beats are whole numbers of ticks
        ticks = builder.ticks_of_quarters(time.quarters)
        mark = TimeChange(0, builder.measure, builder.now, time.text, ticks)
        builder.add_mark(staff_number(element.get("number")), mark)

    def _read_transpose(self, element: Any) -> None:
        interval = read_transpose(element)
        self._builder.add_transposition(staff_number(element.get("number")), *interval)

    def _read_direction(self, element: Any) -> None:
        staff = staff_number(element.findtext("staff"))
        self._builder.add_staff(staff)
        sound = element.find("sound")
        if sound is not None and sound.get("tempo"):
            self._add_tempo(staff, tempo(sound.get("tempo")))
            return
        for metronome in element.iterfind("direction-type/metronome"):
            self._add_tempo(staff, read_metronome(metronome))

    def _read_sound(self, element: Any) -> None:
        self._add_tempo(0, tempo(element.get("tempo")))

    def _add_tempo(self, staff: int, quarters_per_minute: float | None) -> None:
        if quarters_per_minute is not None:
            builder = self._builder
            builder.add_mark(staff, TempoChange(0, builder.measure, builder.now, quarters_per_minute))

    def _read_harmony(self, element: Any) -> None:
        builder = self._builder
        text = text_of(element.find("offset"))
        offset = quantity(text, "an <offset>", -(10**9), 10**9) / builder.divisions if text else Fraction(0)
        if abs(offset) > LONGEST_MEASURE_QUARTERS:
            raise ValueError(
                f"expected an <offset> of at most {LONGEST_MEASURE_QUARTERS} quarter notes, got "
                f"{float(offset):,}"
            )
        onset = max(0, builder.ticks_of_quarters(offset) + builder.now)
        staff = staff_number(element.findtext("staff"))
        builder.add_mark(staff, ChordSymbol(0, builder.measure, onset, chord_symbol(element)))


_HANDLERS: Final = {
    "backup": PartReader._read_backup,
    "forward": PartReader._read_forward,
    "attributes": PartReader._read_attributes,
    "direction": PartReader._read_direction,
    "sound": PartReader._read_sound,
    "harmony": PartReader._read_harmony,
}
_ATTRIBUTE_HANDLERS: Final = {
    "divisions": PartReader._read_divisions,
    "staves": PartReader._read_staves,
    "key": PartReader._read_key,
    "time": PartReader._read_time,
    "transpose": PartReader._read_transpose,
    "clef": PartReader._read_numbered_staff,
    "staff-details": PartReader._read_numbered_staff,
}
