"""Reading each way to write a note once gives the score that reading every note gives."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import etree

from music21_server.errors import ScoreError
from music21_server.reading import musicxml, note_deduplication
from music21_server.reading.musicxml import read_as_it_stands, read_folded, read_musicxml
from music21_server.reading.mxl_archive import unpack
from music21_server.reading.note_deduplication import FOLDED, FoldedFeed, UnfoldableError
from music21_server.reading.xml import as_utf8
from music21_server.score.codec import encode
from music21_server.score.limits import Limits
from music21_server.synthetic_scores import orchestral_score

_SPEC = importlib.util.find_spec("music21")
assert _SPEC is not None
assert _SPEC.origin is not None
CORPUS = Path(_SPEC.origin).parent / "corpus"
WORKS = sorted(
    path.relative_to(CORPUS).as_posix()
    for path in CORPUS.rglob("*")
    if path.suffix in (".mxl", ".xml", ".musicxml")
)
FEW = ("bach/bwv66.6.mxl", "demos/drum_sample.xml", "schoenberg/opus19/movement6.mxl")

LIMITS = Limits()
C = "<note><pitch><step>C</step><octave>4</octave></pitch><duration>1</duration></note>"
D = C.replace("<step>C", "<step>D")
START = (
    '<score-partwise><part-list><score-part id="P1"><part-name>P</part-name></score-part></part-list>'
    '<part id="P1"><measure number="1"><attributes><divisions>1</divisions></attributes>'
)
END = "</measure></part></score-partwise>"


def score_of(*bars):
    return (START + '</measure><measure number="2">'.join(bars) + END).encode()


def outcome(read, source):
    """Return the score as bytes, or the error."""
    try:
        return encode(read(source, LIMITS))
    except ScoreError as error:
        return f"{type(error).__name__}: {error}"


def folded_outcome(source):
    """Return the score as bytes if it could be read folded; None otherwise."""
    try:
        return encode(read_folded(source, LIMITS))
    except (ScoreError, UnfoldableError):
        return None


def assert_same(source):
    """Check that what folding makes of a document, if anything, is what stands in it."""
    folded = folded_outcome(source)
    if folded is not None:
        assert folded == outcome(read_as_it_stands, source)
    return folded is not None


def handed_over(source):
    feed = FoldedFeed(source)
    texts = []
    while text := feed.read(1 << 14):
        texts.append(text)
    return b"".join(texts), feed.folded


def test_notes_written_alike_are_handed_over_once():
    text, folded = handed_over(score_of(C + D + C + C, D + "<backup><duration>1</duration></backup>" + D))
    numbered = [note.replace("<note>", f'<note {FOLDED}="{at}">') for at, note in enumerate((C, D))]
    again = [f'<{FOLDED} n="{numbers}"/>' for numbers in ("0 0", "1", "1")]
    bars = ("".join(numbered) + again[0], again[1] + "<backup><duration>1</duration></backup>" + again[2])
    assert text == score_of(*bars)
    assert folded == 4


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("<note>", '<note default-x="12">'),
        ('<note default-x="12" default-y="-3.5">', '<note default-x="99">'),
        ("</duration>", '</duration><stem default-y="-20">up</stem>'),
    ],
)
def test_places_on_the_page_make_no_difference(one, other):
    plain = C if one.startswith("<") and one in C else C.replace("<note>", one)
    if one == "</duration>":
        plain = C.replace(one, "</duration><stem>up</stem>")
        placed = C.replace(one, other)
    else:
        placed = plain.replace(one, other)
    source = score_of(plain + D, placed + D)
    assert handed_over(source)[1] == 2
    assert assert_same(source)


@pytest.mark.parametrize(
    ("first", "again"),
    [
        (C, C.replace("<note>", '<note default-x="1" default-x="2">')),
        (
            C.replace("<note>", '<note color="red" default-x="2">'),
            C.replace("<note>", '<note default-x="1" color="red" default-x="2">'),
        ),
        (
            C.replace("</note>", '<stem color="red" default-y="2">up</stem></note>'),
            C.replace("</note>", '<stem default-y="1" color="red" default-y="2">up</stem></note>'),
        ),
        (C, C.replace("</note>", "")),
        (C, C.replace("<pitch>", "")),
        (C, "<note/>"),
        (C, C.replace("<note>", "<note><note>")),
        (C, f'<{FOLDED} n="0"/>'),
        (C, f'<{FOLDED} n="7"/>'),
        (C, C.replace("<note>", f'<note {FOLDED}="0">')),
        (C, C.replace("<step>C", "<step>X")),
        # Each of the first ends later than it seems to; the end is missing where it stands again.
        (C.replace("</note>", "<!-- </note> --><notehead/></note>"), C.replace("</note>", "<!-- </note>")),
        (C.replace("</note>", "<?x </note> ?><notehead/></note>"), C.replace("</note>", "<?x </note>")),
        ("<note><note><rest/></note><rest/><notehead/></note>", "<note><note><rest/></note>"),
        (
            C.replace("</note>", "<x:y/></note>"),
            f'<z xmlns:x="u">{C.replace("</note>", "<x:y/></note>")}</z>',
        ),
        (
            f'<z xmlns:x="u">{C.replace("</note>", "<x:y/></note>")}</z>',
            C.replace("</note>", "<x:y/></note>"),
        ),
    ],
)
def test_what_is_wrong_is_said_of_the_document_as_it_stands(monkeypatch, first, again):
    monkeypatch.setattr(musicxml, "PAYS_FROM_BYTES", 0)
    source = score_of(first + C + D, again + D)
    assert outcome(read_musicxml, source) == outcome(read_as_it_stands, source)
    assert_same(source)


@pytest.mark.parametrize(
    ("hidden", "notes"),
    [
        (f"<!-- {C} -->", 3),
        (f"<?draw {C} ?>", 3),
        (f"<direction><words><![CDATA[{C}]]></words></direction>", 3),
        (f"<direction><direction-type><x>{C}</x></direction-type></direction>", 3),
        (f'<direction xmlns="elsewhere">{C}</direction>', 3),
        (f"<x a='&lt;note&gt;{C.replace('<', '&lt;')}'/>", 3),
        ("<!-- </note> -->", 3),
        ("<!-- <note> -->", 3),
        ("<notehead/><notations/>", 3),
        ("<x>]]&gt;&amp;&lt;note&gt;</x>", 3),
    ],
)
@pytest.mark.parametrize("is_first", [True, False])
def test_what_only_looks_like_a_note_is_none(monkeypatch, hidden, notes, is_first):
    monkeypatch.setattr(musicxml, "PAYS_FROM_BYTES", 0)
    bar = hidden + C + C + D if is_first else C + C + hidden + D
    source = score_of(bar)
    assert len(read_musicxml(source, LIMITS).notes) == notes
    assert outcome(read_musicxml, source) == outcome(read_as_it_stands, source)


def test_text_of_a_title_stays_as_it_is(monkeypatch):
    monkeypatch.setattr(musicxml, "PAYS_FROM_BYTES", 0)
    title = f"<movement-title><![CDATA[{C}{C} </note>  and {C}]]></movement-title>"
    source = score_of(C + C + D).replace(b"<part-list>", title.encode() + b"<part-list>")
    assert read_musicxml(source, LIMITS).title == f"{C}{C} </note> and {C}"


def test_text_behind_notes_stays_as_it_is(monkeypatch):
    """Its number would come back nowhere."""
    monkeypatch.setattr(musicxml, "PAYS_FROM_BYTES", 0)
    title = f"</part><movement-title><![CDATA[{C}]]></movement-title><part id='P2'>"
    source = score_of(C + C + D, D).replace(b"</part>", title.encode() + b"<measure/></part>")
    assert read_musicxml(source, LIMITS).title == C


def test_two_notes_are_not_taken_for_one(monkeypatch):
    monkeypatch.setattr(musicxml, "PAYS_FROM_BYTES", 0)
    two = C.replace("</note>", "</note >") + D.replace("<note>", '<note color="red">')
    assert len(read_musicxml(score_of(two + two, two), LIMITS).notes) == 6


def test_ticks_may_be_divided_between_notes_that_are_folded():
    long, longer = (C.replace("<duration>1", f"<duration>{length}") for length in (2, 3))
    chord = C.replace("<note>", "<note><chord/>")
    bar = C + long + chord + longer
    divisions = "<attributes><divisions>{}</divisions></attributes>"
    other = f"</measure></part><part id='P2'><measure number='1'>{divisions.format(6)}{bar + bar}"
    source = score_of(bar, bar, divisions.format(4) + bar + bar + other)
    assert handed_over(source)[1] == 20
    assert assert_same(source)


def test_a_note_elsewhere_does_not_teach_the_reader(monkeypatch):
    """Its element is never handed over as a note of a bar."""
    monkeypatch.setattr(musicxml, "PAYS_FROM_BYTES", 0)
    source = score_of(f"<x>{C}</x>{C}{C}")
    assert folded_outcome(source) is None
    assert len(read_musicxml(source, LIMITS).notes) == 2


def test_default_attributes_of_a_doctype_forge_no_number(monkeypatch):
    monkeypatch.setattr(musicxml, "PAYS_FROM_BYTES", 0)
    doctype = f'<!DOCTYPE score-partwise [<!ATTLIST note {FOLDED} CDATA "0">]>'.encode()
    source = doctype + score_of(C + D + C, D + D)
    assert folded_outcome(source) is None
    assert outcome(read_musicxml, source) == outcome(read_as_it_stands, source)


def test_deep_nesting_is_refused_however_often_it_stands():
    deep = C.replace("</note>", "<x>" * 300 + "</x>" * 300 + "</note>")
    assert folded_outcome(score_of(deep + deep)) is None


def test_long_bars_are_measured_as_they_stand(monkeypatch):
    monkeypatch.setattr(note_deduplication, "LARGEST_PIECE_BYTES", 100_000)
    assert assert_same(score_of(C * 500))
    assert folded_outcome(score_of(C * 1_500)) is None


@pytest.mark.parametrize("between", ["<x/>" * 100_000, " " * 300_000])
def test_long_ways_to_the_next_note_are_not_looked_through(between):
    assert folded_outcome(score_of(C + between + C)) is None


def test_only_so_many_ways_to_write_a_note_are_remembered(monkeypatch):
    monkeypatch.setattr(note_deduplication, "_MOST_KNOWN", 1)
    source = score_of(C + D + C + D)
    assert handed_over(source)[1] == 1
    assert assert_same(source)


@pytest.mark.parametrize(("alike", "folded"), [(10, 9), (90, 89 + 500)])
def test_folding_is_given_up_where_few_notes_are_alike(monkeypatch, alike, folded):
    monkeypatch.setattr(note_deduplication, "_TRIAL_NOTES", 120)
    monkeypatch.setattr(note_deduplication, "_MOST_PER_READ", 1_000)
    unlike = [C.replace("</note>", f"<lyric>{at}</lyric></note>") for at in range(120 - alike)]
    source = score_of(C * alike + "".join(unlike), *["<note><rest/></note>" * 10] * 10, C * 500)
    found = handed_over(source)[1]
    assert found == folded + (99 if alike == 90 else 0)
    assert assert_same(source)


def test_small_documents_are_read_as_they_stand(monkeypatch):
    asked = []
    monkeypatch.setattr(musicxml, "read_folded", lambda *_: asked.append(1))
    monkeypatch.setattr(musicxml, "PAYS_FROM_BYTES", len(score_of(C)) + 1)
    assert len(read_musicxml(score_of(C), LIMITS).notes) == 1
    assert asked == []
    read_musicxml(score_of(C + C), LIMITS)
    assert asked == [1]


ORCHESTRA = orchestral_score(12, 6, 3)


def test_orchestra():
    assert handed_over(ORCHESTRA)[1] > 100
    assert assert_same(ORCHESTRA)


INSERTIONS = [
    C, D, "<note>", "</note>", "<note/>", "<note ", "</note >", "<!--", "-->", "<![CDATA[", "]]>", "<?x ",
    "?>", "<x>", "</x>", "<x/>", '"', ">", "<", "&lt;", "&amp;", ":", "<measure>", "</measure>", " ", "\n",
    f'<{FOLDED} n="0"/>', f' {FOLDED}="0"', ' default-x="1"', "<!-- " + C + " -->", "<rest/>", "<chord/>",
]  # fmt: skip
PIECES = re.compile(r"(?<=>)(?=<)")
RICH = START + "\n" + C + "\n  " + C + D.replace("<note>", '<note default-x="3">') + D + C + "\n" + END
PLACES = [0, *(found.start() for found in PIECES.finditer(RICH)), len(RICH)]

changes = st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(INSERTIONS)), min_size=1, max_size=5)
cuts = st.lists(st.tuples(st.sampled_from(PLACES), st.integers(0, 120)), max_size=2)


def changed(inserted, cut):
    edits = [(place, 0, text) for place, text in inserted] + [(place, length, "") for place, length in cut]
    text = RICH
    for place, length, new in sorted(edits, reverse=True):
        text = text[:place] + new + text[place + length :]
    return text.encode()


@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(changes, cuts)
@example([(PLACES[20], "<!--"), (PLACES[30], "-->")], [])
def test_changed_documents(inserted, cut):
    assert_same(changed(inserted, cut))


@pytest.mark.corpus
@pytest.mark.timeout(900)
@settings(max_examples=50_000, deadline=None, database=None)
@given(changes, cuts)
def test_changed_documents_thoroughly(inserted, cut):
    assert_same(changed(inserted, cut))


def corpus_work(name):
    content = (CORPUS / name).read_bytes()
    return as_utf8(unpack(content, LIMITS) if content.startswith(b"PK") else content)


def _placed(source):
    places = iter(range(10**9))
    return re.sub(rb"<note>", lambda _: b'<note default-x="%d.5">' % next(places), source)


def _prefixed(source):
    return source.replace(b"<voice>", b'<x:y xmlns:x="u"/><voice>')


def _commented(source):
    return source.replace(b"</note>", b"</note><!-- <note>:</note> -->")


def _in_cdata(source):
    return re.sub(rb"<step>(.)</step>", rb"<step><![CDATA[\1]]></step>", source)


def _escaped(source):
    return re.sub(rb"<step>(.)</step>", lambda found: b"<step>&#%d;</step>" % ord(found[1]), source)


def _with_words(source):
    return source.replace(b"</note>", b"<lyric><text>&lt;note&gt;&lt;/note&gt;</text></lyric></note>")


NOISE = [lambda source: source, _placed, _prefixed, _commented, _in_cdata, _escaped, _with_words]


@pytest.mark.parametrize("noise", NOISE)
@pytest.mark.parametrize("name", FEW)
def test_works(name, noise):
    assert assert_same(noise(corpus_work(name)))


@pytest.mark.corpus
@pytest.mark.parametrize("noise", NOISE)
@pytest.mark.parametrize("name", WORKS)
def test_all_works(name, noise):
    assert assert_same(noise(corpus_work(name)))


def test_noise_is_in_the_document():
    root = etree.fromstring(_with_words(_escaped(_in_cdata(_commented(_prefixed(_placed(score_of(C))))))))
    assert root.find("part/measure/note").get("default-x") == "0.5"
