"""A comparison of more than two servers as one page: a drawing of all intervals for each metric."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from markupsafe import Markup

from perf_core.comparison.comparison_file import COMPARISONS
from perf_core.comparison.model import Comparison, MetricComparison, Pairing
from perf_core.comparison.own_figures import ratios_by_launch
from perf_core.comparison.schedule import BASELINE
from perf_core.report.comparison import forest, several, text
from perf_core.report.html import template
from perf_core.report.view import page
from perf_core.report.view.model import Drawing

LABEL_WIDTH = 220
_LONGEST_LABEL = 30


def render(comparison: Comparison) -> str:
    """Return the page."""
    view = several.view(comparison)
    overview, *tables = view.parts
    drawings = tuple(drawings_of(comparison))
    return page.render(replace(view, parts=(overview, *drawings, *tables)), COMPARISONS.file_name)


def drawings_of(comparison: Comparison) -> Iterator[Drawing]:
    """Yield one drawing for each metric that has ratios: all servers beside the baseline."""
    base = several.label(comparison, BASELINE)
    for _, compared in several.judged_by_metric(comparison):
        rows = [row for pairing, metric in compared for row in _row(comparison, pairing, metric)]
        if rows:
            title = f"{text.label(compared[0][1])}, relative to {base}"
            svg = template("forest.html.jinja").module.forest(forest.draw(rows, LABEL_WIDTH), title)  # type: ignore[attr-defined] # a macro
            yield Drawing(title, Markup(svg), _caption(compared[0][1]))  # noqa: S704 - escaped by the template


def _row(comparison: Comparison, pairing: Pairing, metric: MetricComparison) -> Iterator[forest.Row]:
    if metric.ratio is None:
        return
    label = several.label(comparison, pairing.side)
    yield forest.Row(
        label=label if len(label) <= _LONGEST_LABEL else f"{label[: _LONGEST_LABEL - 1]}…",
        tone=text.TONES.get(metric.verdict, "neutral") if metric.judged else "neutral",
        ratio=metric.ratio,
        low=metric.low,
        high=metric.high,
        bar=metric.bar if metric.judged else None,
        launches=tuple(ratios_by_launch(comparison.launches, metric.name, pairing.side)),
    )


def _caption(metric: MetricComparison) -> str:
    words = "Line: interval of the ratio. Dot: ratio. Small dots: single launches."
    if not metric.judged:
        return f"{words} Not judged."
    less = "More" if metric.better == "higher" else "Less"
    return f"{words} Band: differences that do not count. {less} is better."
