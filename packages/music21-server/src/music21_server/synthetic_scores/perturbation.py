"""A known work made into one that nobody has seen, with answers that are known all the same.

A transposed work has the same intervals, numerals and rhythms as the original, and its key is that of the
original raised by the interval. Some pitches besides can be moved along the scale, which makes as many
different works as are wanted.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from lxml import etree

from music21_server.editing.element_transposition import (
    name_of,
    text,
    transpose,
    write_accidental,
    write_name,
)
from music21_server.editing.intervals import MOST_ALTERATION, STEP, Interval, moved
from music21_server.errors import ScoreError, UnreadableScoreError
from music21_server.score.table import STEPS

_INTERVALS: Final = (
    (1, 1), (1, 2), (2, 3), (2, 4), (3, 5), (3, 6),
    (-1, -1), (-1, -2), (-2, -3), (-2, -4), (-3, -5), (-3, -6),
)  # fmt: skip
"""Steps and semitones: seconds, thirds, fourths, up and down."""

_OCTAVE: Final = (7, 12)
_MOST_SHARPS: Final = 7
_SHARPS_IN_ORDER: Final = "FCGDAEB"


@dataclass(frozen=True)
class ChangedPitch:
    """A pitch that was moved, after the transposition.

    Attributes:
        part: Id of the part.
        measure: Number of the bar, as printed.
        node: Which `<note>` or `<forward>` of the document, from 0; the column `node` of `notes.NoteTable`.
        before: Such as ``F#4``, as music21 writes it.
        after: Likewise.
    """

    part: str
    measure: str
    node: int
    before: str
    after: str


@dataclass(frozen=True)
class Perturbed:
    """A work made unknown.

    Attributes:
        document: MusicXML in UTF-8.
        interval: By which it is transposed.
        changed: Which pitches were moved besides, in the order of the document.
    """

    document: bytes
    interval: Interval
    changed: tuple[ChangedPitch, ...]


def perturbed(document: bytes, seed: int, *, changes: int = 2) -> Perturbed:
    """Return a work transposed by an interval, with some of its pitches moved by a step or two.

    Args:
        document: Partwise MusicXML, unpacked.
        seed: Decides on the interval, and which pitches.
        changes: How many pitches are moved: at most as many as there are notes that are neither tied nor
            grace notes nor part of a chord. With none, the answers of the original hold, raised by the
            interval.

    Raises:
        UnreadableScoreError: It is no MusicXML.
        ScoreError: It has not so many notes to move.
    """
    tree = _parsed(document)
    chance = random.Random(seed)  # noqa: S311 - music, no secret
    with _only_music():
        interval = chance.choice(
            _that_fit(tree, (Interval(*each) for each in _INTERVALS)) or [Interval(*_OCTAVE)]
        )
        transpose(tree, interval)
        movable = list(_movable(tree))
        if changes > len(movable):
            raise ScoreError(
                f"Expected at least {changes:,} notes that are neither tied nor grace notes nor part of a "
                f"chord, got {len(movable):,}: ask for fewer changes."
            )
        chosen = sorted(chance.sample(range(len(movable)), changes))
        changed = tuple(_move(movable[index], chance.choice((-2, -1, 1, 2))) for index in chosen)
    return Perturbed(_written(tree), interval, changed)


def _parsed(document: bytes) -> Any:
    """Return the tree of a document; nothing is fetched, and no entity expanded."""
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


def _written(tree: Any) -> bytes:
    return bytes(etree.tostring(tree, xml_declaration=True, encoding="UTF-8"))


@contextmanager
def _only_music() -> Iterator[None]:
    """Say what is wrong with a document in which steps or numbers are none."""
    try:
        yield
    except (ValueError, KeyError) as error:
        raise UnreadableScoreError(
            f"Expected MusicXML with steps A to G and numbers, got: {error}."
        ) from error


def _that_fit(tree: Any, intervals: Iterable[Interval]) -> list[Interval]:
    """Return those intervals after which everything can be written, pitches with two signs at most."""
    fifths = {int(text(each)) for each in tree.iter("fifths") if text(each)}
    names = {name_of(pitch) for pitch in tree.iter("pitch")}
    return [
        interval
        for interval in intervals
        if all(abs(each + interval.fifths) <= _MOST_SHARPS for each in fifths)
        and all(abs(moved(step, sharps, interval)[1]) <= MOST_ALTERATION for step, sharps in names)
    ]


@dataclass(frozen=True)
class _Movable:
    """A note that may be moved, and the signature that it stands under."""

    part: str
    measure: str
    node: int
    note: Any
    fifths: int


def _movable(tree: Any) -> Iterator[_Movable]:
    node = -1
    for part in tree.getroot().iterchildren("part"):
        fifths = 0
        for measure in part.iterchildren("measure"):
            for child in measure.iterchildren():
                if child.tag == "attributes":
                    signatures = [int(text(each)) for each in child.iterfind("key/fifths") if text(each)]
                    fifths = signatures[-1] if signatures else fifths
                node += child.tag in ("note", "forward")
                if child.tag == "note" and _may_move(child):
                    yield _Movable(part.get("id", ""), measure.get("number", ""), node, child, fifths)


def _may_move(note: Any) -> bool:
    if note.find("pitch") is None or any(
        note.find(tag) is not None for tag in ("tie", "grace", "cue", "chord")
    ):
        return False
    following = note.getnext()
    return following is None or following.find("chord") is None


def _move(movable: _Movable, steps: int) -> ChangedPitch:
    """Move a note along the scale of its key signature."""
    pitch = movable.note.find("pitch")
    step, sharps = name_of(pitch)
    octave = pitch.find("octave")
    before = _name(step, sharps, text(octave))
    octaves, index = divmod(STEP[step] + steps, 7)
    new_sharps = _signature(STEPS[index], movable.fifths)
    octave.text = str(int(text(octave)) + octaves)
    write_name(pitch, STEPS[index], new_sharps)
    write_accidental(movable.note.find("accidental"), new_sharps)
    return ChangedPitch(
        part=movable.part,
        measure=movable.measure,
        node=movable.node,
        before=before,
        after=_name(STEPS[index], new_sharps, text(octave)),
    )


def _signature(step: str, fifths: int) -> int:
    """Return the sharps that a key signature gives to a step, or flats below zero."""
    fifths = max(-_MOST_SHARPS, min(_MOST_SHARPS, fifths))
    return (fifths + 6 - _SHARPS_IN_ORDER.index(step)) // 7


def _name(step: str, sharps: float, octave: str) -> str:
    signs = "#" * int(sharps) if sharps > 0 else "-" * int(-sharps)
    return f"{step}{signs}{octave}"
