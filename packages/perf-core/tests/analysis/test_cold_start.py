"""Starts become figures of each step, apart for warm and cold ones; disturbed starts make them bounds."""

from dataclasses import replace

import pytest

from perf_core.analysis.cold_start import Start, figures_of, health_of

WARM = Start("warm", 0, 0.5, 0.52, 0.53, 0.55, cpu_s=0.4, rss_mb=80.0, processes=1, read_mb=0.0)
ON_STDIO = replace(WARM, listening_s=None)


def test_a_step_takes_from_the_end_of_the_one_before() -> None:
    assert WARM.took_s("listening") == 0.5
    assert WARM.took_s("initialize") == pytest.approx(0.02)
    assert WARM.took_s("tools_list") == pytest.approx(0.01)
    assert WARM.took_s("first_call") == pytest.approx(0.02)
    assert WARM.ready_s == 0.55


def test_on_stdio_the_handshake_takes_from_the_start_of_the_process() -> None:
    assert ON_STDIO.took_s("listening") is None
    assert ON_STDIO.took_s("initialize") == 0.52


def test_without_a_call_a_server_is_ready_with_its_tools() -> None:
    start = replace(WARM, first_call_s=None)
    (figures,) = figures_of([start, start])
    assert figures.ready_s[0].value == 0.53
    assert [each.step for each in figures.steps] == ["listening", "initialize", "tools_list"]


def test_warm_and_cold_starts_have_figures_of_their_own() -> None:
    cold = [replace(WARM, cache="cold", round=n, first_call_s=1.0 + n / 100, read_mb=30.0) for n in range(20)]
    warm = [replace(WARM, round=n, first_call_s=0.55 + n / 1000) for n in range(20)]
    first, second = figures_of([*cold, *warm])
    assert (first.cache, first.starts, first.read_mb) == ("warm", 20, 0.0)
    assert (second.cache, second.starts, second.read_mb) == ("cold", 20, 30.0)
    median, p95 = second.ready_s
    assert (median.low, median.value, median.high) == pytest.approx((1.05, 1.095, 1.14))
    assert (p95.value, p95.high) == (pytest.approx(1.1805), None)
    assert second.longest_s == pytest.approx(1.19)
    assert second.cpu_s is not None
    assert second.cpu_s[0].value == 0.4


def test_starts_on_a_busy_machine_are_only_bounds() -> None:
    quiet = replace(WARM, wait_share=0.3, others_share=0.0)
    busy = replace(WARM, wait_share=0.3, others_share=0.4)
    assert health_of([quiet] * 20) == ("sound", ())
    state, (reason,) = health_of([quiet] * 18 + [busy] * 2)
    assert state == "bounded"
    assert reason.startswith("in 2 of 20 starts the server waited for a CPU")
    assert health_of([quiet] * 19 + [busy])[0] == "sound", "one in twenty moves no p95"


def test_health_is_unknown_without_counters() -> None:
    assert health_of([WARM]) == ("unknown", ())
