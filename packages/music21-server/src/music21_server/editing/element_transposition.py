"""Elements of MusicXML transposed by an interval, right in every name.

Written pitches move, and with them what names pitches: accidentals, those over ornaments too, key signatures,
chord symbols, figures below a bass, places of rests, frets, harp pedals. What belongs to an instrument and
not to the music stays: its transposition, its strings and their tuning, the lines of percussion.

Where all signatures and notes move by the same place on the line of fifths, an accidental is needed exactly
where it was before; so accidentals are renamed, and none is added or removed.
"""

from __future__ import annotations

from typing import Any, Final

from lxml import etree

from music21_server.editing.intervals import MOST_ALTERATION, STEP, Interval, moved, within_signs
from music21_server.reading.musicxml_note import ACCIDENTAL_CENTS
from music21_server.score.table import STEPS

ACCIDENTALS: Final[dict[float, str]] = {
    -2: "flat-flat", -1.5: "three-quarters-flat", -1: "flat", -0.5: "quarter-flat", 0: "natural",
    0.5: "quarter-sharp", 1: "sharp", 1.5: "three-quarters-sharp", 2: "double-sharp",
}  # fmt: skip
_ALTERATIONS: Final = {name: cents / 100 for name, cents in ACCIDENTAL_CENTS.items()}

_HIGHEST_FRET: Final = 24
_OF_THE_OLD_PITCH: Final = ("open-string", "hole")
"""Of `<technical>`: true of a pitch on an instrument, and of another one not."""

NAMING: Final = ("key", "harmony", "figured-bass", "harp-pedals")
"""Elements of a measure beside notes that name pitches."""


def transpose(tree: Any, interval: Interval) -> None:
    """Transpose everything in a tree, in place."""
    # In the order of the document: figures look at the note after them, which has not moved yet.
    for element in list(tree.iter("note", *NAMING)):
        if element.tag == "note":
            transpose_note(element, interval)
        else:
            transpose_naming(element, interval, note_after(element))


def note_after(element: Any) -> Any:
    """Return the note that figures stand over; None for other elements."""
    return next(element.itersiblings("note"), None) if element.tag == "figured-bass" else None


# Notes


def transpose_note(note: Any, interval: Interval) -> bool:
    """Transpose a `<note>` in place; an unpitched one stays on its line.

    Returns:
        Whether it is spelled otherwise than the interval has it, because nobody can write three sharps.

    Raises:
        ValueError: A number in it is none.
        KeyError: A step in it is none.
    """
    _move_rest(note.find("rest"), interval)
    pitch = note.find("pitch")
    if pitch is None:
        return False
    octave = pitch.find("octave")
    if octave is None or pitch.find("step") is None:
        raise ValueError("a <pitch> without <step> or <octave>")
    step, sharps = name_of(pitch)
    new_step, new_sharps, octaves = moved(step, sharps, interval)
    named = new_step
    new_step, new_sharps, more = within_signs(new_step, new_sharps, most=max(MOST_ALTERATION, abs(sharps)))
    octave.text = str(int(text(octave)) + octaves + more)
    write_name(pitch, new_step, new_sharps)
    if new_sharps != sharps:
        write_accidental(note.find("accidental"), new_sharps)
    for notations in note.iterfind("notations"):
        _transpose_notations(notations, step, interval)
    for shown in note.findall("notehead-text"):
        note.remove(shown)
    return named != new_step


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
                below = child.get("placement") or ("below" if ornament == "mordent" else "above")
                _transpose_mark(child, step, -1 if below == "below" else 1, interval)
            else:
                ornament = child.tag
    for technical in notations.iterfind("technical"):
        for tag in _OF_THE_OLD_PITCH:
            for element in technical.findall(tag):
                technical.remove(element)
        _move_fret(technical, interval)


def _transpose_mark(mark: Any, step: str, steps: int, interval: Interval) -> None:
    """Transpose an accidental over an ornament, which is that of the neighbour of the note."""
    sharps = _ALTERATIONS.get(text(mark))
    if sharps is not None:
        _, new_sharps, _ = moved(STEPS[(STEP[step] + steps) % 7], sharps, interval)
        if new_sharps != sharps:
            write_accidental(mark, new_sharps)


def _move_fret(technical: Any, interval: Interval) -> None:
    """Stop the same string elsewhere; where it is too short, nothing is said about strings."""
    fret = technical.find("fret")
    if fret is None:
        return
    place = int(text(fret)) + interval.semitones
    if 0 <= place <= _HIGHEST_FRET:
        fret.text = str(place)
        return
    for tag in ("string", "fret"):
        for element in technical.findall(tag):
            technical.remove(element)


# Everything else that names pitches


def transpose_naming(element: Any, interval: Interval, following: Any = None) -> None:
    """Transpose one of the elements in `NAMING`, in place.

    Args:
        element: To be transposed.
        interval: By how much.
        following: The next `<note>`, not transposed yet, over which figures stand.
    """
    if element.tag == "key":
        _transpose_key(element, interval)
    elif element.tag == "harmony":
        _transpose_harmony(element, interval)
    elif element.tag == "figured-bass":
        _transpose_figures(element, interval, following)
    else:
        _transpose_pedals(element, interval)


def _transpose_key(key: Any, interval: Interval) -> None:
    for tag in ("fifths", "cancel"):
        element = key.find(tag)
        if text(element):
            element.text = str(int(text(element)) + interval.fifths)
    # A signature that is no circle of fifths: pairs of steps and alterations.
    for step, alter in zip(key.findall("key-step"), key.findall("key-alter"), strict=False):
        step.text, sharps, _ = moved(text(step).upper(), float(text(alter)), interval)
        alter.text = f"{sharps:g}"
        accidental = alter.getnext()
        if accidental is not None and accidental.tag == "key-accidental":
            write_accidental(accidental, sharps)


def _transpose_harmony(harmony: Any, interval: Interval) -> None:
    """Transpose root, bass and key of a chord symbol; its kind and degrees stay, its diagram goes."""
    for place in ("root", "bass"):
        for element in harmony.iterfind(place):
            step = element.find(f"{place}-step")
            if step is None:
                continue
            sharps = float(text(element.find(f"{place}-alter")) or 0)
            new_step, new_sharps, _ = moved(text(step).upper(), sharps, interval)
            new_step, new_sharps, _ = within_signs(new_step, new_sharps)
            write_name(element, new_step, new_sharps, prefix=f"{place}-")
            step.attrib.pop("text", None)  # how the old one was to be shown
    for fifths in harmony.iterfind("numeral/numeral-key/numeral-fifths"):
        if text(fifths):
            fifths.text = str(int(text(fifths)) + interval.fifths)
    for frame in harmony.findall("frame"):
        harmony.remove(frame)


def _transpose_figures(element: Any, interval: Interval, following: Any) -> None:
    """Transpose the accidentals of figures, which count from the bass note; strokes and crosses raise in any
    key."""
    pitch = following.find("pitch") if following is not None else None
    if pitch is None:
        return
    bass, _ = name_of(pitch)
    for figure in element.iterfind("figure"):
        number = text(figure.find("figure-number"))
        steps = int(number) - 1 if number.isdecimal() else 2  # an accidental alone is that of the third
        for tag in ("prefix", "suffix"):
            for mark in figure.findall(tag):
                _transpose_mark(mark, bass, steps, interval)


def _transpose_pedals(pedals: Any, interval: Interval) -> None:
    """Set the pedals of a harp anew; what no harp can set goes, with the direction that it leaves empty."""
    tunings = pedals.findall("pedal-tuning")
    names = [
        moved(text(each.find("pedal-step")).upper(), float(text(each.find("pedal-alter"))), interval)
        for each in tunings
    ]
    if any(abs(sharps) > 1 for _, sharps, _ in names):
        _remove_with_its_direction(pedals)
        return
    by_step = {step: sharps for step, sharps, _ in names}
    for each, (step, _, _) in zip(tunings, names, strict=True):
        each.find("pedal-step").text = step
        each.find("pedal-alter").text = f"{by_step[step]:g}"


def _remove_with_its_direction(mark: Any) -> None:
    kind = mark.getparent()
    kind.remove(mark)
    if kind.tag != "direction-type" or len(kind):
        return
    direction = kind.getparent()
    direction.remove(kind)
    if direction.tag == "direction" and direction.find("direction-type") is None:
        direction.getparent().remove(direction)


# Names


def name_of(pitch: Any) -> tuple[str, float]:
    """Return step and sharps of a `<pitch>`; old documents tell an alteration by the accidental alone."""
    step, alter = text(pitch.find("step")).upper(), text(pitch.find("alter"))
    if alter:
        return step, float(alter)
    return step, _ALTERATIONS.get(text(pitch.getparent().find("accidental")).lower(), 0)


def write_name(element: Any, step: str, sharps: float, *, prefix: str = "") -> None:
    """Write step and alteration into an element that has a step.

    Args:
        element: Such as a `<pitch>`.
        step: A letter.
        sharps: Flats below zero; no element is left for 0.
        prefix: Of the tags, such as ``root-``.
    """
    at = element.find(f"{prefix}step")
    at.text = step
    alter = element.find(f"{prefix}alter")
    if sharps == 0:
        if alter is not None:
            element.remove(alter)
        return
    if alter is None:
        alter = etree.Element(f"{prefix}alter")
        alter.tail = at.tail
        element.insert(element.index(at) + 1, alter)
    alter.text = f"{sharps:g}"


def write_accidental(accidental: Any, sharps: float) -> None:
    """Let an accidental that is printed say what is played; one that has no name goes."""
    if accidental is None:
        return
    if sharps in ACCIDENTALS:
        accidental.text = ACCIDENTALS[sharps]
    else:
        accidental.getparent().remove(accidental)


def text(element: Any) -> str:
    """Return the text of an element; nothing for none."""
    return "" if element is None or element.text is None else str(element.text).strip()
