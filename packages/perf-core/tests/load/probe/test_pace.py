"""The pace of the probe beside any load."""

from __future__ import annotations

import pytest

from perf_core.load.probe.pace import MOST_CALLS, MOST_SHARE, Pace


@pytest.mark.parametrize(
    ("pace", "call_s", "interval_s"),
    [
        # 50 users whose calls take 10 ms make 5000 calls a second.
        (Pace(load_s=60, users=50), 0.01, 1.0),
        # One user who pauses for 3 s between calls of 1 s: 5 % of them are one in 80 s.
        (Pace(load_s=60, users=1, think_time_s=3), 1.0, 80.0),
        (Pace(load_s=60, users=10), 5.0, 10.0),
        # Two hours have 300 calls, not 7200.
        (Pace(load_s=7200, users=50), 0.01, 24.0),
        (Pace(load_s=60, rate_per_s=0.5), 0.01, 40.0),
        (Pace(load_s=60, rate_per_s=200), 30.0, 1.0),
        (Pace(load_s=60, rate_per_s=0), 0.01, 60.0),
        (Pace(load_s=60, users=50, shortest_interval_s=0.2), 0.01, 0.2),
    ],
)
def test_interval(pace: Pace, call_s: float, interval_s: float) -> None:
    assert pace.interval_s(call_s) == pytest.approx(interval_s)


@pytest.mark.parametrize("users", [1, 3, 10, 100])
@pytest.mark.parametrize("call_s", [0.001, 0.2, 3.0])
@pytest.mark.parametrize("load_s", [1.0, 30.0, 7200.0])
def test_probe_adds_at_most_five_percent(users: int, call_s: float, load_s: float) -> None:
    probed = load_s / Pace(load_s, users).interval_s(call_s)
    assert probed <= MOST_SHARE * users * load_s / call_s * 1.001
    assert probed <= MOST_CALLS


@pytest.mark.parametrize(("load_s", "idle_s"), [(1.0, 0.5), (30.0, 3.0), (7200.0, 5.0)])
def test_time_before_the_load_is_bounded(load_s: float, idle_s: float) -> None:
    assert Pace(load_s).idle_s == pytest.approx(idle_s)
