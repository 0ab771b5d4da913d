"""Realistic records from a seed, for the tests of reports."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

import pytest

from perf_core.results.record import (
    Accounting,
    Failure,
    Finding,
    GeneratorUse,
    Health,
    Latency,
    MemoryTrend,
    Metrics,
    RunRecord,
    Series,
    ServerUse,
    Stage,
    TargetResult,
    Trend,
)
from perf_core.results.slow_calls import ServerMeanwhile, SlowCall
from perf_core.results.token_cost import TokenCost, ToolTokens

TOOLS = {"add": 0.4, "subtract": 0.3, "multiply": 0.2, "divide": 0.1}
MANIFEST = {
    "machine": {"cpu": "example CPU, 2 cores", "memory_gb": 8.2, "system": "Linux 6.1"},
    "versions": {"python": "3.11.2", "k6": "1.1.0", "fastmcp": "4.1.2", "perf-core": "0.1.0"},
    "commit": "3f2c1ab, clean",
    "settings": {"time_scale": 1.0, "seed": 7, "think_time_s": 0.0, "server_url": None},
}

# name, kind, VUs, rate per second, seconds
Profile = Sequence[tuple[str, str, int | None, float | None, float]]


def climb(vus: int, ramp_s: float, hold_s: float) -> Profile:
    return ((f"ramp_{vus}", "ramp", vus, None, ramp_s), (f"hold_{vus}", "hold", vus, None, hold_s))


def spike_and_recovery(turn: int) -> Profile:
    return ((f"spike_{turn}", "spike", 200, None, 60), (f"recovery_{turn}", "recovery", 10, None, 60))


LOAD: Profile = (*climb(50, 60, 300), *climb(100, 60, 300), ("ramp_0", "ramp", 0, None, 60))
STRESS: Profile = (
    *(stage for vus in (100, 200, 400, 800) for stage in climb(vus, 120, 180)),
    ("ramp_0", "ramp", 0, None, 120),
)
SPIKE: Profile = (
    ("baseline", "baseline", 10, None, 30),
    *(stage for turn in range(1, 6) for stage in spike_and_recovery(turn)),
)
ENDURANCE: Profile = (
    ("ramp_up", "ramp", 50, 200.0, 300),
    ("hold", "hold", 50, 200.0, 7200),
    ("ramp_down", "ramp", 50, 0.0, 300),
)
BENCHMARK: Profile = (
    *((tool, "hold", 10, None, 60) for tool in TOOLS),
    ("mixed", "hold", 20, None, 60),
    ("protocol", "protocol", 1, None, 10),
)


def latency(rng: random.Random, median: float, count: int) -> Latency:
    spread = rng.uniform(0.9, 1.1)
    return Latency(
        count=count,
        min=0.3 * median,
        avg=1.12 * median,
        med=median,
        p90=1.6 * spread * median,
        p95=2.1 * spread * median,
        p99=3.4 * spread * median,
        max=9.0 * spread * median,
    )


def stages_of(
    rng: random.Random, profile: Profile, capacity_per_s: float, per_vu_s: float
) -> tuple[Stage, ...]:
    results = []
    start_s = 0.0
    for name, kind, vus, rate, length_s in profile:
        users = max(vus or 0, 1)
        per_s = min(users * per_vu_s, capacity_per_s * rng.uniform(0.96, 1.0)) if rate is None else rate
        calls = 0 if kind == "protocol" else int(per_s * length_s)
        results.append(
            Stage(
                name=name,
                kind=kind,
                vus=vus,
                rate_per_s=rate,
                start_s=start_s,
                end_s=start_s + length_s,
                calls=calls,
                calls_per_s=per_s if calls else 0.0,
                error_rate=0.031 if users >= 800 else 0.0002 if users >= 100 and calls else 0.0,
                latency_ms=latency(rng, 1000 * users / max(per_s, 1) if rate is None else 2.4, calls)
                if calls
                else Latency(0, 0, 0, 0, 0, 0, 0, 0),
            )
        )
        start_s += length_s
    return tuple(results)


def series_of(rng: random.Random, stages: Sequence[Stage], growth_mb_per_h: float) -> Series:
    load: list[dict[str, float | None]] = []
    server: list[dict[str, float | None]] = []
    before = 0
    for stage in stages:
        length_s = max(stage.end_s - stage.start_s, 1)
        for second in range(int(length_s)):
            t_s = stage.start_s + second
            aim = stage.vus if stage.vus is not None else before
            vus = aim if stage.kind != "ramp" else round(before + (aim - before) * second / length_s)
            share = vus / aim if aim else 0.5 - 0.5 * second / length_s
            median = max(stage.latency_ms.med * share, 0.8) * rng.lognormvariate(0, 0.06)
            per_s = stage.calls_per_s * min(1.0, share) * rng.uniform(0.93, 1.05)
            seen = stage.calls > 0
            load.append(
                {
                    "t_s": t_s,
                    "vus": vus,
                    "calls_per_s": per_s,
                    "errors_per_s": per_s * stage.error_rate * rng.uniform(0, 2),
                    "latency_med_ms": median if seen else None,
                    "latency_p95_ms": median * 2.1 * rng.lognormvariate(0, 0.1) if seen else None,
                    "latency_p99_ms": median * 3.4 * rng.lognormvariate(0, 0.2) if seen else None,
                }
            )
            cores = min(1.0, per_s / 900)
            server.append(
                {
                    "t_s": t_s + 0.3,
                    "rss_mb": 62 + 0.04 * vus + growth_mb_per_h * t_s / 3600 + rng.uniform(0, 0.6),
                    "cpu_cores": cores * rng.uniform(0.95, 1.0),
                    "fds": 14.0 + vus,
                    "threads": 5.0,
                    "processes": 1.0,
                    "generator_cpu_cores": cores * 0.3 * rng.uniform(0.9, 1.1),
                }
            )
        before = stage.vus or 0
    return Series(
        period_s=1.0,
        load={name: tuple(row[name] for row in load) for name in load[0]},
        server={name: tuple(row[name] for row in server) for name in server[0]},
    )


def target(
    figure: str, comparison: str, level: float, value: float | None, stretch: float | None = None
) -> TargetResult:
    def reached(wanted: float | None) -> bool | None:
        if value is None or wanted is None:
            return None
        return value < wanted if comparison == "<" else value > wanted

    return TargetResult(
        figure=figure,
        comparison="<" if comparison == "<" else ">",
        target=level,
        stretch=stretch,
        need="People who wait on an assistant notice a slower answer.",
        value=value,
        samples=12_345 if value is not None else 0,
        outcome="met" if reached(level) else "missed" if value is not None else "invalid",
        stretch_met=reached(stretch),
    )


def judged(record: RunRecord, targets: tuple[TargetResult, ...]) -> RunRecord:
    missed = [item for item in targets if item.outcome == "missed"]
    return replace(
        record,
        targets=targets,
        verdict="fail" if missed else "pass",
        exit_code=99 if missed else 0,
        reasons=tuple(
            f"{item.figure}: expected {item.comparison} {item.target:g}, got {item.value:.4g}"
            for item in missed
        ),
    )


def base(
    scenario: str, profile: Profile, seed: int, capacity_per_s: float = 870.0, per_vu_s: float = 22.0
) -> RunRecord:
    rng = random.Random(f"{scenario} {seed}")  # noqa: S311 - samples, not secrets
    stages = stages_of(rng, profile, capacity_per_s, per_vu_s)
    calls = sum(stage.calls for stage in stages)
    held = [stage for stage in stages if stage.kind != "ramp" and stage.calls] or list(stages)
    everything = held[-1].latency_ms
    end_s = stages[-1].end_s
    per_s = held[-1].calls_per_s
    growth = 0.62 if scenario == "endurance" else 4.0
    errors = round(sum(stage.calls * stage.error_rate for stage in stages))
    cpu_s = calls * 0.00107
    return RunRecord(
        run_id=f"{scenario}-calculator-session-20260302T101500",
        scenario=scenario,
        target="calculator",
        wire="session",
        started_at="2026-03-02T10:15:00+00:00",
        duration_s=end_s,
        verdict="pass",
        reasons=(),
        exit_code=0,
        metrics=Metrics(
            tool_calls=calls,
            tool_calls_per_s=per_s,
            error_rate=errors / calls,
            errors={"timeout": errors // 3, "transport": errors - errors // 3} if errors else {},
            latency_ms={
                **{
                    tool: latency(rng, everything.med * rng.uniform(0.95, 1.05), int(calls * share))
                    for tool, share in TOOLS.items()
                },
                "all": replace(everything, count=calls),
            },
            session_creation_ms=latency(rng, 14.0, 100),
            sessions_opened=100,
            sessions_closed=100,
        ),
        server=ServerUse(
            rss_mb=MemoryTrend(61.9, 71.3, 66.4, growth, (growth - 0.21, growth + 0.24)),
            cpu_s=cpu_s,
            cpu_us_per_call=1e6 * cpu_s / calls,
            fds=Trend(14, 114, 15),
            threads=Trend(5, 6, 5),
            processes=1,
            sessions_left=0,
            uptime_percent=100.0,
        ),
        generator=GeneratorUse(cpu_s * 0.3, 320.0, 0.29, 1.02, False, 143.2, 0, 0, 0),
        targets=(),
        stages=stages,
        findings=(),
        series=series_of(rng, stages, growth),
        manifest=MANIFEST,
    )


def load(seed: int = 1) -> RunRecord:
    record = base("load", LOAD, seed)
    assert record.metrics is not None
    everything = record.metrics.latency_ms["all"]
    targets = (
        target("latency_ms.all.p95", "<", 100, everything.p95, 75),
        target("latency_ms.all.p99", "<", 200, everything.p99),
        target("latency_ms.all.avg", "<", 50, everything.avg),
        target("tool_calls_per_s@hold_100", ">", 1000, record.metrics.tool_calls_per_s, 2000),
        target("error_rate", "<", 0.001, record.metrics.error_rate, 0.0005),
        target("session_creation_ms.p95", "<", 100, 29.4),
        *(target(f"latency_ms.{tool}.p95", "<", 50, record.metrics.latency_ms[tool].p95) for tool in TOOLS),
    )
    return judged(record, targets)


def saturated(seed: int = 1) -> RunRecord:
    record = base("load", LOAD, seed, capacity_per_s=11_234.0)
    assert record.metrics is not None
    assert record.generator is not None
    per_s = record.metrics.tool_calls_per_s
    return replace(
        record,
        generator=replace(record.generator, saturated=True, cores_used=1.13, cores_available=1.15),
        targets=(
            replace(target("tool_calls_per_s@hold_100", ">", 1000, per_s, 2000), bound=True),
            replace(target("latency_ms.all.p95", "<", 100, 8.123), bound=True),
        ),
        reasons=("the load generator was saturated: met targets are bounds",),
    )


def stress(seed: int = 1) -> RunRecord:
    return replace(
        base("stress", STRESS, seed),
        targets=(target("stress.vus_carried", ">", 300, 400.0, 500),),
        findings=(
            Finding(
                "knee",
                "Throughput stops growing at about 100 VUs (871 calls/s); beyond it only latency grows.",
                {"knee_vus": 100.0, "calls_per_s": 871.3},
            ),
            Finding(
                "how it failed",
                "Gracefully: at 800 VUs 3.1 % of calls failed, most by transport, and it recovered.",
                {"error_rate": 0.031, "first_failure_s": 980.0, "class": "timeout"},
            ),
        ),
    )


def spike(seed: int = 1) -> RunRecord:
    recoveries = [2.1, 2.4, 1.9, 3.8, 2.2]
    return replace(
        base("spike", SPIKE, seed),
        targets=(target("spike.recovery_s", "<", 30, max(recoveries), 10),),
        findings=tuple(
            Finding(f"spike {i}", f"Latency was back within 20 % after {s} s.", {"recovery_s": s})
            for i, s in enumerate(recoveries, start=1)
        ),
    )


def endurance(seed: int = 1) -> RunRecord:
    return replace(
        base("endurance", ENDURANCE, seed),
        targets=(
            target("server.rss_slope_mb_per_h", "<", 1, 0.62, 0.1),
            target("server.uptime_percent", ">", 99.9, 99.9947, 99.99),
            target("sessions_left", "<", 1, 0.0),
        ),
        findings=(
            Finding("latency drift", "Median latency moved by 1.2 % per hour.", {"latency_drift": 0.012}),
        ),
    )


def benchmark(seed: int = 1) -> RunRecord:
    record = base("benchmark", BENCHMARK, seed, per_vu_s=40.0)
    assert record.metrics is not None
    rng = random.Random(seed)  # noqa: S311 - samples, not secrets
    kinds = ("small", "large", "decimal", "negative", "mixed", "edge")
    metrics = replace(
        record.metrics,
        kinds_ms={tool: {kind: latency(rng, 11.0, 2000) for kind in kinds} for tool in TOOLS},
        protocol_ms={
            "GET /health": latency(rng, 0.7, 1200),
            "ping": latency(rng, 1.9, 1100),
            "tools/list": latency(rng, 3.1, 1000),
        },
    )
    return judged(
        replace(record, metrics=metrics),
        tuple(
            target(f"latency_ms.{tool}.{stat}", "<", level, getattr(metrics.latency_ms[tool], stat))
            for tool in TOOLS
            for stat, level in (("p95", 75), ("p99", 150), ("avg", 40))
        ),
    )


def invalid(seed: int = 1) -> RunRecord:
    record = base("load", LOAD, seed)
    return replace(
        record,
        verdict="invalid",
        exit_code=5,
        reasons=("the server died 12 s into the load (exit code -9)", "no metrics came from k6"),
        metrics=None,
        generator=None,
        server=None,
        stages=(),
        targets=(
            replace(target("latency_ms.all.p95", "<", 100, None), reason="no metrics came from k6"),
            replace(target("error_rate", "<", 0.001, None), reason="no metrics came from k6"),
        ),
        series=Series(1.0, {}, {}),
    )


def interrupted(seed: int = 1) -> RunRecord:
    record = base("quick", (("hold_10", "hold", 10, None, 30),), seed)
    empty: dict[str, tuple[float | None, ...]] = {"t_s": (), "vus": (), "calls_per_s": ()}
    return replace(
        record,
        verdict="interrupted",
        exit_code=1,
        duration_s=4.2,
        reasons=("interrupted by SIGINT",),
        series=Series(1.0, empty, {"t_s": (), "rss_mb": ()}),
        targets=(
            replace(
                target("latency_ms.all.p95", "<", 100, 22.0),
                outcome="not judged",
                stretch_met=None,
                reason="expected at least 30 s of load, got 4.2 s",
            ),
        ),
    )


def empty(seed: int = 1) -> RunRecord:
    """A run without any figures."""
    return replace(invalid(seed), targets=(), manifest={}, reasons=(), verdict="pass", exit_code=0)


SLOW_CALLS = tuple(
    SlowCall(
        at_s=13.4 + 0.1 * number,
        duration_s=1.25 - 0.05 * number,
        connect_s=0.001,
        wait_s=1.248 - 0.05 * number,
        transfer_s=0.001,
        tool="divide" if number % 3 else "add",
        stage="hold_20",
        error_class="timeout" if number == 0 else "",
        vu=number + 1,
        session=f"{number:08x}",
        arguments=f"{31 * number:08x}",
        server=ServerMeanwhile(1.4, 0.04, 81.2, 21.5, 0.02, 2.0, 0.03, 1.1),
    )
    for number in range(12)
)
TOKEN_COST = TokenCost(
    "o200k_base",
    False,
    1_410,
    21,
    tuple(ToolTokens(f"tool_{n}", 200 - 15 * n, 90 - 5 * n, 80 - 8 * n, 35, 900 - 70 * n) for n in range(12)),
)
QUANTILES = (0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999, 1)
# Milliseconds at these shares: most calls are quick, the last 20 of 2,689 were never answered.
QUICK_THEN_HUNG = (3.1, 4, 5.2, 6, 7.7, 9.9, 13, 18, 24, 31, 44, 16_210, 16_480, 16_487, 16_489)
STALL_S = (13.5, 30.0)


def stalled(seed: int = 1) -> RunRecord:
    """A server that gave wrong answers and then answered nothing, on a machine that others used."""
    record = base("quick", (("hold_10", "hold", 10, None, 10), ("hold_20", "hold", 20, None, 20)), seed)
    assert record.metrics is not None
    first, second = record.stages
    hung = Latency(1_829, 3.1, 190, 9.9, 18, 24, 16_210, 16_489, 20)
    whole = Latency(2_689, 3.1, 132, 9.9, 18, 24, 44, 16_489, 20)
    is_stalled = [t_s is not None and STALL_S[0] < t_s <= STALL_S[1] for t_s in record.series.load["t_s"]]

    def silenced(name: str, silence: float | None) -> tuple[float | None, ...]:
        column = record.series.load[name]
        return tuple(silence if still else value for still, value in zip(is_stalled, column, strict=True))

    steps = range(len(record.series.server["t_s"]))
    return replace(
        record,
        verdict="invalid",
        exit_code=5,
        reasons=("the server answered nothing for 16.5 s while 20 calls waited",),
        targets=(replace(target("latency_ms.all.p99", "<", 100, 44.0), outcome="invalid"),),
        metrics=replace(
            record.metrics,
            tool_calls=2_689,
            errors={"wrong_answer": 391, "unanswered": 20},
            error_rate=411 / 2_689,
            latency_ms={"add": replace(whole, count=1_400, lower_bounds=11), "all": whole},
            errors_by_tool={"add": {"unanswered": 11}, "multiply": {"wrong_answer": 391, "unanswered": 9}},
            accounting=Accounting(begun=2_689, answered=2_275, failed=411, cut_off=3),
            failures=(
                *(
                    Failure(
                        "multiply",
                        "wrong_answer",
                        "hold_10",
                        0.4 + turn,
                        f'{{"a": {turn}, "b": 31}}',
                        f'{{"result": {31 * turn}}}',
                        f'{{"result": {31 * turn + 1}}}',
                    )
                    for turn in range(1, 4)
                ),
                Failure("add", "unanswered", "hold_20", 13.5, '{"a": 1, "b": 2}', "3", "nothing in 16.5 s"),
            ),
            phases_ms={
                "connect": latency(random.Random(seed), 0.3, 2_689),  # noqa: S311 - samples, not secrets
                "tls": Latency(2_689, 0, 0, 0, 0, 0, 0, 0),
                "wait": replace(whole, avg=129, lower_bounds=0),
                "transfer": latency(random.Random(seed), 0.1, 2_669),  # noqa: S311 - samples, not secrets
            },
            quantiles_ms=tuple(zip(QUANTILES, QUICK_THEN_HUNG, strict=True)),
        ),
        stages=(
            replace(first, longest_silence_s=0.04),
            replace(second, latency_ms=hung, longest_silence_s=16.5, is_silent=True),
        ),
        series=replace(
            record.series,
            load={
                **record.series.load,
                "calls_per_s": silenced("calls_per_s", 0.0),
                **{
                    name: silenced(name, None)
                    for name in ("latency_med_ms", "latency_p95_ms", "latency_p99_ms")
                },
            },
            server={
                **record.series.server,
                "others_cores": tuple(0.05 if step < 20 else 1.4 for step in steps),
                "cpu_pressure_share": tuple(0.02 if step < 20 else 0.93 for step in steps),
                "server_wait_share": tuple(0.01 if step < 20 else 0.4 for step in steps),
                "generator_wait_share": tuple(None if step < 2 else 0.08 for step in steps),
            },
        ),
        health=Health(
            "bounded",
            (
                "other processes used 0.92 of 2 cores",
                "tasks waited for a CPU in 48 % of the time",
            ),
            server_wait_share=0.21,
            generator_wait_share=0.08,
            cpu_pressure_share=0.48,
            steal_share=0.0,
            others_cores=0.92,
            generator_gap_s=0.03,
        ),
        longest_silence_s=16.5,
        slow_calls=SLOW_CALLS,
        token_cost=TOKEN_COST,
    )


HOSTILE = (
    "</script><img src=http://evil.example/x onerror=alert(1)> [red]& \"q\" 'p' |`*_\x1b[31m\x00\n\ud800 ]]>"
)


def hostile(seed: int = 1) -> RunRecord:
    """A run with text that tries to break out of every format, in every field that holds text."""
    record = benchmark(seed)
    assert record.metrics is not None
    one = record.metrics.latency_ms["add"]
    figure = f"latency_ms.{HOSTILE}.p95"
    return replace(
        record,
        run_id=HOSTILE,
        scenario=HOSTILE,
        target=HOSTILE,
        verdict="fail",
        started_at=HOSTILE,
        reasons=(HOSTILE, HOSTILE),
        metrics=replace(
            record.metrics,
            errors={HOSTILE: 3},
            latency_ms={HOSTILE: one, "all": one},
            journey_ms={HOSTILE: one},
            kinds_ms={HOSTILE: {HOSTILE: one}},
            protocol_ms={HOSTILE: one},
            errors_by_tool={HOSTILE: {HOSTILE: 3}},
            accounting=Accounting(3, 0, 3, 0),
            failures=(Failure(*[HOSTILE] * 3, 1.0, *[HOSTILE * 20] * 3),),
            phases_ms={HOSTILE: one},
            quantiles_ms=((float("nan"), 1.0), (-1.0, float("inf")), (0.0, 0.0), (0.5, 2.0), (1.0, 1.0)),
        ),
        health=Health("invalid", (f"problem {HOSTILE}", HOSTILE), others_cores=float("nan")),
        longest_silence_s=1.0,
        slow_calls=(
            replace(
                SLOW_CALLS[0],
                **dict.fromkeys(("tool", "stage", "error_class", "session", "arguments"), HOSTILE),
            ),
            replace(SLOW_CALLS[1], at_s=float("nan"), duration_s=float("inf"), server=None),
        ),
        token_cost=TokenCost(HOSTILE, True, 0, 3, (ToolTokens(HOSTILE, 0, -1, 0, 5, 0),)),
        targets=tuple(
            replace(target(figure, "<", 1, 3.0), need=HOSTILE, reason=HOSTILE, outcome=outcome)
            for outcome in ("met", "missed", "not judged", "invalid")
        ),
        stages=tuple(replace(stage, name=HOSTILE, is_silent=True) for stage in record.stages),
        findings=(Finding(HOSTILE, HOSTILE, {HOSTILE: HOSTILE, "x_ms": float("nan")}),),
        manifest={HOSTILE: {HOSTILE: [HOSTILE, {HOSTILE: HOSTILE}]}},
    )


MAKERS: dict[str, Callable[..., RunRecord]] = {
    # Records are frozen, so all tests can share one of each.
    maker.__name__: cache(maker)
    for maker in (
        load,
        saturated,
        stress,
        spike,
        endurance,
        benchmark,
        invalid,
        interrupted,
        empty,
        hostile,
        stalled,
    )
}


@pytest.fixture(params=MAKERS)
def any_record(request: pytest.FixtureRequest) -> RunRecord:
    """Each of the sample records in turn."""
    return MAKERS[request.param]()


@pytest.fixture
def sample() -> Callable[..., RunRecord]:
    """Return a function that makes a sample record by name."""
    return lambda name: MAKERS[name]()


@pytest.fixture
def hostile_text() -> str:
    return HOSTILE
