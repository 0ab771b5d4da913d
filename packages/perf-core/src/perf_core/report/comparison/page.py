"""A comparison of two servers as one self-contained page: the intervals as a drawing, and the table."""

from __future__ import annotations

from markupsafe import Markup

from perf_core.comparison.model import Comparison
from perf_core.comparison.own_figures import ratios_by_launch
from perf_core.report.comparison import forest, text
from perf_core.report.comparison.tokens import token_table
from perf_core.report.html import asset, template

_PAGE = "comparison.html.jinja"


def render(comparison: Comparison) -> str:
    """Return the page."""
    return template(_PAGE).render(
        verdict=comparison.verdict,
        tone=text.TONES[comparison.verdict],
        title=text.title(comparison),
        reasons=comparison.reasons,
        legend=text.legend(comparison),
        method=text.method_line(comparison),
        thresholds=text.threshold_line(comparison),
        headings=text.HEADINGS,
        rows=text.rows(comparison),
        drawing=draw(comparison),
        tokens=token_table(comparison),
        style=Markup(asset("page.css")),  # noqa: S704 - packaged with this module
    )


def draw(comparison: Comparison) -> forest.Forest:
    """Return the drawing of the metrics that have a ratio, judged ones first."""
    with_ratio = [(metric, metric.ratio) for metric in comparison.metrics if metric.ratio is not None]
    return forest.draw(
        [
            forest.Row(
                label=text.label(metric),
                tone=text.TONES.get(metric.verdict, "neutral") if metric.judged else "neutral",
                ratio=ratio,
                low=metric.low,
                high=metric.high,
                bar=metric.bar if metric.judged else None,
                launches=tuple(
                    ratios_by_launch(comparison.launches, metric.name, comparison.pairings[0].side)
                ),
            )
            for metric, ratio in sorted(with_ratio, key=lambda each: not each[0].judged)
        ]
    )
