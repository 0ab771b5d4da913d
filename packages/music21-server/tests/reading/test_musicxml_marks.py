from __future__ import annotations

from fractions import Fraction

import pytest
from lxml import etree

from music21_server.reading.musicxml_marks import (
    Time,
    read_key,
    read_metronome,
    read_time,
    read_transpose,
    tempo,
)


def _time(*pairs):
    inside = "".join(f"<beats>{beats}</beats><beat-type>{kind}</beat-type>" for beats, kind in pairs)
    return etree.fromstring(f"<time>{inside}</time>")


@pytest.mark.parametrize(
    ("pairs", "text", "quarters", "unit"),
    [
        ([("4", "4")], "4/4", 4, 1),
        ([("6", "8")], "6/8", 3, Fraction(1, 2)),
        ([("3", "2")], "3/2", 6, 1),
        ([("3+2", "8")], "3+2/8", Fraction(5, 2), Fraction(1, 2)),
        ([("3", "8"), ("2", "4")], "3/8+2/4", Fraction(7, 2), Fraction(1, 2)),
        ([("3", "128")], "3/128", Fraction(3, 32), Fraction(1, 32)),
    ],
)
def test_times(pairs, text, quarters, unit):
    assert read_time(_time(*pairs)) == Time(text, Fraction(quarters), Fraction(unit))


def test_senza_misura():
    assert read_time(etree.fromstring("<time><senza-misura/></time>")) == Time(
        "senza misura", Fraction(0), Fraction(1)
    )
    assert read_time(etree.fromstring("<time/>")).quarters == 0


@pytest.mark.parametrize(
    "pairs",
    [
        [("x", "4")], [("4", "0")], [("0", "4")], [("4", "-4")], [("4", "2048")], [("1", "4")] * 17,
        [("1000", "4")], [("3+1000", "4")], [("+".join("1" * 17), "4")], [("x" * 1000, "4")],
    ],
)  # fmt: skip
def test_impossible_times_are_refused(pairs):
    with pytest.raises(ValueError, match=r"^expected.{,100}$"):
        read_time(_time(*pairs))


def test_keys():
    assert read_key(etree.fromstring("<key><fifths>-3</fifths><mode>minor</mode></key>")) == (-3, "minor")
    assert read_key(etree.fromstring("<key><fifths>2</fifths></key>")) == (2, "")
    assert read_key(etree.fromstring("<key><key-step>F</key-step><key-alter>1</key-alter></key>")) is None
    for fifths in (-22, 22):
        with pytest.raises(ValueError, match="<fifths> from -21 to 21"):
            read_key(etree.fromstring(f"<key><fifths>{fifths}</fifths></key>"))


@pytest.mark.parametrize(
    ("inside", "interval"),
    [
        ("<diatonic>-1</diatonic><chromatic>-2</chromatic>", (-1, -2)),
        ("<diatonic>-1</diatonic><chromatic>-2</chromatic><octave-change>-1</octave-change>", (-8, -14)),
        ("<chromatic>-9</chromatic>", (-5, -9)),
        ("<chromatic>3</chromatic>", (2, 3)),
        ("<octave-change>-1</octave-change>", (-7, -12)),
    ],
)
def test_transpositions(inside, interval):
    assert read_transpose(etree.fromstring(f"<transpose>{inside}</transpose>")) == interval


@pytest.mark.parametrize(("tag", "most"), [("octave-change", 5), ("chromatic", 60), ("diatonic", 40)])
def test_transpositions_are_bounded(tag, most):
    for number in (-most, most):
        read_transpose(etree.fromstring(f"<transpose><{tag}>{number}</{tag}></transpose>"))
    for number in (-most - 1, most + 1):
        with pytest.raises(ValueError, match=f"<{tag}> from -{most} to {most}"):
            read_transpose(etree.fromstring(f"<transpose><{tag}>{number}</{tag}></transpose>"))


@pytest.mark.parametrize(
    ("inside", "quarters_per_minute"),
    [
        ("<beat-unit>quarter</beat-unit><per-minute>120</per-minute>", 120),
        ("<beat-unit>half</beat-unit><per-minute>60</per-minute>", 120),
        ("<beat-unit>quarter</beat-unit><beat-unit-dot/><per-minute>80</per-minute>", 120),
        ("<beat-unit>quarter</beat-unit><beat-unit-dot/><beat-unit-dot/><per-minute>40</per-minute>", 70),
        ("<beat-unit>quarter</beat-unit><per-minute>ca. 60</per-minute>", None),
        ("<beat-unit>quarter</beat-unit><beat-unit>half</beat-unit>", None),
        ("<beat-unit>fortnight</beat-unit><per-minute>60</per-minute>", None),
    ],
)
def test_metronomes(inside, quarters_per_minute):
    assert read_metronome(etree.fromstring(f"<metronome>{inside}</metronome>")) == quarters_per_minute


@pytest.mark.parametrize("text", [None, "", "allegro", "0", "-3", "inf", "nan", "1e999"])
def test_tempos_that_are_not_positive_numbers_are_ignored(text):
    assert tempo(text) is None
