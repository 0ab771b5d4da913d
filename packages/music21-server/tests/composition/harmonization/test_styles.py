"""The chords of each style in every key, and their costs."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from music21_server.composition.harmonization.chords import Chord
from music21_server.composition.harmonization.classical import classical
from music21_server.composition.harmonization.harmonize import Report, Request, harmonize
from music21_server.composition.harmonization.jazz import jazz
from music21_server.composition.harmonization.modal import modal
from music21_server.composition.harmonization.pop import pop
from music21_server.composition.harmonization.style import Style
from music21_server.composition.harmonization.tonality import Tonality, parse_tonality
from music21_server.score.table import Score
from music21_server.theory.chords.name_table import shared_names
from music21_server.theory.chords.names import Shape, class_of
from music21_server.theory.harmony.functions import plain
from music21_server.theory.pitch.names import Key, text_of

ScoreMaker = Callable[..., Score]
MAKERS: dict[str, Callable[[Tonality], Style]] = {
    "classical": classical,
    "jazz": lambda key: jazz(key, 4),
    "rich jazz": lambda key: jazz(key, 6),
    "pop": pop,
    "modal": lambda key: modal(key, ()),
}
KEYS = ("C major", "F# major", "C- major", "A minor", "E- minor", "A# minor", "D dorian", "E phrygian",
        "F lydian", "G mixolydian", "A aeolian", "B locrian", "D- mixolydian", "G# dorian",
        "F- lydian")  # fmt: skip


def _names(chord: Chord) -> str:
    return " ".join(text_of(name) for name in chord.names)


def _style_chord(style: Style, numeral: str) -> Chord:
    return next(chord for chord in style.chords if chord.numeral == numeral)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("maker", MAKERS.values(), ids=MAKERS)
def test_every_chord_has_all_costs(maker: Callable[[Tonality], Style], key: str) -> None:
    style = maker(parse_tonality(key))
    size = len(style.chords)
    assert style.moves.shape == style.inner.shape == style.final.shape == (size, size)
    assert style.metre.shape == (4, size)
    assert style.opening.shape == (size,)
    for table in (style.moves, style.inner, style.final, style.metre, style.opening):
        assert np.isfinite(table).all()
        assert (table >= 0).all()
    assert (np.diag(style.moves) == 0).all()
    for chord in style.chords:
        assert len(set(chord.pitch_classes)) == len(chord.names) >= 3
        assert 0 <= chord.bass < len(chord.names)
        assert all(abs(name[1]) <= 200 for name in chord.names)
        assert {chord.lead, chord.seventh} - {None} <= set(chord.pitch_classes)


@pytest.mark.parametrize("key", ["C major", "E- major", "A minor", "F# minor"])
def test_classical_numerals_are_those_of_the_analysis(key: str) -> None:
    tonality = parse_tonality(key)
    named = Key(tonality.tonic, "minor" if tonality.is_minor else "major")
    compared = 0
    for chord in classical(tonality).chords:
        if "/" in chord.numeral or chord.numeral.startswith("b"):
            continue
        bass = chord.names[chord.bass]
        above = sorted(((step - bass[0]) % 7, cents) for step, cents in chord.names if (step, cents) != bass)
        compared += 1
        analysis = shared_names().name(class_of(Shape(bass, tuple(above)), named))
        assert analysis.inversion == chord.bass
        # music21 calls the triad on A flat in C minor bVI, and has further figures in minor.
        assert plain(analysis.numeral).removeprefix("b") == plain(chord.numeral)
    assert compared > 15


def test_chords_are_spelled_in_their_key() -> None:
    in_d = classical(parse_tonality("D major"))
    assert _names(_style_chord(in_d, "V7")) == "A C# E G"
    assert _names(_style_chord(in_d, "V65/V")) == "E G# B D"
    assert _style_chord(in_d, "V65/V").symbol == "E7/G#"
    in_f = jazz(parse_tonality("F minor"), 4)
    assert _names(_style_chord(in_f, "iiø7")) == "G B- D- F"
    assert _style_chord(in_f, "iiø7").symbol == "Gm7b5"
    assert _names(_style_chord(in_f, "subV7")) == "G- B- D- F-"
    assert _names(_style_chord(classical(parse_tonality("C# major")), "V7/iii")) == "B# D## F## A#"


def test_figures_name_inversions() -> None:
    style = classical(parse_tonality("C major"))
    for numeral, bass in (
        ("I6", "E"),
        ("I64", "G"),
        ("V65", "B"),
        ("V43", "D"),
        ("V42", "F"),
        ("viio6", "D"),
    ):
        chord = _style_chord(style, numeral)
        assert text_of(chord.names[chord.bass]) == bass


@pytest.mark.parametrize(
    ("key", "numerals"),
    [
        ("D dorian", {"i", "ii", "III", "IV", "v", "vio", "VII"}),
        ("E phrygian", {"i", "bII", "III", "iv", "vo", "VI", "vii"}),
        ("F lydian", {"I", "II", "iii", "#ivo", "V", "vi", "vii"}),
        ("G mixolydian", {"I", "ii", "iiio", "IV", "v", "vi", "bVII"}),
    ],
)
def test_modal_chords_are_those_of_the_scale(key: str, numerals: set[str]) -> None:
    style = modal(parse_tonality(key), ())
    assert {chord.numeral.rstrip("64") for chord in style.chords} == numerals
    names = {text_of(name) for chord in style.chords for name in chord.names}
    assert names == set("ABCDEFG")


def test_modal_harmony_has_a_leading_note_only_if_the_melody_has_one(melody_score: ScoreMaker) -> None:
    plain = harmonize(melody_score("D4 F4 G4 A4 G4 F4 E4 D4", fifths=0), Request(style="modal"))
    assert plain.report.key == "D dorian"
    table = plain.score.notes
    assert not (table.alter_cents != 0).any()
    raised = harmonize(melody_score("D4 F4 G4 A4 G4 D4 C#4 D4", fifths=0), Request(style="modal"))
    assert raised.report.key == "D dorian"
    assert [chord.numeral for chord in raised.report.chords][-2:] == ["V", "i"]


@pytest.mark.parametrize(
    ("key", "line", "cadence"),
    [
        ("G mixolydian", "G4 A4 B4 C5 D5 B4 A4 F4 G4:4", ["bVII", "I"]),
        ("E phrygian", "E4 F4 G4 A4 B4 G4 F4 F4 E4:4", ["bII", "i"]),
        ("F lydian", "F4 G4 A4 B4 C5 A4 B4 G4 F4:4", ["II", "I"]),
    ],
)
def test_modal_cadences(melody_score: ScoreMaker, key: str, line: str, cadence: list[str]) -> None:
    report = harmonize(melody_score(line), Request(style="modal", key=key)).report
    numerals = [chord.numeral.rstrip("6") for chord in report.chords]
    assert numerals[-2:] == cadence


def test_a_classical_melody_ends_with_an_authentic_cadence(melody_score: ScoreMaker) -> None:
    for fifths, line in ((0, "C5 D5 E5 F5 E5 D5 D5 B4 C5:4"), (-3, "C5 D5 E-5 F5 E-5 D5 D5 B4 C5:4")):
        report = harmonize(melody_score(line, fifths=fifths), Request()).report
        before, last = report.chords[-2:]
        assert before.numeral.startswith("V")
        assert last.numeral in ("I", "i")
        assert last.ground == "cadence"


def test_an_inner_phrase_may_end_with_a_half_cadence(melody_score: ScoreMaker) -> None:
    line = "E4 E4 F4 G4 F4 E4 D4:2 r:4 E4 F4 G4 A4 G4 D4 C4:2"
    report = harmonize(melody_score(line, fifths=0), Request()).report
    (halfway,) = [chord for chord in report.chords if chord.position.offset == 6]
    assert (halfway.numeral, halfway.ground) == ("V", "cadence")


def test_cadential_six_four_goes_to_the_dominant() -> None:
    style = classical(parse_tonality("C major"))
    six_four = style.chords.index(_style_chord(style, "I64"))
    best = np.flatnonzero(
        style.moves[six_four] == style.moves[six_four][np.arange(len(style.chords)) != six_four].min()
    )
    allowed = {style.chords[index].numeral for index in best} - {"I64"}
    assert allowed == {"V", "V7"}
    assert style.metre[0][six_four] < style.metre[2][six_four]


def _numerals(report: Report) -> list[str]:
    return [chord.numeral for chord in report.chords]


def test_jazz_prefers_two_five_one(melody_score: ScoreMaker) -> None:
    report = harmonize(melody_score("F4:4 D4:2 B4:2 C5:4", fifths=0), Request(style="jazz")).report
    assert _numerals(report) == ["ii7", "V7", "Imaj7"]
    table = jazz(parse_tonality("C major"), 4)
    index = {chord.numeral: place for place, chord in enumerate(table.chords)}
    assert table.moves[index["ii7"], index["V7"]] == 0
    assert table.moves[index["V7"], index["Imaj7"]] == 0
    assert table.moves[index["subV7"], index["Imaj7"]] == 0
    assert table.moves[index["subV7"], index["IVmaj7"]] > table.moves[index["subV7"], index["Imaj7"]]
    assert table.moves[index["V7/ii"], index["ii7"]] == 0


def test_jazz_uses_a_tritone_substitute_that_fits_the_melody(melody_score: ScoreMaker) -> None:
    line = "F4:4 A-4:2 D-5:2 C5:4"
    report = harmonize(melody_score(line, fifths=0), Request(style="jazz", key="C major")).report
    assert any(numeral.startswith("subV7") for numeral in _numerals(report))


@pytest.mark.parametrize("voices", [4, 5, 6])
def test_jazz_chords_have_their_guide_tones(melody_score: ScoreMaker, voices: int) -> None:
    score = melody_score("E4:2 F4:2 G4:2 F4:2 E4:2 D4:2 C4:4", fifths=0)
    result = harmonize(score, Request(style="jazz", voices=voices))
    chords = {chord.numeral: chord for chord in jazz(parse_tonality("C major"), voices).chords}
    for each in result.report.chords:
        root, third, _, seventh = (text_of(name) for name in chords[each.numeral].names[:4])
        names = {pitch.rstrip("0123456789") for pitch in each.pitches}
        assert {root, third, seventh} <= names
        assert each.pitches[0].rstrip("0123456789") == root


def test_pop_uses_loops_of_triads(melody_score: ScoreMaker) -> None:
    line = "G4:4 G4:4 A4:4 A4:4 " * 2 + "G4:4"
    report = harmonize(melody_score(line, fifths=0), Request(style="pop", key="C major")).report
    assert len(report.chords) >= 5
    style = pop(parse_tonality("C major"))
    numerals = {"I", "ii", "iii", "IV", "V", "vi", "bVII"}
    assert {numeral.removesuffix("sus4") for numeral in _numerals(report)} <= numerals
    assert all(chord.is_root_position for chord in style.chords)
    assert (style.moves == 0).sum(axis=1).min() >= 1


def test_continuing_a_pop_loop_is_free_and_leaving_it_costs() -> None:
    style = pop(parse_tonality("C major"))
    plain = [index for index, chord in enumerate(style.chords) if chord.suffix != "sus4"][:5]
    assert [style.chords[index].numeral for index in plain] == ["I", "V", "vi", "IV", "vi"]
    one, five, six, four, other = plain
    steps = [style.moves[before, after] for before, after in pairwise([one, five, six, four, one])]
    assert steps == [0, 0, 0, 0]
    assert min(style.moves[one, six], style.moves[five, one], style.moves[one, other]) > 0


def test_symbols_are_written_for_jazz_and_pop_only(melody_score: ScoreMaker) -> None:
    score = melody_score("E4:2 F4:2 G4:4", fifths=0)
    written: dict[str, Any] = {
        style: [symbol.text for symbol in harmonize(score, Request(style=style)).score.chord_symbols]
        for style in ("classical", "modal", "jazz", "pop")
    }
    assert written["classical"] == written["modal"] == []
    assert written["jazz"]
    assert written["pop"]


def test_sounding_extensions_are_in_the_chord_symbol(melody_score: ScoreMaker) -> None:
    score = melody_score("E4:4 E4:4 D4:4 D4:4 E4:4", fifths=0)
    request = Request(style="jazz", voices=5, key="C major", seed=2)
    chords = {chord.numeral: chord for chord in harmonize(score, request).report.chords}
    symbols = {"Imaj7": "Cmaj9", "vi7": "Am9", "ii7": "Dm9", "V7": "G9"}
    assert {numeral: chord.symbol for numeral, chord in chords.items()} == symbols
    for numeral, ninth in (("Imaj7", "D"), ("vi7", "B"), ("ii7", "E"), ("V7", "A")):
        assert ninth in {pitch[0] for pitch in chords[numeral].pitches}


def _cost(style: Style, table: str, before: str, after: str) -> float:
    numerals = [chord.numeral for chord in style.chords]
    return float(getattr(style, table)[numerals.index(before), numerals.index(after)])


@pytest.mark.parametrize(
    ("key", "table", "before", "after", "cost"),
    [
        # Piston's table: usually, sometimes, less often, otherwise.
        ("C", "moves", "V", "I", 0.0), ("C", "moves", "V", "vi", 0.8), ("C", "moves", "V", "ii", 2.0),
        ("C", "moves", "IV", "V", 0.0), ("C", "moves", "ii", "V", 0.0), ("C", "moves", "iii", "vi", 0.0),
        ("C", "moves", "V7", "V", 2.0), ("C", "moves", "V", "V7", 0.3),
        # The leading note and the seventh in the bass.
        ("C", "moves", "V6", "I", 0.0), ("C", "moves", "V6", "vi", 2.8),
        ("C", "moves", "V42", "I6", 0.0), ("C", "moves", "V42", "I", 4.0),
        # Dominants of other degrees.
        ("C", "moves", "V7/V", "V", 0.0), ("C", "moves", "V7/V", "I", 8.0),
        ("C", "moves", "V7/ii", "V7/V", 0.8), ("C", "moves", "V7/V", "I64", 0.2),
        ("C", "moves", "I", "V7/V", 0.8),
        # The natural seventh of minor.
        ("A minor", "moves", "VII", "III", 0.0), ("A minor", "moves", "V", "VII", 4.0),
        ("A minor", "moves", "i", "VII", 0.8), ("A minor", "moves", "v", "VI", 0.0),
        # Cadences.
        ("C", "final", "V", "I", 0.0), ("C", "final", "V6", "I", 0.8), ("C", "final", "IV", "I", 1.2),
        ("C", "inner", "ii", "V", 0.5), ("C", "final", "ii", "V", 6.5), ("C", "inner", "V", "vi", 1.5),
        ("C", "inner", "V", "I6", 2.0),
    ],
)  # fmt: skip
def test_costs_of_classical_successions(key: str, table: str, before: str, after: str, cost: float) -> None:
    style = classical(parse_tonality(key if " " in key else f"{key} major"))
    assert _cost(style, table, before, after) == pytest.approx(cost)


def test_costs_of_classical_openings() -> None:
    style = classical(parse_tonality("C major"))
    opening = {chord.numeral: cost for chord, cost in zip(style.chords, style.opening.tolist(), strict=True)}
    expected = {"I": 0.0, "I6": 1.0, "V": 0.8, "ii": 2.5, "V7": 4.0}
    assert {name: opening[name] for name in expected} == expected


def test_a_picardy_third_needs_its_note_in_the_melody(melody_score: ScoreMaker) -> None:
    chords = {chord.numeral: chord.colour for chord in classical(parse_tonality("A minor")).chords}
    assert (chords["i"], chords["I"]) == (0.0, 3.0)
    for last, numeral in (("A4", "i"), ("C#5", "I")):
        line = f"A4 B4 C5 D5 C5 B4 B4 G#4 {last}:4"
        report = harmonize(melody_score(line, fifths=0), Request(key="A minor")).report
        assert report.chords[-1].numeral == numeral


@pytest.mark.parametrize(
    ("table", "before", "after", "cost"),
    [
        ("moves", "#io7", "ii7", 0.0), ("moves", "#io7", "IVmaj7", 4.0), ("moves", "V7/ii", "V7/V", 0.5),
        ("moves", "iiø7/ii", "V7/ii", 0.0), ("moves", "iiø7/ii", "V7", 3.0), ("moves", "bVII7", "Imaj7", 0.3),
        ("moves", "subV7", "V7", 4.0), ("moves", "V7", "subV7", 0.4), ("moves", "V7", "vi7", 0.9),
        ("moves", "V7", "ii7", 3.0), ("moves", "ii7", "subV7", 0.3), ("moves", "Imaj7", "V7", 0.9),
        ("final", "V7", "Imaj7", 0.0), ("final", "bVII7", "Imaj7", 0.5), ("final", "ii7", "V7", 6.0),
        ("inner", "ii7", "V7", 0.4),
    ],
)  # fmt: skip
def test_costs_of_jazz_successions(table: str, before: str, after: str, cost: float) -> None:
    assert _cost(jazz(parse_tonality("C major"), 4), table, before, after) == pytest.approx(cost)


def test_notes_and_tendency_tones_of_jazz_chords() -> None:
    plain, rich = (jazz(parse_tonality("C major"), voices) for voices in (4, 5))
    assert _names(_style_chord(plain, "V7")) == "G B D F"
    assert _names(_style_chord(rich, "V7")) == "G B D F A"
    assert (_style_chord(plain, "V7").lead, _style_chord(plain, "V7").seventh) == (11, 5)
    assert (_style_chord(plain, "Iadd6").lead, _style_chord(plain, "Iadd6").seventh) == (None, None)
    dorian = {chord.numeral: _names(chord) for chord in jazz(parse_tonality("D dorian"), 4).chords}
    assert dorian["IV7"] == "G B D F"
    assert [chord.numeral for chord in jazz(parse_tonality("D dorian"), 4).chords].count("ii7") == 1


def test_pop_begins_and_ends_with_the_loop() -> None:
    style = pop(parse_tonality("C major"))
    numerals = [chord.numeral for chord in style.chords]
    for index, chord in enumerate(style.chords):
        assert style.final[0, index] == (0.0 if chord.numeral == "I" else 6.0)
    # The first loop, its suspensions among it: I, Isus4, V, Vsus4, vi, IV, IVsus4.
    assert numerals[:7] == ["I", "Isus4", "V", "Vsus4", "vi", "IV", "IVsus4"]
    assert style.opening[:7].tolist() == [0, 0, 2, 2, 2, 2, 2]
    assert style.moves[1, 0] == style.moves[3, 2] == 0.2
    assert style.moves[0, 4] == 3.0
    second = 7  # vi of the second loop
    assert (numerals[second], style.moves[5, second], style.moves[4, second]) == ("vi", 2.0, 3.0)
    free = len(numerals) - 1
    assert style.moves[0, free] == style.moves[free, 0] == 2.0
    colours = {chord.numeral: chord.colour for chord in style.chords[:second]}
    assert (colours["I"], colours["Isus4"]) == (0.0, 0.8)
    assert {chord.colour for chord in style.chords if chord.numeral == "bVII"} == {1.0}
    minor = pop(parse_tonality("A minor"))
    assert minor.chords[0].numeral == "i"
    suspended = {chord.numeral for chord in minor.chords if chord.suffix == "sus4"}
    assert suspended == {"IIIsus4", "IVsus4", "Vsus4", "VIsus4", "VIIsus4", "vsus4"}


def test_costs_of_modal_chords() -> None:
    style = modal(parse_tonality("D dorian"), {1})
    colours = {chord.numeral: chord.colour for chord in style.chords}
    # Primary are the tonic and the major and minor triads with B, the raised sixth.
    assert (colours["i"], colours["IV"], colours["ii"]) == (0.0, 0.0, 0.0)
    assert (colours["VII"], colours["i6"], colours["VII6"]) == (0.4, 0.5, 0.9)
    assert "vio" not in colours
    assert colours["vio6"] == pytest.approx(0.4 + 0.5 + 1.2)
    opening = {chord.numeral: cost for chord, cost in zip(style.chords, style.opening.tolist(), strict=True)}
    assert (opening["i"], opening["i6"], opening["VII"]) == (0.0, 1.5, 1.5)
    assert _cost(style, "final", "VII", "i") == _cost(style, "final", "V", "i") == 0.0
    assert _cost(style, "final", "i", "VII") == 6.0
    assert _cost(style, "inner", "i", "VII") == 0.6
