"""Measures the served journey: import, key, chords, harmony, export of a chorale that nobody has seen.

    python benchmarks/music21/served.py journeys --output FILE.json
    python benchmarks/music21/served.py memory --output FILE.json
    python benchmarks/music21/served.py cold --output FILE.json

Starts the server as its users do, with its worker processes, and calls it over HTTP with one connection, one
call after the other, on the stateless wire. Every document of `journeys` and `memory` is a chorale
transposed, with two pitches changed; the export must be the document again. `cold` takes orchestral scores
that nobody has seen through import, info, key, chords, harmony and both exports. Wall time is what counts
first: it is what a client waits for; beside it stand CPU time and memory of the server and its workers.

Nothing else should run on the machine meanwhile.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import cyclopts
import httpx2
from cyclopts import Parameter
from documents import corpus_work, written
from running import call, cpu_s, memory_mb, peak_memory_mb, server
from stopwatch import spread, target, write

from music21_server.synthetic_scores import orchestral_score, perturb

SEED: Final = 1
JOURNEY_BUDGET_S: Final = 0.060
READY_BUDGET_S: Final = 3.0
GROWTH_BUDGET: Final = 0.05
COLD_BUDGETS: Final[Mapping[str, Mapping[str, float]]] = {
    "50x200": {"wall_s": 1.0},
    "150x500": {"wall_s": 8.0, "peak_mb": 800.0},
}

app = cyclopts.App(name="served.py", help="Measures the served journey.")


@app.command
def journeys(
    *,
    output: Annotated[Path, Parameter(help="Where the figures go, as JSON.")],
    work: Annotated[str, Parameter(help="In music21's corpus.")] = "bach/bwv269",
    count: Annotated[int, Parameter(help="Documents that nobody has seen.")] = 100,
    warm_up: Annotated[int, Parameter(help="Journeys that do not count.")] = 10,
) -> None:
    """Measure journeys over HTTP."""
    known = corpus_work(work)
    documents = [perturb(known, SEED + index).document.decode() for index in range(warm_up + count)]
    with server() as (url, pid, ready_s), httpx2.Client(timeout=60) as http:
        rows = [_journey(http, url, each, f"unseen-{index}") for index, each in enumerate(documents)]
        held_mb = memory_mb(pid)
    counted = rows[warm_up:]
    figures: dict[str, Any] = {
        "ready_s": ready_s,
        "steps_s": {step: spread([row[step] for row in counted]) for step in counted[0]},
        "journey_s": spread([sum(row.values()) for row in counted]),
        "memory_mb": held_mb,
        "settings": {"work": work, "journeys": count, "warm_up": warm_up},
    }
    targets = [
        target("served journey, wall time", JOURNEY_BUDGET_S, figures["journey_s"]["median"]),
        target("ready after its start", READY_BUDGET_S, ready_s),
    ]
    write(output, {"served": figures}, targets)
    for step, seen in figures["steps_s"].items():
        print(_line(step, seen))


@app.command
def memory(
    *,
    output: Annotated[Path, Parameter(help="Where the figures go, as JSON.")],
    work: Annotated[str, Parameter(help="In music21's corpus.")] = "bach/bwv269",
    count: Annotated[int, Parameter(help="Imports and deletions.")] = 1000,
    warm_up: Annotated[int, Parameter(help="Those that come before the first reading.")] = 200,
) -> None:
    """Measure the memory of server and workers before and after many imports and deletions."""
    known = corpus_work(work)
    documents = (perturb(known, SEED + index).document.decode() for index in range(warm_up + count))
    readings = []
    with server() as (url, pid, _), httpx2.Client(timeout=60) as http:
        for index, document in enumerate(documents):
            if index == warm_up:
                readings.append(memory_mb(pid))
            call(http, url, "import_score", {"source": document, "score_id": "passing"})
            call(http, url, "delete_score", {"score_id": "passing"})
        readings.append(memory_mb(pid))
    before, after = readings
    growth = after / before - 1
    figures = {
        "before_mb": before,
        "after_mb": after,
        "growth": growth,
        "settings": {"work": work, "imports": count, "warm_up": warm_up},
    }
    write(output, {"memory": figures}, [target("growth after imports and deletions", GROWTH_BUDGET, growth)])
    print(f"{before:.1f} MB before, {after:.1f} MB after")


@app.command
def cold(
    *,
    output: Annotated[Path, Parameter(help="Where the figures go, as JSON.")],
    shape: Annotated[
        list[str] | None, Parameter(help="Such as 50x200; those with a budget by default.")
    ] = None,
    repeats: Annotated[int, Parameter(help="Servers for each shape, each with another score.")] = 5,
) -> None:
    """Measure orchestral scores that nobody has seen, by a server that has seen a chorale."""
    figures: dict[str, Any] = {}
    targets: list[dict[str, Any]] = []
    for each in shape or list(COLD_BUDGETS):
        instruments, measures = (int(number) for number in each.split("x"))
        rows = [_cold(orchestral_score(instruments, measures, SEED + turn)) for turn in range(repeats)]
        figures[each] = {name: spread([row[name] for row in rows]) for name in rows[0]}
        targets += [
            target(f"{each} served cold, {name}", budget, figures[each][name]["median"])
            for name, budget in COLD_BUDGETS.get(each, {}).items()
        ]
        print(each)
        for name, seen in figures[each].items():
            print(f"{name:>24}  {seen['median']:8.2f} ({seen['least']:.2f} to {seen['most']:.2f})")
    write(output, {"cold": figures | {"settings": {"repeats": repeats}}}, targets)


def _cold(document: bytes) -> dict[str, float]:
    """Return what one score costs a server that was started for it."""
    steps: list[tuple[str, dict[str, Any]]] = [
        ("score_info", {}),
        ("key_analysis", {}),
        ("chord_analysis", {}),
        ("harmony_analysis", {}),
        ("export_score", {"format": "mxl"}),
        ("export_score", {"format": "midi"}),
    ]
    took: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        written(Path(name), [("score.musicxml", document)])
        with (
            server("--score-folders", name) as (url, pid, _),
            httpx2.Client(timeout=300) as http,
            peak_memory_mb(pid) as readings,
        ):
            warm = call(http, url, "import_score", {"source": "bach/bwv66.6"})["structuredContent"]
            for tool, more in steps:
                call(http, url, tool, {"score_id": warm["score_id"], **more})
            before_s = cpu_s(pid)
            began = time.perf_counter()
            arguments = {"source": "score.musicxml", "source_type": "file", "score_id": "cold"}
            call(http, url, "import_score", arguments)
            took["import_score"] = time.perf_counter() - began
            for tool, more in steps:
                step_began = time.perf_counter()
                call(http, url, tool, {"score_id": "cold", **more})
                took[" ".join((tool, *more.values()))] = time.perf_counter() - step_began
            wall_s = time.perf_counter() - began
            used_s = cpu_s(pid) - before_s
    return took | {"wall_s": wall_s, "cpu_s": used_s, "peak_mb": max(readings)}


def _line(step: str, seen: Mapping[str, float]) -> str:
    median, least, most = (seen[name] * 1e3 for name in ("median", "least", "most"))
    return f"{step:>16}  {median:6.1f} ms ({least:.1f} to {most:.1f})"


def _journey(http: httpx2.Client, url: str, document: str, name: str) -> dict[str, float]:
    """Return what each call took, in seconds."""
    took: dict[str, float] = {}

    def timed(tool: str, **arguments: Any) -> dict[str, Any]:
        began = time.perf_counter()
        answer = call(http, url, tool, arguments)
        took[tool] = time.perf_counter() - began
        return answer

    timed("import_score", source=document, source_type="content", score_id=name)
    key = timed("key_analysis", score_id=name)
    timed("chord_analysis", score_id=name)
    timed("harmony_analysis", score_id=name)
    exported = timed("export_score", score_id=name, format="musicxml")
    if exported["content"][0]["resource"]["text"] != document:
        sys.exit(f"{name}: the export is not the document that was imported")
    if not key["structuredContent"]:
        sys.exit(f"{name}: no key came")
    call(http, url, "delete_score", {"score_id": name})
    return took


if __name__ == "__main__":
    app()
