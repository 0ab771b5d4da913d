"""Lyrics, slurs, dynamics, repeats and chord symbols of real works keep their content and position."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from lxml import etree

from music21_server.editing.extraction import extract_parts, slice_score
from music21_server.editing.transposition import TranspositionRequest, transpose
from music21_server.score.limits import Limits

FOSTER, WEBERN = "leadSheet/fosterBrownHair", "webern/webern_dormi_jesu_op_16_no_2"
SCHUMANN, BACH = "schumann_robert/opus48no2", "bach/bwv67.7"

MARKED = [
    (FOSTER, "lyric", 172), (WEBERN, "lyric", 46), (SCHUMANN, "lyric", 58),
    (WEBERN, "slur", 52), (SCHUMANN, "slur", 36),
    (WEBERN, "dynamics", 20), (SCHUMANN, "dynamics", 8),
    (FOSTER, "repeat", 2), (BACH, "repeat", 4),
    (FOSTER, "harmony", 40),
]  # fmt: skip
"""Corpus works, a kind of mark, and the number of these marks."""

Place = tuple[str, str, int]
"""Id of the part, number of the bar, and notes before the mark in that bar."""

Mark = tuple[Place, str]
"""Position of a mark, and its element as text."""


def marks(root: Any, tag: str, parts: set[str] | None = None) -> list[Mark]:
    """Return the marks of a kind in some or all parts of a document."""
    return [
        ((part.get("id"), measure.get("number"), before), text_of(element))
        for part in root.iterfind("part")
        if parts is None or part.get("id") in parts
        for measure in part
        for before, element in placed(measure, tag)
    ]


def placed(measure: Any, tag: str) -> Iterator[tuple[int, Any]]:
    before = 0
    for child in measure:
        yield from ((before, element) for element in child.iter(tag))
        before += child.tag == "note"


def text_of(element: Any) -> str:
    text = bytes(etree.tostring(element, method="c14n", with_tail=False)).decode()
    return re.sub(r">\s+<", "><", text)


STEPS = "CDEFGAB"
NATURALS = (0, 2, 4, 5, 7, 9, 11)


def a_tone_higher(symbol: str) -> str:
    """Return a chord symbol a major second higher, computed independently of the server."""
    harmony = etree.fromstring(symbol)
    for kind in ("root", "bass"):
        for name in harmony.iterfind(kind):
            step, alter = name.find(f"{kind}-step"), name.find(f"{kind}-alter")
            old, sharps = STEPS.index(step.text), int(alter.text) if alter is not None else 0
            new = (old + 1) % 7
            sharps += 2 - (NATURALS[new] - NATURALS[old]) % 12
            step.text = STEPS[new]
            for each in name.findall(f"{kind}-alter"):
                name.remove(each)
            if sharps:
                etree.SubElement(name, f"{kind}-alter").text = str(sharps)
    return text_of(harmony)


@pytest.mark.parametrize(("work", "tag", "count"), MARKED)
def test_marks_survive_transposition(entry, tree, work, tag, count):
    before = marks(tree(entry(work)), tag)
    after = marks(tree(transpose((entry(work),), TranspositionRequest(interval="M2"), Limits())), tag)
    assert len(before) == count
    if tag == "harmony":
        before = [(place, a_tone_higher(symbol)) for place, symbol in before]
    assert after == before


@pytest.fixture
def whole(entry, tree):
    """Function that returns the document of a work."""
    return lambda work: tree(entry(work))


@pytest.fixture
def alone(entry, columns, tree):
    """Function that yields the id of each part of a work, and the score extracted from it."""

    def each_of(work: str) -> Iterator[tuple[str, Any]]:
        staves = [part.identity for part in columns(entry(work)).parts]
        for part in tree(entry(work)).iterfind("part"):
            staff = next(each for each in staves if each.partition("-Staff")[0] == part.get("id"))
            yield part.get("id"), tree(extract_parts((entry(work),), (staff,), Limits()))

    return each_of


@pytest.mark.parametrize(("work", "tag", "count"), MARKED)
def test_marks_survive_extraction_of_parts(whole, alone, work, tag, count):
    after = []
    for identity, result in alone(work):
        assert marks(result, tag) == marks(whole(work), tag, {identity})
        after += marks(result, tag)
    assert len(after) == count


@pytest.fixture
def slices(entry, tree):
    """Function that cuts a work into slices, and yields the bar numbers and the score of each."""

    def each_of(work: str, length: int) -> Iterator[tuple[list[str], Any]]:
        bars = [measure.get("number") for measure in tree(entry(work)).find("part")]
        for first in range(0, len(bars), length):
            numbers = bars[first : first + length]
            ends = (f"@{first + 1}", f"@{first + len(numbers)}")
            yield numbers, tree(slice_score((entry(work),), *ends, None, Limits()))

    return each_of


@pytest.mark.parametrize(("work", "tag"), [row[:2] for row in MARKED if row[1] not in ("slur", "repeat")])
def test_marks_survive_slicing(entry, tree, slices, work, tag):
    after = [mark for _, result in slices(work, 7) for mark in marks(result, tag)]
    assert sorted(after) == sorted(marks(tree(entry(work)), tag))


def whole_slurs(slurs: list[Mark]) -> list[Mark]:
    """Return the slurs that have both ends among these, in any order."""
    begun: dict[tuple[str, str], list[Mark]] = defaultdict(list)
    whole: list[Mark] = []
    for place, text in slurs:
        slur = etree.fromstring(text)
        key = (place[0], slur.get("number", "1"))
        if slur.get("type") == "start":
            begun[key].append((place, text))
        elif begun[key]:
            whole += [begun[key].pop(), (place, text)]
    return whole


@pytest.mark.parametrize(("work", "count"), [(row[0], row[2]) for row in MARKED if row[1] == "slur"])
def test_slices_keep_the_slurs_that_begin_and_end_in_them(entry, tree, slices, work, count):
    whole = marks(tree(entry(work)), "slur")
    assert len(whole_slurs(whole)) == count
    after = 0
    for numbers, result in slices(work, 4):
        slurs = marks(result, "slur")
        assert sorted(slurs) == sorted(whole_slurs([mark for mark in whole if mark[0][1] in numbers]))
        after += len(slurs)
    assert count // 2 < after <= count


@pytest.mark.parametrize(
    ("work", "bars", "directions"),
    [
        (FOSTER, ("@2", "@33"), ["forward", "backward"]),
        (FOSTER, ("@1", "@34"), ["forward", "backward"]),
        (FOSTER, ("@2", "@32"), []),
        (FOSTER, ("@3", "@33"), ["backward"]),
        (BACH, ("@1", "@5"), ["backward"] * 4),
        (BACH, ("@6", "@9"), []),
    ],
)
def test_slices_keep_the_repeats_that_end_in_them(entry, tree, work, bars, directions):
    result = marks(tree(slice_score((entry(work),), *bars, None, Limits())), "repeat")
    assert [etree.fromstring(text).get("direction") for _, text in result] == directions
    assert set(result) <= set(marks(tree(entry(work)), "repeat"))
