from __future__ import annotations

import pytest

from perf_core.analysis.k6_summary import Window
from perf_core.analysis.server_times import parse_server_timing, server_times, split_of
from perf_core.load.probe.observations import Observations, ProbedCall

LOAD = Window(100.0, 200.0)


def call(
    at_s: float, header: str = "total;dur=20, tool;dur=5", tool: str = "add", **more: object
) -> ProbedCall:
    members = {"total_s": 0.05, "sent_s": 0.004, "head_s": 0.044, "server_timing": header, **more}
    return ProbedCall(tool, at_s, **members)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("header", "durations"),
    [
        ("", {}),
        ("miss", {}),
        ("total;dur=2.5", {"total": 2.5}),
        ("db;dur=53.2, app;dur=47", {"db": 53.2, "app": 47.0}),
        (' cache ; desc="a, b; c" ; dur = 23.2 ,db;DUR="7"', {"cache": 23.2, "db": 7.0}),
        (r'x;desc="say \"a, b\"";dur=1, y;dur=2', {"x": 1.0, "y": 2.0}),
        ("db;dur=1, db;dur=2", {"db": 1.0}),
        ("a;dur=nan, b;dur=-1, c;dur=1e999, d;dur=, e;dur=x, ;dur=3, f;dur=4", {"f": 4.0}),
        ("total;dur=1;dur=9", {"total": 1.0}),
        ('broken;desc="no end;dur=1', {}),
    ],
)
def test_headers_are_read_as_the_standard_says(header: str, durations: dict[str, float]) -> None:
    assert parse_server_timing(header) == durations


def test_a_call_is_split_into_parts_that_sum_up() -> None:
    split = split_of(call(0.0))
    assert split is not None
    assert split.server_s == pytest.approx(0.020)
    assert split.between_s == pytest.approx(0.020)
    assert split.client_s == pytest.approx(0.010)
    assert split.client_s + split.between_s + split.server_s == pytest.approx(split.total_s)
    assert split.parts_s == {"tool": pytest.approx(0.005)}


def test_without_a_total_the_longest_entry_counts() -> None:
    split = split_of(call(0.0, "db;dur=3, app;dur=12"))
    assert split is not None
    assert split.server_s == pytest.approx(0.012)
    assert split.parts_s == {"db": pytest.approx(0.003), "app": pytest.approx(0.012)}


def test_a_server_cannot_have_worked_for_longer_than_the_client_waited() -> None:
    split = split_of(call(0.0, "total;dur=500"))
    assert split is not None
    assert split.server_s == pytest.approx(0.040)
    assert split.between_s == 0.0


@pytest.mark.parametrize("members", [{"header": "miss"}, {"header": ""}, {"total_s": None}, {"head_s": None}])
def test_a_call_without_times_is_not_split(members: dict[str, object]) -> None:
    assert split_of(call(0.0, **members)) is None  # type: ignore[arg-type]


def test_calls_during_the_load_count_by_tool() -> None:
    observations = Observations(
        idle_calls=(call(50.0, "total;dur=1"), call(50.0, "total;dur=1", "rare")),
        calls=(
            call(110.0, "total;dur=10"),
            call(120.0, "total;dur=30"),
            call(130.0, "total;dur=30", problem="no answer"),
            call(300.0, "total;dur=40"),
            call(140.0, "", "silent"),
        ),
    )
    add, rare = server_times(observations, LOAD)
    assert (add.tool, add.calls, add.is_idle) == ("add", 2, False)
    assert add.server_ms.avg == pytest.approx(20.0)
    assert add.client_ms.avg + add.between_ms.avg + add.server_ms.avg == pytest.approx(add.total_ms.avg)
    assert (rare.tool, rare.calls, rare.is_idle) == ("rare", 1, True)


def test_a_server_that_tells_nothing_has_no_times() -> None:
    assert server_times(Observations(idle_calls=(call(50.0, ""),)), LOAD) == ()


def test_only_a_few_parts_are_kept() -> None:
    header = ", ".join(f"part{number};dur=1" for number in range(50))
    (times,) = server_times(Observations(calls=(call(110.0, header),)), LOAD)
    assert len(times.parts_ms) == 8
