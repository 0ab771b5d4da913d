import pytest
from lxml import etree

from music21_server.editing.accidentals import write_missing_accidentals


def note(name: str, *, more: str = "", tie: str = "", shown: str = "", staff: str = "") -> str:
    step, alter, octave = name[0], name.count("#") - name.count("b"), name[-1]
    return (
        f"<note>{more}<pitch><step>{step}</step><alter>{alter}</alter><octave>{octave}</octave></pitch>"
        f"<duration>1</duration>{tie}<type>quarter</type><dot/>{shown}<stem>up</stem>{staff}</note>"
    )


def accidentals_in(measures: list[str], selected: list[bool]) -> list[list[str | None]]:
    part = etree.fromstring("<part>" + "".join(f"<measure>{each}</measure>" for each in measures) + "</part>")
    write_missing_accidentals(part, selected)
    return [[each.findtext("accidental") for each in measure.iterfind("note")] for measure in part]


KEY = "<attributes><key><fifths>{}</fifths></key></attributes>"


@pytest.mark.parametrize(
    ("fifths", "names", "expected"),
    [
        (0, "C4 C#4 C#4 C4 C#5", [None, "sharp", None, "natural", "sharp"]),
        (1, "F#4 F4 F4 F#4", [None, "natural", None, "sharp"]),
        (-3, "Eb4 E4 Ab4 Abb4", [None, "natural", None, "flat-flat"]),
        (7, "B#4 B##4", [None, "double-sharp"]),
    ],
)
def test_accidentals_outside_the_signature_are_written_once_per_bar(fifths, names, expected):
    measure = KEY.format(fifths) + "".join(note(name) for name in names.split())
    assert accidentals_in([measure], [True]) == [expected]


def test_accidentals_end_with_the_bar_and_signatures_do_not():
    measures = [KEY.format(2) + note("F4"), note("F4") + note("F4"), KEY.format(0) + note("F4"), note("F#4")]
    assert accidentals_in(measures, [True] * 4) == [["natural"], ["natural", None], [None], ["sharp"]]


def test_measures_that_are_not_selected_stay_unchanged():
    assert accidentals_in([note("F#4"), note("F#4")], [False, True]) == [[None], ["sharp"]]


def test_tied_notes_need_no_accidental_and_printed_ones_hold():
    held = note("F#4", tie='<tie type="stop"/>')
    assert accidentals_in([held + note("F#4")], [True]) == [[None, "sharp"]]
    given = note("F#4", shown="<accidental>sharp</accidental>")
    assert accidentals_in([given + note("F#4")], [True]) == [["sharp", None]]


def test_accidentals_hold_across_voices_but_not_across_staves():
    first = note("C4") + note("C#4") + "<backup><duration>2</duration></backup>"
    second = "<forward><duration>1</duration></forward>" + note("E4") + note("C#4")
    assert accidentals_in([first + second], [True]) == [[None, "sharp", None, None]]
    staves = note("C#4", staff="<staff>1</staff>") + note("C#4", staff="<staff>2</staff>")
    assert accidentals_in([staves], [True]) == [["sharp", "sharp"]]


def test_a_signature_within_a_bar_cancels_accidentals():
    bar = KEY.format(1) + note("F4") + note("F4") + KEY.format(1) + note("F4") + note("F#4")
    assert accidentals_in([bar], [True]) == [["natural", None, "natural", "sharp"]]
    later = note("F#4") + KEY.format(1) + note("F#4")
    assert accidentals_in([later, note("F#4")], [True, True]) == [["sharp", None], [None]]


def test_each_staff_may_have_its_own_signature():
    first, second = "<staff>1</staff>", "<staff>2</staff>"
    keys = "<key number='1'><fifths>1</fifths></key><key number='2'><fifths>0</fifths></key>"
    both = f"<attributes>{keys}</attributes>"
    bar = note("F#4", staff=first) + note("F#4", staff=second)
    assert accidentals_in([both + bar, bar], [True, True]) == [[None, "sharp"]] * 2
    assert accidentals_in([both, KEY.format(0) + bar], [True, True]) == [[], ["sharp", "sharp"]]
    assert accidentals_in([both, KEY.format(1), bar], [True] * 3) == [[], [], [None, None]]


def test_nontraditional_signature():
    key = "<attributes><key><key-step>f</key-step><key-alter>1</key-alter></key></attributes>"
    assert accidentals_in([key + note("F#4") + note("C#4") + note("F4")], [True]) == [
        [None, "sharp", "natural"]
    ]


def test_alteration_without_a_name_gets_no_accidental():
    odd = note("F4").replace("<alter>0<", "<alter>0.33<")
    assert accidentals_in([odd + note("F4")], [True]) == [[None, None]]


def test_accidentals_hold_for_one_octave_and_chord_notes_share_an_onset():
    assert accidentals_in([note("C#4") + note("C5") + note("C4")], [True]) == [["sharp", None, "natural"]]
    chord = note("E4") + note("C#4", more="<chord/>") + "<backup><duration>1</duration></backup>"
    second = "<forward><duration>0.5</duration></forward>" + note("C#4")
    assert accidentals_in([chord + second], [True]) == [[None, "sharp", None]]
    plain = note("E4") + note("C#4") + "<backup><duration>2</duration></backup>"
    grace = note("E4", more="<grace/>") * 2 + note("C#4")  # old documents give it a duration
    assert accidentals_in([plain + grace], [True]) == [[None, None, None, None, "sharp"]]


def test_accidental_is_inserted_where_the_schema_wants_it():
    part = etree.fromstring(f"<part><measure>{note('C#4')}</measure></part>")
    write_missing_accidentals(part, [True])
    tags = [child.tag for child in part[0][0]]
    assert tags == ["pitch", "duration", "type", "dot", "accidental", "stem"]
