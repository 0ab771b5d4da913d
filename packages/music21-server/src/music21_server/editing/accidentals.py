"""Add the accidentals that notes need after respelling, or in documents that state none.

An accidental holds for its staff, step and octave until the end of the bar; without one, the key signature
decides (Gould, *Behind Bars*, 2011, chapter 3).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from lxml import etree

from music21_server.editing.element_transposition import ACCIDENTALS, read_name
from music21_server.editing.elements import onsets, text
from music21_server.editing.intervals import signature_sharps
from music21_server.score.table import STEPS

_PRECEDING_TAGS: Final = (
    "dot", "type", "voice", "level", "footnote", "instrument", "tie", "duration", "pitch",
)  # fmt: skip
"""Children of a note that the schema puts before its accidental, last first."""

_Signatures = dict[str, dict[str, float]]
"""Alteration of each step by staff number; the key "" is for staves without their own signature."""


def states_accidentals(source: bytes) -> bool:
    """Return whether a MusicXML document says which accidentals are printed."""
    return b"<accidental" in source


def write_missing_accidentals(part: Any, selected: Sequence[bool]) -> None:
    """Add accidentals to the notes that need one and have none.

    Args:
        part: `<part>` element, changed in place.
        selected: For each measure, whether it is to be checked.
    """
    signatures: _Signatures = {}
    for measure, is_selected in zip(part, selected, strict=True):
        if is_selected:
            _write_missing(measure, signatures)
        for key in measure.iterfind("attributes/key"):
            _apply_key(key, signatures)


def _apply_key(key: Any, signatures: _Signatures) -> None:
    staff = key.get("number", "")
    if not staff:
        signatures.clear()
    fifths = text(key.find("fifths"))
    if fifths:
        signatures[staff] = {step: signature_sharps(step, int(fifths)) for step in STEPS}
        return
    pairs = zip(key.findall("key-step"), key.findall("key-alter"), strict=False)
    signatures[staff] = {text(step).upper(): float(text(alter)) for step, alter in pairs}


def _write_missing(measure: Any, signatures: _Signatures) -> None:
    signatures = dict(signatures)
    in_force: dict[tuple[str, str, str], float] = {}
    for _, element in sorted(_notes_and_keys(measure), key=lambda timed: timed[0]):
        if element.tag == "key":
            _apply_key(element, signatures)
            in_force.clear()
            continue
        step, sharps = read_name(element.find("pitch"))
        staff = text(element.find("staff"))
        line = (staff, step, text(element.find("pitch/octave")))
        signature = signatures.get(staff) or signatures.get("") or {}
        if element.find("accidental") is None:
            expected = in_force.get(line, signature.get(step, 0))
            is_tied = any(tie.get("type") == "stop" for tie in element.iterfind("tie"))
            if expected == sharps or is_tied or sharps not in ACCIDENTALS:
                continue
            _insert(element, ACCIDENTALS[sharps])
        in_force[line] = sharps


def _notes_and_keys(measure: Any) -> Iterator[tuple[float, Any]]:
    """Yield pitched notes and keys, each with its onset in divisions from the start of the bar."""
    for child, onset in onsets(measure).items():
        if child.tag == "note" and child.find("pitch") is not None:
            yield onset, child
        elif child.tag == "attributes":
            for key in child.iterfind("key"):
                yield onset, key


def _insert(note: Any, name: str) -> None:
    before = next(matches[-1] for tag in _PRECEDING_TAGS if (matches := note.findall(tag)))
    accidental = etree.Element("accidental")
    accidental.text = name
    accidental.tail = before.tail
    note.insert(note.index(before) + 1, accidental)
