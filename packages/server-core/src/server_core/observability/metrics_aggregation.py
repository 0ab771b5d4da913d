"""Metrics of several processes added up."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from typing import Final

from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import CollectorRegistry

from server_core.observability.metrics import FunctionCollector

_COMBINED_BY: Final[Mapping[str, Callable[[float, float], float]]] = {
    "process_start_time_seconds": min,
    "process_uptime_seconds": max,
    "mcp_fast_lane_tool": max,
    "mcp_event_loop_lag_max_seconds": max,
    "mcp_gc_pause_max_seconds": max,
}
"""Functions that combine metrics which are not amounts; all others are added up."""

Labels = tuple[tuple[str, str], ...]


def add(expositions: Iterable[str], shared: Container[str] = ()) -> list[Metric]:
    """Return the metrics of several expositions in Prometheus's text format, added up per name and labels.

    `shared` names metrics that all processes report about the same thing; the largest value counts.
    """
    families: dict[str, Metric] = {}
    values: dict[str, dict[tuple[str, Labels], float]] = {}
    for text in expositions:
        for family in text_string_to_metric_families(text):
            families.setdefault(family.name, family)
            added = values.setdefault(family.name, {})
            combine = _COMBINED_BY.get(family.name, max if family.name in shared else float.__add__)
            for sample in family.samples:
                key = (sample.name, tuple(sample.labels.items()))
                value = float(sample.value)
                added[key] = combine(added[key], value) if key in added else value
    return [_family(families[name], values[name]) for name in families]


def _family(template: Metric, values: Mapping[tuple[str, Labels], float]) -> Metric:
    family = Metric(template.name, template.documentation, template.type)
    for (name, labels), value in values.items():
        family.add_sample(name, dict(labels), value)
    return family


def exposition(metrics: Iterable[Metric], accept: str) -> tuple[bytes, str]:
    """Return metrics as text in the format that an `Accept` header requests, and its content type."""
    encode, content_type = choose_encoder(accept)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(FunctionCollector(lambda: metrics))
    return encode(registry), content_type
