"""Every option changes the result, equal requests give equal results, and invalid requests are refused."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from music21_server.composition.harmonization import harmonize as harmonize_module
from music21_server.composition.harmonization import jazz, part_writing
from music21_server.composition.harmonization.checks import Check, CheckResult, Violation
from music21_server.composition.harmonization.harmonize import Request, generate_harmonization, harmonize
from music21_server.errors import ScoreError
from music21_server.score import codec
from music21_server.score.document import Document
from music21_server.score.entry import Entry
from music21_server.score.limits import Limits
from music21_server.score.table import TIE_START, TIE_STOP, Score
from music21_server.writing.musicxml_writer import write_musicxml

ScoreMaker = Callable[..., Score]
ODE = (
    "E4 E4 F4 G4 G4 F4 E4 D4 C4 C4 D4 E4 E4:1.5 D4:0.5 D4:2 "
    "E4 E4 F4 G4 G4 F4 E4 D4 C4 C4 D4 E4 D4:1.5 C4:0.5 C4:2"
)


def _document(score: Score, request: Request) -> bytes:
    return write_musicxml(harmonize(score, request).score)


def test_each_argument_changes_the_result(melody_score: ScoreMaker) -> None:
    score = melody_score(ODE, "C4 E4 G4 C5")
    requests = [
        Request(),
        *(Request(style=style) for style in ("jazz", "pop", "modal")),
        *(Request(voices=voices) for voices in (2, 3, 5, 6)),
        Request(key="A minor"),
        Request(key="C mixolydian", style="modal"),
        Request(part="2"),
        Request(rhythm="bar"),
        Request(rhythm="half bar"),
        Request(seed=3),
    ]
    assert len({_document(score, request) for request in requests}) == len(requests)


@pytest.mark.parametrize(
    ("style", "numerals", "tenor", "leads"),
    [
        (
            "classical", "I viio6 I IV6 I64 V I6 V I V I IV6 V I IV6 I64 V I6 V I V I",
            "G3 F3 E3 F3 G3 G3 G3 G3 G3 G3 G3 F3 D3 E3 F3 G3 G3 G3 G3 G3 G3 E3", 47.955,
        ),
        (
            "jazz", "Imaj7 ii7 V7 Imaj7 vi7 ii7 V7 Imaj7 vi7 ii7 V7 Imaj7",
            "G3 F3 F3 E3 G3 F3 F3 E3 G3 F3 F3 E3", 21.219,
        ),
        (
            "pop", "I IV V IV I V vi iii IV I IV V I",
            "G3 A3 D3 F3 E3 G3 E3 G3 A3 G3 F3 D3 E3", 43.327,
        ),
        (
            "modal", "I IV6 I V ii I V I V I V I V I IV I V I V I V I",
            "G3 F3 E3 D3 F3 G3 G3 E3 G3 G3 G3 G3 B3 C4 A3 G3 G3 E3 G3 G3 G3 E3", 17.537,
        ),
    ],
)  # fmt: skip
def test_costs_of_a_style_give_exactly_these_chords(
    melody_score: ScoreMaker, style: Any, numerals: str, tenor: str, leads: float
) -> None:
    """A deliberate change of a cost changes these chords or leads; update them then."""
    chords = harmonize(melody_score(ODE), Request(style=style, seed=1)).report.chords
    assert " ".join(chord.numeral for chord in chords) == numerals
    assert " ".join(chord.pitches[1] for chord in chords) == tenor
    assert sum(chord.lead for chord in chords) == pytest.approx(leads, abs=0.01)


@pytest.mark.parametrize("style", ["classical", "jazz", "pop", "modal"])
def test_seeds_choose_among_good_solutions(melody_score: ScoreMaker, style: Any) -> None:
    score = melody_score(ODE)
    documents = [_document(score, Request(style=style, seed=seed)) for seed in (0, 1, 2, 3, 1)]
    assert documents[4] == documents[1]
    assert len(set(documents)) >= 3


@pytest.mark.process
def test_another_process_makes_the_same_score(melody_score: ScoreMaker) -> None:
    score = melody_score(ODE)
    code = (
        "import sys, hashlib\n"
        "from music21_server.score import codec\n"
        "from music21_server.composition.harmonization.harmonize import Request, harmonize\n"
        "from music21_server.writing.musicxml_writer import write_musicxml\n"
        "score = harmonize(codec.decode(sys.stdin.buffer.read()), Request(style='jazz', seed=5)).score\n"
        "print(hashlib.sha256(write_musicxml(score)).hexdigest())"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], input=codec.encode(score), capture_output=True, check=True, timeout=60
    )
    expected = hashlib.sha256(_document(score, Request(style="jazz", seed=5))).hexdigest()
    assert run.stdout.decode().strip() == expected


@pytest.mark.parametrize("voices", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("style", ["classical", "jazz", "pop", "modal"])
def test_the_score_has_the_requested_number_of_voices(
    melody_score: ScoreMaker, voices: int, style: Any
) -> None:
    result = harmonize(melody_score(ODE), Request(style=style, voices=voices))
    table = result.score.notes
    assert len(set(zip(table.part.tolist(), table.voice.tolist(), strict=True))) == voices
    names = ", ".join(part.name for part in result.score.parts).split(", ")
    assert len(names) == voices
    assert len(result.report.voices) == voices - 1
    assert all(len(chord.pitches) == voices for chord in result.report.chords)


def test_the_report_describes_the_score(melody_score: ScoreMaker) -> None:
    result = harmonize(melody_score(ODE, time="4/4", fifths=0), Request(seed=7))
    report = result.report
    assert (report.key, report.key_given, report.seed, report.melody_part) == ("C major", False, 7, "Voice 1")
    assert report.chord_count == len(report.chords)
    assert report.chords[0].position.offset == 0
    assert sum(chord.duration_quarters for chord in report.chords) == 32
    assert all(chord.why.endswith(".") for chord in report.chords)
    last = report.chords[-1]
    assert (last.numeral, last.function) == ("I", "tonic")
    assert last.pitches[0][0] == "C"
    assert not report.violations
    assert not any("key signature" in remark for remark in report.remarks)
    for chord, after in zip(report.chords, report.chords[1:], strict=False):
        assert set(after.common_tones) <= set(chord.pitches) & set(after.pitches)


@pytest.mark.parametrize("pitch", ["C5", "F#4", "B-3"])
@pytest.mark.parametrize("style", ["classical", "jazz", "pop", "modal"])
def test_a_single_note_is_harmonised(melody_score: ScoreMaker, pitch: str, style: Any) -> None:
    report = harmonize(melody_score(f"{pitch}:4"), Request(style=style)).report
    assert report.chord_count == 1
    assert report.chords[0].function == "tonic"


def test_all_voices_rest_with_the_melody(melody_score: ScoreMaker) -> None:
    result = harmonize(melody_score("C5:2 r:2 r:4 D5:2 E5:2"), Request(voices=4)).score
    table = result.notes
    sounding = table.kind == 0
    starts = result.measure_starts[table.measure] + table.onset
    silent = (starts[sounding] >= 96) & (starts[sounding] < 384)
    assert not silent.any()


def test_a_chord_over_a_barline_is_tied(melody_score: ScoreMaker) -> None:
    result = harmonize(melody_score("C5:6 r:2"), Request(voices=3)).score
    table = result.notes
    below = (table.kind == 0) & ((table.part == 1) | (table.voice == 1))
    rows = np.flatnonzero(below)
    assert [(int(table.measure[row]), int(table.tie[row])) for row in rows] == [
        (0, TIE_START), (1, TIE_STOP), (0, TIE_START), (1, TIE_STOP),
    ]  # fmt: skip


def test_a_low_melody_moves_the_other_voices(melody_score: ScoreMaker) -> None:
    result = harmonize(melody_score("C3 D3 E3 F3 G3 F3 D3 C3"), Request())
    assert result.report.voices == ("Alto: G2 to C4", "Tenor: C2 to G3", "Bass: E1 to C3")
    assert any("12 semitones lower" in remark for remark in result.report.remarks)
    assert result.report.is_strict
    high = harmonize(melody_score("C7 D7 E7 F7 G7 F7 D7 C7"), Request())
    assert any("12 semitones higher" in remark for remark in high.report.remarks)


def test_retries_mend_what_the_cheapest_voicings_break(
    random_melody: ScoreMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    score = random_melody(47)
    assert harmonize(score, Request()).report.is_strict
    monkeypatch.setattr(part_writing, "_MOST_VOICINGS", 1)
    monkeypatch.setattr(part_writing, "_RETRIES", ())
    report = harmonize(score, Request()).report
    counts = {check.rule: check.count for check in report.checks if check.count}
    assert counts == {"parallel fifths": 2, "unresolved leading notes or sevenths": 2}
    assert Counter(violation.rule for violation in report.violations) == counts
    assert not report.is_strict


def test_a_violation_makes_the_report_not_strict(
    melody_score: ScoreMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = CheckResult((Check("out of range", 1, True),), (Violation("out of range", "1", 1.0, "Bass"),))
    monkeypatch.setattr(harmonize_module, "check_rules", lambda *_: result)
    report = harmonize(melody_score(ODE), Request()).report
    assert (report.checks, report.violations, report.is_strict) == (result.checks, result.violations, False)


def test_the_report_repeats_the_request(melody_score: ScoreMaker) -> None:
    report = harmonize(melody_score("C4 D4 E4 C4"), Request(style="jazz", rhythm="bar")).report
    assert (report.style, report.harmonic_rhythm, report.source) == ("jazz", "bar", jazz.SOURCE)


def test_remarks(melody_score: ScoreMaker) -> None:
    several = harmonize(melody_score("C4 D4 E4 C4", "C3:4", fifths=0), Request()).report.remarks
    assert several[:-1] == ("The score has 2 parts; Voice 1 was taken as the melody.",)
    unsigned = harmonize(melody_score("D4 E4 F#4 D4"), Request(key="D major"))
    assert unsigned.report.remarks[:-1] == ("The melody has no key signature; that of D major was written.",)
    assert [(key.part, key.fifths) for key in unsigned.score.keys] == [(0, 2), (1, 2)]
    signed = harmonize(melody_score("C4 D4 E4 C4", fifths=-1), Request(key="C major")).score
    assert [(key.part, key.fifths) for key in signed.keys] == [(0, -1), (1, -1)]


@pytest.mark.parametrize(
    ("request_", "problem"),
    [
        (Request(voices=1), "2 to 6 voices"),
        (Request(voices=9), "got 9"),
        (Request(key="H major"), "D dorian"),
        (Request(key="G# major"), "seven sharps"),
        (Request(part="Tuba"), "Voice 1"),
    ],
)
def test_invalid_requests_are_refused(melody_score: ScoreMaker, request_: Request, problem: str) -> None:
    with pytest.raises(ScoreError, match=problem):
        harmonize(melody_score(ODE), request_)


def test_a_melody_without_room_below_it_is_refused(melody_score: ScoreMaker) -> None:
    with pytest.raises(ScoreError, match="goes down to C2: transpose it up"):
        harmonize(melody_score("C2 D2 E2"), Request())


def test_too_many_beats_are_refused(melody_score: ScoreMaker) -> None:
    with pytest.raises(ScoreError, match="4,000 beats"):
        harmonize(melody_score("C4:4 " * 1001), Request())


def test_a_report_lists_at_most_400_chords(melody_score: ScoreMaker) -> None:
    report = harmonize(melody_score("C4 D4 E4 F4 G4 A4 B4 C5 " * 60), Request(voices=2, rhythm="beat")).report
    assert report.chord_count > len(report.chords) == 400


def _entry(score: Score) -> Entry:
    return Entry.from_document(Document("musicxml", write_musicxml(score)), codec.encode(score), {})


def test_a_stored_score_is_harmonised(melody_score: ScoreMaker) -> None:
    result = generate_harmonization(
        (_entry(melody_score(ODE, title="Ode")),), None, Request(style="jazz"), Limits()
    )
    assert result.entry.info["title"] == "Ode, jazz harmony"
    assert result.entry.info["parts"] == 2
    assert result.report["chords"][0]["symbol"].startswith("C")
    again = codec.decode(result.entry.columns)
    assert [symbol.text for symbol in again.chord_symbols] == [
        chord["symbol"] for chord in result.report["chords"]
    ]


def test_a_melody_in_text_is_harmonised(melody_score: ScoreMaker) -> None:
    result = generate_harmonization((), "C4 D4 E4 C4", Request(), Limits())
    tiny = generate_harmonization((), "tinyNotation: 4/4 c4 d e c", Request(), Limits())
    assert result.entry.content_id == tiny.entry.content_id
    for text in ("X:1\nK:C\nCDEF|\n", "four notes", ""):
        with pytest.raises(ScoreError, match="tinyNotation"):
            generate_harmonization((), text, Request(), Limits())


def test_limits_apply_to_the_new_score(melody_score: ScoreMaker) -> None:
    with pytest.raises(ScoreError, match="max_notes"):
        generate_harmonization((_entry(melody_score(ODE)),), None, Request(), replace(Limits(), max_notes=50))
