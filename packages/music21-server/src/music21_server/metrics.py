"""Prometheus metrics of workers, scores and cached answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from music21_server.errors import StoreUnavailableError
from music21_server.service.engine_calls import CacheFigures
from music21_server.store.limits import Eviction, StoreFigures
from music21_server.store.protocol import ScoreStore
from music21_server.workers.pool import PoolFigures


def process_metrics(
    pool: PoolFigures, answers: CacheFigures, evictions: Mapping[Eviction, int]
) -> Iterator[Metric]:
    """Yield the metrics of one serving process."""
    yield GaugeMetricFamily("music21_workers", "Worker processes, ready or busy.", value=pool.workers)
    yield GaugeMetricFamily("music21_workers_busy", "Worker processes at work.", value=pool.busy)
    yield GaugeMetricFamily(
        "music21_calls_waiting", "Pieces of work that wait for a worker process.", value=pool.waiting
    )
    yield _by_reason(
        "music21_workers_replaced",
        "Worker processes that were replaced, by reason.",
        pool.lost.items(),
    )
    yield CounterMetricFamily(
        "music21_program_errors",
        "Pieces of work that failed with an unexpected exception, which is in the log.",
        value=pool.failures,
    )
    yield _by_reason("music21_scores_evicted", "Scores freed automatically, by reason.", evictions.items())
    yield GaugeMetricFamily("music21_answers_known", "Cached answers.", value=answers.answers)
    yield GaugeMetricFamily(
        "music21_answers_known_bytes", "Bytes of the cached answers.", value=answers.answer_bytes
    )
    yield CounterMetricFamily(
        "music21_answers_from_memory",
        "Imports and questions answered from the cache.",
        value=answers.hits,
    )
    yield CounterMetricFamily(
        "music21_answers_shared",
        "Imports and questions that joined an identical one in progress.",
        value=answers.shared,
    )
    yield CounterMetricFamily(
        "music21_answers_worked_out",
        "Pieces of work started for imports and questions.",
        value=answers.misses,
    )


def store_metrics(store: ScoreStore) -> Iterator[Metric]:
    """Yield the metrics of a store; only `music21_store_up` if it cannot be reached."""
    try:
        figures = store.figures()
    except StoreUnavailableError:
        yield from _store_metrics(None)
    else:
        yield from _store_metrics(figures)


def _store_metrics(store: StoreFigures | None) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "music21_store_up", "1 if the score store responds, else 0.", value=float(store is not None)
    )
    if store is None:
        return
    yield GaugeMetricFamily("music21_scores", "Names of stored scores of all clients.", value=store.names)
    yield GaugeMetricFamily(
        "music21_score_contents",
        "Distinct stored scores; one that several clients have imported counts once.",
        value=store.contents,
    )
    yield GaugeMetricFamily("music21_score_owners", "Clients with stored scores.", value=store.owners)
    yield GaugeMetricFamily("music21_score_bytes", "Bytes of scores as stored.", value=store.size_bytes)


def _by_reason(name: str, description: str, counts: Iterable[tuple[str, int]]) -> Metric:
    family = CounterMetricFamily(name, description, labels=["reason"])
    for reason, count in counts:
        family.add_metric([reason], count)
    return family
