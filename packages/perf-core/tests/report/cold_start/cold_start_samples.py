"""Measurements of starts with known values."""

from dataclasses import replace

from perf_core.analysis.cold_start import (
    Cache,
    ColdStart,
    EvictedFiles,
    ServerStarts,
    Start,
    StartRatio,
    figures_of,
)
from perf_core.analysis.import_times import parse, summarize

IMPORTS = summarize(
    [
        parse(
            "import time: 90000 | 90000 |   shop.prices\n"
            "import time: 10000 | 100000 | shop\n"
            "import time: 40000 | 40000 | json\n"
            "import time: 30 | 30 | tiny\n"
        )
    ]
)


def starts_of(cache: Cache, ready_s: float, count: int = 20) -> list[Start]:
    return [
        Start(
            cache,
            number,
            ready_s - 0.1 + number / 1000,
            ready_s - 0.05 + number / 1000,
            ready_s - 0.04 + number / 1000,
            ready_s + number / 1000,
            cpu_s=ready_s - 0.05,
            rss_mb=80.0,
            processes=1,
            read_mb=30.0 if cache == "cold" else 0.0,
            wait_share=0.01,
            others_share=0.01,
        )
        for number in range(count)
    ]


def server_of(name: str, ready_s: float = 0.5) -> ServerStarts:
    starts = (*starts_of("warm", ready_s), *starts_of("cold", 2 * ready_s))
    return ServerStarts(
        name,
        name,
        "1",
        "http",
        "session",
        "2025-11-25",
        (name, "--port", "0"),
        "add",
        starts,
        figures_of(starts),
        EvictedFiles("posix_fadvise", 1200, 41.5, 0.08),
        IMPORTS,
    )


def cold_start(*servers: ServerStarts, **changes: object) -> ColdStart:
    servers = servers or (server_of("shop"),)
    ratios = tuple(
        StartRatio(figure, "warm", other.name, servers[0].name, 1.9, 1.8, 2.0, 20)
        for figure in ("ready_s", "cpu_s")
        for other in servers[1:]
    )
    manifest = {"machine": {"cpu": "A CPU", "cpus": 2}, "command": ["perf-core", "coldstart"]}
    done = ColdStart("2026-11-30T22:30:00+00:00", 61.0, servers, ratios, "sound", (), manifest)
    return replace(done, **changes)
