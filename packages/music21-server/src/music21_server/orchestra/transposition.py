"""MusicXML transposed by an interval, right in every name: pitches, key signatures, chord symbols."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from lxml import etree

from music21_server.errors import UnreadableScoreError
from music21_server.notes import STEP_SEMITONES, STEPS

STEP: Final = {name: index for index, name in enumerate(STEPS)}

_MOST_SHARPS: Final = 7
_MOST_ALTERATION: Final = 2

_ACCIDENTALS: Final = {-2: "flat-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp"}
_ALTERATIONS: Final = {name: sharps for sharps, name in _ACCIDENTALS.items()} | {"sharp-sharp": 2}


@dataclass(frozen=True)
class Interval:
    """An interval.

    Attributes:
        steps: Steps up, or down below zero; 2 for a third.
        semitones: Semitones up, or down below zero.
    """

    steps: int
    semitones: int

    @property
    def fifths(self) -> int:
        """On the line of fifths: what is added to every key signature."""
        return 7 * self.semitones - 12 * self.steps


def transposed(document: bytes, interval: Interval) -> bytes:
    """Return a work transposed: written pitches, key signatures and chord symbols.

    Args:
        document: Partwise MusicXML, unpacked.
        interval: By how much.

    Raises:
        UnreadableScoreError: It is no MusicXML.
    """
    tree = parsed(document)
    with only_music():
        transpose(tree, interval)
    return written(tree)


def parsed(document: bytes) -> Any:
    """Return the tree of a document; nothing is fetched, and no entity expanded.

    Raises:
        UnreadableScoreError: It is no partwise MusicXML.
    """
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=True,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(document, parser)
    except etree.XMLSyntaxError as error:
        raise UnreadableScoreError(f"Expected MusicXML, got broken XML: {error.msg}.") from error
    if root.tag != "score-partwise":
        raise UnreadableScoreError(
            f"Expected MusicXML (<score-partwise>), got XML with the root <{root.tag}>."
        )
    return root.getroottree()


def written(tree: Any) -> bytes:
    """Return a tree as a document in UTF-8."""
    return bytes(etree.tostring(tree, xml_declaration=True, encoding="UTF-8"))


@contextmanager
def only_music() -> Iterator[None]:
    """Say what is wrong with a document in which steps or numbers are none.

    Raises:
        UnreadableScoreError: Something else stands there.
    """
    try:
        yield
    except (ValueError, KeyError) as error:
        raise UnreadableScoreError(
            f"Expected MusicXML with steps A to G and numbers, got: {error}."
        ) from error


def that_fit(tree: Any, intervals: Iterable[Interval]) -> list[Interval]:
    """Return those intervals after which everything can be written, pitches with two signs at most."""
    fifths = {int(text(each)) for each in tree.iter("fifths") if text(each)}
    names = {name_of(pitch) for pitch in tree.iter("pitch")}
    return [
        interval
        for interval in intervals
        if all(abs(each + interval.fifths) <= _MOST_SHARPS for each in fifths)
        and all(abs(_moved(step, sharps, interval)[1]) <= _MOST_ALTERATION for step, sharps in names)
    ]


def transpose(tree: Any, interval: Interval) -> None:
    """Transpose a tree in place."""
    for note in tree.iter("note"):
        pitch = note.find("pitch")
        if pitch is not None:
            _transpose_note(note, pitch, interval)
    for key in tree.iter("key"):
        _transpose_key(key, interval)
    for place in ("root", "bass"):
        for element in tree.iter(place):
            _transpose_symbol(element, place, interval)


def _moved(step: str, sharps: float, interval: Interval) -> tuple[str, float, int]:
    """Return a name at an interval, and in which octave from its own."""
    octave, index = divmod(STEP[step] + interval.steps, 7)
    semitones = int(STEP_SEMITONES[STEP[step]]) + interval.semitones
    natural = int(STEP_SEMITONES[index]) + 12 * octave
    return STEPS[index], sharps + semitones - natural, octave


def _transpose_note(note: Any, pitch: Any, interval: Interval) -> None:
    step, sharps = name_of(pitch)
    new_step, new_sharps, octaves = _moved(step, sharps, interval)
    octave = pitch.find("octave")
    octave.text = str(int(text(octave)) + octaves)
    write_name(pitch, new_step, new_sharps)
    if new_sharps != sharps:
        write_accidental(note, new_sharps)


def _transpose_key(key: Any, interval: Interval) -> None:
    for tag in ("fifths", "cancel"):
        element = key.find(tag)
        if text(element):
            element.text = str(int(text(element)) + interval.fifths)
    # A signature that is no circle of fifths: pairs of steps and alterations.
    for step, alter in zip(key.findall("key-step"), key.findall("key-alter"), strict=False):
        step.text, sharps, _ = _moved(text(step).upper(), float(text(alter)), interval)
        alter.text = f"{sharps:g}"


def _transpose_symbol(element: Any, place: str, interval: Interval) -> None:
    step = element.find(f"{place}-step")
    if step is None:
        return  # the root of another element
    sharps = float(text(element.find(f"{place}-alter")) or 0)
    new_step, new_sharps, _ = _moved(text(step).upper(), sharps, interval)
    write_name(element, new_step, new_sharps, prefix=f"{place}-")


def name_of(pitch: Any) -> tuple[str, float]:
    """Return step and sharps of a `<pitch>`; old documents tell an alteration by the accidental alone."""
    step, alter = text(pitch.find("step")).upper(), text(pitch.find("alter"))
    if alter:
        return step, float(alter)
    return step, _ALTERATIONS.get(text(pitch.getparent().find("accidental")), 0)


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


def write_accidental(note: Any, sharps: float) -> None:
    """Let an accidental that is printed say what is played; for microtones there is none."""
    accidental = note.find("accidental")
    if accidental is None:
        return
    if sharps in _ACCIDENTALS:
        accidental.text = _ACCIDENTALS[int(sharps)]
    else:
        note.remove(accidental)


def text(element: Any) -> str:
    """Return the text of an element; nothing for none."""
    return "" if element is None or element.text is None else str(element.text).strip()
