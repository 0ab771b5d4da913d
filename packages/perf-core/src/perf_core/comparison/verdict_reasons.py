"""Verdicts on the servers of a comparison in words; pure functions."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from perf_core.comparison import failed_calls
from perf_core.comparison.model import KINDS, Design, Drift, Launch, MetricComparison, Pairing, Verdict
from perf_core.comparison.schedule import BASELINE, Side

_LARGEST_FACTOR = 1_000_000


def for_people(pairings: Sequence[Pairing], launches: Sequence[Launch], design: Design) -> tuple[str, ...]:
    """Return what the verdicts rest on, then remarks on failed calls, drifts and dropped slices.

    With more than two servers, each sentence about a verdict begins with the server's side.
    """
    if len(pairings) == 1:
        verdicts = list(pairings[0].reasons)
    else:
        verdicts = [f"{each.side} is {each.verdict}: {'; '.join(each.reasons)}" for each in pairings]
    return (
        *verdicts,
        *failed_calls.sentences(launches, design.sides),
        *_drifts_in_words(pairings),
        *_dropped(launches, design.sides),
    )


def of_verdict(verdict: Verdict, judged: Sequence[MetricComparison], side: Side) -> list[str]:
    """Return the reasons for the verdict on a server."""
    still_open = [m for m in judged if m.verdict == "inconclusive"]
    if verdict in {"worse", "better"}:
        return [f"{KINDS[m.name].words} {verdict} {_by_how_much(m)}" for m in judged if m.verdict == verdict]
    if verdict == "same":
        decided = "the interval of every judged metric lies within its bars"
        return [decided, *(_open_in_words(m, side) for m in still_open)]
    wide = ", ".join(KINDS[m.name].words for m in still_open if not may_stay_open(m))
    return [f"the intervals are too wide for {wide}; more launches or --until-decided narrow them"]


def may_stay_open(metric: MetricComparison) -> bool:
    """Return whether a comparison can end without a verdict on this metric."""
    return KINDS[metric.name].may_stay_open and not looks_worse(metric)


def looks_worse(metric: MetricComparison) -> bool:
    """Return whether the ratio was measured above the bar."""
    return (metric.ratio or 0.0) > 1 + metric.bar


def _open_in_words(metric: MetricComparison, side: Side) -> str:
    """Return what is known about a metric without a verdict: how much worse it may be."""
    return (
        f"{KINDS[metric.name].words} has no verdict: {side}'s may be up to {_factor(metric.high)} times "
        f"that of {BASELINE}"
    )


def _by_how_much(metric: MetricComparison) -> str:
    """Return the interval in words.

    For example ``by 6.0 % to 9.0 %``, ``by a factor of 7.1 to 15`` or ``by 0.3 to 0.8 percentage points``.
    """
    if metric.ratio is None:
        near, far = sorted((abs(metric.low), abs(metric.high)))
        return f"by {100 * near:.2g} to {100 * far:.2g} percentage points"
    if metric.high >= 2 or metric.low <= 0.5:
        near, far = sorted((metric.low, metric.high), key=lambda ratio: abs(math.log(ratio)))
        return f"by a factor of {_factor(near)} to {_factor(far)}"
    near, far = sorted((abs(metric.low - 1), abs(metric.high - 1)))
    return f"by {near:.1%} to {far:.1%}".replace("%", " %")


def _factor(ratio: float) -> str:
    # With very few launches an interval has practically no bounds.
    if ratio > _LARGEST_FACTOR:
        return f"over {_LARGEST_FACTOR:,}"
    if 0.9 < ratio < 1.1:
        return f"{ratio:.2f}"  # two digits of 1.04 would be a factor of 1
    return f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.2g}"


def _dropped(launches: Sequence[Launch], sides: Sequence[Side]) -> tuple[str, ...]:
    faults = [
        f"launch {number}: {fault}"
        for number, launch in enumerate(launches, 1)
        for fault in (*launch.faults, *_side_faults(launch), *_slice_faults(launch, sides))
    ]
    shown = faults[:5]
    more = [f"and {len(faults) - len(shown)} more"] if len(faults) > len(shown) else []
    return (*shown, *more)


def _side_faults(launch: Launch) -> Iterator[str]:
    yield from (f"{side}: {fault}" for side, fault in launch.side_faults.items())


def _slice_faults(launch: Launch, sides: Sequence[Side]) -> Iterator[str]:
    """Yield the faults of slices; one that all of several servers share is reported once."""
    faulty = [each for each in launch.slices if each.fault and each.side not in launch.side_faults]
    shared = Counter((each.pair, each.fault) for each in faulty)
    reported = set()
    for each in faulty:
        key = (each.pair, each.fault)
        if len(sides) == 2 or shared[key] < len(sides):
            yield f"{each.name}: {each.fault}"
        elif key not in reported:
            reported.add(key)
            yield f"pair_{each.pair} of all: {each.fault}"


def _drifts_in_words(pairings: Sequence[Pairing]) -> Iterator[str]:
    """Yield one sentence for each change of a server, with all metrics that show it.

    A change of the baseline shows in every pairing, and is reported once.
    """
    groups: dict[tuple[Side, int, bool], list[Drift]] = {}
    beside: dict[tuple[Side, int, bool], Side] = {}
    for pairing in pairings:
        for drift in pairing.drifts:
            key = (drift.side, drift.first_pairs, drift.is_warm_up)
            if beside.setdefault(key, pairing.side) == pairing.side:
                groups.setdefault(key, []).append(drift)
    for key, group in groups.items():
        other: str = "the other server"
        if len(pairings) > 1:
            other = beside[key] if key[0] == BASELINE else BASELINE
        yield _change_in_words(group, other)


def _change_in_words(drifts: Sequence[Drift], other: str) -> str:
    first = drifts[0]
    sizes = ", ".join(_size_in_words(drift) for drift in drifts)
    if first.is_warm_up:
        what, where = "warms up after the load has begun", f"first {first.first_pairs}"
    else:
        what, where = "becomes worse during a launch", f"last {first.pairs - first.first_pairs}"
    return (
        f"{first.side} {what}: in the {where} of {first.pairs} pairs, against the others and relative to "
        f"{other}, {sizes}; the figures average all pairs"
    )


def _size_in_words(drift: Drift) -> str:
    """Return what the change is for one metric, such as ``latency median 1.81 to 2.20 times``."""
    if KINDS[drift.metric].higher_is_better:
        return f"throughput {1 / drift.high:.2f} to {1 / drift.low:.2f} times"
    return f"{KINDS[drift.metric].words} {drift.low:.2f} to {drift.high:.2f} times"
