import pytest
from lxml import etree

from music21_server.editing.element_transposition import transpose_element, transpose_note, transpose_tree
from music21_server.editing.intervals import Interval, parse_interval

PITCH = "<pitch><step>{}</step><octave>4</octave></pitch>"


def transposed(text: str, name: str) -> str:
    tree = etree.fromstring(f"<measure>{text}</measure>")
    transpose_tree(tree, parse_interval(name))
    return etree.tostring(tree).decode().removeprefix("<measure>").removesuffix("</measure>")


def name_in(element, prefix: str = "") -> str:
    alter = int(element.findtext(f"{prefix}alter") or 0)
    return element.findtext(f"{prefix}step") + ("#" * alter if alter > 0 else "b" * -alter)


@pytest.mark.parametrize(
    ("written", "interval", "expected", "accidental"),
    [
        ("<step>B</step><alter>-1</alter><octave>4</octave>", "M2", "C5", None),
        ("<step>B</step><octave>4</octave>", "m2", "C5", None),
        ("<step>C</step><octave>4</octave>", "-m2", "B3", None),
        ("<step>F</step><alter>1</alter><octave>4</octave>", "M3", "A#4", None),
        ("<step>F</step><octave>4</octave>", "A1", "F#4", None),
    ],
)
def test_pitch_is_transposed(written, interval, expected, accidental):
    note = etree.fromstring(f"<note><pitch>{written}</pitch></note>")
    assert not transpose_note(note, parse_interval(interval))
    assert name_in(note.find("pitch")) + note.findtext("pitch/octave") == expected
    assert [each.tag for each in note.find("pitch")] in (["step", "octave"], ["step", "alter", "octave"])
    assert note.findtext("accidental") == accidental


@pytest.mark.parametrize(
    ("accidental", "alter", "interval", "after"),
    [
        ("sharp", "1", "m3", "natural"),  # F sharp, A
        ("natural", "0", "M3", "natural"),  # F, A
        ("natural", "0", "m3", "flat"),  # F, A flat
        ("sharp", "1", "A1", "double-sharp"),
        ("quarter-sharp", "0.5", "M2", "quarter-sharp"),
        ("quarter-sharp", "0.5", "m2", "quarter-flat"),  # F and a quarter, G less a quarter
        ("sharp", None, "m3", "natural"),  # told by the accidental alone
        ("sharp-sharp", "2", "M2", "sharp-sharp"),  # as many: in the signs that were chosen
        ("natural-sharp", None, "m3", "natural"),
        ("Flat", None, "A1", "natural"),
        ("flat-flat", None, "A1", "flat"),
        ("triple-sharp", None, "M2", "triple-sharp"),
        ("sharp-sharp", None, "m3", "sharp"),  # F double sharp, A sharp
    ],
)
def test_printed_accidentals_match_the_new_pitch(accidental, alter, interval, after):
    tag = f"<alter>{alter}</alter>" if alter else ""
    text = (
        f"<note><pitch><step>F</step>{tag}<octave>4</octave></pitch>"
        f'<accidental cautionary="yes">{accidental}</accidental></note>'
    )
    note = etree.fromstring(text)
    transpose_note(note, parse_interval(interval))
    assert note.findtext("accidental") == after
    assert note.find("accidental").get("cautionary") == "yes"


def test_accidental_without_a_name_is_removed():
    note = etree.fromstring(
        "<note><pitch><step>F</step><alter>0.33</alter><octave>4</octave></pitch>"
        "<accidental>other</accidental></note>"
    )
    transpose_note(note, parse_interval("A1"))
    assert note.findtext("pitch/alter") == "1.33"
    assert note.find("accidental") is None


@pytest.mark.parametrize(
    ("step", "alter", "interval", "expected"),
    [("B", 2, "A1", ("C", 2, 5)), ("F", 2, "A1", ("G", 1, 4)), ("C", -2, "-A1", ("B", -2, 3))],
)
def test_notes_with_three_signs_are_respelled(step, alter, interval, expected):
    note = etree.fromstring(
        f"<note><pitch><step>{step}</step><alter>{alter}</alter><octave>4</octave></pitch></note>"
    )
    assert transpose_note(note, parse_interval(interval))
    pitch = note.find("pitch")
    assert (
        pitch.findtext("step"),
        int(pitch.findtext("alter")),
        int(pitch.findtext("octave")),
    ) == expected


def test_a_note_may_keep_as_many_signs_as_it_had():
    note = etree.fromstring(
        "<note><pitch><step>F</step><alter>3</alter><octave>4</octave></pitch></note>"
    )  # fmt: skip
    assert not transpose_note(note, parse_interval("M2"))
    assert [each.text for each in note.find("pitch")] == ["G", "3", "4"]


@pytest.mark.parametrize(
    ("ornament", "mark", "interval", "after"),
    [
        ("<trill-mark/>", '<accidental-mark placement="above">sharp</accidental-mark>', "m3", "natural"),
        ("<trill-mark/>", "<accidental-mark>sharp</accidental-mark>", "m3", "natural"),  # E: F sharp, A
        ("<mordent/>", "<accidental-mark>flat</accidental-mark>", "m3", "flat"),  # D flat, F flat
        ("<turn/>", '<accidental-mark placement="below">sharp</accidental-mark>', "M2", "sharp"),
        ("<turn/>", '<accidental-mark placement="below">sharp</accidental-mark>', "m3", "sharp"),
        ("<turn/>", '<accidental-mark placement="above">natural</accidental-mark>', "m3", "flat"),
    ],
)
def test_accidentals_over_ornaments_apply_to_the_neighbouring_note(ornament, mark, interval, after):
    text = f"<note>{PITCH.format('E')}<notations><ornaments>{ornament}{mark}</ornaments></notations></note>"
    assert etree.fromstring(f"<x>{transposed(text, interval)}</x>").findtext(".//accidental-mark") == after


@pytest.mark.parametrize(("step", "after"), [("F", "flat"), ("E", "natural")])
def test_editorial_accidental_applies_to_the_note(step, after):
    mark = "<accidental-mark>{}</accidental-mark>"
    text = f"<note>{PITCH.format(step)}<notations>{mark.format('natural')}</notations></note>"
    assert mark.format(after) in transposed(text, "m3")  # A flat, G


def test_rest_positions_move_and_percussion_does_not():
    rest = "<note><rest><display-step>B</display-step><display-octave>4</display-octave></rest></note>"
    assert "<display-step>D</display-step><display-octave>5</display-octave>" in transposed(rest, "m3")
    drum = rest.replace("rest>", "unpitched>")
    assert transposed(drum, "m3") == drum


@pytest.mark.parametrize(
    ("fret", "interval", "after"),
    [("3", "M2", ["2", "5"]), ("3", "-m3", ["2", "0"]), ("3", "-M3", []), ("20", "P5", [])],
)
def test_frets_move_along_their_string_or_are_removed(fret, interval, after):
    text = (
        f"<note>{PITCH.format('D')}<notations><technical><string>2</string><fret>{fret}</fret>"
        "<fingering>1</fingering></technical></notations></note>"
    )
    tree = etree.fromstring(f"<x>{transposed(text, interval)}</x>")
    assert [each.text for each in tree.iter("string", "fret")] == after
    assert tree.findtext(".//fingering") == "1"


def test_marks_tied_to_the_old_pitch_are_removed():
    text = (
        f"<note>{PITCH.format('A')}<notehead-text><display-text>A</display-text></notehead-text>"
        "<notations><technical><open-string/><up-bow/></technical></notations></note>"
    )
    result = transposed(text, "M2")
    assert "open-string" not in result
    assert "notehead-text" not in result
    assert "<up-bow/>" in result


@pytest.mark.parametrize(
    ("key", "interval", "after"),
    [
        ("<cancel>2</cancel><fifths>-1</fifths><mode>major</mode>", "M2", ["4", "1", "major"]),
        ("<fifths>3</fifths>", "m2", ["-2"]),
        ("<fifths>0</fifths>", "P8", ["0"]),
        (
            "<key-step>B</key-step><key-alter>-1</key-alter><key-accidental>flat</key-accidental>",
            "M3",
            ["D", "0", "natural"],
        ),
    ],
)
def test_key_signatures_are_transposed(key, interval, after):
    element = etree.fromstring(f"<key>{key}</key>")
    transpose_element(element, parse_interval(interval))
    assert [each.text for each in element] == after


def test_chord_symbols_keep_kind_and_degrees():
    symbol = (
        '<harmony><root><root-step text="Si">B</root-step>'
        '<root-alter print-object="no">-1</root-alter></root>'
        '<kind text="m7(b5)">half-diminished</kind><bass><bass-step>D</bass-step></bass>'
        "<degree><degree-value>9</degree-value><degree-alter>-1</degree-alter>"
        "<degree-type>add</degree-type></degree><frame><frame-strings>6</frame-strings></frame></harmony>"
    )
    tree = etree.fromstring(f"<x>{transposed(symbol, 'M2')}</x>")
    harmony = tree.find("harmony")
    assert (name_in(harmony.find("root"), "root-"), name_in(harmony.find("bass"), "bass-")) == ("C", "E")
    assert harmony.find("root/root-step").get("text") is None
    assert (harmony.find("kind").get("text"), harmony.findtext("kind")) == ("m7(b5)", "half-diminished")
    assert [each.text for each in harmony.find("degree")] == ["9", "-1", "add"]
    assert harmony.find("frame") is None


def test_chord_roots_with_three_signs_are_respelled():
    name = "<{0}><{0}-step>{1}</{0}-step><{0}-alter>{2}</{0}-alter></{0}>"
    symbol = (
        f"<harmony>{name.format('root', 'F', 2)}<kind>minor</kind>{name.format('bass', 'B', 2)}</harmony>"
    )
    harmony = etree.fromstring(f"<x>{transposed(symbol, 'A1')}</x>").find("harmony")
    # Three sharps each: F with three is G sharp, B with three is C double sharp.
    assert (name_in(harmony.find("root"), "root-"), name_in(harmony.find("bass"), "bass-")) == ("G#", "C##")


def test_keys_of_numerals_are_transposed():
    symbol = (
        "<harmony><numeral><numeral-root>5</numeral-root><numeral-key><numeral-fifths>-1</numeral-fifths>"
        "<numeral-mode>major</numeral-mode></numeral-key></numeral><kind>major</kind></harmony>"
    )
    result = transposed(symbol, "M3")
    assert "<numeral-root>5</numeral-root>" in result
    assert "<numeral-fifths>3</numeral-fifths>" in result


@pytest.mark.parametrize(
    ("figure", "interval", "after"),
    [
        ("<prefix>sharp</prefix>", "m3", "natural"),  # over D: F sharp, A
        ("<prefix>flat</prefix><figure-number>6</figure-number>", "M2", "natural"),  # B flat, C
        ("<figure-number>6</figure-number><suffix>flat</suffix>", "m3", "flat"),
        ("<figure-number>6</figure-number><suffix>flat</suffix>", "M2", "natural"),
        ("<figure-number>6</figure-number><suffix>slash</suffix>", "m3", "slash"),
    ],
)
def test_accidentals_of_figures_count_from_the_bass(figure, interval, after):
    text = f"<figured-bass><figure>{figure}</figure></figured-bass><note>{PITCH.format('D')}</note>"
    tree = etree.fromstring(f"<x>{transposed(text, interval)}</x>")
    accidentals = [each.text for each in tree.iter("prefix", "suffix")]
    assert accidentals == [after]


PEDALS = "<direction><direction-type><harp-pedals>{}</harp-pedals></direction-type></direction>"
TUNING = "<pedal-tuning><pedal-step>{}</pedal-step><pedal-alter>{}</pedal-alter></pedal-tuning>"


def pedals(alters: dict[str, int]) -> str:
    return PEDALS.format("".join(TUNING.format(step, alter) for step, alter in alters.items()))


def test_harp_pedals_are_transposed():
    natural = dict.fromkeys("DCBEFGA", 0)
    tree = etree.fromstring(f"<x>{transposed(pedals(natural), 'M2')}</x>")
    tuning = {each.findtext("pedal-step"): each.findtext("pedal-alter") for each in tree.iter("pedal-tuning")}
    assert tuning == {step: "1" if step in "FC" else "0" for step in "DCBEFGA"}


def test_impossible_harp_pedals_are_removed():
    sharp = dict.fromkeys("DCBEFGA", 1)
    assert transposed(pedals(sharp) + "<barline/>", "M2") == "<barline/>"


def test_other_contents_of_a_direction_survive_removed_pedals():
    sharp = pedals(dict.fromkeys("DCBEFGA", 1)).replace("</direction>", "<staff>2</staff></direction>")
    words = "<direction-type><words>dolce</words></direction-type>"
    assert transposed(sharp + "<barline/>", "M2") == "<barline/>"
    for both in (
        sharp.replace("<direction>", f"<direction>{words}"),
        sharp.replace("<staff>", f"{words}<staff>"),
    ):
        assert transposed(both, "M2") == f"<direction>{words}<staff>2</staff></direction>"


def test_lower_case_steps_are_accepted():
    rest = "<note><rest><display-step>b</display-step><display-octave>4</display-octave></rest></note>"
    symbol = "<harmony><root><root-step>b</root-step></root><kind>minor</kind></harmony>"
    key = "<attributes><key><key-step>b</key-step><key-alter>-1</key-alter></key></attributes>"
    tree = etree.fromstring(f"<x>{transposed(key + symbol + rest, 'm2')}</x>")
    assert [each.text for each in tree.iter("key-step", "root-step", "display-step")] == ["C", "C", "C"]


def test_there_and_back():
    text = (
        "<attributes><key><fifths>2</fifths></key></attributes>"
        f"<note>{PITCH.format('G')}<accidental>natural</accidental></note>"
        "<harmony><root><root-step>A</root-step><root-alter>-1</root-alter></root><kind>major</kind></harmony>"
    )
    for interval in ("m2", "M3", "A4", "P8", "-d5"):
        there = transposed(text, interval)
        assert there != text
        down = interval.removeprefix("-") if "-" in interval else f"-{interval}"
        assert transposed(there, down) == text


@pytest.mark.parametrize(
    "pitch",
    [
        "<step>H</step><octave>4</octave>",
        "<step>C</step><octave>low</octave>",
        "<step>C</step>",
        "<octave>4</octave>",
        "<step>C</step><alter>much</alter><octave>4</octave>",
    ],
)
def test_invalid_pitch_raises(pitch):
    with pytest.raises((ValueError, KeyError)):
        transpose_note(etree.fromstring(f"<note><pitch>{pitch}</pitch></note>"), Interval(1, 2))
