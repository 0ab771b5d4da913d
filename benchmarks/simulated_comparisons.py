"""Comparisons drawn from measured launches of equal servers, with differences of known size added; pure.

A measured comparison takes more than a minute, a drawn one a millisecond, so thousands show how often the
statistics of `perf-core compare` err. What they cannot show is an error of the measurement itself; for that,
`calibration.py measure` compares real servers.

A drawn launch is one of a measured comparison of equal servers: the ratios of b to a of all metrics together,
inverted at random, since equal servers can be exchanged. All launches of a drawn comparison come from two
measured ones, so that a busy hour stays busy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from perf_core.comparison.model import KINDS, MAX, P99, SLOWEST, Bars, Design, Launch, SliceFigures
from perf_core.comparison.schedule import sides_of
from perf_core.comparison.statistics import Conclusion, conclude

LAUNCHES = 6


@dataclass(frozen=True)
class MeasuredLaunch:
    """One launch of equal servers.

    Attributes:
        ratios: Ratio of b to a by metric, averaged over the pairs.
        calls: Calls of one server.
    """

    ratios: Mapping[str, float]
    calls: int


Comparisons = Sequence[Sequence[MeasuredLaunch]]
"""Launches of measured comparisons."""


@dataclass(frozen=True)
class Effect:
    """A difference of known size between b and a.

    Attributes:
        words: Description for the table.
        metrics: Metrics that a verdict must find; none for equal servers.
        factors: Factors of b's figures by metric.
        errors_a: Share of a's calls that fail, independently.
        errors_b: Share of b's calls that fail, independently.
        bursts: Bursts of failed calls in each launch of each server, on average.
        burst_size: Failed calls of a burst, on average.
    """

    words: str
    metrics: tuple[str, ...] = ()
    factors: Mapping[str, float] = field(default_factory=dict)
    errors_a: float = 0.0
    errors_b: float = 0.0
    bursts: float = 0.0
    burst_size: float = 20.0


def _latency(percent: int) -> Effect:
    factor = 1 + percent / 100
    factors = {"latency_ms.med": factor, "latency_ms.p95": factor, "tool_calls_per_s": 1 / factor}
    return Effect(f"latency +{percent} %, throughput in proportion", tuple(factors), factors)


EFFECTS = (
    Effect("equal"),
    Effect("equal, 0.1 % of the calls of both fail", errors_a=0.001, errors_b=0.001),
    Effect("equal, 2 % of the calls of both fail", errors_a=0.02, errors_b=0.02),
    Effect("equal, 20 calls fail at once, every third launch", bursts=1 / 3),
    *(
        Effect(f"CPU per call +{percent} %", ("cpu_us_per_call",), {"cpu_us_per_call": 1 + percent / 100})
        for percent in (5, 8, 10, 15)
    ),
    *(_latency(percent) for percent in (10, 15, 20, 30)),
    *(
        Effect(f"{share:.1%} of b's calls fail".replace("%", " %"), ("error_rate",), errors_b=share)
        for share in (0.001, 0.002, 0.005, 0.02)
    ),
    Effect("2 % of b's calls fail, 1 % of a's", ("error_rate",), errors_a=0.01, errors_b=0.02),
    *(
        Effect(f"slowest calls {factor:g} times", (SLOWEST, P99), {SLOWEST: factor, P99: factor})
        for factor in (1.5, 2.0, 2.7, 4.0)
    ),
    *(Effect(f"longest call {factor:g} times", (MAX,), {MAX: factor}) for factor in (2.0, 5.0, 10.0, 30.0)),
)


@dataclass(frozen=True)
class Outcomes:
    """Verdicts of the drawn comparisons with one effect.

    Attributes:
        verdicts: Number of comparisons by their overall verdict.
        detected: Number of comparisons in which a metric of the effect was worse, by metric.
    """

    effect: Effect
    trials: int
    verdicts: Mapping[str, int]
    detected: Mapping[str, int]

    @property
    def false_alarms(self) -> int:
        """Number of comparisons with a difference that there was not, for an effect of equal servers."""
        return self.verdicts.get("worse", 0) + self.verdicts.get("better", 0)


def simulate(measured: Comparisons, effect: Effect, trials: int, seed: int) -> Outcomes:
    """Draw comparisons with an effect, and count their verdicts."""
    draw = np.random.default_rng(seed)
    verdicts: dict[str, int] = {}
    detected = dict.fromkeys(effect.metrics, 0)
    for _ in range(trials):
        conclusion = conclude(draw_launches(measured, effect, draw), DESIGN)
        verdicts[conclusion.verdict] = verdicts.get(conclusion.verdict, 0) + 1
        for name in effect.metrics:
            detected[name] += _verdict_on(conclusion, name) == "worse"
    return Outcomes(effect, trials, verdicts, detected)


DESIGN = Design(
    scenario="drawn",
    wires={"a": "session", "b": "session"},
    vus=4,
    seed=1,
    launches=LAUNCHES,
    # The ratios of a measured launch are averages of its pairs already.
    pairs_per_launch=1,
    slice_s=3.0,
    turn_s=0.02,
    pinned=True,
    looks=(LAUNCHES,),
    bars=Bars(),
)


def draw_launches(measured: Comparisons, effect: Effect, draw: np.random.Generator) -> list[Launch]:
    """Return the launches of one drawn comparison."""
    chosen = draw.choice(len(measured), size=min(2, len(measured)), replace=False)
    pool = [launch for index in chosen for launch in measured[index]]
    drawn = draw.choice(len(pool), size=LAUNCHES, replace=len(pool) < LAUNCHES)
    return [_launch(pool[index], effect, draw) for index in drawn]


def _launch(measured: MeasuredLaunch, effect: Effect, draw: np.random.Generator) -> Launch:
    exponent = 1 if draw.random() < 0.5 else -1
    ratios = {
        name: ratio**exponent * effect.factors.get(name, 1.0) for name, ratio in measured.ratios.items()
    }
    once = {name: ratio for name, ratio in ratios.items() if KINDS[name].once_per_launch}
    figures = {name: ratio for name, ratio in ratios.items() if not KINDS[name].once_per_launch}
    slices = tuple(
        SliceFigures(
            name=f"pair_1_{side}",
            side=side,
            pair=1,
            calls=measured.calls,
            errors=_errors(measured.calls, share, effect, draw),
            duration_s=3.0,
            figures=dict.fromkeys(figures, 1.0) if side == "a" else figures,
        )
        for side, share in zip(sides_of(2), (effect.errors_a, effect.errors_b), strict=True)
    )
    return Launch(slices, {"a": dict.fromkeys(once, 1.0), "b": once})


def _errors(calls: int, share: float, effect: Effect, draw: np.random.Generator) -> int:
    bursts = draw.poisson(effect.burst_size, draw.poisson(effect.bursts)).sum() if effect.bursts else 0
    return min(calls, int(draw.binomial(calls, share) + bursts))


def _verdict_on(conclusion: Conclusion, name: str) -> str:
    return next((m.verdict for m in conclusion.metrics if m.name == name), "")


def measured_launch(launch: Launch) -> MeasuredLaunch:
    """Return the ratios of a real launch, for later draws."""
    by_metric: dict[str, list[float]] = {}
    for a, b in launch.pairs("b"):
        for name in a.figures.keys() & b.figures.keys() & KINDS.keys():
            if a.figures[name] and b.figures[name]:
                by_metric.setdefault(name, []).append(math.log(b.figures[name] / a.figures[name]))
    ratios = {name: math.exp(float(np.mean(logs))) for name, logs in by_metric.items()}
    once = {
        name: launch.figures["b"][name] / value
        for name, value in launch.figures["a"].items()
        if value and name in launch.figures["b"]
    }
    calls = sum(each.calls for each in launch.slices if each.side == "a")
    return MeasuredLaunch({**ratios, **once}, calls)
