"""Reading equal notes once gives the score that reading every note gives."""

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
from music21_server.reading.musicxml import read_deduplicated, read_every_note, read_musicxml
from music21_server.reading.mxl_archive import unpack
from music21_server.reading.note_deduplication import DEDUPLICATED, DeduplicatingFeed, DeduplicationError
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


def document(*measures):
    return (START + '</measure><measure number="2">'.join(measures) + END).encode()


def outcome(read, source):
    """Return the score as bytes, or the error."""
    try:
        return encode(read(source, LIMITS))
    except ScoreError as error:
        return f"{type(error).__name__}: {error}"


def deduplicated_outcome(source):
    """Return the score as bytes, or None if every note must be read."""
    try:
        return encode(read_deduplicated(source, LIMITS))
    except (ScoreError, DeduplicationError):
        return None


def assert_same(source):
    """Check that deduplication, where it works, changes nothing; return whether it works."""
    deduplicated = deduplicated_outcome(source)
    if deduplicated is not None:
        assert deduplicated == outcome(read_every_note, source)
    return deduplicated is not None


def fed(source):
    """Return the text that reaches the parser, and the number of notes replaced."""
    feed = DeduplicatingFeed(source)
    texts = []
    while text := feed.read(1 << 14):
        texts.append(text)
    return b"".join(texts), feed.replaced


def test_equal_notes_reach_the_parser_once():
    text, replaced = fed(document(C + D + C + C, D + "<backup><duration>1</duration></backup>" + D))
    numbered = [note.replace("<note>", f'<note {DEDUPLICATED}="{at}">') for at, note in enumerate((C, D))]
    again = [f'<{DEDUPLICATED} n="{numbers}"/>' for numbers in ("0 0", "1", "1")]
    measures = ("".join(numbered) + again[0], again[1] + "<backup><duration>1</duration></backup>" + again[2])
    assert text == document(*measures)
    assert replaced == 4


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("<note>", '<note default-x="12">'),
        ('<note default-x="12" default-y="-3.5">', '<note default-x="99">'),
        ("</duration>", '</duration><stem default-y="-20">up</stem>'),
    ],
)
def test_positions_on_the_page_make_no_difference(one, other):
    plain = C if one.startswith("<") and one in C else C.replace("<note>", one)
    if one == "</duration>":
        plain = C.replace(one, "</duration><stem>up</stem>")
        placed = C.replace(one, other)
    else:
        placed = plain.replace(one, other)
    source = document(plain + D, placed + D)
    assert fed(source)[1] == 2
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
        (C, f'<{DEDUPLICATED} n="0"/>'),
        (C, f'<{DEDUPLICATED} n="7"/>'),
        (C, C.replace("<note>", f'<note {DEDUPLICATED}="0">')),
        (C, C.replace("<step>C", "<step>X")),
        # The first note of each pair ends later than it seems; in the second one that end is missing.
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
def test_errors_are_those_of_the_plain_reader(monkeypatch, first, again):
    monkeypatch.setattr(musicxml, "PAYS_FROM_BYTES", 0)
    source = document(first + C + D, again + D)
    assert outcome(read_musicxml, source) == outcome(read_every_note, source)
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
def test_text_that_only_looks_like_a_note_is_not_counted(monkeypatch, hidden, notes, is_first):
    monkeypatch.setattr(musicxml, "PAYS_FROM_BYTES", 0)
    measure = hidden + C + C + D if is_first else C + C + hidden + D
    source = document(measure)
    assert len(read_musicxml(source, LIMITS).notes) == notes
    assert outcome(read_musicxml, source) == outcome(read_every_note, source)


def test_title_with_note_text_is_unchanged(monkeypatch):
    monkeypatch.setattr(musicxml, "PAYS_FROM_BYTES", 0)
    title = f"<movement-title><![CDATA[{C}{C} </note>  and {C}]]></movement-title>"
    source = document(C + C + D).replace(b"<part-list>", title.encode() + b"<part-list>")
    assert read_musicxml(source, LIMITS).title == f"{C}{C} </note> and {C}"


def test_title_after_the_notes_is_unchanged(monkeypatch):
    """The parser would return its number outside any measure."""
    monkeypatch.setattr(musicxml, "PAYS_FROM_BYTES", 0)
    title = f"</part><movement-title><![CDATA[{C}]]></movement-title><part id='P2'>"
    source = document(C + C + D, D).replace(b"</part>", title.encode() + b"<measure/></part>")
    assert read_musicxml(source, LIMITS).title == C


def test_two_adjacent_notes_are_not_taken_for_one(monkeypatch):
    monkeypatch.setattr(musicxml, "PAYS_FROM_BYTES", 0)
    two = C.replace("</note>", "</note >") + D.replace("<note>", '<note color="red">')
    assert len(read_musicxml(document(two + two, two), LIMITS).notes) == 6


def test_ticks_may_get_finer_between_replaced_notes():
    long, longer = (C.replace("<duration>1", f"<duration>{length}") for length in (2, 3))
    chord = C.replace("<note>", "<note><chord/>")
    measure = C + long + chord + longer
    divisions = "<attributes><divisions>{}</divisions></attributes>"
    other = f"</measure></part><part id='P2'><measure number='1'>{divisions.format(6)}{measure + measure}"
    source = document(measure, measure, divisions.format(4) + measure + measure + other)
    assert fed(source)[1] == 20
    assert assert_same(source)


def test_note_outside_a_measure_gets_no_number(monkeypatch):
    monkeypatch.setattr(musicxml, "PAYS_FROM_BYTES", 0)
    source = document(f"<x>{C}</x>{C}{C}")
    assert deduplicated_outcome(source) is None
    assert len(read_musicxml(source, LIMITS).notes) == 2


def test_default_attributes_of_a_doctype_cannot_forge_a_number(monkeypatch):
    monkeypatch.setattr(musicxml, "PAYS_FROM_BYTES", 0)
    doctype = f'<!DOCTYPE score-partwise [<!ATTLIST note {DEDUPLICATED} CDATA "0">]>'.encode()
    source = doctype + document(C + D + C, D + D)
    assert deduplicated_outcome(source) is None
    assert outcome(read_musicxml, source) == outcome(read_every_note, source)


def test_deep_nesting_is_not_deduplicated():
    deep = C.replace("</note>", "<x>" * 300 + "</x>" * 300 + "</note>")
    assert deduplicated_outcome(document(deep + deep)) is None


def test_measures_beyond_half_the_limit_are_not_deduplicated(monkeypatch):
    monkeypatch.setattr(note_deduplication, "LARGEST_PIECE_BYTES", 100_000)
    assert assert_same(document(C * 500))
    larger = document(C * 800)
    assert 50_000 < len(larger) < 100_000
    assert deduplicated_outcome(larger) is None


def test_parser_gets_about_the_bytes_that_it_asks_for():
    feed = DeduplicatingFeed(document("".join(f"<note><lyric>{at}</lyric></note>" for at in range(2_000))))
    assert 1_000 <= len(feed.read(1_000)) < 1_200


@pytest.mark.parametrize("between", ["<x/>" * 100_000, " " * 300_000])
def test_long_text_between_notes_is_not_searched(between):
    assert deduplicated_outcome(document(C + between + C)) is None


def test_number_of_remembered_notes_is_bounded(monkeypatch):
    monkeypatch.setattr(note_deduplication, "_MOST_DISTINCT", 1)
    source = document(C + D + C + D)
    assert fed(source)[1] == 1
    assert assert_same(source)


@pytest.mark.parametrize(("alike", "replaced"), [(10, 9), (90, 89 + 500)])
def test_deduplication_stops_when_few_notes_repeat(monkeypatch, alike, replaced):
    monkeypatch.setattr(note_deduplication, "_TRIAL_NOTES", 120)
    monkeypatch.setattr(note_deduplication, "_MOST_PER_READ", 1_000)
    unlike = [C.replace("</note>", f"<lyric>{at}</lyric></note>") for at in range(120 - alike)]
    source = document(C * alike + "".join(unlike), *["<note><rest/></note>" * 10] * 10, C * 500)
    assert fed(source)[1] == replaced + (99 if alike == 90 else 0)
    assert assert_same(source)


def test_small_documents_are_not_deduplicated(monkeypatch):
    calls = []
    monkeypatch.setattr(musicxml, "read_deduplicated", lambda *_: calls.append(1))
    monkeypatch.setattr(musicxml, "PAYS_FROM_BYTES", len(document(C)) + 1)
    assert len(read_musicxml(document(C), LIMITS).notes) == 1
    assert calls == []
    read_musicxml(document(C + C), LIMITS)
    assert calls == [1]


ORCHESTRA = orchestral_score(12, 6, 3)


def test_orchestral_score_reads_the_same():
    assert fed(ORCHESTRA)[1] > 100
    assert assert_same(ORCHESTRA)


INSERTIONS = [
    C, D, "<note>", "</note>", "<note/>", "<note ", "</note >", "<!--", "-->", "<![CDATA[", "]]>", "<?x ",
    "?>", "<x>", "</x>", "<x/>", '"', ">", "<", "&lt;", "&amp;", ":", "<measure>", "</measure>", " ", "\n",
    f'<{DEDUPLICATED} n="0"/>', f' {DEDUPLICATED}="0"', ' default-x="1"', "<!-- " + C + " -->",
    "<rest/>", "<chord/>",
]  # fmt: skip
PIECES = re.compile(r"(?<=>)(?=<)")
RICH = START + "\n" + C + "\n  " + C + D.replace("<note>", '<note default-x="3">') + D + C + "\n" + END
PLACES = [0, *(match.start() for match in PIECES.finditer(RICH)), len(RICH)]

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
    return re.sub(rb"<step>(.)</step>", lambda match: b"<step>&#%d;</step>" % ord(match[1]), source)


def _with_words(source):
    return source.replace(b"</note>", b"<lyric><text>&lt;note&gt;&lt;/note&gt;</text></lyric></note>")


NOISE = [lambda source: source, _placed, _prefixed, _commented, _in_cdata, _escaped, _with_words]


@pytest.mark.parametrize("noise", NOISE)
@pytest.mark.parametrize("name", FEW)
def test_corpus_works_read_the_same(name, noise):
    assert assert_same(noise(corpus_work(name)))


@pytest.mark.corpus
@pytest.mark.parametrize("noise", NOISE)
@pytest.mark.parametrize("name", WORKS)
def test_all_corpus_works_read_the_same(name, noise):
    assert assert_same(noise(corpus_work(name)))


def test_noise_is_in_the_document():
    root = etree.fromstring(_with_words(_escaped(_in_cdata(_commented(_prefixed(_placed(document(C))))))))
    assert root.find("part/measure/note").get("default-x") == "0.5"
