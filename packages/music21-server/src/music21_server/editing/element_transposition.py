"""Transpose MusicXML elements in place.

Transposed are written pitches and everything else that names a pitch: accidentals (also over ornaments), key
signatures, chord symbols, figured bass, positions of rests, frets, harp pedals. Properties of the instrument
stay: its transposition, its strings and their tuning, the staff lines of percussion.

When all signatures and notes move equally far on the line of fifths, a note needs an accidental exactly where
it needed one before; so accidentals are renamed, never added or removed.
"""

from __future__ import annotations

from typing import Any, Final

from lxml import etree

from music21_server.editing.elements import remove, text
from music21_server.editing.intervals import MAX_ALTERATION, STEP, Interval, respell, transpose_name
from music21_server.reading.musicxml_note import ACCIDENTAL_CENTS
from music21_server.score.table import STEPS

ACCIDENTALS: Final[dict[float, str]] = {
    -2: "flat-flat", -1.5: "three-quarters-flat", -1: "flat", -0.5: "quarter-flat", 0: "natural",
    0.5: "quarter-sharp", 1: "sharp", 1.5: "three-quarters-sharp", 2: "double-sharp",
}  # fmt: skip
_ALTERATIONS: Final = {name: cents / 100 for name, cents in ACCIDENTAL_CENTS.items()}

_HIGHEST_FRET: Final = 24
_TIED_TO_PITCH: Final = ("open-string", "hole")
"""Children of `<technical>` that are wrong once the pitch has changed."""

PITCH_NAMING_TAGS: Final = ("key", "harmony", "figured-bass", "harp-pedals")
"""Elements of a measure, other than notes, that name pitches."""


def transpose_tree(tree: Any, interval: Interval) -> None:
    """Transpose everything in a tree, in place."""
    # In document order: figures need the pitch of the next note before it is transposed.
    for element in list(tree.iter("note", *PITCH_NAMING_TAGS)):
        if element.tag == "note":
            transpose_note(element, interval)
        else:
            transpose_element(element, interval, bass_note(element))


def bass_note(element: Any) -> Any:
    """Return the note below the figures of a `<figured-bass>`; None for other elements."""
    return next(element.itersiblings("note"), None) if element.tag == "figured-bass" else None


# Notes


def transpose_note(note: Any, interval: Interval) -> bool:
    """Transpose a `<note>` in place; an unpitched one stays on its line.

    Returns:
        Whether the note was respelled, because the interval alone would give it three sharps or flats.

    Raises:
        ValueError: An octave or alteration is not a number.
        KeyError: A step is not A to G.
    """
    _move_rest(note.find("rest"), interval)
    pitch = note.find("pitch")
    if pitch is None:
        return False
    octave = pitch.find("octave")
    if octave is None or pitch.find("step") is None:
        raise ValueError("a <pitch> without <step> or <octave>")
    step, sharps = read_name(pitch)
    exact_step, exact_sharps, octaves = transpose_name(step, sharps, interval)
    max_sharps = max(MAX_ALTERATION, abs(sharps))
    new_step, new_sharps, more_octaves = respell(exact_step, exact_sharps, max_sharps=max_sharps)
    octave.text = str(int(text(octave)) + octaves + more_octaves)
    write_name(pitch, new_step, new_sharps)
    if new_sharps != sharps:
        write_accidental(note.find("accidental"), new_sharps)
    for notations in note.iterfind("notations"):
        _transpose_notations(notations, step, interval)
    for label in note.findall("notehead-text"):
        note.remove(label)
    return exact_step != new_step


def _move_rest(rest: Any, interval: Interval) -> None:
    step, octave = (None, None) if rest is None else (rest.find("display-step"), rest.find("display-octave"))
    if step is None or octave is None:
        return
    octaves, index = divmod(STEP[text(step).upper()] + interval.steps, 7)
    step.text, octave.text = STEPS[index], str(int(text(octave)) + octaves)


def _transpose_notations(notations: Any, step: str, interval: Interval) -> None:
    for mark in notations.findall("accidental-mark"):
        _transpose_mark(mark, step, 0, interval)
    for ornaments in notations.iterfind("ornaments"):
        ornament = ""
        for child in list(ornaments):
            if child.tag == "accidental-mark":
                placement = child.get("placement") or ("below" if ornament == "mordent" else "above")
                _transpose_mark(child, step, -1 if placement == "below" else 1, interval)
            else:
                ornament = child.tag
    for technical in notations.iterfind("technical"):
        for tag in _TIED_TO_PITCH:
            for element in technical.findall(tag):
                technical.remove(element)
        _move_fret(technical, interval)


def _transpose_mark(mark: Any, step: str, steps: int, interval: Interval) -> None:
    """Transpose an accidental that applies to the pitch `steps` above the written `step`."""
    sharps = _ALTERATIONS.get(text(mark))
    if sharps is not None:
        _, new_sharps, _ = transpose_name(STEPS[(STEP[step] + steps) % 7], sharps, interval)
        if new_sharps != sharps:
            write_accidental(mark, new_sharps)


def _move_fret(technical: Any, interval: Interval) -> None:
    """Move the fret on its string; remove string and fret if the new pitch lies outside the string."""
    fret = technical.find("fret")
    if fret is None:
        return
    number = int(text(fret)) + interval.semitones
    if 0 <= number <= _HIGHEST_FRET:
        fret.text = str(number)
        return
    for tag in ("string", "fret"):
        for element in technical.findall(tag):
            technical.remove(element)


# Other elements


def transpose_element(element: Any, interval: Interval, bass: Any = None) -> None:
    """Transpose an element with one of the `PITCH_NAMING_TAGS` in place.

    Args:
        element: Key, chord symbol, figured bass or harp pedals.
        interval: Interval to transpose by.
        bass: For a figured bass, its `<note>` before transposition.
    """
    if element.tag == "key":
        _transpose_key(element, interval)
    elif element.tag == "harmony":
        _transpose_harmony(element, interval)
    elif element.tag == "figured-bass":
        _transpose_figures(element, interval, bass)
    else:
        _transpose_pedals(element, interval)


def _transpose_key(key: Any, interval: Interval) -> None:
    for tag in ("fifths", "cancel"):
        element = key.find(tag)
        if text(element):
            element.text = str(int(text(element)) + interval.fifths)
    # A non-traditional signature: pairs of steps and alterations.
    for step, alter in zip(key.findall("key-step"), key.findall("key-alter"), strict=False):
        step.text, sharps, _ = transpose_name(text(step).upper(), float(text(alter)), interval)
        alter.text = f"{sharps:g}"
        accidental = alter.getnext()
        if accidental is not None and accidental.tag == "key-accidental":
            write_accidental(accidental, sharps)


def _transpose_harmony(harmony: Any, interval: Interval) -> None:
    """Transpose root, bass and key of a chord symbol, keep its kind and degrees, and remove its diagram."""
    for role in ("root", "bass"):
        for element in harmony.iterfind(role):
            step = element.find(f"{role}-step")
            if step is None:
                continue
            sharps = float(text(element.find(f"{role}-alter")) or 0)
            new_step, new_sharps, _ = transpose_name(text(step).upper(), sharps, interval)
            new_step, new_sharps, _ = respell(new_step, new_sharps)
            write_name(element, new_step, new_sharps, prefix=f"{role}-")
            step.attrib.pop("text", None)  # display text of the old root
    for fifths in harmony.iterfind("numeral/numeral-key/numeral-fifths"):
        if text(fifths):
            fifths.text = str(int(text(fifths)) + interval.fifths)
    for frame in harmony.findall("frame"):
        harmony.remove(frame)


def _transpose_figures(element: Any, interval: Interval, bass: Any) -> None:
    """Transpose the accidentals of figures, which count from the bass note; slashes and crosses mean "raised"
    in any key and stay."""
    pitch = bass.find("pitch") if bass is not None else None
    if pitch is None:
        return
    bass_step, _ = read_name(pitch)
    for figure in element.iterfind("figure"):
        number = text(figure.find("figure-number"))
        steps = int(number) - 1 if number.isdecimal() else 2  # an accidental alone applies to the third
        for tag in ("prefix", "suffix"):
            for mark in figure.findall(tag):
                _transpose_mark(mark, bass_step, steps, interval)


def _transpose_pedals(pedals: Any, interval: Interval) -> None:
    """Transpose the tuning of a harp's pedals; remove it if it needs a double sharp or flat."""
    tunings = pedals.findall("pedal-tuning")
    names = [
        transpose_name(text(each.find("pedal-step")).upper(), float(text(each.find("pedal-alter"))), interval)
        for each in tunings
    ]
    if any(abs(sharps) > 1 for _, sharps, _ in names):
        remove(pedals)
        return
    by_step = {step: sharps for step, sharps, _ in names}
    for each, (step, _, _) in zip(tunings, names, strict=True):
        each.find("pedal-step").text = step
        each.find("pedal-alter").text = f"{by_step[step]:g}"


# Names


def read_name(pitch: Any) -> tuple[str, float]:
    """Return step and alteration of a `<pitch>`; in old documents the accidental alone has the alteration."""
    step, alter = text(pitch.find("step")).upper(), text(pitch.find("alter"))
    if alter:
        return step, float(alter)
    return step, _ALTERATIONS.get(text(pitch.getparent().find("accidental")).lower(), 0)


def write_name(element: Any, step: str, sharps: float, *, prefix: str = "") -> None:
    """Write step and alteration into an element that has a step.

    Args:
        element: A `<pitch>`, or a `<root>` or `<bass>` of a chord symbol.
        step: Letter of the pitch, A to G.
        sharps: Alteration in semitones, flats negative; 0 removes the alter element.
        prefix: Prefix of the child tags, such as ``root-``.
    """
    step_element = element.find(f"{prefix}step")
    step_element.text = step
    alter = element.find(f"{prefix}alter")
    if sharps == 0:
        if alter is not None:
            element.remove(alter)
        return
    if alter is None:
        alter = etree.Element(f"{prefix}alter")
        alter.tail = step_element.tail
        element.insert(element.index(step_element) + 1, alter)
    alter.text = f"{sharps:g}"


def write_accidental(accidental: Any, sharps: float) -> None:
    """Change a printed accidental; remove it if MusicXML has no name for the alteration."""
    if accidental is None:
        return
    if sharps in ACCIDENTALS:
        accidental.text = ACCIDENTALS[sharps]
    else:
        accidental.getparent().remove(accidental)
