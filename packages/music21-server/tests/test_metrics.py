"""Prometheus metrics of workers, scores and cached answers."""

from __future__ import annotations

from prometheus_client.metrics_core import Metric

from music21_server.errors import StoreUnavailableError
from music21_server.metrics import process_metrics, store_metrics
from music21_server.service.engine_calls import CacheFigures
from music21_server.store.limits import StoreFigures, StoreLimits
from music21_server.store.local import LocalStore
from music21_server.workers.pool import PoolFigures

POOL = PoolFigures(
    workers=3,
    busy=2,
    waiting=4,
    deadlines=5,
    memory_failures=6,
    crashes=7,
    failures=8,
    lost={"deadline": 9, "worn": 0},
)


def values(*metrics: Metric) -> dict[str, float]:
    return {
        "|".join((sample.name, *sample.labels.values())): sample.value
        for metric in metrics
        for sample in metric.samples
    }


def test_metrics_of_one_process() -> None:
    cache = CacheFigures(answers=10, answer_bytes=11, hits=12, shared=13, misses=14)
    metrics = tuple(process_metrics(POOL, cache, {"room": 15}))
    assert values(*metrics) == {
        "music21_workers": 3,
        "music21_workers_busy": 2,
        "music21_calls_waiting": 4,
        "music21_workers_replaced_total|deadline": 9,
        "music21_workers_replaced_total|worn": 0,
        "music21_program_errors_total": 8,
        "music21_scores_evicted_total|room": 15,
        "music21_answers_known": 10,
        "music21_answers_known_bytes": 11,
        "music21_answers_from_memory_total": 12,
        "music21_answers_shared_total": 13,
        "music21_answers_worked_out_total": 14,
    }
    assert all(metric.documentation.endswith(".") for metric in metrics)


class FullStore(LocalStore):
    def figures(self) -> StoreFigures:
        return StoreFigures(names=1, contents=2, owners=3, size_bytes=4)


class LostStore(LocalStore):
    def figures(self) -> StoreFigures:
        raise StoreUnavailableError("gone")


def test_metrics_of_a_shared_store() -> None:
    assert values(*store_metrics(FullStore(StoreLimits()))) == {
        "music21_store_up": 1,
        "music21_scores": 1,
        "music21_score_contents": 2,
        "music21_score_owners": 3,
        "music21_score_bytes": 4,
    }


def test_an_unreachable_store_has_only_the_up_metric() -> None:
    assert values(*store_metrics(LostStore(StoreLimits()))) == {"music21_store_up": 0}
