"""Tests of the verdict: which differences count."""

from __future__ import annotations

from verdicts import Outcome, Outcomes, Verdict, bad, differing, judge

PASSED = Outcome("passed", "", 3, 1)
FAILED = Outcome("failed", "AssertionError: assert 1 == 2", 2, 2)
SKIPPED = Outcome("skipped", "Skipped: needs Windows")
UNCOLLECTED = Outcome("uncollected", "ModuleNotFoundError: No module named 'x'")


def judged(
    with_lane: Outcomes,
    without: Outcomes,
    again: Outcomes | None = None,
    again_without: Outcomes | None = None,
    listed: tuple[str, ...] = (),
) -> Verdict:
    return judge(with_lane, without, again or {}, again_without or {}, listed)


def test_a_test_that_fails_with_the_lane_only_is_unexplained() -> None:
    verdict = judged({"a": FAILED}, {"a": PASSED}, {"a": FAILED}, {"a": PASSED})
    assert verdict.unexplained == {"a": "AssertionError: assert 1 == 2"}
    assert verdict.unsteady == verdict.expected == verdict.fail_anyway == ()


def test_a_test_that_fails_without_the_lane_as_well_says_nothing() -> None:
    verdict = judged({"a": FAILED}, {"a": FAILED})
    assert verdict.fail_anyway == ("a",)
    assert verdict.unexplained == {}


def test_a_difference_that_does_not_occur_again_is_unsteady() -> None:
    for again, again_without in (({"a": PASSED}, {"a": PASSED}), ({"a": FAILED}, {"a": FAILED})):
        verdict = judged({"a": FAILED}, {"a": PASSED}, again, again_without)
        assert verdict.unsteady == ("a",)
        assert verdict.unexplained == {}


def test_a_skipped_test_does_not_differ_from_a_failed_one_without_the_lane() -> None:
    assert differing({"a": SKIPPED}, {"a": FAILED}) == []


def test_a_test_that_is_skipped_without_the_lane_differs_if_it_fails_with_it() -> None:
    assert differing({"a": FAILED}, {"a": SKIPPED}) == ["a"]


def test_a_listed_difference_is_expected() -> None:
    verdict = judged({"a": FAILED}, {"a": PASSED}, {"a": FAILED}, {"a": PASSED}, ("a",))
    assert verdict.expected == ("a",)
    assert verdict.unexplained == {}
    assert verdict.stale == ()


def test_a_listed_test_that_passes_fails_anyway_or_is_missing_is_stale() -> None:
    verdict = judged({"a": PASSED, "b": FAILED}, {"b": FAILED}, listed=("c", "b", "a"))
    assert verdict.stale == ("a", "b", "c")


def test_a_module_that_only_the_lane_keeps_from_being_imported_differs() -> None:
    verdict = judged({"m.py": UNCOLLECTED}, {"m.py::t": PASSED}, {"m.py": UNCOLLECTED}, {"m.py::t": PASSED})
    assert verdict.unexplained == {"m.py": UNCOLLECTED.message}


def test_a_module_that_cannot_be_imported_at_all_is_reported_apart() -> None:
    verdict = judged({"m.py": UNCOLLECTED}, {"m.py": UNCOLLECTED})
    assert verdict.uncollected == ("m.py",)
    assert verdict.fail_anyway == ()
    assert bad({"m.py": UNCOLLECTED, "a": PASSED}) == ["m.py"]


def test_figures_count_tests_and_requests() -> None:
    with_lane = {
        "a": PASSED,
        "b": SKIPPED,
        "c": FAILED,
        "d": Outcome("xfailed"),
        "e": Outcome("passed", "", 1, 1),
    }
    verdict = judged(with_lane, {"c": FAILED})
    assert (verdict.passed, verdict.left_out, verdict.through_lane) == (2, 2, 1)
    assert (verdict.requests, verdict.answered) == (6, 2)
