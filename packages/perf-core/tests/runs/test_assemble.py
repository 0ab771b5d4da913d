"""The record and its verdict, assembled from the results of a load."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from perf_core import Target
from perf_core.analysis.bridge_use import BridgeObservations
from perf_core.load.k6_process import GeneratorOutput
from perf_core.results.record import Accounting, RunRecord
from perf_core.results.record_file import from_json, to_json
from perf_core.runs.assemble import LoadResult, RunSpec, assemble
from perf_core.sampling.kills import Kill
from perf_core.sampling.machine import MachineReading
from perf_core.sampling.pulse import Still
from perf_core.sampling.session_count import SessionCount
from perf_core.server.bridge.pages import BridgeCounts, End

if TYPE_CHECKING:
    from conftest import Build, SummaryDocument

P95 = Target("latency_ms.all.p95@hold_10", "<", 100, need="People wait.", stretch=50)
RATE = Target("tool_calls_per_s@hold_10", ">", 50, need="It must suffice.")
ERRORS = Target("error_rate", "<", 0.001, need="Answers must be right.")


def recording(build: type[Build], seconds: int, calls_per_s: int = 100) -> tuple[str, ...]:
    events: list[dict[str, Any]] = [
        {
            "event": "param",
            "data": {"aggregates": {"counter": ["count"], "gauge": ["value"], "trend": ["med"]}},
        },
        {
            "event": "metric",
            "data": {
                "http_reqs": {"type": "counter"},
                "mcp_tool_call_duration_ms": {"type": "trend"},
                "time": {"type": "gauge"},
                "vus": {"type": "gauge"},
            },
        },
    ]
    for second in range(1, seconds + 1):
        at_ms = (build.started_at_s + second) * 1000
        events.append({"event": "snapshot", "data": [[calls_per_s], [5.0], [at_ms], [10]]})
    return tuple(json.dumps(event) for event in events)


def document(build: type[Build], **more: Any) -> SummaryDocument:
    """Return a summary of 30 s of load: a ramp of 10 s, and 20 s at 10 users with 100 calls/s."""
    summary = build.summary(("ramp_10", 0, 10), ("hold_10", 10, 30), **more)
    summary.calls("ramp_10", 500).calls("hold_10", 2000, p95=40.0)
    summary.counter("iterations", 2500).counter("dropped_iterations", 0)
    return summary.trend("mcp_session_creation_ms", 10, p95=8.0)


def spec(
    build: type[Build], targets: tuple[Target, ...] = (P95, RATE, ERRORS), shape: str = "load"
) -> RunSpec:
    return RunSpec("run-1", build.plan(shape), targets, "adder", {"machine": {"cpus": 2}}, 1.0, 2)


def load(build: type[Build], summary: SummaryDocument | None, **changes: Any) -> LoadResult:
    generated = GeneratorOutput(
        summary.document if summary is not None else None,
        recording(build, 30) if summary is not None else (),
        changes.pop("exit_code", 0),
        changes.pop("log_tail", ""),
    )
    values: dict[str, Any] = {
        "samples": build.samples(range(31), lambda t: 0.5 * t, lambda t: 0.1 * t),
        "faults": (),
        "interrupted": False,
        "sessions_left": 0,
        **changes,
    }
    return LoadResult(generated=generated, **values)


def assembled(build: type[Build], summary: SummaryDocument | None = None, **changes: Any) -> RunRecord:
    targets = changes.pop("targets", (P95, RATE, ERRORS))
    shape = changes.pop("shape", "load")
    record = assemble(spec(build, targets, shape), load(build, summary or document(build), **changes))
    assert from_json(to_json(record)) == record  # every record can be written and read back
    return record


def test_sound_run_passes_with_a_complete_record(build: type[Build]) -> None:
    record = assembled(build)
    assert (record.verdict, record.reasons, record.exit_code) == ("pass", (), 0)
    assert (record.run_id, record.scenario, record.target, record.wire) == (
        "run-1",
        "load",
        "adder",
        "session",
    )
    assert record.started_at == "2023-11-14T22:13:20.000+00:00"
    assert record.duration_s == 30
    assert [target.outcome for target in record.targets] == ["met"] * 3
    assert record.targets[0].stretch_met is True
    assert record.metrics is not None
    assert record.metrics.tool_calls == 2500
    assert record.metrics.tool_calls_per_s == 100
    assert record.server is not None
    assert record.server.cpu_s == pytest.approx(15)
    assert record.server.sessions_left == 0
    assert record.server.uptime_percent == 100
    assert record.generator is not None
    assert record.generator.cores_used == pytest.approx(0.1)
    assert record.generator.scheduled_iterations == 2500
    assert [stage.name for stage in record.stages] == ["ramp_10", "hold_10"]
    assert record.series.load["calls_per_s"] == (100,) * 30
    assert len(record.series.server["rss_mb"]) == 30
    assert record.manifest == {"machine": {"cpus": 2}}


def test_missed_target_fails(build: type[Build]) -> None:
    summary = document(build).calls("hold_10", 2000, p95=250.0)
    record = assembled(build, summary)
    assert (record.verdict, record.exit_code) == ("fail", 99)
    assert record.reasons == ("latency_ms.all.p95@hold_10: expected < 100, got 250",)


def test_one_wrong_answer_in_a_thousand_fails(build: type[Build]) -> None:
    record = assembled(build, document(build).errors("wrong_answer", "hold_10", 3))
    assert record.verdict == "fail"
    assert "error_rate: expected < 0.001, got 0.0012" in record.reasons[0]


def test_wrong_answers_fail_even_with_a_saturated_k6(build: type[Build]) -> None:
    samples = build.samples(range(31), lambda t: 0.1 * t, lambda t: 1.8 * t)
    record = assembled(build, document(build).errors("wrong_answer", "hold_10", 3), samples=samples)
    assert record.generator is not None
    assert record.generator.saturated
    assert record.verdict == "fail"
    by_figure = {target.figure: target for target in record.targets}
    assert by_figure["error_rate"].outcome == "missed"
    assert by_figure[P95.figure].bound


def test_missed_target_is_invalid_with_a_saturated_k6(build: type[Build]) -> None:
    samples = build.samples(range(31), lambda t: 0.1 * t, lambda t: 1.8 * t)
    record = assembled(build, document(build).calls("hold_10", 2000, p95=250.0), samples=samples)
    assert (record.verdict, record.exit_code) == ("invalid", 5)
    assert "the server or k6 may have been slow" in record.reasons[0]


def test_faults_make_it_invalid(build: type[Build]) -> None:
    record = assembled(build, faults=("the server was restarted",))
    assert (record.verdict, record.exit_code) == ("invalid", 5)
    assert record.reasons == ("the server was restarted",)


def test_calls_that_could_not_begin_are_a_failure(build: type[Build]) -> None:
    record = assembled(build, document(build).counter("dropped_iterations", 13))
    assert record.verdict == "fail"
    assert "13 of 2513 scheduled iterations could not begin" in record.reasons[0]


def test_every_call_is_accounted_for(build: type[Build]) -> None:
    summary = document(build).errors("wrong_answer", "hold_10", 3).errors("transport", "hold_10", 2)
    metrics = assembled(build, summary).metrics
    assert metrics is not None
    assert metrics.accounting == Accounting(begun=2502, answered=2497, failed=5, cut_off=0)
    assert metrics.errors_by_tool == {"add": {"wrong_answer": 3, "transport": 2}}


def test_call_without_an_outcome_makes_it_invalid(build: type[Build]) -> None:
    record = assembled(build, document(build).counter("http_reqs", 2501))
    assert record.verdict == "invalid"
    assert "expected the outcome of 2501 calls that began, got 2500 answered" in record.reasons[0]
    assert "k6 lost track of 1" in record.reasons[0]


def test_calls_in_flight_when_the_load_was_ended_early_are_cut_off(build: type[Build]) -> None:
    summary = document(build)
    summary.document["metrics"]["vus"] = {"values": {"value": 10}}
    metrics = assembled(build, summary, faults=("the server ended",)).metrics
    assert metrics is not None
    assert metrics.accounting == Accounting(begun=2510, answered=2500, failed=0, cut_off=10)


def test_run_without_calls_is_invalid_even_without_targets(build: type[Build]) -> None:
    summary = build.summary(("ramp_10", 0, 10), ("hold_10", 10, 30))
    record = assembled(build, summary, targets=())
    assert record.verdict == "invalid"
    assert record.reasons == ("no tool call was made, so nothing was measured",)


# --- early ends ---


def test_interrupted_run_keeps_its_figures(build: type[Build]) -> None:
    record = assembled(build, document(build, ran_s=20), interrupted=True, exit_code=105)
    assert (record.verdict, record.exit_code, record.duration_s) == ("interrupted", 5, 20)
    assert record.stages[-1].end_s == 20
    assert record.metrics is not None
    assert record.metrics.tool_calls == 2500
    assert max(t for t in record.series.load["t_s"] if t is not None) <= 21


def test_server_that_ended_is_the_only_reason(build: type[Build]) -> None:
    samples = build.samples(range(31), lambda t: t, lambda t: 0.1 * t, server_lives_until_s=15)
    record = assembled(
        build, document(build, ran_s=16), faults=("the server ended",), samples=samples, exit_code=105
    )
    assert (record.verdict, record.reasons) == ("invalid", ("the server ended",))
    assert record.server is not None
    assert record.server.cpu_s == pytest.approx(15)


def test_unexplained_early_end_of_k6_is_invalid(build: type[Build]) -> None:
    # The figures are sound, but the rest of the load is missing.
    record = assembled(build, document(build, ran_s=20), exit_code=105)
    assert record.verdict == "invalid"
    assert record.reasons == (
        "expected 30.0 s of load, got 20.0 s: k6 ended early by itself with exit code 105",
    )


@pytest.mark.parametrize("ran_s", [29.5, 30.0, 33.0])
def test_run_that_ended_in_its_last_period_is_complete(build: type[Build], ran_s: float) -> None:
    assert assembled(build, document(build, ran_s=ran_s)).verdict == "pass"


def test_aborted_stress_is_judged_by_the_levels_it_reached(build: type[Build]) -> None:
    summary = build.summary(("hold_100", 0, 10), ("hold_200", 10, 20), ("hold_400", 20, 30), ran_s=15)
    summary.calls("hold_100", 900).calls("hold_200", 100, p95=6000.0).counter("iterations", 1000)
    summary.document["aborted"] = "heavy degradation in hold_200"
    target = Target("stress.vus_carried", ">", 50, need="A rush.", stretch=150)
    record = assembled(build, summary, targets=(target,), shape="stress", exit_code=99)
    assert (record.verdict, record.targets[0].value, record.targets[0].stretch_met) == ("pass", 100, False)
    assert "heavy degradation in hold_200" in record.findings[-1].text


def test_targets_of_missing_stages_are_not_judged_with_changed_levels(build: type[Build]) -> None:
    target = Target("latency_ms.all.p95@hold_100", "<", 100, need="People wait.")
    small = replace(spec(build, (target,)), plan=build.plan(vus=10))
    assert assemble(small, load(build, document(build))).targets[0].outcome == "not judged"
    assert assembled(build, targets=(target,)).targets[0].outcome == "invalid"


# --- servers whose processes are not visible ---


def test_server_that_is_not_visible_is_judged_by_its_answers(build: type[Build]) -> None:
    targets = (
        Target("server.uptime_percent", ">", 99.9, need="It is there."),
        Target("sessions_left", "<", 1, need="Sessions end."),
        Target("server.rss_peak_mb", "<", 100, need="It fits."),
    )
    samples = build.samples(range(31), None, lambda t: 0.1 * t)
    summary = document(build).counter("mcp_sessions_opened", 10).counter("mcp_sessions_closed", 10)
    record = assembled(build, summary, targets=targets, samples=samples, sessions_left=3, shape="endurance")
    assert record.server is None
    assert [target.outcome for target in record.targets] == ["met", "missed", "not judged"]
    assert any("the server holds 3" in finding.text for finding in record.findings)


# --- no output of k6 ---


@pytest.mark.parametrize("exit_code", [-9, 0])
def test_run_without_output_of_k6_is_invalid(build: type[Build], exit_code: int) -> None:
    record = assemble(spec(build), load(build, None, exit_code=exit_code, log_tail="out of memory"))
    assert (record.verdict, record.exit_code, record.metrics) == ("invalid", 5, None)
    assert ("was ended by signal 9" if exit_code else "ended with exit code 0") in record.reasons[0]
    assert "out of memory" in record.reasons[0]
    assert record.duration_s == 30
    assert len(record.series.server["rss_mb"]) == 30
    assert from_json(to_json(record)) == record


def test_server_that_ended_is_the_reason_without_output_of_k6(build: type[Build]) -> None:
    record = assemble(spec(build), load(build, None, faults=("the server ended",), exit_code=-9))
    assert record.reasons[0] == "the server ended"
    assert not any("signal 9" in reason for reason in record.reasons)


def test_k6_that_ended_before_its_load_began_is_recorded(build: type[Build]) -> None:
    # After Ctrl-C during the start of its virtual users, k6 writes a summary without a start time.
    summary = document(build, ran_s=0)
    summary.document["started_at_ms"] = None
    interrupted = assembled(build, summary, interrupted=True, exit_code=105)
    assert (interrupted.verdict, interrupted.metrics, interrupted.stages) == ("interrupted", None, ())
    assert assembled(build, summary, exit_code=105).verdict == "invalid"


def test_run_without_output_and_samples_is_recorded(build: type[Build]) -> None:
    record = assemble(spec(build), load(build, None, samples=(), interrupted=True))
    assert (record.verdict, record.duration_s) == ("interrupted", 0)
    assert from_json(to_json(record)) == record


def test_record_has_grades(build: type[Build]) -> None:
    record = assembled(build, document(build))
    grades = {each.subject: each for each in record.grades}
    assert grades["Success rate of the holds"].grade == "excellent"
    assert grades["Response, p95 of the slowest hold"].grade == "excellent"
    assert grades["Memory growth"].grade == "not graded", "20 s of hold are too short for memory"
    assert grades["Recovery after failure"].reason == "not measured by this scenario"
    assert grades["Concurrent clients"].value == 10
    assert from_json(to_json(record)) == record
    half = document(build).errors("wrong_answer", "hold_10", 1250)
    assert next(iter(assembled(build, half).grades)).grade == "poor"


def test_record_without_grades_is_readable(build: type[Build]) -> None:
    text = json.loads(to_json(assembled(build, document(build))))
    del text["grades"]
    assert from_json(json.dumps(text)).grades == ()


def test_server_that_no_longer_answers_fails(build: type[Build]) -> None:
    sentence = "the server did not answer a handshake after the load"
    record = assembled(build, unresponsive=sentence)
    assert (record.verdict, record.exit_code) == ("fail", 99)
    assert record.reasons == (sentence,)


# --- health of the measurement ---


def test_health_is_part_of_the_record(build: type[Build]) -> None:
    samples = build.samples(range(31), lambda t: 0.5 * t, lambda t: 0.1 * t)
    busy = tuple(
        replace(
            sample,
            server=replace(sample.server, wait_s=0.5 * index),
            machine=MachineReading(2, 2.0 * index, 0.0, None, 0.0),
        )
        for index, sample in enumerate(samples)
    )
    record = assembled(build, samples=busy)
    assert record.health is not None
    assert record.health.state == "bounded"
    assert record.health.others_cores == pytest.approx(1.4)
    assert record.health.server_wait_share == pytest.approx(0.5)
    assert record.generator is not None
    assert record.generator.cores_available == pytest.approx(0.1)
    assert record.verdict == "pass"
    assert "the machine was busy" in record.reasons[0]
    assert record.series.server["others_cores"] == pytest.approx([1.4] * 30)


def test_run_is_invalid_if_k6_stood_still(build: type[Build]) -> None:
    still = Still(build.started_at_s + 12, build.started_at_s + 14)
    record = assembled(build, stills=(still,))
    assert (record.verdict, record.exit_code) == ("invalid", 5)
    assert "k6 stood still for 2.0 s, from 12.0 s after the start" in record.reasons[0]


def test_recording_alone_tells_that_k6_stood_still(build: type[Build]) -> None:
    summary = document(build)
    samples = build.samples(range(31), lambda t: t / 2, lambda t: (min(t, 10) + max(t - 14, 0)) / 10)
    result = load(build, summary, samples=samples)
    events = [json.loads(line) for line in result.generated.recording]
    # Three periods of a second are missing.
    kept = [event for index, event in enumerate(events) if index not in {12, 13, 14}]
    generated = replace(result.generated, recording=tuple(json.dumps(event) for event in kept))
    record = assemble(spec(build), replace(result, generated=generated))
    assert record.health is not None
    # In the first of them k6 may have had nothing to tell.
    assert record.health.generator_gap_s == pytest.approx(2)
    assert record.verdict == "invalid"


def test_run_without_metrics_over_time_is_invalid(build: type[Build]) -> None:
    result = load(build, document(build))
    # The first line is written before k6 starts.
    generated = replace(result.generated, recording=result.generated.recording[:1])
    record = assemble(spec(build), replace(result, generated=generated))
    assert record.verdict == "invalid"
    assert record.reasons[0].startswith("no metrics of k6 arrived during the load")


# --- slopes and knees ---


def test_slopes_come_from_the_holds_and_sessions_from_the_counts(build: type[Build]) -> None:
    # 10 MB/s on the ramp of 10 s, then constant.
    samples = build.samples(range(31), lambda t: t, lambda t: 0.1 * t, rss_mb=lambda t: 50 + 10 * min(t, 10))
    counts = tuple(SessionCount(build.started_at_s + t, 10) for t in range(0, 31, 2))
    record = assembled(build, samples=samples, session_counts=counts)
    assert record.server is not None
    assert record.server.rss_mb.slope_interval == (0, 0)
    assert record.server.sessions is not None
    assert (record.server.sessions.peak, record.server.sessions.slope_per_h) == (10, 0)
    assert record.series.server["sessions"][1::2] == (10,) * 15


@pytest.mark.parametrize(("generator_cores", "has_knee"), [(0.1, True), (1.95, False)])
def test_saturated_k6_has_no_knee(build: type[Build], generator_cores: float, has_knee: bool) -> None:
    # The recording has 100 calls/s at 10 users all the time; a level of one user lies below.
    summary = build.summary(("hold_1", 0, 10), ("hold_10", 10, 30))
    summary.calls("hold_1", 100).calls("hold_10", 2000).counter("iterations", 2100)
    samples = build.samples(range(31), lambda t: 0.01 * t, lambda t: generator_cores * t)
    target = Target("stress.knee_vus", ">", 1, need="It grows.")
    result = assembled(build, summary, targets=(target,), shape="stress", samples=samples).targets[0]
    assert ("k6 was saturated" in result.reason) is not has_knee


def test_requests_of_other_kinds_that_fail_are_accounted_for(build: type[Build]) -> None:
    # A ping of the protocol stage that answered with an error: no sample, and no request of a tool.
    summary = document(build)
    for name in ("mcp_errors", "mcp_errors{class:jsonrpc_error}"):
        summary.counter(name, 3)
    metrics = assembled(build, summary).metrics
    assert metrics is not None
    assert metrics.accounting is not None
    assert metrics.accounting.missing == 0


def test_processes_of_a_server_on_stdio_that_end_by_themselves_fail_the_run(build: type[Build]) -> None:
    before = BridgeCounts(cpu_s=1.0, requests=10)
    crash = End(2, 22, "ended with exit code 3", "the reactor is cold")
    after = replace(before, cpu_s=1.1, requests=2510, started=3, ended=1, ends=(crash,))
    sound = assemble(
        spec(build), load(build, document(build), bridge=BridgeObservations(None, before, before))
    )
    assert sound.verdict == "pass"
    assert sound.bridge is not None
    observed = BridgeObservations(None, before, after)
    run = assemble(spec(build), load(build, document(build), bridge=observed))
    assert run.verdict == "fail"
    assert any("the reactor is cold" in reason for reason in run.reasons)
    assert run.bridge is not None
    assert (run.bridge.requests, run.bridge.ended) == (2500, 1)
    assert from_json(to_json(run)) == run
    kill = Kill(build.started_at_s + 5, 22, was_busy=True)
    killed = assemble(spec(build), load(build, document(build), bridge=observed, kills=(kill,)))
    assert killed.verdict == "pass", "the lab killed that process on purpose"
