"""Overview of a score."""

from __future__ import annotations

import pytest

from music21_server.reading.musicxml import read_musicxml
from music21_server.score.limits import Limits
from music21_server.theory.analyses.overview import ScoreInformation, information

NOTE = "<note><pitch><step>{}</step><octave>{}</octave></pitch><duration>{}</duration></note>"
REST = "<note><rest/><duration>{}</duration></note>"
TEMPO = '<direction><direction-type><words>x</words></direction-type><sound tempo="{}"/></direction>'
ATTRIBUTES = (
    "<attributes><divisions>1</divisions><key><fifths>{}</fifths></key>"
    "<time><beats>{}</beats><beat-type>4</beat-type></time>{}</attributes>"
)
CLARINET = "<transpose><diatonic>-1</diatonic><chromatic>-2</chromatic></transpose>"


def overview(parts: dict[str, list[str]], first_number: int = 1) -> ScoreInformation:
    names = "".join(f'<score-part id="{each}"><part-name>{each}</part-name></score-part>' for each in parts)
    music = "".join(
        f'<part id="{name}">'
        + "".join(
            f'<measure number="{number}">{bar}</measure>' for number, bar in enumerate(bars, first_number)
        )
        + "</part>"
        for name, bars in parts.items()
    )
    text = f"<score-partwise><part-list>{names}</part-list>{music}</score-partwise>"
    return information(read_musicxml(text.encode(), Limits()))


def test_counts_and_ranges_are_given_at_written_and_sounding_pitch() -> None:
    result = overview(
        {
            "Flute": [ATTRIBUTES.format(0, 4, "") + NOTE.format("C", 5, 2) + NOTE.format("B", 5, 2)],
            "Clarinet": [ATTRIBUTES.format(2, 4, CLARINET) + NOTE.format("D", 4, 3) + REST.format(1)],
            "Tacet": [REST.format(4)],
        }
    )
    flute, clarinet, tacet = result.parts
    assert (flute.name, flute.notes, flute.lowest_written, flute.highest_sounding) == ("Flute", 2, "C5", "B5")
    assert (clarinet.lowest_written, clarinet.lowest_sounding) == ("D4", "C4")
    assert clarinet.transposition_semitones == -2
    assert (tacet.notes, tacet.lowest_written, tacet.highest_sounding) == (0, None, None)
    assert (result.notes, result.rests, result.lowest_sounding, result.highest_sounding) == (3, 2, "C4", "B5")
    assert [each.text for each in result.key_signatures] == [
        "no sharps or flats"
    ]  # the flute's, which sounds as written


def test_a_pickup_is_the_end_of_a_full_bar() -> None:
    result = overview(
        {
            "Voice": [
                ATTRIBUTES.format(-1, 3, "") + NOTE.format("C", 4, 1),
                NOTE.format("D", 4, 3),
                NOTE.format("E", 4, 2),
            ]
        },
        first_number=0,
    )
    assert (result.measures, result.first_measure, result.last_measure) == (3, "0", "2")
    assert result.duration_quarters == 6
    assert result.key_signatures[0].text == "1 flat"
    assert (result.time_signatures[0].text, result.time_signatures[0].beat) == ("3/4", 3)


def test_the_duration_in_seconds_follows_the_tempos() -> None:
    bars = [
        ATTRIBUTES.format(0, 4, "") + NOTE.format("C", 4, 4),  # 120 by default: 2 s
        TEMPO.format(60) + NOTE.format("C", 4, 4),  # 4 s
        NOTE.format("C", 4, 2) + TEMPO.format(240) + NOTE.format("C", 4, 2),  # 2 s and 0.5 s
    ]
    result = overview({"Voice": bars, "Other": bars})
    assert result.duration_s == pytest.approx(8.5)
    assert [(each.measure, each.beat, each.quarters_per_minute) for each in result.tempos] == [
        ("2", 1, 60),
        ("3", 3, 240),
    ]


def test_only_changes_of_signature_are_listed() -> None:
    result = overview(
        {
            "Voice": [
                ATTRIBUTES.format(0, 4, "") + NOTE.format("C", 4, 4),
                ATTRIBUTES.format(0, 4, "") + NOTE.format("C", 4, 4),
                ATTRIBUTES.format(3, 2, "") + NOTE.format("C", 4, 2),
            ]
        }
    )
    assert [(each.measure, each.text) for each in result.time_signatures] == [("1", "4/4"), ("3", "2/4")]
    assert [(each.measure, each.text) for each in result.key_signatures] == [
        ("1", "no sharps or flats"),
        ("3", "3 sharps"),
    ]
