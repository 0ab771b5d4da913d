"""Comparisons of one figure of the lab with the truth; pure functions.

A check takes the truth and the record of a run, and returns a line of the table.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from perf_core.comparison.model import Comparison, MetricComparison
from perf_core.results.record import RunRecord

COUNT_SHARE = 0.005
"""Calls that were in flight at the end may be missing on either side."""

RATE_SHARE = 0.03
CPU_SHARE = 0.03
OVERHEAD_MS = 2.0
"""Largest time that the kernel, the loop of the server and k6 add to a call on an idle machine."""

_BUCKET = math.log(1.005)
"""Width of the buckets in the server's account."""


@dataclass(frozen=True)
class Truth:
    """The server's own account, over all processes that served.

    Attributes:
        outcomes: Tool calls by what became of them; ``unanswered`` are those without an answer.
        load_s: Time from the first tool call to the last answer.
        cpu_s: CPU time over the same time, with that of children.
        durations: Number of calls by bucket of the logarithm of their duration.
    """

    received: int = 0
    outcomes: Mapping[str, int] = field(default_factory=dict)
    load_s: float = 0.0
    cpu_s: float = 0.0
    longest_silence_s: float = 0.0
    sessions_opened: int = 0
    sessions_deleted: int = 0
    sessions_lost: int = 0
    leaked: Mapping[str, float] = field(default_factory=dict)
    durations: Mapping[int, int] = field(default_factory=dict)

    @property
    def calls_per_s(self) -> float:
        """Right answers per second."""
        return self.outcomes.get("right", 0) / self.load_s if self.load_s else 0.0

    def quantile_ms(self, share: float) -> float:
        """Return a quantile of the time between a request and its answer."""
        rank, passed = share * sum(self.durations.values()), 0
        for bucket, count in sorted(self.durations.items()):
            passed += count
            if passed >= rank:
                return math.exp(bucket * _BUCKET) * 1000
        return 0.0


def read_truth(path: Path) -> Truth:
    """Return the sum of the accounts in a file of JSON lines; a file that is missing is an empty account."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    accounts = [json.loads(line) for line in lines]
    outcomes: Counter[str] = Counter()
    leaked: Counter[str] = Counter()
    durations: Counter[int] = Counter()
    for account in accounts:
        outcomes.update(account["outcomes"])
        leaked.update(account["leaked"])
        durations.update({int(bucket): count for bucket, count in account["durations"].items()})
    sums = {
        name: sum(account[name] for account in accounts)
        for name in (
            *("received", "load_s", "cpu_s"),
            *("sessions_opened", "sessions_deleted", "sessions_lost"),
        )
    }
    silence_s = max((account["longest_silence_s"] for account in accounts), default=0.0)
    return Truth(outcomes=outcomes, leaked=leaked, durations=durations, longest_silence_s=silence_s, **sums)


@dataclass(frozen=True)
class Line:
    """One figure: the truth, the lab's figure, and whether that is right."""

    quantity: str
    truth: str
    lab: str
    is_right: bool


@dataclass(frozen=True)
class Result:
    """Report of the lab on one server, with the truth beside it.

    Attributes:
        load: Scenario, or the words "compared" for a pair.
        expected: Verdicts that are right.
        lines: Figures beside the truth.
        health: State of the measurement, according to the lab.
        attempts: Runs until it was right, or until the lab no longer said that the machine was busy.
        remark: Anything else that is wrong, such as a reason that is missing.
    """

    name: str
    load: str
    expected: tuple[str, ...]
    verdict: str
    reasons: tuple[str, ...]
    lines: tuple[Line, ...]
    remark: str
    duration_s: float
    folder: str = ""
    health: str = ""
    attempts: int = 1

    @property
    def is_right(self) -> bool:
        """Whether verdict, reasons and all figures are right."""
        return self.verdict in self.expected and not self.remark and all(line.is_right for line in self.lines)


Check = Callable[[Truth, RunRecord], Line]
PairCheck = Callable[[Truth, Truth, Comparison], Line]


def calls(truth: Truth, record: RunRecord) -> Line:
    """Compare the calls that were begun, all of which must be accounted for."""
    accounting = record.metrics.accounting if record.metrics else None
    if accounting is None:
        return Line("calls", str(truth.received), "no accounting", is_right=False)
    close = _is_close(truth.received, accounting.begun) and accounting.missing == 0
    lost = f", {accounting.missing} missing" if accounting.missing else ""
    return Line("calls", str(truth.received), f"{accounting.begun}{lost}", close)


def no_call_is_missing(truth: Truth, record: RunRecord) -> Line:
    """Expect an outcome for every call, of which the server need not have received all."""
    accounting = record.metrics.accounting if record.metrics else None
    begun = accounting.begun if accounting else 0
    is_whole = accounting is not None and accounting.missing == 0 and begun >= truth.received
    return Line("calls", f"≥ {truth.received}", str(begun), is_whole)


def right_answers(truth: Truth, record: RunRecord) -> Line:
    """Compare the number of right answers."""
    accounting = record.metrics.accounting if record.metrics else None
    answered = accounting.answered if accounting else 0
    actual = truth.outcomes.get("right", 0)
    return Line("right answers", str(actual), str(answered), _is_close(actual, answered))


def errors(*error_classes: str, outcomes: Sequence[str]) -> Check:
    """Compare the errors of these classes with these outcomes; there must be no errors of other classes."""

    def check(truth: Truth, record: RunRecord) -> Line:
        actual = sum(truth.outcomes.get(name, 0) for name in outcomes)
        by_class = dict(record.metrics.errors) if record.metrics else {}
        counted = sum(count for name, count in by_class.items() if name in error_classes)
        others = {name: count for name, count in by_class.items() if name not in error_classes and count}
        shown = f"{counted}" + "".join(f", {count} {name}" for name, count in others.items())
        close = _is_close(actual, counted) and not others
        return Line(f"errors: {' or '.join(error_classes)}", str(actual), shown, close)

    return check


def example(error_class: str, text: str) -> Check:
    """Expect a recorded failure of this class, or of one of several with | between, that shows this text."""

    def check(_truth: Truth, record: RunRecord) -> Line:
        failures = [
            failure
            for failure in (record.metrics.failures if record.metrics else ())
            if failure.error_class in error_class.split("|")
        ]
        shown = next(
            (f.received for f in failures if text in f.received), failures[0].received if failures else ""
        )
        start = max(0, shown.find(text) - 20)
        excerpt = " ".join(shown[start : start + 60].split()) or "no example"
        return Line(f"example of {error_class}", text, excerpt, text in shown)

    return check


def cpu_per_call(truth: Truth, record: RunRecord) -> Line:
    """Compare the CPU time per call."""
    actual = 1e6 * truth.cpu_s / max(truth.received, 1)
    used = record.server.cpu_us_per_call if record.server else 0.0
    return Line("CPU per call", f"{actual:.0f} µs", f"{used:.0f} µs", abs(used / actual - 1) <= CPU_SHARE)


def quantile(name: str, share: float) -> Check:
    """Compare a quantile of the latency, within three standard errors of its rank and the time on the way."""

    def check(truth: Truth, record: RunRecord) -> Line:
        count = max(sum(truth.durations.values()), 1)
        error = 3 * math.sqrt(share * (1 - share) / count)
        low_ms = truth.quantile_ms(max(0.0, share - error)) * 0.99
        high_ms = truth.quantile_ms(min(1.0, share + error)) * 1.01 + OVERHEAD_MS
        latency = record.metrics.latency_ms.get("all") if record.metrics else None
        measured_ms = float(getattr(latency, name)) if latency else 0.0
        actual_ms = truth.quantile_ms(share)
        return Line(
            f"latency {name}",
            f"{actual_ms:.1f} ms",
            f"{measured_ms:.1f} ms",
            low_ms <= measured_ms <= high_ms,
        )

    return check


median, p95, p99 = quantile("med", 0.5), quantile("p95", 0.95), quantile("p99", 0.99)


def at_least_ms(name: str, least_ms: float) -> Check:
    """Expect a statistic of the latency that is not smaller than a known time."""

    def check(_truth: Truth, record: RunRecord) -> Line:
        latency = record.metrics.latency_ms.get("all") if record.metrics else None
        measured_ms = float(getattr(latency, name)) if latency else 0.0
        return Line(
            f"latency {name}", f"≥ {least_ms:.0f} ms", f"{measured_ms:.0f} ms", measured_ms >= least_ms * 0.97
        )

    return check


def lower_bounds(truth: Truth, record: RunRecord) -> Line:
    """Compare the calls whose latency is a lower bound with those that nobody answered."""
    latency = record.metrics.latency_ms.get("all") if record.metrics else None
    bounds = latency.lower_bounds if latency else 0
    actual = truth.outcomes.get("unanswered", 0)
    return Line("latencies that are lower bounds", str(actual), str(bounds), _is_close(actual, bounds))


def mean_of_users(vus: int) -> Check:
    """Compare the mean latency with Little's law: users divided by the answers per second."""

    def check(truth: Truth, record: RunRecord) -> Line:
        actual_ms = 1000 * vus * truth.load_s / max(sum(truth.outcomes.values()), 1)
        latency = record.metrics.latency_ms.get("all") if record.metrics else None
        measured_ms = latency.avg if latency else 0.0
        is_close = abs(measured_ms / actual_ms - 1) <= 0.05
        return Line("mean latency", f"{actual_ms:.0f} ms", f"{measured_ms:.0f} ms", is_close)

    return check


def throughput(truth: Truth, record: RunRecord) -> Line:
    """Compare the right answers per second."""
    measured = record.metrics.tool_calls_per_s if record.metrics else 0.0
    return Line(
        "calls per second",
        f"{truth.calls_per_s:.1f}",
        f"{measured:.1f}",
        abs(measured / truth.calls_per_s - 1) <= RATE_SHARE if truth.calls_per_s else False,
    )


def silence(truth: Truth, record: RunRecord) -> Line:
    """Compare the longest time without an answer, within half a second."""
    longest_s = record.longest_silence_s
    shown = "none" if longest_s is None else f"{longest_s:.1f} s"
    close = longest_s is not None and abs(longest_s - truth.longest_silence_s) <= 0.5
    return Line("longest silence", f"{truth.longest_silence_s:.1f} s", shown, close)


def silence_is(expected_s: float) -> Check:
    """Compare the longest time without an answer with that known from the end of the load."""

    def check(_truth: Truth, record: RunRecord) -> Line:
        longest_s = record.longest_silence_s
        shown = "none" if longest_s is None else f"{longest_s:.1f} s"
        close = longest_s is not None and abs(longest_s - expected_s) <= 0.5
        return Line("longest silence", f"{expected_s:.1f} s", shown, close)

    return check


def uptime(expected_percent: float, within_points: float = 6.0) -> Check:
    """Compare the uptime with the share of time in which the server answered."""

    def check(_truth: Truth, record: RunRecord) -> Line:
        percent = record.server.uptime_percent if record.server else None
        shown = "none" if percent is None else f"{percent:.0f} %"
        close = percent is not None and abs(percent - expected_percent) <= within_points
        return Line("uptime", f"{expected_percent:.0f} %", shown, close)

    return check


def slope(what: str, per_hour: float, within: float = 0.15) -> Check:
    """Compare a slope per hour: ``rss_mb``, ``fds``, ``threads`` or ``sessions``."""

    def check(_truth: Truth, record: RunRecord) -> Line:
        trend = getattr(record.server, what, None)
        value = getattr(trend, "slope_mb_per_h" if what == "rss_mb" else "slope_per_h", None)
        shown = "none" if value is None else f"{value:+.0f}/h"
        close = value is not None and abs(value - per_hour) <= max(within * abs(per_hour), 1e-9)
        return Line(f"slope of {what}", f"{per_hour:+.0f}/h", shown, close)

    return check


def no_growth(what: str) -> Check:
    """Expect a slope that is not above zero by its interval."""

    def check(_truth: Truth, record: RunRecord) -> Line:
        interval = getattr(getattr(record.server, what, None), "slope_interval", None)
        shown = "no interval" if interval is None else f"{interval[0]:+.0f} to {interval[1]:+.0f}/h"
        return Line(f"slope of {what}", "+0/h", shown, interval is not None and interval[0] <= 0)

    return check


def finding(title: str, name: str, low: float, high: float, actual: str) -> Check:
    """Expect a number of a finding in a range around the known one."""

    def check(_truth: Truth, record: RunRecord) -> Line:
        values = [f.values.get(name) for f in record.findings if f.title == title]
        value = next((v for v in values if isinstance(v, int | float)), None)
        shown = "none" if value is None else f"{value:.3g}"
        return Line(f"{title}: {name}", actual, shown, value is not None and low <= value <= high)

    return check


def finding_says(title: str, text: str) -> Check:
    """Expect a finding whose text contains these words."""

    def check(_truth: Truth, record: RunRecord) -> Line:
        texts = [each.text for each in record.findings if each.title == title]
        shown = texts[0] if texts else "none"
        return Line(title, text, shown[:80], any(text in each for each in texts))

    return check


def target_is(figure: str, outcome: str) -> Check:
    """Expect the outcome of a target."""

    def check(_truth: Truth, record: RunRecord) -> Line:
        outcomes = [result.outcome for result in record.targets if result.figure == figure]
        shown = ", ".join(outcomes) or "no such target"
        return Line(f"target {figure}", outcome, shown, outcomes == [outcome])

    return check


def health(*states: str) -> Check:
    """Expect one of these states of the measurement."""

    def check(_truth: Truth, record: RunRecord) -> Line:
        state = record.health.state if record.health else "none"
        return Line("health", " or ".join(states), state, state in states)

    return check


def generator_gap(least_s: float, most_s: float) -> Check:
    """Expect the time for which k6 was stopped."""

    def check(_truth: Truth, record: RunRecord) -> Line:
        gap_s = record.health.generator_gap_s if record.health else None
        shown = "none" if gap_s is None else f"{gap_s:.1f} s"
        return Line(
            "k6 stood still", f"{least_s:.1f} s", shown, gap_s is not None and least_s <= gap_s <= most_s
        )

    return check


def cpu_ratio(a: Truth, b: Truth, comparison: Comparison) -> Line:
    """Compare the ratio of the CPU times per call."""
    actual = (b.cpu_s / b.received) / (a.cpu_s / a.received)
    metric = _metric(comparison, "cpu_us_per_call")
    ratio = metric.ratio if metric else None
    shown = "none" if ratio is None else f"{ratio:.3f}"
    close = ratio is not None and abs(ratio / actual - 1) <= CPU_SHARE
    return Line("CPU per call, b to a", f"{actual:.3f}", shown, close)


def error_share(a: Truth, b: Truth, comparison: Comparison) -> Line:
    """Compare the shares of failed calls, within three standard errors."""
    actual = [1 - truth.outcomes.get("right", 0) / truth.received for truth in (a, b)]
    metric = _metric(comparison, "error_rate")
    shares = [metric.a, metric.b] if metric else []
    close = len(shares) == len(actual) and all(
        abs(share - true) <= 3 * math.sqrt(true * (1 - true) / truth.received) + 1e-9
        for share, true, truth in zip(shares, actual, (a, b), strict=True)
    )
    words = [" and ".join(f"{100 * share:.2f} %" for share in each) for each in (actual, shares)]
    return Line("failed calls of a and b", words[0], words[1] or "none", close)


def metric_is(name: str, verdict: str) -> PairCheck:
    """Expect the verdict on one metric."""

    def check(_a: Truth, _b: Truth, comparison: Comparison) -> Line:
        metric = _metric(comparison, name)
        shown = "none" if metric is None else metric.verdict
        interval = f" [{metric.low:.2f}, {metric.high:.2f}]" if metric else ""
        return Line(name, verdict, shown + interval, shown == verdict)

    return check


def _metric(comparison: Comparison, name: str) -> MetricComparison | None:
    return next((metric for metric in comparison.metrics if metric.name == name), None)


def _is_close(actual: float, counted: float) -> bool:
    return abs(counted - actual) <= max(COUNT_SHARE * actual, 1.0)
