"""One work of each collection, from the corpus to the figures."""

import dataclasses

import pytest
from accuracy import OURS, PLAIN, compare_work, table
from agreement import shares
from works import Passage, all_works


def work(name):
    return next(each for each in all_works() if each.name == name)


def test_all_analyses_have_their_scores():
    works = all_works()
    assert [sum(each.collection == name for each in works) for name in ("chorales", "madrigals")] == [20, 48]
    assert sum(each.is_judged for each in works) == 34


def test_a_chorale_agrees_with_its_analysis_for_most_of_the_time():
    comparison = compare_work(work("riemenschneider001"))
    assert comparison.contained > 0.9
    ours, plain = comparison.by[OURS], comparison.by[PLAIN]
    assert ours.compared == plain.compared == pytest.approx(63)
    assert 0.8 < ours.share("degree") <= 1
    assert 0.5 < plain.share("root") <= 1
    figures = {"chorales": {"judged": {name: shares([each]) for name, each in comparison.by.items()}}}
    assert f"{100 * ours.share('degree'):.1f}" in table(figures)


@pytest.mark.parametrize("name", ["riemenschneider014", "riemenschneider015"])
def test_transposed_scores_and_written_out_repeats_are_aligned(name):
    comparison = compare_work(work(name), plain=False)
    assert comparison.contained > 0.9
    assert comparison.by[OURS].share("key") > 0.5


def test_a_score_that_does_not_fit_its_analysis_is_rejected():
    shifted = dataclasses.replace(work("riemenschneider001"), passages=(Passage(0, 99, 2),))
    with pytest.raises(SystemExit, match="of the sounding notes in the analyst's chords"):
        compare_work(shifted, plain=False)
