"""The report of a capacity: content for the terminal, Markdown and the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from perf_core.analysis.capacity.model import Capacity, Step, StepState
from perf_core.report.capacity import words
from perf_core.report.capacity.drawing import draw
from perf_core.report.notices import Notice
from perf_core.report.table import Table, table_of
from perf_core.report.view.model import Drawing, Tile, View
from perf_core.report.wording import DASH, count, error_class, plain, significant

_STATES: Mapping[StepState, str] = {"kept": "kept", "broken": "not kept", "unclear": "cannot tell"}

_HEADINGS = (
    "offered",
    "seconds",
    "answered",
    "p95 ms",
    "p99 ms",
    "errors",
    "in flight",
    "server cores",
    "objectives",
)


def view_of(capacity: Capacity) -> View:
    """Return the report of a capacity."""
    return View(
        word="INTERRUPTED" if capacity.interrupted else words.BADGES[capacity.answer],
        tone="unsure" if capacity.interrupted else words.TONES[capacity.answer],
        subject=plain(f"capacity of {capacity.target}, {capacity.wire} wire"),
        summary=words.summary(capacity),
        when=words.when(capacity),
        manifest=capacity.manifest,
        reasons=words.reasons(capacity),
        notices=tuple(_notices(capacity)),
        tiles=tuple(_tiles(capacity)),
        parts=tuple(_parts(capacity)),
    )


def _notices(capacity: Capacity) -> Iterator[Notice]:
    problems = {problem for step in capacity.steps for problem in step.health_problems}
    if problems:
        bad = sum(bool(step.health_problems) for step in capacity.steps)
        yield Notice(
            "Health",
            "unsure",
            (
                f"in {bad} of {len(capacity.steps)} steps other work disturbed it: {min(problems)}",
                "a step that kept the objectives all the same counts; one that did not says nothing",
            ),
        )
    elif capacity.steps and all(step.health == "unknown" for step in capacity.steps):
        yield Notice("Health", "neutral", ("not known, since nothing shows what else used the machine",))


def _tiles(capacity: Capacity) -> Iterator[Tile]:
    yield Tile("capacity", words.interval(capacity))
    if capacity.answer == "interval":
        yield Tile("best guess", words.rate(capacity.best_per_s))
    yield Tile("limited by", words.LIMITS[capacity.limit])
    kept = [step for step in capacity.steps if step.state == "kept" and step.waits_ms is not None]
    if kept:
        fastest = max(kept, key=lambda step: step.rate_per_s)
        if fastest.waits_ms is not None:
            yield Tile(f"p99 at {words.rate(fastest.rate_per_s)}", f"{significant(fastest.waits_ms.p99)} ms")
    law = capacity.scaling
    if law is not None and law.peak_in_flight is not None:
        yield Tile("peak", f"{words.rate(law.peak_per_s)}")


def _parts(capacity: Capacity) -> Iterator[Table | Drawing]:
    if len(capacity.steps) > 1:
        yield draw(capacity)
    steps = table_of(
        "Steps",
        _HEADINGS,
        [_row(step) for step in sorted(capacity.steps, key=lambda step: step.rate_per_s)],
        note="By offered rate, in calls per second. In flight: rate times mean latency (Little's law).",
        minor=("seconds", "p95 ms", "in flight", "server cores"),
    )
    if steps is not None:
        yield steps
    if (broken := _reasons_table(capacity)) is not None:
        yield broken
    if capacity.scaling is not None:
        law = capacity.scaling
        yield Table(
            "Universal scalability law",
            ("parameter", "value"),
            (
                ("throughput of one call at a time", words.rate(law.per_s)),
                ("contention", significant(law.contention)),
                ("coherency", significant(law.coherency)),
                ("peak", _peak(capacity)),
            ),
            note=f"{words.scaling_words(law)}. Fitted to {law.points} steps.",
        )


def _peak(capacity: Capacity) -> str:
    law = capacity.scaling
    if law is None or law.peak_per_s is None:
        return DASH
    if law.peak_in_flight is None:
        return f"levels off towards {words.rate(law.peak_per_s)}"
    return f"{words.rate(law.peak_per_s)} with {significant(law.peak_in_flight)} calls in flight"


def _reasons_table(capacity: Capacity) -> Table | None:
    rows = [
        (f"{significant(step.rate_per_s, 4)}/s", plain("; ".join(step.reasons)))
        for step in sorted(capacity.steps, key=lambda step: step.rate_per_s)
        if step.reasons
    ]
    return table_of("Why steps did not keep the objectives", ("offered", "reason"), rows, labels=2)


def _row(step: Step) -> tuple[str, ...]:
    waits = step.waits_ms
    return (
        significant(step.rate_per_s, 4),
        significant(step.hold_s),
        significant(step.answered_per_s, 4),
        DASH if waits is None else significant(waits.p95),
        DASH if waits is None else significant(waits.p99),
        _errors(step),
        DASH if step.in_flight is None else significant(step.in_flight),
        DASH if step.server_cores is None else f"{step.server_cores:.2f}",
        _STATES[step.state],
    )


def _errors(step: Step) -> str:
    if not step.errors:
        return "0"
    worst = max(step.errors, key=lambda name: step.errors[name])
    return (
        f"{count(sum(step.errors.values()))} {error_class(worst)}"
        if len(step.errors) == 1
        else count(sum(step.errors.values()))
    )
