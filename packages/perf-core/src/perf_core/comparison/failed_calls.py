"""Failed calls of a comparison in words: how many, of which class, and an example; pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from perf_core.comparison.error_rates import Launches, Tally
from perf_core.comparison.model import Launch
from perf_core.comparison.schedule import Side
from perf_core.results.record import Failure


def tallies(launches: Sequence[Launch], side: Side) -> Launches:
    """Return calls and errors of a server by launch and pair.

    Slices that were dropped count too. A launch with a fault does not: a server that has ended fails every
    call, and the fault says why.
    """
    return [
        {each.pair: Tally(each.calls, each.errors) for each in launch.slices if each.side == side}
        for launch in launches
        if not launch.has_fault(side)
    ]


def sentences(launches: Sequence[Launch], sides: Sequence[Side]) -> Iterator[str]:
    """Yield one sentence for each server with failed calls."""
    for side in sides:
        sound = [launch for launch in launches if not launch.has_fault(side)]
        counted = [each for launch in sound for each in launch.slices if each.side == side]
        errors = sum(each.errors for each in counted)
        calls = sum(each.calls for each in counted)
        if errors:
            classes: Counter[str] = Counter()
            for each in counted:
                classes.update(each.errors_by_class)
            named = "".join(f"; {name} {count:,}" for name, count in classes.most_common())
            text = f"{errors:,} of {calls:,} calls of {side} failed ({_percent(errors / calls)}{named})"
            yield text + _example(launches, side, [name for name, _ in classes.most_common()])
        early = sum(each.errors for launch in sound for each in launch.warm_up if each.side == side)
        if early:
            yield f"{early:,} further calls of {side} failed in the warm-up, which does not count"


def _example(launches: Sequence[Launch], side: Side, classes: Sequence[str]) -> str:
    """Return a failed call in words, of the commonest class that has an example; empty without one."""
    failures = [each for launch in launches for each in launch.failures if side_of(each) == side]
    if not failures:
        return ""
    ranks = {name: rank for rank, name in enumerate(classes)}
    example = min(failures, key=lambda each: ranks.get(each.error_class, len(ranks)))
    call = f"{example.tool}({example.arguments})"
    return f", for example {call}: expected {example.expected}, got {example.received}"


def side_of(failure: Failure) -> str:
    """Return the side of a failure, which is the end of its slice's name."""
    return failure.stage.rpartition("_")[2]


def _percent(share: float) -> str:
    return f"{share:.2%}".replace("%", " %") if share >= 0.0001 else "under 0.01 %"
