from __future__ import annotations

from fractions import Fraction

import pytest

from music21_server.reading.numbers import quantity, whole


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        (" 12 \n", 12),
        ("-2", -2),
        ("+1", 1),
        ("0.5", Fraction(1, 2)),
        (".25", Fraction(1, 4)),
        ("4.", 4),
    ],
)
def test_decimal_numbers_are_exact(text, value):
    assert quantity(text, "a number", -100, 100) == value


@pytest.mark.parametrize(
    "text", ["", "abc", "1e9", "1/3", "nan", "inf", "1_000", "1" * 19, "٣", "0x10", "--1", "."]
)
def test_texts_that_are_not_decimal_numbers_are_refused(text):
    with pytest.raises(ValueError, match="expected a number from -100 to 100, got"):
        quantity(text, "a number", -100, 100)


@pytest.mark.parametrize("text", ["-101", "101", "999999999999999999"])
def test_numbers_out_of_range_are_refused(text):
    with pytest.raises(ValueError, match="from -100 to 100"):
        quantity(text, "a number", -100, 100)


@pytest.mark.parametrize("text", ["1" * 19, "0." + "1" * 19, "." + "1" * 19])
def test_number_of_digits_is_bounded(text):
    with pytest.raises(ValueError, match="expected a number"):
        quantity(text, "a number", 0, 10**30)


def test_whole_number_may_have_a_decimal_point():
    assert whole("4.0", "a number", 0, 10) == 4


def test_fractions_are_not_whole_numbers():
    with pytest.raises(ValueError, match=r"expected a number as a whole number, got '4\.5'"):
        whole("4.5", "a number", 0, 10)


def test_error_quotes_only_the_beginning_of_a_long_number():
    with pytest.raises(ValueError, match=r"got 'x{40}\.\.\.'"):
        quantity("x" * 10_000_000, "a number", 0, 1)
