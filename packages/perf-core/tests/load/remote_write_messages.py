"""Messages of remote write for tests, as k6 sends them."""

from __future__ import annotations

from collections.abc import Mapping

import cramjam

from perf_core.load import remote_write


def message(*series: Mapping[str, object]) -> bytes:
    """Return a message of series made by :func:`counter`, :func:`gauge` and :func:`trend`."""
    return bytes(
        cramjam.snappy.compress_raw(remote_write.message_class()(timeseries=list(series)).SerializeToString())
    )


def counter(name: str, value: float, **labels: str) -> Mapping[str, object]:
    return {"labels": _labels(f"k6_{name}_total", labels), "samples": [{"value": value, "timestamp": 1}]}


def gauge(name: str, value: float) -> Mapping[str, object]:
    return {"labels": _labels(f"k6_{name}", {}), "samples": [{"value": value, "timestamp": 1}]}


def trend(
    name: str, counts: Mapping[int, int], *, zeros: int = 0, total_s: float = 0.0, **labels: str
) -> Mapping[str, object]:
    """Return a trend whose buckets of schema 3 have these counts, all since the start of the run."""
    spans, deltas = [], []
    next_index, before = 0, 0
    for index, count in sorted(counts.items()):
        spans.append({"offset": index - next_index, "length": 1})
        deltas.append(count - before)
        next_index, before = index + 1, count
    histogram = {
        "count_int": zeros + sum(counts.values()),
        "sum": total_s,
        "schema": 3,
        "zero_count_int": zeros,
        "positive_spans": spans,
        "positive_deltas": deltas,
    }
    return {"labels": _labels(f"k6_{name}_seconds", labels), "histograms": [histogram]}


def _labels(name: str, labels: Mapping[str, str]) -> list[Mapping[str, str]]:
    return [{"name": key, "value": value} for key, value in sorted({"__name__": name, **labels}.items())]
