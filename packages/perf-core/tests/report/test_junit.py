from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace

from perf_core.report import junit
from perf_core.report.wording import plain
from perf_core.results.record import Graded, RunRecord

Sample = Callable[..., RunRecord]


def suite_of(record: RunRecord) -> ET.Element:
    # Bytes, so that the declared encoding is checked too.
    root = ET.fromstring(junit.render(record).encode())  # noqa: S314 - our own output
    assert root.tag == "testsuites"
    (suite,) = root
    return suite


def test_counts_are_those_of_the_cases(any_record: RunRecord) -> None:
    suite = suite_of(any_record)
    cases = suite.findall("testcase")
    assert len(any_record.targets) + 1 <= len(cases) == int(suite.get("tests", ""))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(suite.get(attribute, "")) == len(suite.findall(f"testcase/{tag}"))


def test_each_outcome_has_its_element(sample: Sample) -> None:
    cases = suite_of(sample("hostile")).findall("testcase")[1:]
    # The last one is for the reasons that are about no target.
    assert [case[0].tag for case in cases] == ["system-out", "failure", "skipped", "error", "failure"]


def test_missed_target_says_value_and_target(sample: Sample) -> None:
    suite = suite_of(sample("load"))
    (case,) = [case for case in suite.findall("testcase") if "at 100 VUs" in case.get("name", "")]
    assert case.get("name") == "Tool calls per second at 100 VUs > 1,000/s"
    assert case.get("classname") == suite.get("name") == "load.calculator.session"
    message = case[0].get("message", "")
    assert message.startswith("Tool calls per second at 100 VUs: 8")
    assert message.endswith("/s, target > 1,000/s")


def test_skipped_run_is_a_skipped_case(sample: Sample) -> None:
    record = replace(
        sample("load"), verdict="skipped", reasons=("it answers on the session wire only",), targets=()
    )
    suite = suite_of(record)
    assert [suite.get(name) for name in ("tests", "skipped", "errors", "failures")] == ["1", "1", "0", "0"]
    skipped = suite.find("testcase/skipped")
    assert skipped is not None
    assert skipped.get("message") == "It answers on the session wire only"


def test_validity_is_its_own_test_case(sample: Sample) -> None:
    for name, expected in (
        ("load", None),
        ("saturated", None),
        ("invalid", "invalid"),
        ("interrupted", "interrupted"),
    ):
        case = suite_of(sample(name)).findall("testcase")[0]
        assert case.get("name") == junit.VALIDITY_CASE
        error = case.find("error")
        assert (error.get("type") if error is not None else None) == expected
    error = suite_of(sample("invalid")).find("testcase/error")
    assert error is not None
    assert error.get("message", "").startswith("The server died")
    assert "No metrics came from k6" in (error.text or "")


def test_failure_beside_the_targets_is_a_failed_case(sample: Sample) -> None:
    met = tuple(target for target in sample("load").targets if target.outcome == "met")
    silence = "hold_50: silent for 2.0 s: no call was answered, although calls were offered"
    suite = suite_of(replace(sample("load"), verdict="fail", targets=met, reasons=(silence,)))
    assert suite.get("failures") == "1"
    (failure,) = suite.findall("testcase/failure")
    assert failure.get("message") == failure.text == silence
    (name,) = [case.get("name") for case in suite.findall("testcase") if case.find("failure") is not None]
    assert name == junit.OTHER_FAILURES_CASE


def test_missed_targets_alone_are_no_other_failure(sample: Sample) -> None:
    record = sample("load")
    missed = tuple(t for t in record.targets if t.outcome == "missed")
    reasons = tuple(f"{t.figure}: expected {t.comparison} {t.target:g}, got {t.value:.4g}" for t in missed)
    # A remark on the wire stands after the reasons.
    suite = suite_of(replace(record, reasons=(*reasons, "the server does not offer the session wire")))
    assert suite.get("failures") == str(len(missed))
    assert junit.OTHER_FAILURES_CASE not in {case.get("name") for case in suite.findall("testcase")}


def test_properties_have_the_key_figures(sample: Sample) -> None:
    properties = {
        item.get("name"): item.get("value")
        for item in suite_of(sample("load")).findall("properties/property")
    }
    assert properties["exit_code"] == "99"
    assert properties["verdict"] == "fail"
    assert str(properties["latency_ms.all.p95"]).endswith(" ms")
    assert str(properties["server.rss_peak_mb"]) == "71.3 MB"


def test_any_text_is_escaped(sample: Sample, hostile_text: str) -> None:
    suite = suite_of(sample("hostile"))
    assert suite.get("name") == f"{plain(hostile_text)}.{plain(hostile_text)}.session"
    assert plain(hostile_text) in (suite.findall("testcase")[2][0].text or "")


def test_timestamp_has_neither_zone_nor_fraction(sample: Sample) -> None:
    assert suite_of(sample("load")).get("timestamp") == "2026-03-02T10:15:00"


def test_grades_are_properties(sample: Sample) -> None:
    graded = (Graded("Success rate", "success_percent", ">=", (90, 95, 99), 97.0, "good"),)
    properties = suite_of(replace(sample("load"), grades=graded)).findall("properties/property")
    assert {each.get("name"): each.get("value") for each in properties}["grade.success_percent"] == "good"
