"""Starts as a view: how long until a server is ready, where that time went, what it imports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from perf_core.analysis.cold_start import (
    Cache,
    CacheFigures,
    ColdStart,
    ServerStarts,
    StartRatio,
)
from perf_core.analysis.import_times import PackageImport
from perf_core.analysis.quantiles import Quantile, fewest_values
from perf_core.report.cold_start.drawing import drawing, step_words
from perf_core.report.notices import Notice
from perf_core.report.table import Table, table_of
from perf_core.report.view.model import Drawing, Tile, View
from perf_core.report.wording import DASH, count, duration, significant

_CACHE_WORDS: Mapping[Cache, str] = {"warm": "files in memory", "cold": "files on disk"}
_MOST_PACKAGES = 14
_MOST_MODULES = 15
_SMALL_MS = 1.0


def view(done: ColdStart) -> View:
    """Return the report."""
    first = done.servers[0]
    return View(
        word="START",
        tone="unsure" if done.health == "bounded" or not first.figures else "good",
        subject=", ".join(f"{each.name} ({each.transport})" for each in done.servers),
        summary=_summary(done),
        when=_when(done),
        manifest=done.manifest,
        reasons=tuple(_reasons(done)),
        notices=tuple(_notices(done)),
        tiles=tuple(_tiles(first)),
        parts=tuple(_parts(done)),
    )


def _summary(done: ColdStart) -> str:
    sentences = []
    for server in done.servers:
        ready = [
            f"{time_words(each.ready_s[0].value)} with its {_CACHE_WORDS[each.cache]}"
            for each in server.figures
        ]
        if ready:
            sentences.append(
                f"{server.name} has answered its {_last_step(server)} after {' and '.join(ready)}"
            )
    return "; ".join(sentences) if sentences else "cannot tell: no start succeeded"


def _last_step(server: ServerStarts) -> str:
    return "first call" if server.call else "list of tools"


def _reasons(done: ColdStart) -> Iterator[str]:
    for ratio in done.ratios:
        yield ratio_words(ratio)
    for server in done.servers:
        own = f"{server.name}: " if len(done.servers) > 1 else ""
        for remark in server.remarks:
            yield f"{own}{remark}"
        failed = len(server.failures)
        if failed:
            yield f"{own}{failed} of {failed + len(server.starts)} starts failed; {server.failures[0]}"


def ratio_words(ratio: StartRatio) -> str:
    """Return a sentence about what a server takes beside the first server."""
    times = f"{significant(ratio.ratio)} times (95 %: {significant(ratio.low)} to {significant(ratio.high)})"
    if ratio.figure == "cpu_s":
        words = f"{ratio.name} takes {times} the CPU time of {ratio.baseline}"
    else:
        words = f"{ratio.name} takes {times} as long as {ratio.baseline}"
    words = f"{words}, with {_CACHE_WORDS[ratio.cache]}"
    return words if ratio.low > 1 or ratio.high < 1 else f"{words}: cannot tell which takes less"


def _notices(done: ColdStart) -> Iterator[Notice]:
    if done.health == "bounded":
        yield Notice("Health", "unsure", ("times are only upper bounds", *done.health_reasons))
    elif done.health == "unknown":
        yield Notice("Health", "neutral", ("not known, since nothing shows what else used the machine",))
    starts = [each.starts for server in done.servers for each in server.figures]
    needed = fewest_values(0.95)
    if starts and min(starts) < needed:
        yield Notice(
            "p95",
            "neutral",
            (f"{min(starts)} starts give its interval no upper end; --starts {needed} does",),
        )


def _tiles(server: ServerStarts) -> Iterator[Tile]:
    for each in server.figures:
        yield Tile(f"ready, {_CACHE_WORDS[each.cache]}", time_words(each.ready_s[0].value))
    for each in server.figures[:1]:
        if each.cpu_s is not None:
            yield Tile("CPU time of a start", time_words(each.cpu_s[0].value))
        if each.rss_mb is not None:
            yield Tile("memory when ready", f"{significant(each.rss_mb)} MB")
    if server.imports is not None:
        yield Tile("imports", time_words(server.imports.total_ms / 1000))


def _parts(done: ColdStart) -> Iterator[Table | Drawing]:
    figure = drawing(done)
    if figure is not None:
        yield figure
    for cache in ("warm", "cold"):
        table = _steps_table(done, cache)
        if table is not None:
            yield table
    use = _use_table(done)
    if use is not None:
        yield use
    for server in done.servers:
        yield from _import_tables(server, alone=len(done.servers) == 1)


def _steps_table(done: ColdStart, cache: Cache) -> Table | None:
    rows = [
        row
        for server in done.servers
        if (figures := server.with_cache(cache)) is not None
        for row in _step_rows(server, figures, alone=len(done.servers) == 1)
    ]
    starts = {figures.starts for server in done.servers if (figures := server.with_cache(cache)) is not None}
    number = " to ".join(map(str, sorted({min(starts), max(starts)}))) if starts else "0"
    return table_of(
        f"Starts with {_CACHE_WORDS[cache]}, {number} of each, in ms",
        ("step", "median", "interval", "p95", "its interval", "longest", "done at"),
        rows,
        note="Each step is counted from the end of the one before, with intervals at 95 %. Done at: median "
        "time since the start of the process.",
        minor=("longest", "its interval"),
    )


def _step_rows(server: ServerStarts, figures: CacheFigures, *, alone: bool) -> Iterator[tuple[str, ...]]:
    own = "" if alone else f"{server.name}: "
    for step in figures.steps:
        tool = f" ({server.call})" if step.step == "first_call" else ""
        yield _row(
            f"{own}{step_words(step.step, figures)}{tool}", step.took_s, step.longest_s, step.at_s[0].value
        )
    yield _row(f"{own}ready", figures.ready_s, figures.longest_s, None)


def _row(
    name: str, took_s: tuple[Quantile, Quantile], longest_s: float, at_s: float | None
) -> tuple[str, ...]:
    median, p95 = took_s
    return (
        name,
        _ms(median.value),
        _range(median),
        _ms(p95.value),
        _range(p95),
        _ms(longest_s),
        DASH if at_s is None else _ms(at_s),
    )


def _range(estimate: Quantile) -> str:
    """Return an interval in ms; few starts leave one end or both open."""
    if estimate.low is None and estimate.high is None:
        return DASH
    if estimate.high is None:
        return f"{_ms(estimate.low)} or more"
    return (
        f"up to {_ms(estimate.high)}"
        if estimate.low is None
        else f"{_ms(estimate.low)} to {_ms(estimate.high)}"
    )


def _use_table(done: ColdStart) -> Table | None:
    rows = [
        (
            server.name,
            figures.cache,
            DASH if figures.cpu_s is None else _ms(figures.cpu_s[0].value),
            significant(figures.rss_mb),
            significant(figures.read_mb),
            _evicted_words(server) if figures.cache == "cold" else DASH,
            str(figures.disturbed),
        )
        for server in done.servers
        for figures in server.figures
    ]
    return table_of(
        "Use until ready (medians)",
        ("server", "files", "CPU ms", "RSS MB", "read MB", "put out of memory", "disturbed"),
        rows,
        labels=2,
        note="Read: from disk. Disturbed: starts in which the server waited for a CPU while others used it.",
        minor=("put out of memory",),
    )


def _evicted_words(server: ServerStarts) -> str:
    evicted = server.evicted
    if evicted is None:
        return DASH
    kept = "" if evicted.kept_share is None else f", {evicted.kept_share:.0%} stayed"
    files = "all files" if evicted.method == "drop_caches" else f"{count(evicted.files)} files"
    return f"{files}, {significant(evicted.size_mb)} MB{kept}"


def _import_tables(server: ServerStarts, *, alone: bool) -> Iterator[Table]:
    imports = server.imports
    if imports is None:
        return
    own = "" if alone else f" of {server.name}"
    processes = f" in {imports.processes} processes" if imports.processes > 1 else ""
    total = f"{_ms(imports.total_ms / 1000)} ms, {count(imports.modules)} modules{processes}"
    packages = table_of(
        f"Imports{own} by package: {total}",
        ("package", "modules", "own ms", "with others ms", "imported by"),
        [row for each in imports.packages[:_MOST_PACKAGES] for row in _package_rows(each, imports.total_ms)],
        note="With others: with what it was the first to import of other packages, the most that not "
        f"importing it could save. Medians of {imports.runs} starts with -X importtime, which takes a few "
        "percent itself.",
        minor=("imported by",),
    )
    modules = table_of(
        f"Slowest modules{own}",
        ("module", "own ms", "imported by"),
        [
            (each.name, significant(each.own_ms), each.importer or "the program")
            for each in imports.slowest[:_MOST_MODULES]
            if each.own_ms >= _SMALL_MS
        ],
        minor=("imported by",),
    )
    for table in (packages, modules):
        if table is not None:
            yield table


def _package_rows(package: PackageImport, total_ms: float) -> Iterator[tuple[str, ...]]:
    if package.own_ms < _SMALL_MS:
        return
    yield _package_row(package, "")
    for part in package.parts if package.own_ms > total_ms / 20 else ():
        yield _package_row(part, "- ")


def _package_row(package: PackageImport, indent: str) -> tuple[str, ...]:
    return (
        f"{indent}{package.name}",
        count(package.modules),
        significant(package.own_ms),
        significant(package.total_ms),
        package.importer or DASH,
    )


def _when(done: ColdStart) -> str:
    at = datetime.fromisoformat(done.started_at)
    machine = done.manifest.get("machine", {})
    cpus = f"{machine['cpus']} CPUs" if machine.get("cpus") else ""
    where = ", ".join(filter(None, (machine.get("cpu"), cpus)))
    return f"{at:%Y-%m-%d %H:%M} UTC, {duration(done.duration_s)}, {where}"


def time_words(seconds: float) -> str:
    """Return a time with three digits: ``412 ms``, ``1.23 s``."""
    return f"{significant(seconds)} s" if seconds >= 1 else f"{significant(seconds * 1000)} ms"


def _ms(seconds: float | None) -> str:
    return DASH if seconds is None else significant(seconds * 1000)
