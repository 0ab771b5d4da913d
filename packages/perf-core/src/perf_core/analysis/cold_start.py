"""From single starts of servers to figures: when a server listens, and when it has given its first answers.

Pure functions, and the content of ``coldstart.json``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from perf_core.analysis.health import OTHERS_LIMIT, WAIT_LIMIT
from perf_core.analysis.import_times import Imports
from perf_core.analysis.quantiles import Quantile, quantile
from perf_core.results.documents import DocumentKind
from perf_core.results.record import HealthState

Cache = Literal["warm", "cold"]
"""Whether the files of the server were in memory before its start, or had to be read from disk."""

CACHES: tuple[Cache, ...] = ("warm", "cold")

Step = Literal["listening", "initialize", "tools_list", "first_call"]

STEPS: tuple[Step, ...] = ("listening", "initialize", "tools_list", "first_call")
"""Steps of a start in their order. A server on stdio has no ``listening``."""

DISTURBED_LIMIT = 0.05
"""Share of disturbed starts from which figures are bounds: the p95 notices them."""


@dataclass(frozen=True)
class Start:
    """One start of a server; times are seconds since just before its process was started.

    Attributes:
        round: Number of the round of starts that it belongs to; each round has one start of each server.
        listening_s: When it accepted a connection; None on stdio.
        initialize_s: When it had answered the handshake: ``initialize`` and the notification after it, or
            ``server/discover``.
        tools_list_s: When it had answered the first ``tools/list``.
        first_call_s: When it had answered the first call; None if nothing could be called.
        cpu_s: CPU seconds of its process tree until then; None where they cannot be read.
        rss_mb: Resident memory of its process tree then.
        processes: Processes of its tree then.
        read_mb: Megabytes that its process tree had read from disk; None where the system does not tell.
        wait_share: Share of the time for which its threads were ready and waited for a CPU.
        others_share: Share of the machine's CPU time that others than the server and the lab used.
    """

    cache: Cache
    round: int
    listening_s: float | None
    initialize_s: float
    tools_list_s: float
    first_call_s: float | None
    cpu_s: float | None = None
    rss_mb: float | None = None
    processes: int | None = None
    read_mb: float | None = None
    wait_share: float | None = None
    others_share: float | None = None

    @property
    def ready_s(self) -> float:
        """When it had answered everything that it was asked."""
        return self.tools_list_s if self.first_call_s is None else self.first_call_s

    @property
    def disturbed(self) -> bool:
        """Whether the server waited for a CPU while others used the machine."""
        waited, others = self.wait_share or 0.0, self.others_share or 0.0
        return waited > WAIT_LIMIT and others > OTHERS_LIMIT

    def at_s(self, step: Step) -> float | None:
        """Return when a step was done."""
        at_s: float | None = getattr(self, f"{step}_s")
        return at_s

    def took_s(self, step: Step) -> float | None:
        """Return how long a step took after the one before it."""
        at_s = self.at_s(step)
        earlier = [self.at_s(each) for each in STEPS[: STEPS.index(step)]]
        before_s = max((each for each in earlier if each is not None), default=0.0)
        return None if at_s is None else at_s - before_s


@dataclass(frozen=True)
class StepFigures:
    """Times of one step over all starts with one state of the cache.

    Attributes:
        took_s: How long it took: median and p95.
        at_s: When it was done, since the start of the process: median and p95.
        longest_s: Longest time that it took.
    """

    step: Step
    took_s: tuple[Quantile, Quantile]
    at_s: tuple[Quantile, Quantile]
    longest_s: float


@dataclass(frozen=True)
class CacheFigures:
    """Figures of all starts with one state of the cache.

    Attributes:
        starts: Number of starts.
        ready_s: When everything was answered: median and p95.
        longest_s: Longest time until then.
        cpu_s: CPU time until then: median and p95; None where it cannot be read.
        rss_mb: Median of the resident memory then.
        read_mb: Median of the megabytes read from disk; None where the system does not tell.
        disturbed: Number of starts in which the server waited for a CPU while others used the machine.
    """

    cache: Cache
    starts: int
    steps: tuple[StepFigures, ...]
    ready_s: tuple[Quantile, Quantile]
    longest_s: float
    cpu_s: tuple[Quantile, Quantile] | None
    rss_mb: float | None
    read_mb: float | None
    disturbed: int


@dataclass(frozen=True)
class EvictedFiles:
    """Files that were put out of memory before cold starts.

    Attributes:
        method: ``posix_fadvise`` for the server's own files, ``drop_caches`` for all of the machine.
        files: Number of files; for ``drop_caches`` those that were looked at.
        size_mb: Their size.
        kept_share: Share of their pages that stayed in memory all the same, such as those that another
            process has mapped; None where that cannot be seen.
    """

    method: Literal["posix_fadvise", "drop_caches"]
    files: int
    size_mb: float
    kept_share: float | None


@dataclass(frozen=True)
class ServerStarts:
    """Starts of one server and what follows from them.

    Attributes:
        name: Name on the command line.
        transport: ``http``, ``stdio`` or ``stdio-shared``.
        command: Its command, without secrets.
        call: Name of the tool of the first call; empty if nothing could be called.
        failures: What went wrong in starts that gave no figures.
        remarks: What limits the figures of this server.
        imports: What it imports; None if it is no Python program or hides it.
    """

    name: str
    server_name: str
    server_version: str
    transport: str
    wire: str
    revision: str
    command: tuple[str, ...]
    call: str
    starts: tuple[Start, ...]
    figures: tuple[CacheFigures, ...]
    evicted: EvictedFiles | None = None
    imports: Imports | None = None
    failures: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    def with_cache(self, cache: Cache) -> CacheFigures | None:
        """Return the figures with a state of the cache; None without starts."""
        return next((each for each in self.figures if each.cache == cache), None)


@dataclass(frozen=True)
class StartRatio:
    """Time or CPU time of a server until it is ready, as a multiple of the first server's.

    Attributes:
        figure: ``ready_s`` or ``cpu_s``.
        ratio: Geometric mean over rounds, in each of which both were started.
        low: Lower end of its interval at 95 %.
    """

    figure: Literal["ready_s", "cpu_s"]
    cache: Cache
    name: str
    baseline: str
    ratio: float
    low: float
    high: float
    rounds: int


@dataclass(frozen=True)
class ColdStart:
    """Starts of one or several servers; the content of ``coldstart.json``.

    Attributes:
        started_at: Time of the first start, as ISO 8601.
        health: Whether server and lab got the CPU that they wanted.
        health_reasons: Why not, in sentences.
    """

    started_at: str
    duration_s: float
    servers: tuple[ServerStarts, ...]
    ratios: tuple[StartRatio, ...]
    health: HealthState
    health_reasons: tuple[str, ...]
    manifest: dict[str, Any]


COLD_STARTS = DocumentKind("coldstart", 1, ColdStart)


def figures_of(starts: Sequence[Start]) -> tuple[CacheFigures, ...]:
    """Return the figures of all starts of a server, for each state of the cache that occurs."""
    by_cache = {cache: [each for each in starts if each.cache == cache] for cache in CACHES}
    return tuple(_cache_figures(cache, own) for cache, own in by_cache.items() if own)


def _cache_figures(cache: Cache, starts: Sequence[Start]) -> CacheFigures:
    ready_s = [each.ready_s for each in starts]
    cpu_s = [each.cpu_s for each in starts if each.cpu_s is not None]
    return CacheFigures(
        cache,
        len(starts),
        tuple(_steps(starts)),
        _median_and_p95(ready_s),
        max(ready_s),
        _median_and_p95(cpu_s) if cpu_s else None,
        _median([each.rss_mb for each in starts]),
        _median([each.read_mb for each in starts]),
        sum(each.disturbed for each in starts),
    )


def _steps(starts: Sequence[Start]) -> Iterator[StepFigures]:
    for step in STEPS:
        took_s = [took for each in starts if (took := each.took_s(step)) is not None]
        at_s = [at for each in starts if (at := each.at_s(step)) is not None]
        if took_s:
            yield StepFigures(step, _median_and_p95(took_s), _median_and_p95(at_s), max(took_s))


def _median_and_p95(values: Sequence[float]) -> tuple[Quantile, Quantile]:
    return quantile(values, 0.5), quantile(values, 0.95)


def _median(values: Sequence[float | None]) -> float | None:
    measured = [value for value in values if value is not None]
    return quantile(measured, 0.5).value if measured else None


def health_of(starts: Sequence[Start]) -> tuple[HealthState, tuple[str, ...]]:
    """Return whether the servers got the CPU that they wanted, and why not."""
    watched = [each for each in starts if each.wait_share is not None and each.others_share is not None]
    if not watched:
        return "unknown", ()
    disturbed = sum(each.disturbed for each in watched)
    if disturbed <= DISTURBED_LIMIT * len(watched):
        return "sound", ()
    return "bounded", (
        f"in {disturbed} of {len(watched)} starts the server waited for a CPU for more than {WAIT_LIMIT:.0%} "
        f"of its time while others used more than {OTHERS_LIMIT:.0%} of the machine: it may start faster",
    )
