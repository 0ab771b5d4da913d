"""Reading a cantus from text and from scores, and detecting its mode."""

from __future__ import annotations

import pytest

from music21_server.composition.counterpoint.cantus import Cantus, cantus_from_score, cantus_from_text
from music21_server.composition.counterpoint.modes import parse_mode
from music21_server.errors import ScoreError
from music21_server.reading.formats import read
from music21_server.score.document import Document
from music21_server.score.limits import Limits

DORIAN = "D4 F4 E4 D4 G4 F4 A4 G4 F4 E4 D4"


def cantus_from_tiny(text: str, part: str | None = None) -> Cantus:
    score = read(Document("tinynotation", f"tinyNotation: {text}".encode()), Limits())
    return cantus_from_score(score, part)


def cantus_from_xml(measures: str, parts: int = 1) -> Cantus:
    heads = "".join(
        f'<score-part id="P{i}"><part-name>Voice {i}</part-name></score-part>' for i in range(parts)
    )
    bodies = "".join(f'<part id="P{i}">{measures}</part>' for i in range(parts))
    text = f'<score-partwise version="4.0"><part-list>{heads}</part-list>{bodies}</score-partwise>'
    return cantus_from_score(read(Document("musicxml", text.encode()), Limits()))


def note(step: str, *, more: str = "", quarters: int = 4) -> str:
    pitch = f"<pitch><step>{step}</step><octave>4</octave></pitch>"
    return f"<note>{more}{pitch}<duration>{quarters}</duration></note>"


def measure(content: str, number: int = 1) -> str:
    attributes = "<attributes><divisions>1</divisions></attributes>" if number == 1 else ""
    return f'<measure number="{number}">{attributes}{content}</measure>'


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (DORIAN, DORIAN),
        ("d, f, e, d", "D4 F4 E4 D4"),
        ("Bb3 A3 B-3", "B-3 A3 B-3"),
        ("F#5 E5 F#5", "F#5 E5 F#5"),
    ],
)
def test_note_names_are_read(text: str, names: str) -> None:
    assert " ".join(map(str, cantus_from_text(text).tones)) == names


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "3 to 64 notes in a cantus, got 0"),
        ("D4", "got 1"),
        ("D4 D4", "got 2"),
        ("D4 " * 500, "got 500"),
        ("D4 " * 5000, "15,000 characters"),
        ("D4 r D4", "no rests"),
        ("D4 H4 D4", "'H4'"),
        ("D4 E4:2 D4", "'E4:2'"),
        ("<score-partwise>, x, y", "<score-partwise>"),
    ],
)
def test_texts_that_are_no_cantus_are_refused(text: str, problem: str) -> None:
    with pytest.raises(ScoreError) as error:
        cantus_from_text(text)
    assert problem in str(error.value)
    assert "Expected" in str(error.value)


def test_notes_of_a_score_become_whole_notes() -> None:
    quarters = cantus_from_tiny("4/4 d4 f e d g f a g f e d")
    assert quarters.tones == cantus_from_text(DORIAN).tones
    longer_at_the_end = cantus_from_tiny("4/4 d2 f e d g f a g f e d1")
    assert longer_at_the_end.tones == quarters.tones


def test_tied_notes_become_one() -> None:
    start, stop = '<tie type="start"/>', '<tie type="stop"/>'
    pitch = "<pitch><step>E</step><octave>4</octave></pitch><duration>2</duration>"
    held = measure(f"<note>{pitch}{start}</note><note>{pitch}{stop}</note>", 2)
    cantus = cantus_from_xml(measure(note("D")) + held + measure(note("D"), 3))
    assert [str(each) for each in cantus.tones] == ["D4", "E4", "D4"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("4/4 d4 e f2 d4 e d2", "one length"),
        ("4/4 d4 e r d e f e d", "without rests"),
        ("4/4 r1", "without any"),
        ("4/4 d4 e", "got 2"),
        ("4/4 " + "d4 e f e " * 20, "got 80"),
    ],
)
def test_scores_that_are_no_cantus_are_refused(text: str, problem: str) -> None:
    with pytest.raises(ScoreError) as error:
        cantus_from_tiny(text)
    assert problem in str(error.value)


def test_chords_and_unpitched_notes_are_refused() -> None:
    chord = measure(note("D") + note("F", more="<chord/>")) + measure(note("E"), 2) + measure(note("D"), 3)
    with pytest.raises(ScoreError, match="chords or several voices"):
        cantus_from_xml(chord)
    drum = (
        "<note><unpitched><display-step>E</display-step><display-octave>4</display-octave></unpitched>"
        "<duration>4</duration></note>"
    )
    with pytest.raises(ScoreError, match="unpitched"):
        cantus_from_xml(measure(drum) + measure(note("E"), 2) + measure(note("D"), 3))


def test_a_part_must_be_named_where_there_are_several() -> None:
    bars = measure(note("D")) + measure(note("E"), 2) + measure(note("D"), 3)
    with pytest.raises(ScoreError, match=r"1 Voice 0, 2 Voice 1.*\(part\)"):
        cantus_from_xml(bars, parts=2)


@pytest.mark.parametrize(
    ("notes", "key"),
    [
        (DORIAN, "D dorian"),
        ("E4 C4 D4 C4 A3 A4 G4 E4 F4 E4", "E phrygian"),
        ("F4 G4 A4 F4 D4 E4 F4 C5 A4 F4 G4 F4", "F lydian"),
        ("G3 C4 B3 G3 C4 E4 D4 G4 E4 C4 D4 B3 A3 G3", "G mixolydian"),
        ("A3 C4 B3 D4 C4 E4 F4 E4 D4 C4 B3 A3", "A aeolian"),
        ("C4 E4 F4 G4 E4 A4 G4 E4 F4 E4 D4 C4", "C ionian"),
        ("G4 B-4 A4 G4", "G dorian"),
        ("C4 E-4 A-4 G4 D4 C4", "C aeolian"),
        ("F#4 G#4 A4 F#4", "F# aeolian"),
    ],
)
def test_modes_are_detected(notes: str, key: str) -> None:
    assert cantus_from_text(notes).mode(None).text == key


def test_the_key_signature_decides_between_modes() -> None:
    tones = cantus_from_text("G4 A4 B4 A4 G4").tones
    assert Cantus(tones).mode(None).text == "G mixolydian"
    assert Cantus(tones, 1).mode(None).text == "G ionian"


@pytest.mark.parametrize(
    ("notes", "key", "problem"),
    [
        ("B3 C4 D4 F4 C4 B3", None, "locrian"),
        ("D4 E4 D4", "D locrian", "locrian"),
        ("D4 E4 D4", "H major", "D dorian"),
        ("D4 E4 D4", "G# major", "sharps or flats"),
        ("D4 E4 F4", "D dorian", "ends on D"),
        ("D4 F#4 E4 D4", "D dorian", "F#"),
        ("C4 C#4 D4 E-4 C4", None, "no mode"),
    ],
)
def test_notes_outside_every_mode_are_refused(notes: str, key: str | None, problem: str) -> None:
    with pytest.raises(ScoreError) as error:
        cantus_from_text(notes).mode(key)
    assert problem in str(error.value)


@pytest.mark.parametrize(
    ("text", "name", "fifths"),
    [
        ("D dorian", "D dorian", 0),
        ("f#", "F# minor", 3),
        ("Bb", "B- major", -2),
        ("B- major", "B- major", -2),
        ("E_phrygian", "E phrygian", 0),
        ("G Mixolydian", "G mixolydian", 0),
        ("A min", "A minor", 0),
    ],
)
def test_mode_names_are_parsed(text: str, name: str, fifths: int) -> None:
    mode = parse_mode(text)
    assert mode.text == name
    assert mode.signature_fifths == fifths
