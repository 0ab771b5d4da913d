"""The catalogue: servers of known behaviour, the load that shows it, and what the lab must report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import checks as c
from checks import Check, PairCheck
from modes import Modes

from perf_core.adapter import Target, Wire
from perf_core.load.plan import Settings

Call = Literal["add", "echo", "fail", "anything"]
Disturbance = Literal["", "hogs", "stopped generator", "foreign server"]


@dataclass(frozen=True)
class Row:
    """A server, and one run against it.

    Attributes:
        verdicts: Verdicts that are right; ``invalid`` includes runs that end before their load.
        reason: Regular expression that one of the reasons must match.
        targets: Targets beside those of the scenario.
        call: Tool that is called, and with which expectation: ``anything`` calls ``add`` and checks nothing.
        disturbance: Disturbance of the machine during the run.
        together: Whether it may run beside others, since its figures do not depend on speed.
    """

    name: str
    modes: Modes
    verdicts: tuple[str, ...]
    checks: tuple[Check, ...]
    scenario: str = "quick"
    settings: Settings = field(default_factory=lambda: Settings(duration_s=4))
    reason: str = ""
    targets: tuple[Target, ...] = ()
    call: Call = "add"
    wire: Wire = "session"
    disturbance: Disturbance = ""
    together: bool = False


@dataclass(frozen=True)
class Pair:
    """Two servers that are compared; ``b`` changes some modes of ``a``.

    Attributes:
        reason: Regular expression that one of the reasons must match.
        launches: Starts of both servers.
    """

    name: str
    a: Modes
    b: Modes
    verdicts: tuple[str, ...]
    checks: tuple[PairCheck, ...]
    reason: str = ""
    launches: int = 3
    pairs: int = 4


def _target(figure: str, comparison: Literal["<", ">"], level: float) -> Target:
    return Target(figure, comparison, level, need="The truth of this server is known.")


def _quick(duration_s: float = 4, **settings: object) -> Settings:
    return Settings(duration_s=duration_s, **settings)  # type: ignore[arg-type] # names of the fields


STEADY = (
    Row(
        "answers in 20 ms",
        Modes(latency_ms=20),
        ("pass",),
        (c.calls, c.right_answers, c.median, c.p95, c.p99, c.throughput, c.health("sound")),
    ),
    Row(
        "answers in 20 ms, stateless wire",
        Modes(latency_ms=20),
        ("pass",),
        (c.calls, c.right_answers, c.median, c.p95, c.throughput),
        wire="stateless",
    ),
    Row(
        "exponential latency, mean 20 ms",
        Modes(latency_ms=20, latency="exponential"),
        ("pass",),
        (c.calls, c.median, c.p95, c.p99),
    ),
    Row(
        "bimodal latency: 5 ms, and 3 % take 200 ms",
        Modes(latency_ms=5, latency="bimodal", slow_share=0.03, slow_ms=200),
        ("pass",),
        (c.calls, c.median, c.p95, c.p99),
    ),
    Row(
        "uses 2 ms of CPU per call",
        Modes(cpu_us=2000),
        ("pass",),
        (c.calls, c.right_answers, c.cpu_per_call, c.throughput),
    ),
    Row(
        "uses 500 µs of CPU per call, stateless wire",
        Modes(cpu_us=500),
        ("pass",),
        (c.calls, c.right_answers, c.cpu_per_call),
        wire="stateless",
    ),
    Row(
        "answers at most 200 calls per second",
        Modes(capacity_per_s=200),
        ("pass",),
        (c.calls, c.throughput, c.mean_of_users(10)),
    ),
    Row(
        "serves 4 calls at one time, 20 ms each",
        Modes(slots=4, latency_ms=20),
        ("pass",),
        (c.calls, c.throughput, c.mean_of_users(10)),
    ),
    Row(
        "answers as event streams",
        Modes(latency_ms=10, sse=True),
        ("pass",),
        (c.calls, c.right_answers, c.median),
    ),
    Row(
        "new session for each 3 calls",
        Modes(latency_ms=10, gauges=True),
        ("pass",),
        (c.calls, c.right_answers, c.median),
        settings=_quick(session_per_iteration=True),
    ),
    Row(
        "answers at most 80 calls per second and gets 100 with users in plenty, open model",
        Modes(capacity_per_s=80),
        ("fail",),
        (c.calls, c.right_answers, c.median, c.p95, c.at_least_ms("max", 1000)),
        settings=_quick(5, rate_per_s=100, vus=150),
        reason="fell behind",
    ),
    Row(
        "200 calls per second, open model",
        Modes(latency_ms=20),
        ("pass",),
        (c.calls, c.right_answers, c.median, c.p95),
        settings=_quick(rate_per_s=200),
    ),
    Row(
        "forks a process for each call, 2 ms of CPU",
        Modes(fork_cpu_us=2000),
        ("pass",),
        (c.calls, c.right_answers, c.cpu_per_call),
    ),
)

SILENT = (
    Row(
        "hangs for ever after 3 s",
        Modes(latency_ms=10, hang_after_s=3),
        ("fail",),
        (
            c.calls,
            c.errors("unanswered", outcomes=["unanswered"]),
            c.silence_is(3.0),
            c.uptime(50, 8),
        ),
        settings=_quick(6),
        reason="silen|unanswered|answered nothing",
        together=True,
    ),
    Row(
        "hangs for ever after 3 s, handshakes too",
        Modes(latency_ms=10, hang_after_s=3, hang_everything=True),
        ("fail", "invalid"),
        (c.calls, c.silence_is(3.0)),
        settings=_quick(6, request_timeout_s=2.0),
        wire="stateless",
        together=True,
    ),
    Row(
        "hangs for ever after 7 s of load",
        Modes(latency_ms=10, hang_after_s=7),
        ("fail",),
        (
            c.calls,
            c.errors("timeout", "unanswered", outcomes=["unanswered"]),
            # The first call begins at 0.2 s, and the last hold ends at 14.4 s.
            c.silence_is(7.2),
            c.target_is("latency_ms.all.p95@hold_20", "missed"),
        ),
        scenario="load",
        settings=Settings(time_scale=0.02, vus=20, request_timeout_s=2.0),
        targets=(_target("latency_ms.all.p95@hold_20", "<", 100),),
    ),
    Row(
        "hangs one call in 100",
        Modes(latency_ms=10, hang_every=100),
        ("fail",),
        (c.calls, c.errors("timeout", "unanswered", outcomes=["unanswered"]), c.at_least_ms("max", 1000)),
        settings=_quick(request_timeout_s=1.0),
        reason="error_rate",
    ),
    Row(
        "takes 500 ms for one call in 10, of users who wait 200 ms",
        Modes(latency_ms=5, latency="bimodal", slow_share=0.1, slow_ms=500),
        ("fail",),
        (
            c.calls,
            c.errors("timeout", "unanswered", outcomes=["unanswered"]),
            c.lower_bounds,
            c.at_least_ms("p95", 200),
        ),
        settings=_quick(request_timeout_s=0.2),
        reason="error_rate",
    ),
    Row(
        "answers at most 80 calls per second and gets 100, open model",
        Modes(capacity_per_s=80),
        ("fail",),
        # Its queue grows, and k6 has to start users for it.
        (c.calls, c.right_answers, c.median, c.p95, c.at_least_ms("max", 600)),
        settings=_quick(5, rate_per_s=100),
        reason="fell behind",
    ),
    Row(
        "answers after 1 s, 100 calls per second, open model",
        Modes(latency_ms=1000),
        ("pass",),
        (c.calls, c.right_answers, c.median),
        settings=_quick(8, rate_per_s=100),
    ),
    Row(
        "stands still for 1.5 s in every 3 s",
        Modes(latency_ms=10, freeze_s=1.5, freeze_every_s=3),
        ("fail",),
        # In a load of 8 s it stands still twice.
        (c.calls, c.silence, c.at_least_ms("max", 1400), c.uptime(62, 8)),
        settings=_quick(8),
        reason="silen|answered nothing",
    ),
    Row(
        "the same, 100 calls per second, open model",
        Modes(latency_ms=10, freeze_s=1.5, freeze_every_s=3),
        ("fail",),
        # Calls begin evenly: of 8 s, 0.4 s of starts wait for longer than 1.3 s.
        (c.calls, c.silence, c.at_least_ms("p95", 1250), c.at_least_ms("max", 1400)),
        settings=_quick(8, rate_per_s=100),
    ),
    Row(
        "sends an elicitation request during one call in 50",
        Modes(latency_ms=10, elicit_every=50),
        ("fail",),
        (
            c.calls,
            c.errors("timeout", "unanswered", outcomes=["unanswered"]),
            c.example("timeout|unanswered", "elicitation/create"),
        ),
        settings=_quick(request_timeout_s=1.0),
    ),
)


def _wrong(name: str, error_class: str, *, call: Call = "add", shows: str = "", **modes: object) -> Row:
    (fault,) = (mode.removesuffix("_every") for mode in modes)
    checks: list[Check] = [c.calls, c.right_answers, c.errors(error_class, outcomes=[fault])]
    if shows:
        checks.append(c.example(error_class, shows))
    behaviour = Modes(latency_ms=20, **modes)  # type: ignore[arg-type] # names of the fields
    return Row(
        name,
        behaviour,
        ("fail",),
        tuple(checks),
        settings=_quick(3),
        reason="error_rate",
        call=call,
        together=True,
    )


WRONG = (
    _wrong("one wrong answer in 50", "wrong_answer", shows='"result":', wrong_every=50),
    _wrong("31 for 3, one answer in 50", "wrong_answer", prefix_every=50),
    _wrong("body cut after the expected text", "wrong_answer", truncate_every=50),
    _wrong("garbage after the body", "wrong_answer", shows="<html>", garbage_every=50),
    _wrong("right text in _meta only", "wrong_answer", meta_only_every=50),
    _wrong("right text of echo in _meta only", "wrong_answer", call="echo", meta_only_every=50),
    _wrong("answer to another request", "wrong_answer", wrong_id_every=50),
    _wrong('JSON-RPC error whose data has "result":{}', "jsonrpc_error", call="anything", rpc_error_every=50),
    _wrong("isError only inside a success", "wrong_answer", call="fail", soft_error_every=50),
    _wrong("tool error", "is_error", shows="it failed", is_error_every=50),
    _wrong("HTTP 500 with a traceback", "http_status", shows="Traceback", http_500_every=50),
    _wrong("HTTP 503", "http_status", http_503_every=50),
    _wrong("HTTP 429", "rate_limited", http_429_every=50),
    # A busy machine may close connections, too, so this one runs alone.
    replace(_wrong("connection closed instead of an answer", "transport", reset_every=50), together=False),
)


CONNECTIONS = (
    Row(
        "closes each connection, and accepts one per 20 ms",
        Modes(close_connections=True, accept_pause_ms=20),
        ("pass", "fail"),
        (c.calls, c.mean_of_users(10)),
        settings=_quick(5),
        wire="stateless",
    ),
    Row(
        "the same with a short queue: connecting takes a second and more",
        Modes(close_connections=True, accept_pause_ms=20, backlog=1),
        ("pass", "fail"),
        # Some calls never reach the server, whose account cannot have them.
        # Those wait until their time-out of 6 s.
        (c.no_call_is_missing, c.at_least_ms("max", 6000)),
        settings=_quick(6, vus=20, request_timeout_s=6.0),
        wire="stateless",
    ),
    Row(
        "loses each session after 40 calls",
        Modes(latency_ms=5, lose_session_after=40),
        ("fail",),
        (c.calls, c.right_answers, c.errors("session_lost", outcomes=["session_lost"])),
        settings=_quick(4),
        reason="error_rate",
    ),
    Row(
        "keeps sessions that were deleted",
        Modes(latency_ms=5, keep_sessions=True),
        ("fail",),
        (c.calls, c.target_is("sessions_left", "missed")),
        settings=_quick(3),
        targets=(_target("sessions_left", "<", 1),),
    ),
)


PROCESSES = (
    Row(
        "a supervisor's child dies after 2 s and is replaced",
        Modes(latency_ms=10, restart_at_s=2),
        ("invalid",),
        (),
        reason="restart|replaced|another process",
        together=True,
        wire="stateless",
    ),
    Row(
        "the URL of another process",
        Modes(latency_ms=10),
        ("invalid",),
        (),
        disturbance="foreign server",
        reason="process",
        together=True,
    ),
    Row(
        "offers the session wire only, and is asked on the other",
        Modes(wire="session"),
        ("invalid",),
        (),
        wire="stateless",
        reason="wire",
        together=True,
    ),
    Row(
        "reports another name after 100 calls",
        Modes(latency_ms=10, rename_after=100),
        ("invalid",),
        (),
        reason="name changed",
        together=True,
    ),
)

LIMITS = (
    Row(
        "500 calls per second at most, 20 ms each: knee at 10 users",
        Modes(capacity_per_s=500, latency_ms=20),
        ("pass",),
        (c.calls, c.finding("Knee", "knee_vus", 7, 14, "10 VUs")),
        scenario="stress",
        settings=Settings(time_scale=0.012, vus=80),
    ),
    Row(
        "universal scalability law with its peak at 40 users",
        Modes(usl="100,0.05,0.00059"),
        ("pass",),
        (c.calls, c.finding("Knee", "peak_vus", 30, 52, "40 VUs")),
        scenario="stress",
        settings=Settings(time_scale=0.012, vus=160),
    ),
    Row(
        "collapses above 50 calls at one time",
        Modes(latency_ms=20, collapse_above=50),
        ("pass", "fail"),
        (
            c.calls,
            c.finding("Carried", "vus_carried", 40, 40, "40 VUs"),
            c.finding_says("How it failed", "Not gracefully"),
        ),
        scenario="stress",
        settings=Settings(time_scale=0.012, vus=80),
    ),
    Row(
        "HTTP 500 with a traceback above 50 calls at one time",
        Modes(latency_ms=20, http_500_every=1, fails_above=50),
        ("fail",),
        (c.finding_says("How it failed", "Not gracefully"),),
        scenario="stress",
        settings=Settings(time_scale=0.012, vus=80),
    ),
    Row(
        "latency grows by 20 ms with each spike",
        Modes(latency_ms=40, ratchet_above=30, ratchet_ms=20),
        ("fail",),
        (c.calls, c.finding_says("Spike 1", "not back"), c.finding_says("Spike 5", "not back")),
        scenario="spike",
        targets=(_target("spike.recovery_s", "<", 1),),
        reason="spike.recovery_s",
        settings=Settings(time_scale=0.03, vus=60),
    ),
)

_MEMORY = Settings(time_scale=0.1)

_GROWS = (
    _target("server.rss_growth_lower_mb_per_5_min", "<", 5),
    _target("server.fds_slope_lower_per_h", "<", 60),
    _target("server.threads_slope_lower_per_h", "<", 60),
)

LEAKS = tuple(
    replace(row, together=True)
    for row in (
        Row(
            "loses 6 MB of memory per minute",
            Modes(leak_mb_per_min=6),
            ("fail",),
            (c.calls, c.slope("rss_mb", 360)),
            scenario="memory",
            settings=_MEMORY,
            targets=_GROWS,
            reason="rss_growth",
        ),
        Row(
            "memory goes up and down by 10 MB in every 5 s",
            Modes(sawtooth_mb=10, sawtooth_s=5),
            ("pass",),
            (c.calls, c.no_growth("rss_mb")),
            scenario="memory",
            settings=_MEMORY,
            targets=_GROWS,
        ),
        Row(
            "loses 60 file descriptors per minute",
            Modes(leak_fds_per_min=60),
            ("fail",),
            (c.calls, c.slope("fds", 3600)),
            scenario="memory",
            settings=_MEMORY,
            targets=_GROWS,
            reason="fds_slope",
        ),
        Row(
            "leaves 60 threads per minute",
            Modes(leak_threads_per_min=60),
            ("fail",),
            (c.calls, c.slope("threads", 3600)),
            scenario="memory",
            settings=_MEMORY,
            targets=_GROWS,
            reason="threads_slope",
        ),
        Row(
            "loses nothing",
            Modes(),
            ("pass",),
            (c.calls, c.no_growth("rss_mb"), c.no_growth("fds"), c.no_growth("threads")),
            scenario="memory",
            settings=_MEMORY,
            targets=_GROWS,
        ),
        Row(
            "3 MB for each session, and no leak",
            Modes(latency_ms=20, session_mb=3),
            ("pass",),
            (c.calls, c.no_growth("rss_mb")),
            scenario="load",
            settings=Settings(time_scale=0.03, vus=20, think_time_s=0.1),
            targets=_GROWS,
        ),
        Row(
            "leaves a thread with each tenth call",
            Modes(leak_thread_every=10),
            ("fail",),
            (),
            scenario="cleanup",
            settings=Settings(time_scale=1),
            reason="threads|cleanup",
        ),
        Row("leaves nothing", Modes(), ("pass",), (), scenario="cleanup", settings=Settings(time_scale=1)),
    )
)

DISTURBED = (
    Row(
        "p95 of 25 ms for a limit of 30 ms, on a busy machine",
        Modes(latency_ms=24, cpu_us=300),
        ("pass", "invalid"),
        (c.calls, c.health("bounded", "invalid")),
        settings=_quick(5),
        targets=(_target("latency_ms.all.p95", "<", 30),),
        disturbance="hogs",
    ),
    Row(
        "answers in 20 ms, while k6 is stopped for 4 s",
        Modes(latency_ms=20),
        ("invalid",),
        (c.calls, c.generator_gap(3.5, 4.8), c.health("invalid", "bounded")),
        settings=_quick(9),
        disturbance="stopped generator",
    ),
)

ROWS: Sequence[Row] = (
    *STEADY,
    *SILENT,
    *WRONG,
    *CONNECTIONS,
    *PROCESSES,
    *LIMITS,
    *DISTURBED,
    *LEAKS,
)

_BASE = Modes(latency_ms=5, cpu_us=300)

PAIRS: Sequence[Pair] = (
    Pair("the same server twice", _BASE, _BASE, ("same",), (c.cpu_ratio, c.error_share), launches=4),
    Pair(
        "b uses 10 % more CPU",
        Modes(cpu_us=1500),
        Modes(cpu_us=1660),
        ("worse",),
        (c.cpu_ratio, c.metric_is("cpu_us_per_call", "worse")),
        launches=4,
    ),
    Pair(
        "b gives one wrong answer in 50",
        _BASE,
        replace(_BASE, wrong_every=50),
        ("worse",),
        (c.error_share, c.metric_is("error_rate", "worse")),
        pairs=3,
        reason="failed calls",
    ),
    Pair(
        "b is faster, and one answer in 50 is wrong",
        _BASE,
        replace(_BASE, latency_ms=2, wrong_every=50),
        ("worse",),
        (c.error_share, c.metric_is("error_rate", "worse")),
        pairs=3,
        reason="failed calls",
    ),
    Pair(
        "b takes 60 ms for 2 % of its calls",
        _BASE,
        replace(_BASE, latency="bimodal", slow_share=0.02, slow_ms=60),
        ("worse",),
        (c.error_share, c.metric_is("latency_ms.p99", "worse")),
        reason="p99",
    ),
)
