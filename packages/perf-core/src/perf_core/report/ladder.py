"""The report of a cost ladder: a sentence, a table, a drawing, and what each rung is."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from perf_core.analysis.ladder import Step, steps
from perf_core.report.notices import Notice
from perf_core.report.table import Table, table_of
from perf_core.report.view.model import Drawing, Tile, View
from perf_core.report.wording import DASH, MICRO, MINUS, plain
from perf_core.results.ladder import Estimate, Ladder, Rung

WIDTH = 760
_LEFT = 165
_RIGHT = 135
_BAR = 16
_ROW = 30
_HEADING = 26

_UNIT = f"{MICRO}s"


def ladder_view(ladder: Ladder) -> View:
    """Return the report of a ladder."""
    rungs = steps(ladder.rungs)
    last, first = ladder.rungs[-1], ladder.rungs[0]
    certain = [step for step in rungs[1:] if step.is_certain] or rungs
    costliest = max(certain, key=lambda step: step.added_cpu_us)
    tiles = [
        Tile(first.title, f"{number(first.cpu_us.median)} {_UNIT} CPU"),
        Tile(last.title, f"{number(last.cpu_us.median)} {_UNIT} CPU"),
        Tile("as the client sees it", f"{number(last.wall_us.median)} {_UNIT}"),
        Tile("most is added by", plain(costliest.rung.title)),
    ]
    parts = (_drawing(ladder), _table(ladder), _left_out(ladder), _meanings(ladder))
    return View(
        word="LADDER",
        tone="neutral",
        subject=f"one call of {ladder.tool} of {ladder.target}, layer by layer",
        summary=headline(ladder),
        notices=tuple(_notices(ladder)),
        tiles=tuple(tiles),
        parts=tuple(part for part in parts if part is not None),
        when=_when(ladder),
        manifest=ladder.manifest,
    )


def headline(ladder: Ladder) -> str:
    """Return a sentence that compares the function with the whole call.

    Example: "The rung bare function takes 0.310 µs of CPU; the whole call (HTTP, one user) takes 512 µs,
    1,652 times as much."
    """
    first, last = ladder.rungs[0], ladder.rungs[-1]
    if first is last:
        return f"A call ({last.title}) takes {number(last.cpu_us.median)} {_UNIT} of CPU."
    ratio = last.cpu_us.median / first.cpu_us.median if first.cpu_us.median > 0 else 0.0
    times = f", {number(ratio)} times as much" if ratio >= 1 else ""
    return (
        f"The rung {first.title} takes {number(first.cpu_us.median)} {_UNIT} of CPU; the whole call "
        f"({last.title}) takes {number(last.cpu_us.median)} {_UNIT}{times}."
    )


def number(value: float) -> str:
    """Return a number with at least three significant digits: ``0.287``, ``31.5``, ``1,234``."""
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 1 else f"{value:.3f}"


def added(value_us: float) -> str:
    """Return microseconds with a sign; the minus is the typographic one, because the text is never parsed."""
    return f"{MINUS if value_us < 0 else '+'}{number(abs(value_us))}"


def _added_cpu(step: Step) -> str:
    """Return what a rung adds; no figure if the intervals of both rungs overlap."""
    has_intervals = step.rung.cpu_us.low is not None
    return added(step.added_cpu_us) if step.is_certain or not has_intervals else "cannot tell"


def interval(estimate: Estimate) -> str:
    """Return the interval of an estimate in words."""
    if estimate.low is None or estimate.high is None:
        return "one round" if estimate.rounds == 1 else DASH
    return f"{number(estimate.low)} to {number(estimate.high)}"


def _title(rung: Rung) -> str:
    return rung.title if rung.wire is None else f"{rung.title}, {rung.wire} wire"


def _table(ladder: Ladder) -> Table | None:
    rows = [
        (
            plain(_title(step.rung)),
            number(step.rung.cpu_us.median),
            interval(step.rung.cpu_us),
            _added_cpu(step),
            number(step.rung.wall_us.median),
            interval(step.rung.wall_us),
            added(step.added_wall_us),
        )
        for step in steps(ladder.rungs)
    ]
    headings = ("rung", "CPU", "95 % interval", "adds", "time", "95 % interval of it", "adds to it")
    note = (
        f"Per call, in {_UNIT}: medians over {ladder.rungs[0].cpu_us.rounds} rounds, in which the rungs come "
        "in a random order. Each rung includes those above it; what it adds is the difference of two "
        "medians, which cannot be told where the intervals overlap."
    )
    return table_of(
        f"The rungs, in {_UNIT} per call",
        headings,
        rows,
        note=note,
        minor=("95 % interval of it", "95 % interval"),
    )


def _meanings(ladder: Ladder) -> Table | None:
    meanings = {rung.title: rung.meaning for rung in ladder.rungs}
    rows = [(plain(title), plain(meaning)) for title, meaning in meanings.items()]
    return table_of("What a call through each rung is", ("rung", "what is measured"), rows, labels=2)


def _left_out(ladder: Ladder) -> Table | None:
    rows = [(plain(each.title), plain(each.reason)) for each in ladder.left_out]
    return table_of("Not measured", ("rung", "reason"), rows, labels=2)


def _notices(ladder: Ladder) -> Sequence[Notice]:
    notices = []
    health = ladder.health
    if health is not None and health.problems:
        problems = (*health.problems, "times are upper bounds, CPU times less so")
        notices.append(Notice("Health", "unsure", tuple(map(plain, problems))))
    elif health is None:
        notices.append(
            Notice("Health", "neutral", ("whether others used the machine meanwhile is not known",))
        )
    return notices


def _when(ladder: Ladder) -> str:
    machine, app = ladder.manifest.get("machine", {}), ladder.manifest.get("app", {})
    named = {"name", "python"}
    versions = [f"{name} {version}" for name, version in app.items() if name not in named]
    parts = [
        f"{ladder.started_at}",
        f"{machine.get('cpu', '')}, {machine.get('cpus', '')} CPUs",
        f"Python {app.get('python', '')}" if app else "",
        ", ".join(versions),
    ]
    return "; ".join(part for part in parts if part)


def _drawing(ladder: Ladder) -> Drawing | None:
    """Return bars of the CPU time per call; the full part is what the rung adds."""
    rungs = steps(ladder.rungs)
    highest = max((_end_us(step) for step in rungs), default=0.0)
    if highest <= 0:
        return None
    scale = (WIDTH - _LEFT - _RIGHT) / highest
    bars = []
    for index, step in enumerate(rungs):
        total, before = step.rung.cpu_us.median, step.rung.cpu_us.median - step.added_cpu_us
        low, high = min(total, before), max(total, before)
        bars.append(
            {
                "y": _HEADING + index * _ROW,
                "label": plain(_title(step.rung)),
                "pale": round(low * scale, 1),
                "full": round((high - low) * scale, 1),
                "less": step.added_cpu_us < 0,
                "interval": _ends(step.rung.cpu_us, scale),
                "end": round(_LEFT + _end_us(step) * scale, 1),
                "text": f"{number(total)} ({_added_cpu(step)})",
                "wire": step.rung.wire or "",
            }
        )
    from perf_core.report.html import template  # plotly and jinja2 take a third of a second

    svg = template("ladder.svg.jinja").render(
        bars=bars, width=WIDTH, left=_LEFT, height=_HEADING + len(bars) * _ROW + 6, bar=_BAR, unit=_UNIT
    )
    return Drawing(
        f"CPU per call, {_UNIT}",
        Markup(svg),  # noqa: S704 - the template escapes what it inserts
        "Pale: the rung before. Full: what this rung adds. Dashed: the difference, if a rung costs less "
        "than the one before. Thin lines are 95 % intervals.",
    )


def _end_us(step: Step) -> float:
    """Return the right end of a bar, with its interval and its hatched part."""
    median = step.rung.cpu_us.median
    return max(step.rung.cpu_us.high or median, median, median - step.added_cpu_us)


def _ends(estimate: Estimate, scale: float) -> tuple[float, float] | None:
    if estimate.low is None or estimate.high is None:
        return None
    return round(_LEFT + estimate.low * scale, 1), round(_LEFT + estimate.high * scale, 1)
