"""Measure journeys over HTTP: import, key, chords, harmony and export of scores that are new to the server.

    python benchmarks/music21/served.py journeys --output FILE.json
    python benchmarks/music21/served.py memory --output FILE.json
    python benchmarks/music21/served.py cold --output FILE.json

The server is started as its users start it, with its worker processes, and called over one connection, one
call after the other, on the stateless wire. The documents of `journeys` and `memory` are chorales, transposed
and with two pitches changed; the export must equal the imported document. `cold` takes new orchestral scores
through import, info, key, chords, harmony and two exports. Wall time matters most, because clients wait for
it; CPU time and memory of the server and its workers are reported as well.

Run nothing else on the machine meanwhile.
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
from documents import corpus_work, write_documents
from live_server import call, cpu_s, memory_mb, peak_memory_mb, server
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

app = cyclopts.App(name="served.py", help="Measure journeys over HTTP.")


@app.command
def journeys(
    *,
    output: Annotated[Path, Parameter(help="JSON file for the figures.")],
    work: Annotated[str, Parameter(help="Work in music21's corpus.")] = "bach/bwv269",
    count: Annotated[int, Parameter(help="Journeys, each with a new document.")] = 100,
    warm_up: Annotated[int, Parameter(help="Journeys before these, which do not count.")] = 10,
) -> None:
    """Measure journeys with unseen chorales."""
    original = corpus_work(work)
    documents = [perturb(original, SEED + index).document.decode() for index in range(warm_up + count)]
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
    for step, times in figures["steps_s"].items():
        print(_line(step, times))


@app.command
def memory(
    *,
    output: Annotated[Path, Parameter(help="JSON file for the figures.")],
    work: Annotated[str, Parameter(help="Work in music21's corpus.")] = "bach/bwv269",
    count: Annotated[int, Parameter(help="Imports, each followed by a deletion.")] = 1000,
    warm_up: Annotated[int, Parameter(help="Imports and deletions before the first reading.")] = 200,
) -> None:
    """Measure the memory of server and workers before and after many imports and deletions."""
    original = corpus_work(work)
    documents = (perturb(original, SEED + index).document.decode() for index in range(warm_up + count))
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
    output: Annotated[Path, Parameter(help="JSON file for the figures.")],
    shape: Annotated[
        list[str] | None, Parameter(help="Shapes such as 50x200; those with a budget by default.")
    ] = None,
    repeats: Annotated[int, Parameter(help="Servers per shape, each with a different score.")] = 5,
) -> None:
    """Measure the first orchestral score of a server that has only seen a chorale."""
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
        for name, values in figures[each].items():
            print(f"{name:>24}  {values['median']:8.2f} ({values['least']:.2f} to {values['most']:.2f})")
    write(output, {"cold": figures | {"settings": {"repeats": repeats}}}, targets)


def _cold(document: bytes) -> dict[str, float]:
    """Return the cost of one score for a new server."""
    steps: list[tuple[str, dict[str, Any]]] = [
        ("score_info", {}),
        ("key_analysis", {}),
        ("chord_analysis", {}),
        ("harmony_analysis", {}),
        ("export_score", {"format": "mxl"}),
        ("export_score", {"format": "midi"}),
    ]
    times_s: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        write_documents(Path(name), [("score.musicxml", document)])
        with (
            server("--score-folders", name) as (url, pid, _),
            httpx2.Client(timeout=300) as http,
            peak_memory_mb(pid) as readings,
        ):
            warm_up = call(http, url, "import_score", {"source": "bach/bwv66.6"})["structuredContent"]
            for tool, more in steps:
                call(http, url, tool, {"score_id": warm_up["score_id"], **more})
            before_s = cpu_s(pid)
            began = time.perf_counter()
            arguments = {"source": "score.musicxml", "source_type": "file", "score_id": "cold"}
            call(http, url, "import_score", arguments)
            times_s["import_score"] = time.perf_counter() - began
            for tool, more in steps:
                step_began = time.perf_counter()
                call(http, url, tool, {"score_id": "cold", **more})
                times_s[" ".join((tool, *more.values()))] = time.perf_counter() - step_began
            wall_s = time.perf_counter() - began
            used_s = cpu_s(pid) - before_s
    return times_s | {"wall_s": wall_s, "cpu_s": used_s, "peak_mb": max(readings)}


def _line(step: str, times: Mapping[str, float]) -> str:
    median, least, most = (times[name] * 1e3 for name in ("median", "least", "most"))
    return f"{step:>16}  {median:6.1f} ms ({least:.1f} to {most:.1f})"


def _journey(http: httpx2.Client, url: str, document: str, name: str) -> dict[str, float]:
    """Return the time of each call in seconds."""
    times_s: dict[str, float] = {}

    def timed(tool: str, **arguments: Any) -> dict[str, Any]:
        began = time.perf_counter()
        answer = call(http, url, tool, arguments)
        times_s[tool] = time.perf_counter() - began
        return answer

    timed("import_score", source=document, source_type="content", score_id=name)
    key = timed("key_analysis", score_id=name)
    timed("chord_analysis", score_id=name)
    timed("harmony_analysis", score_id=name)
    exported = timed("export_score", score_id=name, format="musicxml")
    if exported["content"][0]["resource"]["text"] != document:
        sys.exit(f"{name}: expected the imported document as the export, got another one")
    if not key["structuredContent"]:
        sys.exit(f"{name}: expected a key, got an empty result")
    call(http, url, "delete_score", {"score_id": name})
    return times_s


if __name__ == "__main__":
    app()
