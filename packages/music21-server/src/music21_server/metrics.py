"""What `/metrics` says of workers, scores and answers, in the terms of Prometheus."""

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
    """Yield what each serving process has of its own."""
    yield GaugeMetricFamily("music21_workers", "Worker processes, ready or busy.", value=pool.workers)
    yield GaugeMetricFamily("music21_workers_busy", "Worker processes that work.", value=pool.busy)
    yield GaugeMetricFamily(
        "music21_calls_waiting", "Pieces of work that wait for a worker process.", value=pool.waiting
    )
    yield _by_reason(
        "music21_workers_replaced",
        "Worker processes that others have replaced, by reason.",
        pool.lost.items(),
    )
    yield CounterMetricFamily(
        "music21_program_errors",
        "Pieces of work that failed by an error of the program; the log has them.",
        value=pool.failures,
    )
    yield _by_reason(
        "music21_scores_evicted", "Scores freed without being asked, by reason.", evictions.items()
    )
    yield GaugeMetricFamily("music21_answers_known", "Answers kept at hand.", value=answers.answers)
    yield GaugeMetricFamily(
        "music21_answers_known_bytes", "Bytes of the answers kept at hand.", value=answers.answer_bytes
    )
    yield CounterMetricFamily(
        "music21_answers_from_memory",
        "Imports and questions answered from what is kept at hand.",
        value=answers.hits,
    )
    yield CounterMetricFamily(
        "music21_answers_shared",
        "Imports and questions that waited for the same work of another.",
        value=answers.shared,
    )
    yield CounterMetricFamily(
        "music21_answers_worked_out",
        "Pieces of work begun, of imports and questions.",
        value=answers.misses,
    )


def store_metrics(store: ScoreStore) -> Iterator[Metric]:
    """Yield what processes with a common store have in common; little of one that cannot be reached."""
    try:
        figures = store.figures()
    except StoreUnavailableError:
        yield from _store_metrics(None)
    else:
        yield from _store_metrics(figures)


def _store_metrics(store: StoreFigures | None) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "music21_store_up", "1 when the store of scores answers, else 0.", value=float(store is not None)
    )
    if store is None:
        return
    yield GaugeMetricFamily("music21_scores", "Names of stored scores, of all clients.", value=store.names)
    yield GaugeMetricFamily(
        "music21_score_contents",
        "Different stored scores; those that several have imported count once.",
        value=store.contents,
    )
    yield GaugeMetricFamily("music21_score_owners", "Clients with stored scores.", value=store.owners)
    yield GaugeMetricFamily(
        "music21_score_bytes", "Bytes of stored scores, as they are kept.", value=store.size_bytes
    )


def _by_reason(name: str, text: str, counts: Iterable[tuple[str, int]]) -> Metric:
    family = CounterMetricFamily(name, text, labels=["reason"])
    for reason, count in counts:
        family.add_metric([reason], count)
    return family
