"""Reader of MusicXML `<note>` elements, before they have a position in time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from music21_server.reading.numbers import quantity, whole
from music21_server.score import table
from music21_server.score.table import NOTE, REST, UNPITCHED

_STEP: Final = {name: index for index, name in enumerate(table.STEPS)}
_OCTAVE: Final = {str(octave): octave for octave in range(10)}
_ALTER_CENTS: Final = {"0": 0, "1": 100, "-1": -100, "2": 200, "-2": -200}
_STAFF: Final = {str(staff): staff for staff in range(1, 10)}

ACCIDENTAL_CENTS: Final = {
    "natural": 0, "natural-sharp": 100, "natural-flat": -100,
    "sharp": 100, "double-sharp": 200, "sharp-sharp": 200, "triple-sharp": 300,
    "flat": -100, "double-flat": -200, "flat-flat": -200, "triple-flat": -300,
    "quarter-sharp": 50, "three-quarters-sharp": 150, "half-sharp": 50, "one-and-a-half-sharp": 150,
    "quarter-flat": -50, "three-quarters-flat": -150, "half-flat": -50, "one-and-a-half-flat": -150,
}  # fmt: skip
"""Alteration of a pitch with an accidental but no `<alter>`, as some programs write it."""


@dataclass(slots=True)
class WrittenNote:
    """Content of a `<note>`; the defaults hold for elements that are missing.

    Attributes:
        kind: `NOTE`, `REST` or `UNPITCHED`; -1 before one of them is read.
        in_chord: Whether the note joins the chord of the note before it.
        is_whole_measure: Whether the note is a rest marked ``measure="yes"``.
        grace: Whether the note is a grace note.
        cue: Whether the note is a cue.
        duration: Duration in divisions, as written.
        type: Name of the note value, such as ``quarter``.
        dots: Number of dots.
        is_tuplet: Whether the note has a `<time-modification>`.
        step: Index in `table.STEPS`.
        alter_cents: Alteration.
        is_altered: Whether the note has an `<alter>`.
        accidental: Name of the printed accidental.
        octave: Octave; 4 begins with middle C.
        tie: `table.NO_TIE` or another value of that column.
        voice: Name of the voice.
        staff: Number of the staff; 0 for none.
        fermata: Whether the note has a fermata.
        length: The duration; empty for a grace note.
        columns: Values of the columns from `kind` to `cue`.
    """

    kind: int = -1
    in_chord: bool = False
    is_whole_measure: bool = False
    grace: bool = False
    cue: bool = False
    duration: str = ""
    type: str = ""
    dots: int = 0
    is_tuplet: bool = False
    step: int = 0
    alter_cents: int = 0
    is_altered: bool = False
    accidental: str = ""
    octave: int = 4
    tie: int = table.NO_TIE
    voice: str = ""
    staff: int = 0
    fermata: bool = False
    length: str = ""
    columns: tuple[int, ...] = ()


class NoteReader:
    """Reads the notes of a document."""

    def read(self, element: Any) -> WrittenNote:
        """Return the content of a `<note>`.

        Raises:
            ValueError: A number is malformed or out of range, or there is no pitch.
        """
        return _read_note(element)

    def repeated(self, _element: Any) -> Sequence[WrittenNote]:
        """Return the notes that an element of `note_deduplication` stands for; here none."""
        return ()


def _read_note(element: Any) -> WrittenNote:
    note = WrittenNote()
    for child in element:
        reader = _READERS.get(child.tag)
        if reader is not None:
            reader(note, child)
    if note.accidental and note.kind == NOTE and not note.is_altered:
        note.alter_cents = ACCIDENTAL_CENTS.get(note.accidental, 0)
    if note.kind < 0:
        raise ValueError("expected <pitch>, <unpitched> or <rest> in each <note>, got one with none of them")
    if not note.grace:
        note.length = note.duration
    note.columns = (
        note.kind, note.step, note.alter_cents, note.octave, note.tie, note.grace, note.cue
    )  # fmt: skip
    return note


def _read_pitch(note: WrittenNote, element: Any) -> None:
    note.kind = NOTE
    for child in element:
        tag, text = child.tag, child.text or ""
        if tag == "step":
            note.step = _step(text)
        elif tag == "octave":
            note.octave = _octave(text)
        elif tag == "alter":
            _read_alter(note, text)


def _read_alter(note: WrittenNote, text: str) -> None:
    cents = _ALTER_CENTS.get(text)
    if cents is None and text.strip():
        cents = round(quantity(text, "an <alter>", -12, 12) * 100)
    if cents is not None:
        note.alter_cents = cents
        note.is_altered = True


def _step(text: str) -> int:
    step = _STEP.get(text)
    if step is None:
        step = _STEP.get(text.strip().upper())
        if step is None:
            raise ValueError(f"expected a <step> from A to G, got {text[:20]!r}")
    return step


def _octave(text: str) -> int:
    octave = _OCTAVE.get(text)
    return whole(text, "an <octave>", -5, 15) if octave is None else octave


def _read_unpitched(note: WrittenNote, element: Any) -> None:
    note.kind = UNPITCHED
    step, octave = element.findtext("display-step"), element.findtext("display-octave")
    # Without a display step, a note is on the middle line of the treble clef.
    note.step = _step(step) if step else _STEP["B"]
    note.octave = _octave(octave) if octave else 4


def _read_rest(note: WrittenNote, element: Any) -> None:
    note.kind = REST
    note.is_whole_measure = element.get("measure") == "yes"


def _read_duration(note: WrittenNote, element: Any) -> None:
    note.duration = element.text or ""


def _read_voice(note: WrittenNote, element: Any) -> None:
    note.voice = (element.text or "").strip()


def _read_type(note: WrittenNote, element: Any) -> None:
    note.type = (element.text or "").strip()


def _read_staff(note: WrittenNote, element: Any) -> None:
    note.staff = staff_number(element.text)


def _read_chord(note: WrittenNote, _element: Any) -> None:
    note.in_chord = True


def _read_tie(note: WrittenNote, element: Any) -> None:
    note.tie = _joined(note.tie, element.get("type"))


def _joined(so_far: int, kind: str | None) -> int:
    """Return the tie of a note with the `<tie>` elements so far and one more."""
    if kind is None:
        return so_far or table.TIE_START
    tie = {"start": table.TIE_START, "stop": table.TIE_STOP}.get(kind, table.TIE_OTHER)
    if so_far in (table.NO_TIE, tie):
        return tie
    if {so_far, tie} == {table.TIE_START, table.TIE_STOP} or so_far == table.TIE_CONTINUE:
        return table.TIE_CONTINUE
    return table.TIE_START


def _read_accidental(note: WrittenNote, element: Any) -> None:
    note.accidental = (element.text or "").strip().lower()


def _read_dot(note: WrittenNote, _element: Any) -> None:
    note.dots += 1


def _read_time_modification(note: WrittenNote, _element: Any) -> None:
    note.is_tuplet = True


def _read_grace(note: WrittenNote, _element: Any) -> None:
    note.grace = True


def _read_cue(note: WrittenNote, _element: Any) -> None:
    note.cue = True


def _read_notations(note: WrittenNote, element: Any) -> None:
    note.fermata |= element.find("fermata") is not None


_READERS: Final[Mapping[str, Callable[[WrittenNote, Any], None]]] = {
    "pitch": _read_pitch,
    "duration": _read_duration,
    "voice": _read_voice,
    "type": _read_type,
    "staff": _read_staff,
    "chord": _read_chord,
    "rest": _read_rest,
    "tie": _read_tie,
    "accidental": _read_accidental,
    "dot": _read_dot,
    "time-modification": _read_time_modification,
    "grace": _read_grace,
    "cue": _read_cue,
    "unpitched": _read_unpitched,
    "notations": _read_notations,
}


def staff_number(text: str | None) -> int:
    """Return the number of a staff; 0 for an empty text.

    Raises:
        ValueError: The text is not a staff number.
    """
    if not text or not text.strip():
        return 0
    return _STAFF.get(text) or whole(text, "a <staff>", 1, 1000)
