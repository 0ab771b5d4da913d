"""Adapter for the performance lab, with the mix of calls and the targets of the published guide.

Expected answers are computed with the server's own arithmetic functions, which are tested against Python's
operators. The targets are unchanged from the guide.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from calculator_server import arithmetic
from perf_core import Expectation, Journey, Launch, Limits, Scenario, Step, Target
from perf_core.adapter import Pools
from perf_core.scenarios import NO_ERRORS, NO_LEAKS_IN_HOURS, further_scenarios, standard_scenarios

JOURNEYS = 20_000
"""Enough that two calls in flight rarely have the same answer."""

MIX: Mapping[str, int] = {"add": 40, "subtract": 30, "multiply": 20, "divide": 10}
"""Share of each operation in percent, as published."""

OPERATIONS: Mapping[str, Callable[[float, float], float]] = {
    "add": arithmetic.add,
    "subtract": arithmetic.subtract,
    "multiply": arithmetic.multiply,
    "divide": arithmetic.divide,
}

Draw = Callable[[random.Random], float]

KINDS: Mapping[str, Draw] = {
    "small": lambda r: float(r.randint(1, 1_000)),
    "large": lambda r: float(r.randint(10**9, 10**15)),
    "decimal": lambda r: round(r.uniform(0.001, 1_000.0), 6),
    "negative": lambda r: -float(r.randint(1, 10**6)),
}
"""Kinds of numbers; ``mixed`` draws each operand from any of them."""


def _operands(kind: str, r: random.Random) -> tuple[float, float]:
    if kind == "mixed":
        return r.choice(list(KINDS.values()))(r), r.choice(list(KINDS.values()))(r)
    return KINDS[kind](r), KINDS[kind](r)


def _journey(tool: str, kind: str, a: float, b: float) -> Journey:
    try:
        expect = Expectation.result({"result": OPERATIONS[tool](a, b)})
    except arithmetic.CalculationError:
        expect = Expectation.error()
    return Journey(tool, (Step(tool, {"a": a, "b": b}, expect),), kind)


def mixed_journeys(seed: int) -> Pools:
    """Return the published mix of operations, with every kind of number."""
    r = random.Random(seed)  # noqa: S311 - a draw of load, no secret
    tools = r.choices(list(MIX), weights=list(MIX.values()), k=JOURNEYS)
    kinds = [*KINDS, "mixed"]
    return {"mix": [_journey(tool, "", *_operands(r.choice(kinds), r)) for tool in tools]}


_EDGES: Mapping[str, tuple[tuple[float, float], ...]] = {
    "add": ((0.0, 0.0), (-0.0, 0.0), (0.1, 0.2), (1e308, 1e308), (5e-324, 5e-324), (2.0**53, 1.0)),
    "subtract": ((0.0, 0.0), (1e-300, 1e-300), (0.3, 0.1), (-1e308, 1e308), (1.0, 1e-17)),
    "multiply": ((0.0, -1.0), (1e200, 1e200), (1e-200, 1e-200), (-1.0, -1.0), (1e154, 1e154)),
    "divide": ((1.0, 0.0), (0.0, 0.0), (1.0, -0.0), (1.0, 3.0), (1e308, 1e-10), (5e-324, 2.0)),
}
"""Zero divisors and overflow (errors), underflow, signed zero, the largest exact integer."""


def benchmark_journeys(seed: int) -> Pools:
    """Return one pool per operation over all kinds of numbers and its edge cases, and the mix of them."""
    r = random.Random(seed)  # noqa: S311 - a draw of load, no secret
    kinds = [*KINDS, "mixed", "edge"]
    pools = {
        tool: [_benchmark_journey(tool, r.choice(kinds), r) for _ in range(JOURNEYS // 5)] for tool in MIX
    }
    tools = r.choices(list(MIX), weights=list(MIX.values()), k=JOURNEYS // 5)
    return {"mix": [_benchmark_journey(tool, r.choice(kinds), r) for tool in tools], **pools}


def _benchmark_journey(tool: str, kind: str, r: random.Random) -> Journey:
    operands = r.choice(_EDGES[tool]) if kind == "edge" else _operands(kind, r)
    return _journey(tool, kind, *operands)


_MISTAKES: tuple[tuple[str, Mapping[str, JsonValue]], ...] = (
    ("divide", {"a": 1.0, "b": 0.0}),
    ("multiply", {"a": 1e200, "b": 1e200}),
    ("add", {"a": 1.0}),
    ("subtract", {"a": "one", "b": 2.0}),
    ("add", {"a": None, "b": []}),
)
"""Mistakes of clients; the right answer is an error."""


def faulty_journeys(seed: int) -> Pools:
    """Return a mix in which every other journey is a mistake."""
    r = random.Random(seed)  # noqa: S311 - a draw of load, no secret
    wrong = [Journey(tool, (Step(tool, sent, Expectation.error()),), "mistake") for tool, sent in _MISTAKES]
    right = [
        _journey(tool, "right", *_operands("mixed", r)) for tool in r.choices(list(MIX), k=JOURNEYS // 20)
    ]
    return {"mix": [journey for each in right for journey in (each, r.choice(wrong))]}


# A percentile is judged when at least ten samples lie beyond it: 200 for p95, 1000 for p99.
_SESSION = Target(
    "session_creation_ms.p95", "<", 100, need="Opening a session must not be noticeable.", min_samples=20
)

_LOAD = (
    Target("latency_ms.all.p95@hold_100", "<", 100, stretch=75, min_samples=200, need="Calls rarely wait."),
    Target("latency_ms.all.p99@hold_100", "<", 200, min_samples=1000, need="Slow calls stay bearable."),
    Target("latency_ms.all.avg@hold_100", "<", 50, min_samples=100, need="A chain of calls is quick."),
    Target(
        "tool_calls_per_s@hold_100", ">", 1000, stretch=2000, min_samples=100, need="One server is enough."
    ),
    NO_ERRORS,
    _SESSION,
)


def _each_operation(statistic: str, level: float, need: str, min_samples: int) -> tuple[Target, ...]:
    return tuple(
        Target(f"latency_ms.{tool}.{statistic}", "<", level, need=need, min_samples=min_samples)
        for tool in MIX
    )


TARGETS: Mapping[str, tuple[Target, ...]] = {
    "quick": (
        NO_ERRORS,
        _SESSION,
        Target("latency_ms.all.p95", "<", 50, min_samples=200, need="Ten users notice no delay."),
    ),
    "load": _LOAD,
    "stress": (
        Target("stress.vus_carried", ">", 300, stretch=500, min_samples=500, need="A rush must be served."),
    ),
    "endurance": (
        NO_ERRORS,
        Target(
            "server.rss_slope_mb_per_h", "<", 1.0, stretch=0.1, min_duration_s=1800, need="It runs for weeks."
        ),
        Target("server.uptime_percent", ">", 99.9, stretch=99.99, need="It is available when needed."),
        Target("sessions_left", "<", 1, need="Closed sessions must be removed."),
        *NO_LEAKS_IN_HOURS,
    ),
    "spike": (
        NO_ERRORS,
        Target("spike.recovery_s", "<", 30, stretch=10, min_duration_s=30, need="A rush must pass quickly."),
    ),
    "benchmark": (
        NO_ERRORS,
        *_each_operation("p95", 75, "Each operation by itself is quick.", min_samples=200),
        *_each_operation("p99", 150, "Each operation by itself is steady.", min_samples=1000),
        *_each_operation("avg", 40, "Each operation by itself is cheap.", min_samples=100),
    ),
}


def _scenarios() -> dict[str, Scenario]:
    standard = standard_scenarios(mixed_journeys, TARGETS)
    benchmark = standard_scenarios(benchmark_journeys, TARGETS)["benchmark"]
    further = further_scenarios(
        {
            "concurrent": mixed_journeys,
            "memory": mixed_journeys,
            "tools": benchmark_journeys,
            "rate-limit": mixed_journeys,
            "cleanup": faulty_journeys,
            "stability": mixed_journeys,
            "recovery": mixed_journeys,
        },
        launches={"rate-limit": _limited(), "recovery": _launch("--workers", "2")},
        limits=LIMITS,
        kill_pattern="multiprocessing.spawn",
    )
    return {**standard, "benchmark": benchmark, **further}


LIMITS = Limits(rate_per_s=2.0, burst=20)
"""Limits of the server started for ``rate-limit``: a burst ends long before the next token is due."""

_TOKENS = tuple(f"perf-lab-client-{number}" for number in range(3))


def _launch(*options: str, tokens: tuple[str, ...] = ()) -> Launch:
    command = (sys.executable, "-m", "calculator_server", "--port", "0", "--ready-file", "{ready_file}")
    return Launch(argv=(*command, *options), tokens=tokens)


def _limited() -> Launch:
    options = {"rate-limit-per-s": LIMITS.rate_per_s, "rate-limit-burst": LIMITS.burst}
    arguments = [text for name, value in options.items() for text in (f"--{name}", f"{value:g}")]
    return _launch(*arguments, "--auth-tokens", ",".join(_TOKENS), tokens=_TOKENS)


@dataclass(frozen=True)
class CalculatorAdapter:
    """The calculator's adapter."""

    name: str = "calculator"
    server_name: str | None = "calculator"
    launch: Launch = field(default_factory=_launch)
    scenarios: Mapping[str, Scenario] = field(default_factory=_scenarios)


adapter = CalculatorAdapter()
