"""The recording of a load: what k6 sent in each period, as lines of JSON; pure.

The lines have the form that k6's web dashboard gives its own recording, so that those of older runs are read
by the same code (:mod:`perf_core.analysis.series`): ``param`` names the aggregates of each kind of metric,
``metric`` announces metrics, and each ``snapshot`` holds the figures of one period in the alphabetical order
of the metrics announced so far.

The dashboard itself is not used: in each period it sorts all durations since the start of the run, which
costs k6 a third of its CPU in a run of 40 s, and ever more in longer ones.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Literal

from perf_core.load.remote_write import Buckets, Sent, added, quantile, together

Kind = Literal["counter", "gauge", "trend"]
Key = tuple[tuple[str, str], ...]

AGGREGATES: Final[Mapping[Kind, tuple[str, ...]]] = {
    "counter": ("count",),
    "gauge": ("value",),
    "trend": ("count", "min", "med", "p(95)", "p(99)", "max"),
}

USERS_EVERY_S: Final = 1.0
"""k6 tells its number of users so often, whatever happens: without a message for longer it was not idle."""

USERS: Final = "vus"
REQUESTS: Final = "http_reqs"
WAITS: Final = "http_req_duration"

_LATE_S: Final = 0.2
"""Time by which a message of an idle k6 may come late."""

# How k6 names metrics in its messages.
_PREFIX: Final = "k6_"
_COUNTER: Final = "_total"
_RATE: Final = "_rate"
_SECONDS: Final = "_seconds"

_SHARES: Final = {"min": 0.0, "med": 0.5, "p(95)": 0.95, "p(99)": 0.99, "max": 1.0}


class Recording:
    """Turns the messages of k6 into the lines of a recording.

    Args:
        period_s: Time between two messages of a k6 that has something to tell.

    Example: ``[*recording.lines(read_message(body), time.time())]``
    """

    def __init__(self, period_s: float) -> None:
        self._period_s = period_s
        self._before_s: float | None = None
        self._values: dict[Key, float] = {}
        self._buckets: dict[Key, Buckets] = {}
        self._kinds: dict[str, Kind] = {}
        self._users: dict[str, Mapping[str, float]] = {}

    def first_line(self) -> str:
        """Return the line with which a recording begins."""
        return _event("param", {"aggregates": AGGREGATES, "period": self._period_s * 1000})

    def lines(self, sent: Iterable[Sent], at_s: float) -> Iterator[str]:
        """Yield the lines of one message.

        Args:
            at_s: Arrival of the message, in seconds since the epoch.
        """
        metrics = self._since_last(sent)
        new = {name: kind for name, (kind, _) in metrics.items() if name not in self._kinds}
        if new or not self._kinds:
            self._kinds |= {"time": "gauge", **new}
            yield _event("metric", {name: {"type": self._kinds[name]} for name in ("time", *new)})
        figures = {name: values for name, (_, values) in metrics.items()}
        # k6 tells its users once a second only.
        self._users |= {name: figures[name] for name in (USERS,) if name in figures}
        for end_s in self._idle_periods(figures, at_s):
            yield self._snapshot(self._users, end_s)
        yield self._snapshot({**self._users, **figures}, at_s)
        self._before_s = at_s

    def _since_last(self, sent: Iterable[Sent]) -> dict[str, tuple[Kind, Mapping[str, float]]]:
        """Return the figures of a period, by metric, over all labels."""
        counts: dict[str, float] = {}
        gauges: dict[str, float] = {}
        trends: dict[str, Buckets] = {}
        for each in sent:
            name = each.name.removeprefix(_PREFIX)
            if each.buckets is not None:
                new = added(self._buckets.get(each.key), each.buckets)
                self._buckets[each.key] = each.buckets
                trends[name] = together(trends[name], new) if name in trends else new
            elif name.endswith(_COUNTER):
                name = name.removesuffix(_COUNTER)
                counts[name] = counts.get(name, 0.0) + each.value - self._values.get(each.key, 0.0)
                self._values[each.key] = each.value
            elif not name.endswith(_RATE):
                gauges[name] = each.value
        return {
            **{name: ("counter", {"count": count}) for name, count in counts.items()},
            **{name: ("gauge", {"value": value}) for name, value in gauges.items()},
            **{name.removesuffix(_SECONDS): ("trend", _trend(name, each)) for name, each in trends.items()},
        }

    def _idle_periods(self, figures: Mapping[str, Mapping[str, float]], at_s: float) -> Iterator[float]:
        """Yield the ends of the periods since the last message in which nothing happened.

        A k6 that is only late looks alike. Where requests have ended since, the longest of them tells: if
        nothing happened all the time, it was waiting.
        """
        if self._before_s is None:
            return
        gap_s = at_s - self._before_s
        idle_s = gap_s - self._period_s
        if not self._period_s / 2 < idle_s <= USERS_EVERY_S + self._period_s + _LATE_S:
            return
        if (
            REQUESTS in figures
            and figures.get(WAITS, {}).get("max", 0.0) / 1000 < idle_s - self._period_s / 2
        ):
            return
        for number in range(1, round(gap_s / self._period_s)):
            yield self._before_s + number * gap_s / round(gap_s / self._period_s)

    def _snapshot(self, figures: Mapping[str, Mapping[str, float]], end_s: float) -> str:
        every = {**figures, "time": {"value": end_s * 1000}}
        return _event(
            "snapshot",
            [
                [every[name][aggregate] for aggregate in AGGREGATES[self._kinds[name]]]
                if name in every
                else []
                for name in sorted(self._kinds)
            ],
        )


def _trend(name: str, buckets: Buckets) -> Mapping[str, float]:
    """Return the figures of a trend: milliseconds of one that k6 sends in seconds."""
    factor = 1000.0 if name.endswith(_SECONDS) else 1.0
    count = buckets.zeros + sum(buckets.counts.values())
    if count == 1:
        values = dict.fromkeys(_SHARES, buckets.total)
    else:
        values = {aggregate: quantile(buckets, share) for aggregate, share in _SHARES.items()}
    return {"count": float(count)} | {aggregate: value * factor for aggregate, value in values.items()}


def _event(name: str, data: Any) -> str:
    return json.dumps({"event": name, "data": data}, separators=(",", ":"))
