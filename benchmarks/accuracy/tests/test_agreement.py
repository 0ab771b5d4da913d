import pytest
from agreement import agreement, contained, interval, shares
from labels import label
from timeline import Annotation, Span

TICKS = 4


def span(start, end, numeral, *, tonic=0, mode="major", root=0, chord=()):
    return Span(start * TICKS, end * TICKS, Annotation(label(numeral, tonic, mode), root, frozenset(chord)))


def compare(human, answer, sounding=((0, 8 * TICKS),)):
    return agreement(human, answer, list(sounding), TICKS)


def test_each_measure_counts_its_own_agreement():
    human = [span(0, 4, "I"), span(4, 8, "V65", root=7)]
    answer = [span(0, 2, "I"), span(2, 4, "I6"), span(4, 6, "V7", root=7), span(6, 8, "I", tonic=7, root=7)]
    result = compare(human, answer)
    assert result.compared == 8
    assert dict(result.agreed) == {"key": 6, "root": 8, "degree": 6, "figure": 2}
    assert result.share("degree") == 0.75


def test_another_mode_is_another_key():
    assert compare([span(0, 8, "I")], [span(0, 8, "I", mode="minor")]).agreed["key"] == 0


def test_only_sounding_and_annotated_time_is_compared():
    result = compare([span(2, 6, "I")], [span(0, 8, "I")], [(0, 3 * TICKS), (5 * TICKS, 8 * TICKS)])
    assert result.compared == 2
    assert result.agreed["figure"] == 2


def test_time_without_an_answer_does_not_agree():
    result = compare([span(0, 8, "I")], [span(0, 2, "I")])
    assert (result.compared, result.agreed["key"]) == (8, 2)


def test_shares_are_also_computed_without_applied_chords():
    human = [span(0, 4, "V7/V", root=2), span(4, 8, "V", root=7)]
    answer = [span(0, 4, "II7", root=2), span(4, 8, "V", root=7)]
    result = compare(human, answer)
    assert result.share("degree") == 0.5
    assert (result.unapplied, result.share_unapplied("degree")) == (4, 1.0)
    assert compare(human, [span(0, 4, "V7/V", root=2), *answer[1:]]).share("figure") == 1.0


def test_an_empty_numeral_agrees_with_nothing():
    result = compare([span(0, 8, "")], [span(0, 8, "")])
    assert (result.agreed["degree"], result.agreed["figure"]) == (0, 0)


def test_macro_weighs_works_equally_and_micro_by_duration():
    long = compare([span(0, 8, "I")], [span(0, 8, "I")])
    short = compare([span(0, 2, "I")], [span(0, 2, "V", root=7)])
    result = shares([long, short])
    assert (result.works, result.quarters) == (2, 10)
    assert result.macro["degree"] == 0.5
    assert result.micro["degree"] == 0.8
    assert result.macro["key"] == result.micro["key"] == 1.0


def test_the_interval_of_a_mean_narrows_with_the_number_of_works():
    few, many = (interval([10.0, 20.0, 30.0] * times) for times in (1, 30))
    assert few[0] < many[0] < 20 < many[1] < few[1]
    assert interval([5.0, 5.0]) == (5, 5)


def test_no_works_have_a_share_of_zero():
    assert shares([]).macro["key"] == 0.0


def test_contained_is_the_share_of_sounding_notes_in_the_chords():
    human = [span(0, 4, "I", chord=(0, 4, 7))]
    notes = [(0, 8, frozenset({0, 4})), (8, 16, frozenset({0, 2})), (16, 32, frozenset({1}))]
    assert contained(human, notes) == pytest.approx(0.75)
