"""Two records side by side: directions, bars, what is not judged, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from perf_core.comparison.records import POINT_ESTIMATE, RecordComparison, Row, compare_records
from perf_core.errors import NotComparable
from perf_core.results.record import Latency, MemoryTrend, Metrics, RunRecord, Series, ServerUse, Trend

if TYPE_CHECKING:
    from conftest import Build

MANIFEST: dict[str, Any] = {
    "machine": {
        "cpu": "Example CPU",
        "cpus": 2,
        "memory_mb": 8000,
        "system": "Linux 6.1",
        "architecture": "x86_64",
        "load_before": 0.4,
    },
    "versions": {"perf_core": "0.1.0", "python": "3.11.2", "k6": "k6 v1.1.0", "adapter": "adder 1.2"},
    "server": {"name": "adder", "version": "1.2"},
    "plan": {
        "shape": "load",
        "settings": {"time_scale": 1.0, "duration_s": None, "vus": None, "think_time_s": 0.0, "seed": 1},
        "journeys": {"mix": 20000},
    },
    "commit": {"hash": "0123456789abcdef", "dirty": False},
    "command": ["perf-core", "run", "load"],
}


def with_manifest(record: RunRecord, *path: str, value: Any) -> RunRecord:
    """Return the record with one value of its manifest changed; None takes the key away."""

    def changed(part: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
        if len(keys) > 1:
            return {**part, keys[0]: changed(part[keys[0]], keys[1:])}
        kept = {key: item for key, item in part.items() if key != keys[0]}
        return kept if value is None else {**kept, keys[0]: value}

    return replace(record, manifest=changed(dict(record.manifest), path))


@pytest.fixture(scope="module")
def record(build: type[Build]) -> RunRecord:
    return RunRecord(
        run_id="20250101T000000Z-load-adder-session",
        scenario="load",
        target="adder",
        wire="session",
        started_at="2025-01-01T00:00:00.000+00:00",
        duration_s=25.0,
        verdict="pass",
        reasons=(),
        exit_code=0,
        metrics=build.metrics(session_creation_ms=build.latency(20.0, 100)),
        server=ServerUse(
            MemoryTrend(50.0, 80.0, 70.0), 2.0, 400.0, Trend(9, 12, 9), Trend(3, 3, 3), processes=1
        ),
        generator=build.generator(),
        targets=(),
        stages=(build.stage("ramp_10", 0, 5), build.stage("hold_10", 5, 25)),
        findings=(),
        series=Series(1.0, {}, {}),
        manifest=MANIFEST,
    )


def metrics_of(record: RunRecord) -> Metrics:
    assert record.metrics is not None
    return record.metrics


def with_metrics(record: RunRecord, **changes: Any) -> RunRecord:
    return replace(record, metrics=replace(metrics_of(record), **changes))


def with_latency(record: RunRecord, tool: str, **changes: Any) -> RunRecord:
    latency = metrics_of(record).latency_ms
    return with_metrics(record, latency_ms={**latency, tool: replace(latency[tool], **changes)})


def with_server(record: RunRecord, **changes: Any) -> RunRecord:
    assert record.server is not None
    return replace(record, server=replace(record.server, **changes))


def with_saturated(record: RunRecord) -> RunRecord:
    assert record.generator is not None
    return replace(record, generator=replace(record.generator, saturated=True))


def row_of(comparison: RecordComparison, figure: str) -> Row:
    (found,) = (row for row in comparison.rows if row.figure == figure)
    return found


def verdicts(comparison: RecordComparison) -> dict[str, str]:
    return {row.figure: row.verdict for row in comparison.rows if row.verdict != "same"}


# --- figures ---


def test_every_figure_has_its_row(record: RunRecord) -> None:
    found = compare_records(record, record)
    assert [(row.figure, row.unit, row.direction, row.bar) for row in found.rows] == [
        ("tool_calls_per_s", "/s", "higher", 0.1),
        ("error_rate", "share", "lower", 0.001),
        ("latency_ms.all.med", "ms", "lower", 0.1),
        ("latency_ms.all.p95", "ms", "lower", 0.1),
        ("latency_ms.all.p99", "ms", "lower", 0.1),
        ("latency_ms.add.p95", "ms", "lower", 0.1),
        ("session_creation_ms.p95", "ms", "lower", 0.1),
        ("server.cpu_us_per_call", "µs", "lower", 0.05),
        ("server.rss_peak_mb", "MB", "lower", 0.1),
        ("latency_ms.all.p95@hold_10", "ms", "lower", 0.1),
    ]
    assert verdicts(found) == {}
    assert found.verdict == "same"


Change = Callable[[RunRecord, float], RunRecord]

CHANGES: dict[str, tuple[Change, float]] = {
    "tool_calls_per_s": (lambda r, f: with_metrics(r, tool_calls_per_s=100.0 * f), 0.1),
    "latency_ms.all.med": (lambda r, f: with_latency(r, "all", med=5.0 * f), 0.1),
    "latency_ms.all.p95": (lambda r, f: with_latency(r, "all", p95=10.0 * f), 0.1),
    "latency_ms.all.p99": (lambda r, f: with_latency(r, "all", p99=20.0 * f), 0.1),
    "latency_ms.add.p95": (lambda r, f: with_latency(r, "add", p95=10.0 * f), 0.1),
    "server.cpu_us_per_call": (lambda r, f: with_server(r, cpu_us_per_call=400.0 * f), 0.05),
    "server.rss_peak_mb": (lambda r, f: with_server(r, rss_mb=MemoryTrend(1.0, 80.0 * f, 1.0)), 0.1),
    "session_creation_ms.p95": (
        lambda r, f: with_metrics(
            r,
            session_creation_ms=replace(metrics_of(r).session_creation_ms or Latency(*[0] * 8), p95=20.0 * f),
        ),
        0.1,
    ),
    "latency_ms.all.p95@hold_10": (
        lambda r, f: replace(
            r, stages=(replace(r.stages[1], latency_ms=replace(r.stages[1].latency_ms, p95=10.0 * f)),)
        ),
        0.1,
    ),
}


@pytest.mark.parametrize("figure", CHANGES)
def test_a_figure_moves_past_its_bar_in_its_own_direction(record: RunRecord, figure: str) -> None:
    change, bar = CHANGES[figure]
    rise, fall = ("better", "worse") if figure == "tool_calls_per_s" else ("worse", "better")
    for factor, expected in (
        (1 + bar + 0.001, rise),
        (1 + bar - 0.001, "same"),
        (1 / (1 + bar) + 0.001, "same"),
        (1 / (1 + bar) - 0.001, fall),
    ):
        found = compare_records(record, change(record, factor))
        assert row_of(found, figure).verdict == expected
        assert row_of(found, figure).ratio == pytest.approx(factor)
        assert found.verdict == expected
        assert set(verdicts(found)) <= {figure}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (0.0, 0.0, "same"),
        (0.0, 0.001, "same"),
        (0.0012, 0.0022, "same"),  # a little more than 0.001 in binary
        (0.002, 0.003, "same"),
        (0.0, 0.0011, "worse"),
        (0.5, 0.502, "worse"),
        (0.003, 0.002, "same"),
        (0.0011, 0.0, "better"),
        (1.0, 0.0, "better"),
    ],
)
def test_error_rates_are_compared_by_difference(
    record: RunRecord, before: float, after: float, expected: str
) -> None:
    found = compare_records(with_metrics(record, error_rate=before), with_metrics(record, error_rate=after))
    row = row_of(found, "error_rate")
    assert (row.verdict, found.verdict) == (expected, expected)
    assert row.ratio is None
    assert row.difference == pytest.approx(after - before)


def test_one_worse_figure_outweighs_all_better_ones(record: RunRecord) -> None:
    after = with_server(with_latency(record, "all", med=1.0, p95=2.0), cpu_us_per_call=500.0)
    found = compare_records(record, after)
    assert found.verdict == "worse"
    assert sorted(verdicts(found).values()) == ["better", "better", "worse"]


MIRROR = {"worse": "better", "better": "worse"}
FACTORS = st.floats(0.2, 5.0)


@given(figure=st.sampled_from(sorted(CHANGES)), factor=FACTORS)
def test_b_beside_a_mirrors_a_beside_b(record: RunRecord, figure: str, factor: float) -> None:
    change, bar = CHANGES[figure]
    # On the bar itself rounding decides.
    assume(min(abs(factor - (1 + bar)), abs(factor * (1 + bar) - 1)) > 1e-9)
    other = change(record, factor)
    there, back = compare_records(record, other), compare_records(other, record)
    assert back.verdict == MIRROR.get(there.verdict, there.verdict)
    for row, mirrored in zip(there.rows, back.rows, strict=True):
        assert mirrored.verdict == MIRROR.get(row.verdict, row.verdict)


# --- not judged ---


def test_figure_of_one_run_alone_is_listed(record: RunRecord, build: type[Build]) -> None:
    latency = metrics_of(record).latency_ms
    before = with_metrics(record, latency_ms={**latency, "old": latency["add"]})
    after = with_metrics(record, latency_ms={**latency, "new": latency["add"]}, session_creation_ms=None)
    after = replace(after, server=None, stages=(*after.stages, build.stage("hold_20", 25, 45)))
    found = compare_records(before, after)
    reasons = {row.figure: row.reason for row in found.rows if row.verdict == "not judged"}
    assert reasons == {
        "latency_ms.old.p95": "only before",
        "latency_ms.new.p95": "only after",
        "session_creation_ms.p95": "only before",
        "server.cpu_us_per_call": "only before",
        "server.rss_peak_mb": "only before",
        "latency_ms.all.p95@hold_20": "only after",
    }
    row = row_of(found, "latency_ms.new.p95")
    assert (row.before, row.after, row.ratio) == (None, 10.0, None)
    assert found.verdict == "same"


def test_figure_that_neither_has_is_left_out(record: RunRecord) -> None:
    bare = with_metrics(replace(record, server=None), session_creation_ms=None)
    assert {row.figure for row in compare_records(bare, bare).rows}.isdisjoint(
        {"session_creation_ms.p95", "server.cpu_us_per_call"}
    )


@pytest.mark.parametrize("after", [0.0, 5.0])
def test_zero_has_no_ratio(record: RunRecord, after: float) -> None:
    found = compare_records(
        with_server(record, cpu_us_per_call=0.0), with_server(record, cpu_us_per_call=after)
    )
    row = row_of(found, "server.cpu_us_per_call")
    assert (row.verdict, row.ratio) == ("not judged", None)
    assert "zero" in row.reason


def test_server_that_answers_nothing_any_more_is_worse(record: RunRecord) -> None:
    found = compare_records(record, with_metrics(record, tool_calls_per_s=0.0))
    assert row_of(found, "tool_calls_per_s").verdict == "worse"


@pytest.mark.parametrize(
    ("count", "judged"), [(1000, {"med", "p95", "p99"}), (999, {"med", "p95"}), (19, set())]
)
def test_percentile_needs_ten_samples_beyond_it(record: RunRecord, count: int, judged: set[str]) -> None:
    found = compare_records(record, with_latency(record, "all", count=count))
    rows = [row_of(found, f"latency_ms.all.{statistic}") for statistic in ("med", "p95", "p99")]
    assert {row.figure.rpartition(".")[2] for row in rows if row.verdict == "same"} == judged
    assert all(f"1000 came before, {count} after" in row.reason for row in rows if row.verdict != "same")


@pytest.mark.parametrize(("opened", "verdict"), [(20, "same"), (19, "not judged")])
def test_sessions_are_few_and_judged_all_the_same(
    record: RunRecord, build: type[Build], opened: int, verdict: str
) -> None:
    few = with_metrics(record, session_creation_ms=build.latency(20.0, opened))
    assert row_of(compare_records(few, record), "session_creation_ms.p95").verdict == verdict


@pytest.mark.parametrize(
    ("before", "after", "factor", "expected"),
    [
        # A saturated generator makes the server look slower than it was.
        (False, True, 2.0, "not judged"),
        (False, True, 1.0, "not judged"),
        (False, True, 0.5, "better"),
        (True, False, 2.0, "worse"),
        (True, False, 1.0, "not judged"),
        (True, False, 0.5, "not judged"),
        (True, True, 2.0, "not judged"),
        (True, True, 0.5, "not judged"),
    ],
)
def test_bounds_support_what_they_can(
    record: RunRecord, before: bool, after: bool, factor: float, expected: str
) -> None:
    slower = with_metrics(with_latency(record, "all", p95=10.0 * factor), tool_calls_per_s=100.0 / factor)
    found = compare_records(
        with_saturated(record) if before else record, with_saturated(slower) if after else slower
    )
    for figure in ("latency_ms.all.p95", "tool_calls_per_s"):
        assert row_of(found, figure).verdict == expected
        assert ("saturated" in row_of(found, figure).reason) == (expected == "not judged")
    # What is not timed is what it is.
    assert row_of(found, "server.cpu_us_per_call").verdict == "same"
    assert row_of(found, "error_rate").verdict == "same"


# --- refused ---


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("plan", "settings", "vus"), 20, "vus: not set before, 20 after"),
        (("plan", "settings", "time_scale"), 0.5, "time_scale: 1.0 before, 0.5 after"),
        (("plan", "settings", "duration_s"), 60.0, "duration_s: not set before, 60.0 after"),
        (("plan", "settings", "think_time_s"), 1.0, "think_time_s: 0.0 before, 1.0 after"),
        (("plan", "settings", "seed"), 2, "seed: 1 before, 2 after"),
        (("plan", "settings", "rate_per_s"), 9, "rate_per_s: not set before, 9 after"),
        (("plan", "settings"), None, "the record after does not say its settings"),
        (("plan", "shape"), "quick", "shape: load before, quick after"),
        (("plan", "journeys"), {"mix": 5}, "journeys: {'mix': 20000} before, {'mix': 5} after"),
        (("command",), ["perf-core", "run", "load", "--pin"], "--pin: no before, yes after"),
    ],
)
def test_other_load_is_refused(record: RunRecord, path: tuple[str, ...], value: Any, says: str) -> None:
    for cross_machine in (False, True):
        with pytest.raises(NotComparable) as caught:
            compare_records(record, with_manifest(record, *path, value=value), cross_machine=cross_machine)
        assert says in caught.value.message.split("\n- ")
        assert "cross-machine" not in caught.value.hint
    assert caught.value.exit_code == 5


@pytest.mark.parametrize(("value", "refused"), [(30.0, False), (5.0, True)])
def test_setting_that_is_newer_than_a_record_had_its_default(
    record: RunRecord, value: float, refused: bool
) -> None:
    after = with_manifest(record, "plan", "settings", "request_timeout_s", value=value)
    if refused:
        with pytest.raises(NotComparable, match=r"request_timeout_s: 30\.0 before, 5\.0 after"):
            compare_records(record, after)
    else:
        assert compare_records(record, after).verdict == "same"


MACHINES = [
    (("machine", "cpu"), "Another CPU", "cpu: Example CPU before, Another CPU after"),
    (("machine", "cpus"), 4, "cpus: 2 before, 4 after"),
    (("machine", "memory_mb"), 8401, "memory_mb: 8000 before, 8401 after"),
    (("machine", "memory_mb"), 7600, "memory_mb: 8000 before, 7600 after"),
    (("machine", "system"), "Darwin 24.1", "system: Linux before, Darwin after"),
    (("machine", "architecture"), "aarch64", "architecture: x86_64 before, aarch64 after"),
    (("machine",), None, "the record after does not say its machine"),
]


@pytest.mark.parametrize(("path", "value", "says"), MACHINES)
def test_other_machine_is_refused_unless_asked_for(
    record: RunRecord, path: tuple[str, ...], value: Any, says: str
) -> None:
    after = with_manifest(record, *path, value=value)
    with pytest.raises(NotComparable) as caught:
        compare_records(record, after)
    assert says in caught.value.message.split("\n- ")
    assert "--cross-machine" in caught.value.hint
    assert says in compare_records(record, after, cross_machine=True).remarks


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("machine", "memory_mb"), 8399),
        (("machine", "load_before"), 3.0),
        (("machine", "system"), "Linux 6.2"),
    ],
)
def test_same_machine_on_another_day(record: RunRecord, path: tuple[str, ...], value: Any) -> None:
    assert compare_records(record, with_manifest(record, *path, value=value)).verdict == "same"


@pytest.mark.parametrize(
    "changes",
    [
        {"verdict": "invalid", "reasons": ("the server died",)},
        {"verdict": "interrupted", "reasons": ()},
        {"metrics": None},
    ],
)
def test_runs_without_sound_figures_are_refused(record: RunRecord, changes: dict[str, Any]) -> None:
    broken = replace(record, **changes)
    with pytest.raises(
        NotComparable, match=r"- the run after is (invalid \(the server died\)|inter|without)"
    ):
        compare_records(record, broken)
    with pytest.raises(NotComparable, match="- the run before is "):
        compare_records(broken, record)


def test_missed_targets_are_no_obstacle(record: RunRecord) -> None:
    assert compare_records(replace(record, verdict="fail", exit_code=99), record).verdict == "same"


def test_all_reasons_come_at_once(record: RunRecord) -> None:
    after = replace(record, run_id="other", scenario="quick", wire="stateless", verdict="interrupted")
    after = with_manifest(
        with_manifest(after, "machine", "cpus", value=8), "plan", "settings", "seed", value=2
    )
    with pytest.raises(NotComparable) as caught:
        compare_records(record, after)
    first, *reasons = caught.value.message.split("\n- ")
    assert first == f"{record.run_id} and other cannot be compared:"
    assert [reason.partition(":")[0] for reason in reasons] == [
        "the run after is interrupted",
        "scenario",
        "wire",
        "seed",
        "cpus",
    ]


def test_records_that_say_nothing_of_themselves_are_refused(record: RunRecord) -> None:
    bare = replace(record, manifest={"machine": "a string", "commit": None})
    with pytest.raises(NotComparable) as caught:
        compare_records(bare, bare)
    assert caught.value.message.count("does not say") == 4


def test_nothing_in_common_is_no_result(record: RunRecord) -> None:
    empty = with_metrics(
        replace(record, server=None, stages=()),
        tool_calls=0,
        latency_ms={"all": Latency(*[0] * 8)},
        session_creation_ms=None,
    )
    with pytest.raises(NotComparable, match="no figure can be judged"):
        compare_records(record, empty)


# --- what a reader must know ---


def test_a_point_estimate_says_that_it_is_one(record: RunRecord) -> None:
    other = replace(record, run_id="other")
    assert compare_records(record, other).remarks == (POINT_ESTIMATE,)


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("commit", "dirty"), True, "The checkout after had uncommitted changes"),
        (("versions", "k6"), "k6 v2", "this changed too: k6: k6 v1.1.0 before, k6 v2 after."),
        (("machine", "system"), "Linux 7", "this changed too: system: Linux 6.1 before, Linux 7 after."),
    ],
)
def test_what_else_changed_is_said(record: RunRecord, path: tuple[str, ...], value: Any, says: str) -> None:
    after = with_manifest(replace(record, run_id="other"), *path, value=value)
    remark, last = compare_records(record, after).remarks
    assert says in remark
    assert last == POINT_ESTIMATE


def test_other_version_of_the_adapter_is_the_point(record: RunRecord) -> None:
    after = with_manifest(replace(record, run_id="other"), "versions", "adapter", value="adder 2.0")
    assert compare_records(record, after).remarks == (POINT_ESTIMATE,)


def test_two_servers_are_said_to_be_two(record: RunRecord) -> None:
    after = replace(record, run_id="other", target="summer")
    found = compare_records(record, after)
    assert "adder before and summer after" in found.remarks[0]
    assert (found.before.target, found.after.target) == ("adder", "summer")


def test_a_run_beside_itself_is_said_to_be_that(record: RunRecord) -> None:
    found = compare_records(record, record)
    assert found.remarks[0] == "Both are the same run."
    assert (found.before.server, found.before.commit) == ("adder 1.2", "0123456789abcdef")
