"""Recurring patterns in a series of numbers."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from music21_server.theory.melody import recurrences as recurrences_module
from music21_server.theory.melody.information_content import information_of
from music21_server.theory.melody.recurrences import Recurrence, recurrences
from music21_server.theory.melody.symbol_series import FORMS, PatternCriteria, Series

_WANTED = PatternCriteria(shortest=3, longest=64, occurrences=2, mirrored=True, most=10)


def _series(*phrases: list[int], starts: list[int] | None = None) -> Series:
    """Return a series of symbols, with a symbol outside any phrase between phrases."""
    symbols = [symbol for phrase in phrases for symbol in [*phrase, 0]]
    remaining = [len(phrase) - at for phrase in phrases for at in range(len(phrase) + 1)]
    start = np.arange(len(symbols)) if starts is None else np.array(starts)
    return Series(np.array(symbols, dtype=np.int64), np.array(remaining, dtype=np.int64), start)


def _facts(result: Recurrence) -> tuple[int, list[int], list[str]]:
    return result.length, result.at.tolist(), [FORMS[form] for form in result.form.tolist()]


def test_a_figure_is_found_in_all_its_forms() -> None:
    figure = [5, -1, 3, 2, -4]
    others = [[-5, 1, -3, -2, 4], [4, -2, -3, 1, -5], [-4, 2, 3, -1, 5]]
    result = recurrences(_series(figure, *others), _WANTED)
    assert _facts(result[0]) == (5, [0, 6, 12, 18], list(FORMS))


def test_unless_mirrored_only_the_prime_form_counts() -> None:
    figure = [5, -1, 3, 2, -4]
    plain = PatternCriteria(3, 64, 2, mirrored=False, most=10)
    assert recurrences(_series(figure, [-symbol for symbol in figure]), plain) == []
    assert _facts(recurrences(_series(figure, figure), plain)[0]) == (5, [0, 6], ["prime", "prime"])


def test_a_pattern_is_listed_once_in_full_length() -> None:
    long = list(np.random.default_rng(1).integers(-7, 8, 120))
    result = recurrences(_series(long, [9, 9, 8], long), _WANTED)
    assert _facts(result[0])[:2] == (120, [0, 125])
    assert len(result) == 1


def test_a_shorter_pattern_that_occurs_more_often_is_listed_too() -> None:
    motif = [5, -1, 3]
    rest = [[7, -6, 2], [-3, 4, 6], [1, 1, -7]]
    theme = [*motif, 2, -4, 6, -2]
    phrases = [theme, theme, *([*motif, *other] for other in rest)]
    result = {(each.length, len(each.at)) for each in recurrences(_series(*phrases), _WANTED)}
    assert (7, 2) in result
    assert (3, 5) in result


def test_simultaneous_occurrences_count_once() -> None:
    figure = [5, -1, 3, 2]
    starts = [*range(5), *range(5), *range(20, 25)]
    two = recurrences(_series(figure, figure, figure, starts=starts), _WANTED)
    assert _facts(two[0])[:2] == (4, [0, 10])
    three = PatternCriteria(3, 64, 3, mirrored=True, most=10)
    assert recurrences(_series(figure, figure, figure, starts=starts), three) == []


def test_simultaneous_mirror_images_count_twice() -> None:
    figure = [5, -1, 3, 2]
    starts = [*range(5), *range(5)]
    result = recurrences(_series(figure, [-symbol for symbol in figure], starts=starts), _WANTED)
    assert _facts(result[0])[2] == ["prime", "inversion"]


def test_scales_and_repeated_notes_are_not_patterns() -> None:
    assert recurrences(_series([1] * 8, [1] * 8, [0] * 8, [0] * 8), _WANTED) == []


def test_occurrences_do_not_overlap() -> None:
    result = recurrences(_series([2, -3, 5] * 8, [7, 8, 9, 11, 12, 13, 14]), _WANTED)
    assert result
    for each in result:
        assert (np.diff(np.sort(each.at)) >= each.length).all()


def test_no_pattern_crosses_phrases() -> None:
    assert recurrences(_series([5, -1], [3, 2], [5, -1], [3, 2]), _WANTED) == []


@pytest.mark.parametrize(("seed", "kinds"), [(1, 2), (2, 2), (3, 4), (4, 12), (5, 12)])
def test_patterns_in_noise_save_few_bits(seed: int, kinds: int) -> None:
    random = np.random.default_rng(seed)
    noise = random.integers(0, kinds, 400).tolist()
    result = recurrences(_series(noise), PatternCriteria(3, 64, 2, mirrored=False, most=50))
    assert max(each.interest for each in result) < 8
    figure = random.integers(0, kinds, 24).tolist()
    noise[50:74] = noise[200:224] = noise[300:324] = figure
    best = recurrences(_series(noise), PatternCriteria(3, 64, 2, mirrored=False, most=50))[0]
    assert best.interest > 8
    assert best.length >= 24
    assert len(best.at) == 3


def test_a_predictable_pattern_is_less_interesting() -> None:
    trill, figure = [1, -1] * 4, [5, -3, 2, 2, -4, 1, -2, 3]
    result = recurrences(_series(*[[*trill, 7, 9 + at] for at in range(4)], *[figure] * 4), _WANTED)
    interest = {each.length: each.interest for each in result}
    assert interest[8] > interest[9] > 0


def test_an_empty_series_has_no_patterns() -> None:
    empty = np.zeros(0, dtype=np.int64)
    assert recurrences(Series(empty, empty, empty), _WANTED) == []


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.integers(-9, 9), min_size=5, max_size=30),
    st.lists(st.lists(st.integers(20, 400), max_size=4, unique=True), min_size=1, max_size=4),
    st.lists(st.sampled_from(FORMS), min_size=1, max_size=4),
    st.integers(0, 2**32 - 1),
)
def test_a_planted_figure_is_found_in_each_form(
    figure: list[int], between: list[list[int]], forms: list[str], seed: int
) -> None:
    assume(len(set(figure)) > 2)
    shapes = {
        "prime": figure,
        "inversion": [-symbol for symbol in figure],
        "retrograde": [-symbol for symbol in reversed(figure)],
        "retrograde inversion": figure[::-1],
    }
    noise = np.random.default_rng(seed).integers(1000, 10**9, (len(forms) + 1, 2)).tolist()
    phrases = [
        [*noise[0], *figure],
        *([*noise[index + 1], *shapes[form]] for index, form in enumerate(forms)),
    ]
    result = recurrences(_series(*phrases), PatternCriteria(3, 64, 2, mirrored=True, most=40))
    covered = np.zeros(sum(len(phrase) + 1 for phrase in phrases), dtype=np.bool_)
    for each in result:
        for at in each.at.tolist():
            covered[at : at + each.length] = True
        windows = [_symbols(phrases)[at : at + each.length] for at in each.at.tolist()]
        for window, form in zip(windows, each.form.tolist(), strict=True):
            assert window == _turned(windows[0], FORMS[form])
    assert _share(covered, phrases) > 0.5


def _symbols(phrases: list[list[int]]) -> list[int]:
    return [symbol for phrase in phrases for symbol in [*phrase, 0]]


def _turned(window: list[int], form: str) -> list[int]:
    sign = -1 if form in ("inversion", "retrograde") else 1
    return [sign * symbol for symbol in (window[::-1] if "retrograde" in form else window)]


def _share(covered: np.ndarray, phrases: list[list[int]]) -> float:  # type: ignore[type-arg]
    """Return the share of the planted figures that is covered."""
    at, inside = 0, []
    for phrase in phrases:
        inside += list(range(at + 2, at + len(phrase)))
        at += len(phrase) + 1
    return float(covered[inside].mean())


@pytest.mark.parametrize("length", [4, 15, 16, 17, 19, 20, 23, 40, 63, 64, 65, 200])
def test_every_length_is_found_exactly(length: int) -> None:
    random = np.random.default_rng(length)
    figure = random.integers(-20, 21, length).tolist()
    result = recurrences(_series(figure, [99, 98], figure, [97, 96], figure), _WANTED)
    assert _facts(result[0])[:2] == (length, [0, length + 4, 2 * length + 8])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("length", [11, 13, 14, 16, 17])
def test_every_length_is_found_exactly_in_each_form(form: str, length: int) -> None:
    figure = np.random.default_rng(length).integers(-20, 21, length).tolist()
    turned = _turned(figure, form)
    result = recurrences(_series([50, *figure, 51], [52, *turned, 53], [54, *figure, 55]), _WANTED)
    assert _facts(result[0]) == (length, [1, length + 4, 2 * length + 7], ["prime", form, "prime"])


def test_a_long_repeat_does_not_crowd_out_a_short_motif(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recurrences_module, "_MOST_PER_LENGTH", 3)
    long = np.random.default_rng(5).integers(-20, 21, 80).tolist()
    motif = [33, -31, 35, 38]
    phrases = [[at + 100, *motif, at + 200] for at in range(3)]
    result = recurrences(_series(*[long] * 6, *phrases), _WANTED)
    assert [(each.length, len(each.at)) for each in result[:2]] == [(80, 6), (4, 3)]


def test_the_candidates_of_each_length_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recurrences_module, "_MOST_PER_LENGTH", 2)
    figures = np.random.default_rng(6).integers(-50, 51, (5, 4)).tolist()
    series = _series(*figures, *figures)
    information = information_of(series)
    lengths = Counter(each[1] for each in recurrences_module._candidates(series, information, _WANTED))
    assert lengths == {4: 2}
