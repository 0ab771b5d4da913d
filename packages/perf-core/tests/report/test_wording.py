from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_core.report.wording import (
    DASH,
    duration,
    figure_level,
    figure_value,
    figure_wording,
    plain,
    sentence,
    significant,
    trimmed,
    value_label,
)


@pytest.mark.parametrize(
    ("name", "words", "unit"),
    [
        ("latency_ms.all.p95", "p95 latency, all tools", "ms"),
        ("latency_ms.add.p99", "p99 latency of add", "ms"),
        ("latency_ms.music.key.avg", "average latency of music.key", "ms"),
        ("session_creation_ms.p95", "p95 session creation", "ms"),
        ("journey_ms.import_and_key.med", "median duration of journey import_and_key", "ms"),
        ("kinds_ms.add.large.p95", "p95 latency of add, large arguments", "ms"),
        ("protocol_ms.tools/list.max", "longest latency of tools/list", "ms"),
        ("tool_calls_per_s", "tool calls per second", "/s"),
        ("tool_calls_per_s@hold_100", "tool calls per second at 100 VUs", "/s"),
        ("latency_ms.all.p95@recovery_2", "p95 latency, all tools in stage recovery_2", "ms"),
        ("error_rate", "error rate", "%"),
        ("stress.vus_carried", "virtual users carried within the limits", "VUs"),
        ("server.rss_slope_mb_per_h", "memory growth of the server", "MB/h"),
        ("server.uptime_percent", "uptime", "%"),
        ("spike.recovery_s", "recovery after a spike", "s"),
        ("endurance.latency_drift", "drift of the median latency", "%"),
        ("server.cpu_us_per_call", "server CPU per call", "\N{MICRO SIGN}s"),
        ("sessions_left", "sessions left open on the server", ""),
        ("errors.wrong_answer", "errors: wrong answer", ""),
        ("errors.of_a_new_class", "errors: of_a_new_class", ""),
    ],
)
def test_documented_names_have_words_and_a_unit(name: str, words: str, unit: str) -> None:
    wording = figure_wording(name)
    assert (wording.words, wording.unit) == (words, unit)


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("something_new", ""),
        ("cache.miss_ms", "ms"),
        ("x_mb_per_h", "MB/h"),
        ("latency_ms.p95", ""),
        ("", ""),
    ],
)
def test_other_names_are_shown_as_they_are(name: str, unit: str) -> None:
    assert (figure_wording(name).words, figure_wording(name).unit) == (name, unit)


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("latency_ms.all.p95", 12.345, "12.3 ms"),
        ("latency_ms.all.p95", 1234.5, "1,230 ms"),
        ("tool_calls_per_s", 11_234.0, "11,200/s"),
        ("error_rate", 0.00123, "0.123 %"),
        ("error_rate", 0.0002, "0.02 %"),
        ("error_rate", 0.0, "0 %"),
        ("error_rate", 1.0, "100 %"),
        ("stress.vus_carried", 300.0, "300 VUs"),
        ("server.uptime_percent", 99.9947, "99.99 %"),
        ("server.uptime_percent", 100.0, "100 %"),
        ("server.rss_slope_mb_per_h", -0.0823, "-0.0823 MB/h"),
        ("sessions_left", 12_345.0, "12,345"),
        ("latency_ms.all.p95", None, DASH),
        ("latency_ms.all.p95", math.nan, DASH),
        ("latency_ms.all.p95", math.inf, DASH),
    ],
)
def test_values_are_rounded_for_people(name: str, value: float | None, text: str) -> None:
    assert figure_value(name, value) == text


def test_levels_are_shown_as_they_were_set() -> None:
    assert figure_level("error_rate", 0.001) == "0.1 %"
    assert figure_level("error_rate", 0.0005) == "0.05 %"
    assert figure_level("tool_calls_per_s@hold_100", 1000) == "> 1,000/s".removeprefix("> ")
    assert figure_level("server.uptime_percent", 99.99) == "99.99 %"


def test_missed_target_is_never_shown_as_met() -> None:
    assert figure_value("latency_ms.all.p95", 100.04, (100.0,)) == "100.04 ms"
    assert figure_value("latency_ms.all.p95", 99.96, (100.0, None)) == "99.96 ms"
    assert figure_value("error_rate", 0.0010004, (0.001,)) == "0.10004 %"


@given(
    st.floats(min_value=1e-3, max_value=1e6),
    st.floats(min_value=1e-3, max_value=1e6),
    st.sampled_from(["latency_ms.all.p95", "tool_calls_per_s", "server.rss_slope_mb_per_h"]),
)
def test_rounded_value_stays_on_its_side_of_the_level(value: float, level: float, name: str) -> None:
    shown = float(figure_value(name, value, (level,)).replace(",", "").rstrip(" msMB/h"))
    # Two doubles may differ beyond the 15 digits that are ever shown.
    if not math.isclose(value, level, rel_tol=1e-13):
        assert (shown < level) == (value < level)


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12))
def test_three_significant_digits_are_kept(number: float) -> None:
    text = significant(number)
    assert float(text.replace(",", "")) == pytest.approx(number, rel=0.005)
    assert "nan" not in text


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.0, "0"), (9.996, "10.0"), (999.6, "1,000"), (0.00012345, "0.000123"), (1e-9, "1.00e-09")],
)
def test_rounding_at_the_edges_of_a_magnitude(number: float, text: str) -> None:
    assert significant(number) == text


@pytest.mark.parametrize("number", [None, math.nan, math.inf, -math.inf])
def test_missing_number_is_a_dash(number: float | None) -> None:
    assert significant(number) == DASH


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(4.2, "4.2 s"), (30, "30 s"), (303, "5 min 3 s"), (300, "5 min"), (7800, "2 h 10 min"), (7200, "2 h")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
    assert duration(math.nan) == DASH


def test_plain_text_has_no_control_characters() -> None:
    text = plain("a\x1b[31m\x00\r\nb\u202ec\ud800 ")
    assert text == "a\ufffd[31m\ufffd b\ufffdc\ufffd"
    assert text.encode()


def test_sentence_does_not_capitalize_names() -> None:
    assert sentence("no answer") == "No answer"
    assert sentence("p95 latency") == "p95 latency"
    assert sentence("error_rate is 1") == "error_rate is 1"
    assert sentence("") == ""


def test_trimmed_changes_only_decimals() -> None:
    assert [trimmed(text) for text in ("0.0200", "1,000", "10.0", "7")] == ["0.02", "1,000", "10", "7"]


def test_value_labels_do_not_repeat_the_unit() -> None:
    assert value_label("knee_vus") == "knee"
    assert value_label("first_failure_s") == "first failure"
    assert value_label("error_rate") == "error rate"
