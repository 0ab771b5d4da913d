"""The pieces by themselves: segments, keys, paths, costs of leading, ways to set chords."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations, product
from typing import Any

import numpy as np
import pytest

from music21_server.composition.harmonization.checks import resolves
from music21_server.composition.harmonization.chords import Chord
from music21_server.composition.harmonization.classical import MANNER, classical
from music21_server.composition.harmonization.melody import melody_of
from music21_server.composition.harmonization.melody_fit import fit_costs, soundings
from music21_server.composition.harmonization.progression import Choices, best_progression, choices
from music21_server.composition.harmonization.segments import segments_of
from music21_server.composition.harmonization.style import STRICT
from music21_server.composition.harmonization.tonality import found_tonality, parse_tonality
from music21_server.composition.harmonization.voice_leading_costs import Setting, leading_costs
from music21_server.composition.harmonization.voicings import VoiceRange, set_below, voicings_of
from music21_server.errors import ScoreError
from music21_server.reading.formats import read
from music21_server.score.document import Document
from music21_server.score.limits import Limits
from music21_server.score.table import Fermata, Score

ScoreMaker = Callable[..., Score]
SATB = (VoiceRange("Alto", 55, 72), VoiceRange("Tenor", 48, 67), VoiceRange("Bass", 40, 60))


# Segments


def _segments(score: Score, rhythm: Any = "auto") -> list[tuple[float, float, int]]:
    unit = score.notes.ticks_per_quarter
    return [
        (each.start / unit, each.end / unit, each.strength) for each in segments_of(melody_of(score), rhythm)
    ]


def test_segments_are_beats_and_the_last_note_is_one(melody_score: ScoreMaker) -> None:
    assert _segments(melody_score("C4 D4 E4 F4 G4:4")) == [
        (0, 1, 0), (1, 2, 2), (2, 3, 1), (3, 4, 2), (4, 8, 0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("rhythm", "time", "starts"),
    [
        ("bar", "4/4", [0, 4]),
        ("half bar", "4/4", [0, 2, 4, 6]),
        ("beat", "4/4", [0, 1, 2, 3, 4, 5, 6, 7]),
        ("half bar", "3/4", [0, 2, 3, 5, 6]),
        ("beat", "6/8", [0, 1.5, 3, 4.5, 6, 7.5]),
        ("half bar", "12/8", [0, 3, 6]),
    ],
)
def test_harmonic_rhythm(melody_score: ScoreMaker, rhythm: str, time: str, starts: list[float]) -> None:
    score = melody_score("C4:0.5 D4:0.5 E4:0.5 D4:0.5 " * 4, time=time)
    assert [each[0] for each in _segments(score, rhythm)] == starts


def test_pickups_count_from_the_end_of_a_bar(melody_score: ScoreMaker) -> None:
    score = melody_score("G4:0.5 C5 D5 E5 F5 G5:4", pickup=0.5)
    assert _segments(score)[:3] == [(0, 0.5, 3), (0.5, 1.5, 0), (1.5, 2.5, 2)]


def test_silent_stretches_have_no_segment(melody_score: ScoreMaker) -> None:
    segments = segments_of(melody_of(melody_score("r C4 r:2 D4:4")), "auto")
    assert [each.start for each in segments] == [48, 192]
    assert [each.is_first for each in segments] == [True, True]
    assert [each.closes for each in segments] == [0.8, 1.0]


def test_only_the_last_note_of_a_phrase_is_one_segment(melody_score: ScoreMaker) -> None:
    held = _segments(melody_score("C4:4 D4:4"))
    assert [each[0] for each in held] == [0, 1, 2, 3, 4]
    segments = segments_of(melody_of(melody_score("C4:4 D4:4")), "auto")
    assert [each.beats for each in segments] == [1, 1, 1, 1, 4]
    assert [each.beat_quarters for each in segments] == [1.0] * 5
    six = segments_of(melody_of(melody_score("C4:1.5 D4:1.5", time="6/8")), "auto")
    assert [each.beat_quarters for each in six] == [1.5, 1.5]


def test_fermatas_close_phrases(melody_score: ScoreMaker) -> None:
    score = melody_score("C4 D4 E4 F4 G4 F4 E4 D4 C4", fermatas=(Fermata(0, 0, 3 * 48),))
    segments = segments_of(melody_of(score), "auto")
    assert [index for index, each in enumerate(segments) if each.closes] == [3, 8]
    bars = segments_of(melody_of(score), "bar")
    assert [each.closes for each in bars] == [1.0, 0.0, 1.0]
    inside = replace(score, fermatas=(Fermata(0, 0, 48),))  # the bar goes on after it
    assert [each.closes for each in segments_of(melody_of(inside), "bar")] == [0.0, 0.0, 1.0]


def test_beats_are_those_of_the_bar() -> None:
    score = read(Document("tinynotation", b"tinyNotation: 2/4 c4 d 6/8 e4. f4."), Limits())
    segments = segments_of(melody_of(score), "auto")
    assert [each.beat_quarters for each in segments] == [1.0, 1.0, 1.5, 1.5]
    assert [each.beats for each in segments] == [1.0] * 4


# Keys


@pytest.mark.parametrize(
    ("text", "found"),
    [("F# minor", "F# minor"), ("Bb", "B- major"), ("d dorian", "D dorian"), ("E-flat lydian", "E- lydian"),
     ("c", "C minor"), ("A aeolian", "A aeolian"), ("bb phrygian", "B- phrygian")],
)  # fmt: skip
def test_keys_by_name(text: str, found: str) -> None:
    assert parse_tonality(text).text == found


@pytest.mark.parametrize("text", ["", "H", "C banana", "G# major", "F- major", "D# lydian", "dorian"])
def test_names_that_are_no_keys(text: str) -> None:
    with pytest.raises(ScoreError, match="Expected a key"):
        parse_tonality(text)


@pytest.mark.parametrize(
    ("line", "fifths", "modal", "found"),
    [
        ("C4 E4 G4 E4 D4 C4", None, False, "C major"),
        ("A4 B4 C5 E5 G#4 A4", None, False, "A minor"),
        ("E-4 F4 G4 B-4 A-4 G4 F4 E-4", -3, False, "E- major"),
        ("G-4 A-4 B-4 D-5 C-5 B-4 A-4 G-4", -6, False, "G- major"),
        ("D4 E4 F4 A4 G4 E4 D4", 0, True, "D dorian"),
        ("D4 E4 F4 A4 G4 E4 D4", -1, True, "D aeolian"),
        ("E4 F4 G4 A4 F4 E4", 0, True, "E phrygian"),
        ("G4 A4 B4 D5 F5 D5 G4", None, True, "G mixolydian"),
        ("C4 E4 F#4 G4 C4", None, True, "C lydian"),
        ("C4 E4 G4 F4 D4 C4", None, True, "C ionian"),
    ],
)
def test_keys_are_found(
    melody_score: ScoreMaker, line: str, fifths: int | None, modal: bool, found: str
) -> None:
    assert found_tonality(melody_of(melody_score(line, fifths=fifths)), modal=modal).text == found


def test_keys_are_spelled_as_most_of_the_melody(melody_score: ScoreMaker) -> None:
    short = "F#4:0.25 A#4:0.25 C#5:0.25 B4:0.25 "
    line = f"G-4:4 B-4:4 D-5:4 {short * 3} C-5:4 B-4:4 G-4:4"
    assert found_tonality(melody_of(melody_score(line)), modal=False).text == "G- major"


def test_long_notes_count_more(melody_score: ScoreMaker) -> None:
    """F natural is there often, F sharp for longer."""
    line = "C4:2 F4:0.25 E4:0.25 F4:0.25 E4:0.25 F#4:4 G4:2 C4:4"
    assert found_tonality(melody_of(melody_score(line)), modal=True).text == "C lydian"


def test_modes_have_at_most_seven_signs(melody_score: ScoreMaker) -> None:
    line = "D#4 E#4 F##4 G##4 A#4 F##4 E#4 D#4"
    found = found_tonality(melody_of(melody_score(line)), modal=True)
    assert abs(found.signature) <= 7


def test_scales_and_what_is_special_in_them() -> None:
    modes = ("dorian", "phrygian", "lydian", "mixolydian")
    seen = {mode: parse_tonality(f"C {mode}").characteristic for mode in modes}
    assert seen == {"dorian": (5, 0), "phrygian": (1, -100), "lydian": (3, 100), "mixolydian": (6, -100)}
    assert parse_tonality("E- minor").signature == -6
    assert parse_tonality("F# lydian").signature == 7


# Non-chord tones


@pytest.mark.parametrize(
    ("line", "at", "kind"),
    [
        ("C4 C4:0.5 D4:0.5 E4 C4", 2, "passing tone"),
        ("C4 C4:0.5 D4:0.5 C4 C4", 2, "neighbour tone"),
        ("C4:0.5 D4:0.5 E4:0.5 F4:0.5 G4", 2, "accented passing tone"),
        ("C4 F4:1.5 E4:0.5 C4", 1, "suspension"),
        ("C4:0.5 G4:0.5 G4:0.5 E4:0.5 C4", 1, "anticipation"),
        ("C4 A4:0.5 G4:0.5 C4", 1, "appoggiatura"),
        ("C4 E4:0.5 F4:0.5 C4 C4", 2, "escape tone"),
        ("C4 E4:0.5 A4:0.5 G4 C4", 2, "incomplete neighbour"),
        ("C4 C5 C4 C4", 1, "free dissonance"),
    ],
)
def test_kinds_of_non_chord_tones(melody_score: ScoreMaker, line: str, at: int, kind: str) -> None:
    melody = melody_of(melody_score(line))
    found = [each for segment in soundings(melody, segments_of(melody, "auto")) for each in segment]
    assert {each.kind for each in found if each.note == at} >= {kind}


def test_what_notes_outside_a_chord_cost(melody_score: ScoreMaker) -> None:
    melody = melody_of(melody_score("C4:0.25 D4:0.25 E4:0.5 F4 B4:0.5 E4:0.5 r D4 C4:3"))
    found = soundings(melody, segments_of(melody, "half bar"))
    by_note = {each.note: each for segment in found for each in segment}
    assert by_note[1].cost == pytest.approx(0.3 * 0.5)  # a passing tone, shorter than half a beat
    assert by_note[3].cost == pytest.approx(1.8)  # an escape tone of one beat
    assert [each.weight for each in by_note.values()] == [0.5, 0.5, 0.5, 1.0, 0.5, 0.5, 1.0, 2.0]
    # After a rest nothing is reached by step; a phrase rests on its last note.
    assert (by_note[6].kind, by_note[7].is_rest) == ("appoggiatura", True)
    assert by_note[7].cost == pytest.approx(1.8 * 2.0 + 8.0)
    chords = [STYLE.chords[index] for index in (ONE, SEVEN)]
    jazz_chord = replace(chords[0], tensions=(2,))
    costs = fit_costs([*chords, jazz_chord], [[by_note[1]], [by_note[3]]], tension=0.5, dissonance=2.0)
    passing, escape = 2.0 * by_note[1].cost, 2.0 * by_note[3].cost
    assert costs[0] == pytest.approx([passing, 0.0, 0.5 * 0.15])
    # F is the seventh of V7 and does not go down.
    assert costs[1] == pytest.approx([escape, 1.5, escape])


# Paths


def test_what_changes_and_cadences_cost(melody_score: ScoreMaker) -> None:
    style = STYLE

    def possible(line: str, rhythm: Any, time: str) -> Choices:
        melody = melody_of(melody_score(line, time=time))
        segments = segments_of(melody, rhythm)
        return choices(style, segments, soundings(melody, segments), rhythm=rhythm, seed=0)

    even = possible("C4 D4 E4 F4 r:4 E4 D4 C4:2", "auto", "4/4")
    assert [(each.strength, each.closes) for each in even.segments[:4]] == [
        (0, 0.0), (2, 0.0), (1, 0.0), (2, 0.8),
    ]  # fmt: skip
    for at in (1, 2, 3):
        factor = 0.5 if even.segments[at].closes else 1.0
        strength = even.segments[at].strength
        assert even.pace(at)[ONE, FIVE] == pytest.approx(style.changes[strength] * factor)
        assert even.pace(at)[ONE, ONE] == style.holds[strength]
    assert not even.cadence(1).any()
    assert even.cadence(3) == pytest.approx(style.inner * 0.8)
    assert even.cadence(len(even.segments) - 1) == pytest.approx(style.final)
    dotted = possible("C4:1.5 D4:1.5 E4:1.5 C4:1.5", "auto", "6/8")
    assert dotted.pace(1)[ONE, FIVE] == pytest.approx(style.changes[dotted.segments[1].strength] / 1.5)
    beats = possible("C4 D4 E4 C4", "beat", "4/4")
    assert (beats.pace(1)[ONE, ONE], beats.pace(1)[ONE, FIVE]) == (0.7, 0.0)


def test_the_best_path_is_the_best_of_all(melody_score: ScoreMaker) -> None:
    melody = melody_of(melody_score("E4 F4 D4"))
    segments = segments_of(melody, "auto")
    notes = soundings(melody, segments)
    possible = choices(classical(parse_tonality("C")), segments, notes, rhythm="auto", seed=4)
    local = possible.local
    every = (
        local[0][:, None, None] + possible.step(1)[:, :, None] + local[1][None, :, None]
        + possible.step(2)[None, :, :] + local[2][None, None, :]
    )  # fmt: skip
    found = best_progression(possible)
    assert every[found.path] == pytest.approx(every.min())
    for at in range(3):
        others = tuple(axis for axis in range(3) if axis != at)
        assert found.loss[at] == pytest.approx(every.min(axis=others) - every.min())


# Leading


def _setting(chord: int, pitches: tuple[int, ...], *, melody: int = 0, held: int = 0) -> Setting:
    """Return one way to set a chord below a note of the melody that begins with it, or is held."""
    return Setting(
        chords=np.array([chord]), pitches=np.array([pitches]), costs=np.zeros(1), first=melody or held,
        last=melody or held, is_attacked=bool(melody), is_first=False,
    )  # fmt: skip


STYLE = classical(parse_tonality("C"))
NUMERALS = [chord.numeral for chord in STYLE.chords]
ONE, FOUR, FIVE, SEVEN, SIX = (NUMERALS.index(numeral) for numeral in ("I", "IV", "V", "V7", "vi"))


def _broken(before: Setting, after: Setting) -> int:
    return round(float(leading_costs(before, after, STYLE.chords, MANNER)[0, 0]) // STRICT)


@pytest.mark.parametrize(
    ("before", "after", "broken"),
    [
        (_setting(ONE, (64, 55, 48), melody=72), _setting(FIVE, (62, 55, 43), melody=71), 0),
        (_setting(ONE, (67, 60), melody=72), _setting(FIVE, (69, 62), melody=71), 5),
        (_setting(ONE, (67, 64, 48), melody=72), _setting(FIVE, (67, 62, 50), melody=74), 5),
        (_setting(ONE, (64, 60, 48), melody=67), _setting(ONE, (64, 60, 48), melody=65), 0),
        (_setting(FOUR, (60, 57, 41), melody=65), _setting(FIVE, (59, 55, 43), held=71), 0),
        (_setting(ONE, (64, 60, 52), melody=67), _setting(FIVE, (62, 59, 55), melody=74), 1),
        (_setting(FIVE, (62, 59, 43), melody=67), _setting(ONE, (60, 55, 48), held=67), 1),
        (_setting(FIVE, (62, 59, 43), melody=67), _setting(ONE, (64, 60, 48), held=67), 0),
        (_setting(SEVEN, (65, 59, 43), melody=67), _setting(ONE, (67, 60, 48), held=67), 1),
        (_setting(SEVEN, (65, 59, 43), melody=67), _setting(ONE, (64, 60, 48), held=67), 0),
        (_setting(ONE, (64, 60, 48), melody=67), _setting(SIX, (69, 60, 45), melody=72), 1),
    ],
)  # fmt: skip
def test_strict_rules_of_leading(before: Setting, after: Setting, broken: int) -> None:
    assert _broken(before, after) == broken


LEADS = {numeral: NUMERALS.index(numeral) for numeral in ("V7/V", "V7/vi", "I64", "viio6", "I6")}


@pytest.mark.parametrize(
    ("before", "after", "broken"),
    [
        # An octave's leap above a bass that stays is no parallel.
        (_setting(ONE, (60, 48), melody=79), _setting(ONE, (72, 48), held=79), 0),
        # F sharp sinks to the seventh of the dominant.
        (_setting(LEADS["V7/V"], (66, 60, 50), melody=69), _setting(SEVEN, (65, 59, 43), melody=67), 0),
        # A seventh goes down a whole tone: D to C.
        (_setting(LEADS["V7/vi"], (62, 56, 52), melody=71), _setting(SIX, (60, 57, 45), melody=72), 0),
        (_setting(LEADS["V7/vi"], (62, 56, 52), melody=71), _setting(SIX, (64, 57, 45), melody=72), 1),
    ],
)
def test_what_leading_allows(before: Setting, after: Setting, broken: int) -> None:
    assert _broken(before, after) == broken


@pytest.mark.parametrize(
    ("before", "after", "cost"),
    [
        (_setting(ONE, (64, 60, 48), melody=67), _setting(ONE, (64, 60, 48), held=67), 0.5),
        # A fourth down in the tenor, and a voice that moves though the chord stays.
        (_setting(ONE, (64, 60, 48), melody=67), _setting(ONE, (64, 55, 48), held=67), 0.5 + 1.0 + 1.2),
        # All voices upwards: by step each, and together.
        (
            _setting(FIVE, (62, 55, 43), melody=67),
            _setting(SIX, (64, 57, 45), melody=69),
            0.2 + 0.2 + 0.1 + 1.0,
        ),
        (_setting(FIVE, (62, 55), melody=67), _setting(SIX, (64, 57), held=67), 0.3),
    ],
)
def test_what_moving_costs(before: Setting, after: Setting, cost: float) -> None:
    found = float(leading_costs(before, after, STYLE.chords, MANNER)[0, 0]) % STRICT
    assert found == pytest.approx(cost, abs=1e-3)


def test_after_a_rest_voices_are_free() -> None:
    before = _setting(ONE, (67, 60, 48), melody=72)
    after = _setting(FIVE, (69, 62, 50), melody=74)
    free = replace(after, is_first=True)
    assert _broken(before, after) > 0
    found = float(leading_costs(before, free, STYLE.chords, MANNER)[0, 0])
    assert found == pytest.approx(0.3 * (0.2 + 0.2 + 0.1))


def test_augmented_seconds_are_hardly_sung() -> None:
    minor = classical(parse_tonality("C minor"))
    numerals = [chord.numeral for chord in minor.chords]
    four, five, one = (numerals.index(numeral) for numeral in ("iv", "V", "i"))

    def cost(start: int, end: int, chords: tuple[int, int]) -> float:
        one, other = (_setting(chord, (pitch, 43)) for chord, pitch in zip(chords, (start, end), strict=True))
        return float(leading_costs(one, other, minor.chords, MANNER)[0, 0]) % STRICT

    # A chromatic semitone is plain: B flat, B.
    assert cost(70, 71, (numerals.index("v"), five)) == pytest.approx(0.1 + 0.5, abs=1e-3)
    assert cost(68, 71, (four, five)) - cost(67, 70, (one, numerals.index("v"))) == pytest.approx(5.0)


def test_parallels_are_counted_as_by_hand() -> None:
    drawn = np.random.default_rng(3)
    one, other = (np.sort(drawn.integers(40, 72, (40, 3)), axis=1)[:, ::-1] for _ in range(2))
    free = [index for index, chord in enumerate(STYLE.chords) if chord.lead is None and chord.seventh is None]
    before, after = (
        Setting(np.full(40, free[0]), pitches, np.zeros(40), None, None, is_attacked=True, is_first=False)
        for pitches in (one, other)
    )
    costs = leading_costs(before, after, STYLE.chords, MANNER)
    for row, column in product(range(40), repeat=2):
        a, b = one[row].tolist(), other[column].tolist()
        parallels = sum(
            (a[u] - a[v]) % 12 == (b[u] - b[v]) % 12 in (0, 7) and a[u] != b[u] and a[v] != b[v]
            for u, v in combinations(range(3), 2)
        )
        overlaps = sum((b[v + 1] > a[v]) + (b[v] < a[v + 1]) for v in range(2))
        direct = sum(
            (b[u] - b[v]) % 12 in (0, 7) and b[u] == b[0] and b[v] == b[2] and abs(b[u] - a[u]) > 2
            and (b[u] > a[u]) == (b[v] > a[v]) and a[v] != b[v]
            for u, v in combinations(range(3), 2)
        )  # fmt: skip
        assert int(costs[row, column] // STRICT) == 5 * parallels + overlaps + direct


@pytest.mark.parametrize(
    ("chord", "after", "pitch_class", "step", "expected"),
    [
        ("V", "I", 11, 1, True), ("V", "I", 11, -4, False), ("V", "IV", 11, -2, False),
        ("V", "ii6", 11, 3, True), ("V7/V", "V7", 6, -1, True), ("V7", "I", 5, -1, True),
        ("V7", "I", 5, 2, False), ("V7", "V7", 5, 6, True), ("ii7", "V", 0, -1, True),
        ("ii7", "I64", 0, 0, True), ("I", "V", 0, -5, True), ("V7/vi", "vi", 2, -2, True),
        ("V7/V", "V", 6, -1, False),
    ],
)  # fmt: skip
def test_where_notes_want_to_go(chord: str, after: str, pitch_class: int, step: int, expected: bool) -> None:
    one, other = (STYLE.chords[NUMERALS.index(numeral)] for numeral in (chord, after))
    assert resolves(one, other, pitch_class, step) == expected


# Setting chords


def _best(chord: Chord, lowest: int, tone: int | None) -> tuple[int, ...]:
    ways = voicings_of(chord, SATB, MANNER)
    chosen, costs = set_below(chord, ways, MANNER, lowest=lowest, highest=lowest, tone=tone)
    return tuple(ways.pitches[chosen[costs.argmin()]].tolist())


def test_ways_to_set_a_chord_are_complete_and_in_range() -> None:
    chord = STYLE.chords[SEVEN]
    ways = voicings_of(chord, SATB, MANNER)
    expected = {
        (alto, tenor, bass)
        for alto, tenor, bass in product(range(55, 73), range(48, 68), range(40, 61))
        if {alto % 12, tenor % 12} <= {7, 11, 2, 5} and bass % 12 == 7 and alto >= tenor >= bass
        and alto - tenor <= 19 and tenor - bass <= 31
    }  # fmt: skip
    assert {tuple(way) for way in ways.pitches.tolist()} == expected


@pytest.mark.parametrize(
    ("numeral", "pitches", "cost"),
    [
        ("I", (64, 55, 48), 0.0),
        ("I", (60, 60, 48), 0.8),  # a unison
        ("I", (72, 55, 48), 4 * (0.7 + 0.3 * 5) + 0.12 * 1.5),  # too wide, and high for an alto
        ("I64", (60, 48, 43), 1.0 + 0.12 * 2.5),  # close and low
    ],
)
def test_what_spacing_costs(numeral: str, pitches: tuple[int, ...], cost: float) -> None:
    ways = voicings_of(STYLE.chords[NUMERALS.index(numeral)], SATB, MANNER)
    (index,) = [at for at, way in enumerate(ways.pitches.tolist()) if tuple(way) == pitches]
    assert ways.costs[index] == pytest.approx(cost)


@pytest.mark.parametrize(
    ("numeral", "pitches", "melody", "cost"),
    [
        ("I", (64, 55, 48), 67, 0.5),  # the fifth twice
        ("I6", (67, 60, 52), 76, 1.2),  # the third twice
        ("viio6", (65, 59, 50), 74, 0.0),  # there it is best
        ("I64", (64, 60, 43), 67, 0.0),  # the bass of a six-four too
        ("I", (60, 55, 48), 67, 15.0 + 0.5),  # no third
        ("I", (64, 55, 48), 80, 1.0 - 1.0 + 4 * (0.7 + 0.3 * 4)),  # the melody far away
    ],
)
def test_what_setting_below_a_melody_costs(
    numeral: str, pitches: tuple[int, ...], melody: int, cost: float
) -> None:
    chord = STYLE.chords[NUMERALS.index(numeral)]
    ways = voicings_of(chord, SATB, MANNER)
    tone = melody % 12 if melody % 12 in chord.pitch_classes else None
    chosen, costs = set_below(chord, ways, MANNER, lowest=melody, highest=melody, tone=tone)
    (index,) = [at for at, way in enumerate(ways.pitches[chosen].tolist()) if tuple(way) == pitches]
    assert costs[index] - ways.costs[chosen[index]] == pytest.approx(cost)
    dearer = replace(ways, costs=ways.costs + 1.0)
    _, others = set_below(chord, dearer, MANNER, lowest=melody, highest=melody, tone=tone)
    assert others[index] == pytest.approx(costs[index] + 1.0)


def test_chords_are_set_complete() -> None:
    assert {pitch % 12 for pitch in _best(STYLE.chords[ONE], 72, 0)} == {0, 4, 7}
    assert {pitch % 12 for pitch in _best(STYLE.chords[SEVEN], 67, 7)} >= {11, 5}
    alto, tenor, bass = _best(STYLE.chords[FIVE], 71, 11)
    assert 11 not in {alto % 12, tenor % 12, bass % 12}  # the leading note is in the melody


def test_leading_notes_and_sevenths_are_not_doubled() -> None:
    chord = STYLE.chords[SEVEN]
    ways = voicings_of(chord, SATB, MANNER)
    for tone in (11, 5):
        chosen, costs = set_below(chord, ways, MANNER, lowest=74, highest=74, tone=tone)
        is_doubled = (ways.pitches[chosen] % 12 == tone).any(axis=1)
        assert (costs[is_doubled] >= STRICT).all()
        assert (costs[~is_doubled]).min() < STRICT


def test_no_voice_is_above_the_melody() -> None:
    ways = voicings_of(STYLE.chords[ONE], SATB, MANNER)
    chosen, _ = set_below(STYLE.chords[ONE], ways, MANNER, lowest=60, highest=72, tone=None)
    assert len(chosen)
    assert ways.pitches[chosen].max() <= 60
