import pytest
from lxml import etree

from music21_server.editing.document_transposition import is_percussion, transpose_document
from music21_server.editing.element_transposition import transpose_tree
from music21_server.editing.intervals import Interval, parse_interval
from music21_server.editing.scan import scan
from music21_server.editing.transposition_plan import TranspositionPlan
from music21_server.errors import UnreadableScoreError
from music21_server.reading.musicxml import read_musicxml
from music21_server.score.limits import Limits
from music21_server.score.table import STEPS
from music21_server.synthetic_scores import orchestral_score

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 '
    'Partwise//EN" "http://www.musicxml.org/dtds/partwise.dtd">\n'
)


def document(*parts: str, namespaces: str = "") -> bytes:
    listed = "".join(f'<score-part id="P{index}"><part-name/></score-part>' for index in range(len(parts)))
    written = "".join(f'<part id="P{index}">{part}</part>' for index, part in enumerate(parts))
    return (
        f"{HEAD}<score-partwise{namespaces}><part-list>{listed}</part-list>{written}</score-partwise>"
    ).encode()


def measure(content: str, number: int = 1) -> str:
    return f'<measure number="{number}">{content}</measure>'


def key(fifths: int) -> str:
    return f"<attributes><divisions>1</divisions><key><fifths>{fifths}</fifths></key></attributes>"


def note(name: str, more: str = "") -> str:
    alter = name.count("#") - name.count("b")
    tag = f"<alter>{alter}</alter>" if alter else ""
    return (
        f"<note><pitch><step>{name[0]}</step>{tag}<octave>{name[-1]}</octave></pitch>"
        f"<duration>1</duration>{more}</note>"
    )


def edited(source: bytes, name: str, exceptions=(), parts=None):
    plan = TranspositionPlan(parse_interval(name), dict(exceptions))
    return transpose_document(scan(source), plan, parts)


def names_in(content: bytes) -> list[str]:
    table = read_musicxml(content, Limits()).notes
    return [
        STEPS[step] + ("#" * (cents // 100) if cents > 0 else "b" * (-cents // 100)) + str(octave)
        for step, cents, octave in zip(table.step, table.alter_cents, table.octave, strict=True)
    ]


def as_tree(source: bytes, interval: Interval) -> bytes:
    """Return the document transposed as one tree, in canonical form."""
    root = etree.fromstring(source, etree.XMLParser(load_dtd=False, remove_comments=True))
    transpose_tree(root, interval)
    return etree.tostring(root, method="c14n")


def canonical(content: bytes) -> bytes:
    return etree.tostring(etree.fromstring(content, etree.XMLParser(load_dtd=False)), method="c14n")


@pytest.mark.parametrize("name", ["m2", "-M3", "P8", "A4"])
@pytest.mark.parametrize("which", ["song", "orchestra"])
def test_editing_text_gives_the_same_as_editing_the_tree(song, name, which):
    source = song if which == "song" else orchestral_score(30, 4, 3)
    result = edited(source, name)
    assert canonical(result.content) == as_tree(source, parse_interval(name))
    assert result.is_uniform
    assert result.content != source


TECHNICAL = "<notations><technical>{}</technical></notations>"
MORE = {
    "fret": note("D4", TECHNICAL.format("<string>2</string><fret>3</fret>")),
    "open string": note("D4", TECHNICAL.format("<open-string/><up-bow/>")),
    "hole": note("D4", TECHNICAL.format("<hole><hole-closed>yes</hole-closed></hole><up-bow/>")),
    "notehead": note("D4", "<notehead-text><display-text>D</display-text></notehead-text>"),
    "mark": note("F4", "<notations><accidental-mark>natural</accidental-mark></notations>"),
    "ornament": note(
        "E4",
        "<notations><ornaments><trill-mark/><accidental-mark>sharp</accidental-mark></ornaments></notations>",
    ),
    "rest": "<note><rest><display-step>B</display-step><display-octave>4</display-octave></rest>"
    "<duration>1</duration></note>",
    "symbol": "<harmony><root><root-step>F</root-step></root><kind>major</kind></harmony>",
    "figures": "<figured-bass><figure><prefix>sharp</prefix></figure></figured-bass>",
    "pedals": "<direction><direction-type><harp-pedals><pedal-tuning><pedal-step>B</pedal-step>"
    "<pedal-alter>0</pedal-alter></pedal-tuning></harp-pedals></direction-type></direction>",
    "pedals that no harp has": "<direction><direction-type><harp-pedals><pedal-tuning><pedal-step>B"
    "</pedal-step><pedal-alter>1</pedal-alter></pedal-tuning></harp-pedals></direction-type></direction>",
    "key": key(1),
    "nothing": "<harmony/><figured-bass /><attributes><key print-object='no'/></attributes>",
    "blanks in tags": "<harmony ><root><root-step>F</root-step></root><kind>major</kind></harmony >",
}  # fmt: skip


@pytest.mark.parametrize("more", MORE)
@pytest.mark.parametrize("name", ["M2", "m3", "-M2"])
def test_pitch_naming_elements_are_edited_like_the_tree_at_any_position(more, name):
    bars = measure(key(0) + note("D4") + MORE[more] + note("D4")) + measure(note("D4") + MORE[more], 2)
    source = document(bars, measure(MORE[more] + note("C4")))
    result = edited(source, name)
    assert canonical(result.content) == as_tree(source, parse_interval(name))
    assert canonical(result.content) != canonical(edited(source, "P1").content)
    part = measure(key(0) + MORE[more])
    assert canonical(edited(document(part), name).content) == as_tree(document(part), parse_interval(name))


def test_elements_before_a_key_use_the_interval_of_the_previous_key():
    symbol = "<harmony><root><root-step>C</root-step></root><kind>major</kind></harmony>"
    bar = measure(symbol + key(-5) + note("Db5"))
    result = edited(document(measure(key(5) + note("B4")) + bar + bar), "m2", {-5: Interval(0, 1)})
    roots = [each.text for each in etree.fromstring(result.content).iter("root-step", "root-alter")]
    assert roots == ["D", "-1", "C", "1"]
    assert names_in(result.content) == ["C5", "D5", "D5"]


def test_transposition_by_a_unison_keeps_the_document_unchanged(song):
    source = song.replace(b'<!-- <part id="none"><measure number="0"></measure></part> -->\n', b"")
    result = edited(source, "P1")
    assert result.content == source


def test_other_parts_stay_unchanged(song):
    result = edited(song, "M2", parts={"P3"})
    pieces = [content.split(b'<part id="P3">') for content in (result.content, song)]
    assert pieces[0][0].endswith(pieces[1][0].split(b"-->")[1])
    assert pieces[0][1] != pieces[1][1]
    assert result.symbols == {"Cm": {"Dm"}}


def test_tags_in_comments_and_cdata_are_left_alone():
    text = "<lyric><text><![CDATA[<pitch><step>C</step><octave>4</octave></pitch></note>]]></text></lyric>"
    comment = "<!-- <note><pitch><step>C</step><octave>4</octave></pitch></note> -->"
    result = edited(document(measure(key(0) + comment + note("D4", text) + note("E4"))), "M2")
    assert names_in(result.content) == ["E4", "F#4"]
    assert b"&lt;pitch&gt;&lt;step&gt;C&lt;/step&gt;" in result.content


@pytest.mark.parametrize(
    "unusual",
    [
        "<note ><pitch ><step>C</step><octave>4</octave></pitch ><duration>1</duration></note >",
        '<note xlink:title="x"><pitch><step>C</step><octave>4</octave></pitch><duration>1</duration></note>',
        "<note><pitch><step>C</step><octave>4</octave></pitch ><duration>1</duration></note>",
        "<note><pitch><step>C</step><octave>4</octave></pitch><duration>1</duration></note >",
        "<note>\n<pitch>\n<step>C</step>\n<alter>0</alter>\n<octave>4</octave>\n</pitch>\n"
        "<duration>1</duration></note>",
        '<note><pitch id="a"><octave>4</octave><step>C</step></pitch><duration>1</duration></note>',
        "<note><pitch><step> c </step><octave> 4 </octave></pitch><duration>1</duration></note>",
        '<note xmlns:x="http://x"><pitch><step>C</step><octave>4</octave></pitch><x:y/>'
        "<duration>1</duration></note>",
    ],
)
def test_unusually_written_notes_are_transposed(unusual):
    source = document(
        measure(key(0) + note("D4") + unusual + note("D4")),
        namespaces=' xmlns:xlink="http://www.w3.org/1999/xlink"',
    )
    assert names_in(edited(source, "M2").content) == ["E4", "D4", "E4"]


def test_namespace_prefixes_of_the_root_may_be_used():
    symbol = (
        '<harmony><root><root-step>C</root-step></root><kind xlink:title="a">major</kind></harmony>'
        '<figured-bass xlink:title="b"><figure><prefix>sharp</prefix></figure></figured-bass>'
    )
    source = document(
        measure(key(0) + symbol + note("D4")), namespaces=' xmlns:xlink="http://www.w3.org/1999/xlink"'
    )
    result = edited(source, "m3")
    assert result.symbols == {"C": {"Eb"}}
    assert b"<prefix>natural</prefix>" in result.content
    assert names_in(result.content) == ["F4"]


def test_utf16_is_converted_to_utf8_with_its_declaration():
    source = document(measure(key(0) + note("C4", "<lyric><text>Ä</text></lyric>"))).decode()
    source = source.replace("UTF-8", "UTF-16").encode("utf-16")
    result = edited(source, "M2")
    assert names_in(result.content) == ["D4"]
    assert "Ä".encode() in result.content
    assert result.content.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE')


def test_signatures_with_an_exception_use_their_own_interval():
    source = document(
        measure(key(5) + note("B4") + note("B4")) + measure(key(-5) + note("Db5") + note("B4"), 2),
        measure(key(5) + note("B3")),
    )
    result = edited(source, "m2", {-5: Interval(0, 1)})
    assert names_in(result.content) == ["C5", "C5", "D5", "B#4", "C4"]
    assert [each.fifths for each in read_musicxml(result.content, Limits()).keys] == [0, 2, 0]
    assert not result.is_uniform


def test_a_part_found_to_be_unusual_is_edited_again_from_its_start():
    unusual = "<note><pitch><step>B</step><octave>4</octave></pitch ><duration>1</duration></note>"
    source = document(measure("<attributes><divisions>1</divisions></attributes>" + note("B4"))
                      + measure(key(-5) + unusual, 2))  # fmt: skip
    assert names_in(edited(source, "m2", {-5: Interval(0, 1)}).content) == ["C5", "B#4"]


def test_triple_sharp_is_respelled_and_the_bar_gets_needed_accidentals():
    bar = note("F##4", "<type>quarter</type><accidental>double-sharp</accidental>")
    same = note("G#4", "<type>quarter</type>")
    source = document(
        measure(key(1) + bar + note("G4", "<type>quarter</type>") + same)
        + measure(note("G#4", "<type>quarter</type>"), 2),
        measure(key(1) + note("F#4")),
    )
    result = edited(source, "A1")
    # F triple sharp is G sharp; after it G sharp, which was G, needs no sign; G double sharp needs one.
    assert names_in(result.content) == ["G#4", "G#4", "G##4", "G##4", "F##4"]
    notes = etree.fromstring(result.content).findall("part[@id='P0']/measure/note")
    assert [each.findtext("accidental") for each in notes] == ["sharp", None, "double-sharp", None]
    assert not result.is_uniform


def test_percussion_is_recognized_by_its_clefs():
    clef = "<attributes><clef><sign>{}</sign></clef></attributes>"
    drums, both, none = (
        measure("".join(clef.format(sign) for sign in signs))
        for signs in (["percussion"] * 2, ["percussion", "G"], [])
    )
    scanned = scan(document(drums, both, none))
    assert [is_percussion(scanned, part) for part in scanned.parts] == [True, False, False]


def test_diagrams_are_reported():
    frame = "<harmony><root><root-step>C</root-step></root><kind>major</kind>{}</harmony>"
    with_frame, without = (
        edited(document(measure(frame.format(each) + note("C4"))), "M2") for each in ("<frame/>", "")
    )
    assert (with_frame.has_diagrams, without.has_diagrams) == (True, False)


def test_symbols_with_the_same_text_may_become_different_ones():
    symbol = "<harmony><root><root-step>B</root-step>{}</root><kind text='{}'>other</kind></harmony>"
    flat = symbol.format("<root-alter>-1</root-alter>", "5")
    result = edited(document(measure(flat + symbol.format("", "b5") + note("C4"))), "M2")
    assert result.symbols == {"Bb5": {"C5", "C#b5"}}


def test_empty_symbols_are_reported():
    for symbol in ("<harmony/>", "<harmony print-object='no'/>", "<harmony></harmony>"):
        assert edited(document(measure(symbol + note("C4"))), "M2").symbols == {"N.C.": {"N.C."}}


@pytest.mark.parametrize("start", ["<note>", '<note default-x="12">'])
def test_empty_pitch_is_refused(start):
    source = document(measure(f"{start}<pitch/><duration>1</duration></note>"))
    with pytest.raises(UnreadableScoreError, match="part P0"):
        edited(source, "M2")


@pytest.mark.parametrize(
    "broken",
    [
        "<step>H</step><octave>4</octave>",
        "<step>C</step><octave>low</octave>",
        "<step>C</step><alter>x</alter><octave>4</octave>",
    ],
)
def test_invalid_pitches_are_refused(broken):
    source = document(measure(f"<note><pitch>{broken}</pitch></note>"))
    with pytest.raises(UnreadableScoreError, match="part P0"):
        edited(source, "M2")
