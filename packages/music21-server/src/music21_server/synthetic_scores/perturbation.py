"""Derive new scores from an existing one, in such a way that their analyses can be predicted.

A transposed score has the same intervals, numerals and rhythms as the original, and its key is the original
one transposed. Moving a few pitches along the scale as well gives any number of different scores.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from lxml import etree

from music21_server.editing.element_transposition import (
    read_name,
    transpose_tree,
    write_accidental,
    write_name,
)
from music21_server.editing.elements import text
from music21_server.editing.intervals import (
    MAX_ALTERATION,
    STEP,
    Interval,
    signature_sharps,
    transpose_name,
)
from music21_server.errors import ScoreError, UnreadableScoreError
from music21_server.score.table import STEPS

_INTERVALS: Final = (
    (1, 1), (1, 2), (2, 3), (2, 4), (3, 5), (3, 6),
    (-1, -1), (-1, -2), (-2, -3), (-2, -4), (-3, -5), (-3, -6),
)  # fmt: skip
"""Steps and semitones of seconds, thirds and fourths, up and down."""

_OCTAVE: Final = (7, 12)
_MAX_SHARPS: Final = 7


@dataclass(frozen=True)
class ChangedPitch:
    """A pitch that was moved in addition to the transposition.

    Attributes:
        part: Id of the part.
        measure: Printed number of the bar.
        node: Index among all `<note>` and `<forward>` elements, as in the column `node` of `NoteTable`.
        before: Transposed pitch such as ``F#4``, as music21 writes it.
        after: Pitch that replaced it.
    """

    part: str
    measure: str
    node: int
    before: str
    after: str


@dataclass(frozen=True)
class PerturbedScore:
    """A transposed score with some pitches changed.

    Attributes:
        document: MusicXML in UTF-8.
        interval: Interval of the transposition.
        changed: Pitches moved in addition, in document order.
    """

    document: bytes
    interval: Interval
    changed: tuple[ChangedPitch, ...]


def perturb(document: bytes, seed: int, *, changes: int = 2) -> PerturbedScore:
    """Transpose a score by a random interval, and move some of its pitches by a step or two.

    Args:
        document: Uncompressed partwise MusicXML.
        seed: Seed for the interval and the pitches.
        changes: Number of pitches to move. Notes that are tied, grace notes or in a chord are never moved.
            With 0, all analyses are those of the original, transposed.

    Raises:
        UnreadableScoreError: The document is not MusicXML.
        ScoreError: It has fewer notes that can be moved.
    """
    tree = _parse(document)
    rng = random.Random(seed)  # noqa: S311 - music, no secret
    with _bad_values_refused():
        intervals = [Interval(*each) for each in _INTERVALS]
        interval = rng.choice(_writable(tree, intervals) or [Interval(*_OCTAVE)])
        transpose_tree(tree, interval)
        movable = list(_movable_notes(tree))
        if changes > len(movable):
            raise ScoreError(
                f"Expected at least {changes:,} notes that are neither tied nor grace notes nor part of a "
                f"chord, got {len(movable):,}: ask for fewer changes."
            )
        chosen = sorted(rng.sample(range(len(movable)), changes))
        changed = tuple(_move(movable[index], rng.choice((-2, -1, 1, 2))) for index in chosen)
    content = bytes(etree.tostring(tree, xml_declaration=True, encoding="UTF-8"))
    return PerturbedScore(content, interval, changed)


def _parse(document: bytes) -> Any:
    """Parse a document without fetching DTDs or expanding entities."""
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


@contextmanager
def _bad_values_refused() -> Iterator[None]:
    """Turn errors about steps and numbers into an `UnreadableScoreError`."""
    try:
        yield
    except (ValueError, KeyError) as error:
        raise UnreadableScoreError(
            f"Expected MusicXML with steps A to G and numbers, got: {error}."
        ) from error


def _writable(tree: Any, intervals: Iterable[Interval]) -> list[Interval]:
    """Return the intervals that need at most seven sharps or flats in signatures and two on notes."""
    fifths = {int(text(each)) for each in tree.iter("fifths") if text(each)}
    names = {read_name(pitch) for pitch in tree.iter("pitch")}
    return [
        interval
        for interval in intervals
        if all(abs(each + interval.fifths) <= _MAX_SHARPS for each in fifths)
        and all(abs(transpose_name(step, sharps, interval)[1]) <= MAX_ALTERATION for step, sharps in names)
    ]


@dataclass(frozen=True)
class _MovableNote:
    """A note that may be moved, with the key signature it is under."""

    part: str
    measure: str
    node: int
    note: Any
    fifths: int


def _movable_notes(tree: Any) -> Iterator[_MovableNote]:
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
                    yield _MovableNote(part.get("id", ""), measure.get("number", ""), node, child, fifths)


def _may_move(note: Any) -> bool:
    if note.find("pitch") is None or any(
        note.find(tag) is not None for tag in ("tie", "grace", "cue", "chord")
    ):
        return False
    following = note.getnext()
    return following is None or following.find("chord") is None


def _move(movable: _MovableNote, steps: int) -> ChangedPitch:
    """Move a note along the scale of its key signature."""
    pitch = movable.note.find("pitch")
    step, sharps = read_name(pitch)
    octave = pitch.find("octave")
    before = _name(step, sharps, text(octave))
    octaves, index = divmod(STEP[step] + steps, 7)
    # A signature of more than seven sharps or flats alters each step once.
    new_sharps = signature_sharps(STEPS[index], max(-_MAX_SHARPS, min(_MAX_SHARPS, movable.fifths)))
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


def _name(step: str, sharps: float, octave: str) -> str:
    signs = "#" * int(sharps) if sharps > 0 else "-" * int(-sharps)
    return f"{step}{signs}{octave}"
