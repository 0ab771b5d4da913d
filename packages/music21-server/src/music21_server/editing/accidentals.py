"""Accidentals in front of notes that cannot be read right without one.

An accidental counts for its line or space to the end of the bar, on its staff and in its octave; before any,
the key signature does (Gould, *Behind Bars*, 2011, chapter 3).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from lxml import etree

from music21_server.editing.element_transposition import ACCIDENTALS, name_of, text

_SHARPS_IN_ORDER: Final = "FCGDAEB"
_AFTER: Final = ("dot", "type", "voice", "level", "footnote", "instrument", "tie", "duration", "pitch")
"""What an accidental follows in a note, the last first."""

_Signatures = dict[str, Any]
"""Alterations of steps by staff; the staff "" stands for all that have none of their own."""


def write_missing_accidentals(part: Any, is_wanted: Sequence[bool]) -> None:
    """Write the accidentals that notes need and have not, in some measures.

    Args:
        part: With measures, changed in place.
        is_wanted: Whether a measure is one of them, for each.
    """
    signatures: _Signatures = {}
    for measure, wanted in zip(part, is_wanted, strict=True):
        if wanted:
            _write_missing(measure, signatures)
        for key in measure.iterfind("attributes/key"):
            _take_key(key, signatures)


def _take_key(key: Any, signatures: _Signatures) -> None:
    staff = key.get("number", "")
    if not staff:
        signatures.clear()
    fifths = text(key.find("fifths"))
    if fifths:
        signatures[staff] = {step: _sharps(step, int(fifths)) for step in _SHARPS_IN_ORDER}
        return
    pairs = zip(key.findall("key-step"), key.findall("key-alter"), strict=False)
    signatures[staff] = {text(step).upper(): float(text(alter)) for step, alter in pairs}


def _sharps(step: str, fifths: int) -> int:
    """Return the sharps that a signature gives to a step, or flats below zero."""
    return (fifths + 6 - _SHARPS_IN_ORDER.index(step)) // 7


def _write_missing(measure: Any, signatures: _Signatures) -> None:
    own = dict(signatures)
    in_force: dict[tuple[str, str, str], float] = {}
    for _, element in sorted(_timed(measure), key=lambda timed: timed[0]):
        if element.tag == "key":
            _take_key(element, own)
            in_force.clear()
            continue
        step, sharps = name_of(element.find("pitch"))
        staff = text(element.find("staff"))
        line = (staff, step, text(element.find("pitch/octave")))
        signature = own.get(staff) or own.get("") or {}
        if element.find("accidental") is None:
            expected = in_force.get(line, signature.get(step, 0))
            is_held = any(tie.get("type") == "stop" for tie in element.iterfind("tie"))
            if expected == sharps or is_held or sharps not in ACCIDENTALS:
                continue
            _insert(element, ACCIDENTALS[sharps])
        in_force[line] = sharps


def _timed(measure: Any) -> Iterator[tuple[float, Any]]:
    """Yield notes with pitches, and keys, with the divisions since the beginning of the bar."""
    now = chord = 0.0
    for child in measure:
        duration = float(text(child.find("duration")) or 0)
        if child.tag == "note":
            if child.find("chord") is None:
                chord = now
                now += 0.0 if child.find("grace") is not None else duration
            if child.find("pitch") is not None:
                yield chord, child
        elif child.tag == "backup":
            now -= duration
        elif child.tag == "forward":
            now += duration
        elif child.tag == "attributes":
            for key in child.iterfind("key"):
                yield now, key


def _insert(note: Any, name: str) -> None:
    before = next(found[-1] for tag in _AFTER if (found := note.findall(tag)))
    accidental = etree.Element("accidental")
    accidental.text = name
    accidental.tail = before.tail
    note.insert(note.index(before) + 1, accidental)
