"""Pictures drawn in bands, compared with the same picture drawn at once."""

from __future__ import annotations

import re
from collections import defaultdict
from itertools import pairwise

import pytest
from lxml import etree

from music21_server.reading.musicxml import read_musicxml
from music21_server.rendering import engraving
from music21_server.rendering.column_alignment import (
    BAR_END,
    column_positions,
    common_positions,
    move_to_columns,
)
from music21_server.rendering.excerpt import excerpt_of_document
from music21_server.rendering.page_stack import stack
from music21_server.rendering.staff_groups import Moment, is_grace, moment_of, split
from music21_server.score.limits import Limits
from music21_server.synthetic_scores import orchestral_score

PARTS = 50


@pytest.fixture(scope="module")
def excerpt():
    source = orchestral_score(PARTS, 8, 1)
    score = read_musicxml(source, Limits())
    return excerpt_of_document(source, score, range(3, 6), range(len(score.parts))), len(score.parts)


@pytest.fixture(scope="module")
def banded(excerpt):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engraving, "_MAX_STAVES_AT_ONCE", 40)
        return etree.fromstring(engraving.engrave(excerpt[0], staves=excerpt[1]).svg)


@pytest.fixture(scope="module")
def whole(excerpt):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engraving, "_MAX_STAVES_AT_ONCE", 1000)
        return etree.fromstring(engraving.engrave(excerpt[0], staves=excerpt[1]).svg)


def kind(group):
    return group.get("class", "").split(" ")[0]


def groups(root, name):
    return [each for each in root.iter("{*}g") if kind(each) == name]


def systems(root):
    return groups(root, "system")


def heads_by_moment(root):
    """Return the horizontal positions of the noteheads of each moment."""
    heads = defaultdict(list)
    for note in groups(root, "note"):
        name = note.get("id")
        if is_grace(name):
            continue
        moved = sum(
            float(re.match(r"translate\((-?[\d.]+)", each.get("transform"))[1])
            for each in [note, *note.iterancestors("{*}g")]
            if each.get("transform") and kind(each) != "page-margin"
        )
        x = float(re.match(r"translate\((-?[\d.]+)", next(note.iter("{*}use")).get("transform"))[1])
        heads[moment_of(name)].append(x + moved)
    return heads


def barlines(system):
    return [
        float(re.match(r"M(-?[\d.]+)", groups(measure, "barLine")[0][0].get("d"))[1])
        for measure in groups(system, "measure")
    ]


def texts(root):
    return sorted("".join(each.itertext()) for each in root.iter("{*}text"))


def test_bands_contain_everything_once(banded, whole) -> None:
    assert len(systems(banded)) == 3
    assert len(systems(whole)) == 1
    for name in ("staff", "note", "rest", "beam", "slur", "tie", "dynam", "accid", "syl", "tuplet", "mNum"):
        assert len(groups(banded, name)) == len(groups(whole, name)), name
    assert texts(banded) == texts(whole)
    assert sum("g.dynam" in style.text for style in banded.iter("{*}style")) == 1


def test_barlines_are_aligned(banded) -> None:
    first, *others = [barlines(system) for system in systems(banded)]
    assert len(first) == 3
    assert others == [pytest.approx(first, abs=1)] * 2


def test_simultaneous_notes_are_aligned(banded) -> None:
    heads = heads_by_moment(banded)
    assert len(heads) > 12
    for moment, places in heads.items():
        middle = sorted(places)[len(places) // 2]
        aside = [x for x in places if abs(x - middle) > 2]
        # In chords with a second, one notehead is beside the others.
        assert len(aside) <= len(places) // 4, moment
        assert all(abs(x - middle) < 260 for x in aside), moment
    middles = [sorted(heads[moment])[len(heads[moment]) // 2] for moment in sorted(heads)]
    assert all(right - left > 90 for left, right in pairwise(middles))


def test_accidentals_stay_with_their_notes(banded, whole) -> None:
    farthest = []
    for root in (banded, whole):
        distances = []
        for note in groups(root, "note"):
            places = [
                float(re.match(r"translate\((-?[\d.]+)", use.get("transform"))[1])
                for name in ("accid", "notehead")
                for group in groups(note, name)
                for use in group.iterchildren("{*}use")
            ]
            if len(places) == 2:
                distances.append(places[1] - places[0])
        assert len(distances) > 50
        farthest.append(max(distances))
    assert farthest[0] <= farthest[1] + 5


def test_a_beam_moves_with_its_own_notes() -> None:
    """A note of another voice begins at the stem of the first note."""
    note = '<g id="{}" class="note"><use transform="translate({}, 9)"/></g>'
    system = etree.fromstring(
        '<g xmlns="http://www.w3.org/2000/svg" class="system"><g class="measure"><g class="staff">'
        '<path d="M0 0 L3000 0"/><g class="layer"><g class="beam">'
        '<polygon points="1208,1 2208,1 2208,2 1208,2"/>'
        f"{note.format('b0t0n1', 1000)}{note.format('b0t9n2', 2000)}</g></g>"
        f'<g class="layer">{note.format("b0t5n3", 1150)}</g></g></g></g>'
    )
    places = column_positions(system)
    move_to_columns(system, places, {moment: x + 300 * (moment.ticks >= 5) for moment, x in places.items()})
    assert system.find(".//{*}polygon").get("points") == "1208,1 2508,1 2508,2 1208,2"
    assert [note.get("transform") for note in groups(system, "note")] == [
        "translate(0, 0)", "translate(300, 0)", "translate(300, 0)",
    ]  # fmt: skip
    assert system.find(".//{*}path").get("d") == "M0 0 L3300 0"


def test_beams_end_at_stems(banded) -> None:
    beams = 0
    for beam in groups(banded, "beam"):
        stems = []
        for note in beam.iter("{*}g"):
            if kind(note) in ("note", "chord"):
                moved = float(re.match(r"translate\((-?[\d.]+)", note.get("transform", "translate(0"))[1])
                stems += [
                    moved + float(re.match(r"M(-?[\d.]+)", path.get("d"))[1])
                    for stem in groups(note, "stem")
                    for path in stem.iterchildren("{*}path")
                    if kind(note) == "chord" or kind(note.getparent()) != "chord"
                ]
        polygon = beam.find("{*}polygon")
        if stems and polygon is not None:
            xs = [float(pair.split(",")[0]) for pair in polygon.get("points").split()]
            assert (min(xs), max(xs)) == pytest.approx((min(stems), max(stems)), abs=12)
            beams += 1
    assert beams > 50


def test_staves_are_in_order_and_do_not_overlap(banded) -> None:
    tops = []
    for system in systems(banded):
        at = next(each for each in system.iterancestors("{*}svg") if each.get("y"))
        tops += [
            float(at.get("y")) * 20 + float(re.match(r"M\S+ (\S+)", staff[0].get("d"))[1])
            for staff in groups(groups(system, "measure")[0], "staff")
        ]
    gaps = [lower - upper for upper, lower in pairwise(tops)]
    assert len(tops) > PARTS
    assert min(gaps) > 1790  # what Verovio leaves at least
    assert max(gaps) < 2900


def test_banded_picture_is_about_as_large_as_the_whole(banded, whole) -> None:
    for name in ("width", "height"):
        sizes = [float(root.get(name).removesuffix("px")) for root in (banded, whole)]
        assert sizes[0] == pytest.approx(sizes[1], rel=0.15)


def drawn(source, bars, parts):
    """Return a picture by Verovio of the first bars of some parts of a document."""
    import verovio

    root = etree.fromstring(split(source, 10)[0])
    for index, part in enumerate(root.findall("part")):
        for measure in part.findall("measure")[bars:]:
            part.remove(measure)
        if index not in parts:
            root.remove(part)
            root.find("part-list").remove(root.find(f"part-list/score-part[@id='{part.get('id')}']"))
    toolkit = verovio.toolkit()
    toolkit.setOptions(engraving._OPTIONS)
    toolkit.loadData(etree.tostring(root).decode())
    return toolkit.renderToSVG(1)


def test_pictures_with_different_bars_are_not_stacked(song) -> None:
    """The song's first part has five bars, the second four and the third three."""
    assert stack([drawn(song, 3, {0}), drawn(song, 3, {1, 2})], 20) is not None
    assert stack([drawn(song, 4, {0}), drawn(song, 3, {1, 2})], 20) is None
    assert stack([drawn(song, 5, {0}), drawn(song, 5, {0, 2})], 20) is None


def test_pictures_that_cannot_be_stacked_are_drawn_at_once(song, monkeypatch) -> None:
    monkeypatch.setattr(engraving, "_MAX_STAVES_AT_ONCE", 2)
    monkeypatch.setattr(engraving, "_STAVES_PER_BAND", 2)
    assert len(systems(etree.fromstring(engraving.engrave(song, staves=4).svg))) == 1
    three_bars = etree.fromstring(song)
    for part in three_bars.findall("part"):
        for measure in part.findall("measure")[3:]:
            part.remove(measure)
    page = engraving.engrave(etree.tostring(three_bars), staves=4)
    assert len(systems(etree.fromstring(page.svg))) == 3


def test_common_columns_satisfy_the_distances_of_each_picture() -> None:
    start, end = Moment(0, -1), Moment(0, BAR_END)
    one = {start: 10.0, Moment(0, 0): 500.0, Moment(0, 2): 900.0, end: 1300.0}
    other = {start: 60.0, Moment(0, 0): 450.0, Moment(0, 1): 1000.0, end: 1200.0}
    assert common_positions([one, other]) == {
        start: 60.0,  # where the names are longest
        Moment(0, 0): 550.0,  # the first picture needs 490
        Moment(0, 1): 1100.0,  # the second picture needs 550
        Moment(0, 2): 1200.0,  # least distance from the column before
        end: 1600.0,  # the first picture needs 400
    }
