"""Measures the served journey: import, key, chords, harmony, export of a chorale that nobody has seen.

    python benchmarks/music21/served.py journeys --output FILE.json
    python benchmarks/music21/served.py memory --output FILE.json

Starts the server as its users do, with its worker processes, and calls it over HTTP with one connection, one
call after the other, on the stateless wire. Every document is a chorale transposed, with two pitches changed;
the export must be the document again. Wall time is what counts here: it is what a client waits for.

Nothing else should run on the machine meanwhile.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import cyclopts
import httpx2
import psutil
from cyclopts import Parameter
from documents import corpus_work
from stopwatch import spread, target, write

from music21_server.orchestra import perturbed

SEED: Final = 1
JOURNEY_BUDGET_S: Final = 0.060
READY_BUDGET_S: Final = 3.0
GROWTH_BUDGET: Final = 0.05
VERSION: Final = "2026-07-28"

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
    documents = [perturbed(known, SEED + index).document.decode() for index in range(warm_up + count)]
    with server() as (url, pid, ready_s), httpx2.Client(timeout=60) as http:
        rows = [_journey(http, url, each, f"unseen-{index}") for index, each in enumerate(documents)]
        memory_mb = _memory_mb(pid)
    counted = rows[warm_up:]
    figures = {
        "ready_s": ready_s,
        "steps_s": {step: spread([row[step] for row in counted]) for step in counted[0]},
        "journey_s": spread([sum(row.values()) for row in counted]),
        "memory_mb": memory_mb,
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
    documents = (perturbed(known, SEED + index).document.decode() for index in range(warm_up + count))
    readings = []
    with server() as (url, pid, _), httpx2.Client(timeout=60) as http:
        for index, document in enumerate(documents):
            if index == warm_up:
                readings.append(_memory_mb(pid))
            _call(http, url, "import_score", {"source": document, "score_id": "passing"})
            _call(http, url, "delete_score", {"score_id": "passing"})
        readings.append(_memory_mb(pid))
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


def _line(step: str, seen: Mapping[str, float]) -> str:
    median, least, most = (seen[name] * 1e3 for name in ("median", "least", "most"))
    return f"{step:>16}  {median:6.1f} ms ({least:.1f} to {most:.1f})"


@contextmanager
def server() -> Iterator[tuple[str, int, float]]:
    """Start the server; yield its endpoint, its process, and the seconds until its workers were there."""
    with tempfile.TemporaryDirectory() as name:
        told, log = Path(name) / "ready.json", Path(name) / "server.log"
        began = time.perf_counter()
        with log.open("wb") as sink:
            process = subprocess.Popen(
                [sys.executable, "-m", "music21_server", "--port", "0", "--ready-file", str(told)],
                stdout=sink,
                stderr=sink,
                env=dict(os.environ),
            )
        try:
            url = _wait_for(told, process, log)
            while httpx2.get(url.removesuffix("/mcp") + "/health/ready").status_code != 200:
                time.sleep(0.01)
            yield url, process.pid, time.perf_counter() - began
        finally:
            process.terminate()
            process.wait(timeout=30)


def _wait_for(told: Path, process: subprocess.Popen[bytes], log: Path) -> str:
    while process.poll() is None:
        if told.exists() and told.read_text(encoding="utf-8").strip():
            return str(json.loads(told.read_text(encoding="utf-8"))["url"])
        time.sleep(0.01)
    sys.exit(f"the server ended with {process.returncode}:\n{log.read_text(encoding='utf-8')[-2000:]}")


def _journey(http: httpx2.Client, url: str, document: str, name: str) -> dict[str, float]:
    """Return what each call took, in seconds."""
    took: dict[str, float] = {}

    def call(tool: str, **arguments: Any) -> dict[str, Any]:
        began = time.perf_counter()
        answer = _call(http, url, tool, arguments)
        took[tool] = time.perf_counter() - began
        return answer

    call("import_score", source=document, source_type="content", score_id=name)
    key = call("key_analysis", score_id=name)
    call("chord_analysis", score_id=name)
    call("harmony_analysis", score_id=name)
    exported = call("export_score", score_id=name, format="musicxml")
    if exported["content"][0]["resource"]["text"] != document:
        sys.exit(f"{name}: the export is not the document that was imported")
    if not key["structuredContent"]:
        sys.exit(f"{name}: no key came")
    _call(http, url, "delete_score", {"score_id": name})
    return took


def _call(http: httpx2.Client, url: str, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    meta = {
        "io.modelcontextprotocol/protocolVersion": VERSION,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    answer = http.post(
        url,
        json={
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": tool, "arguments": arguments, "_meta": meta},
        },
        headers={
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": VERSION,
            "Mcp-Method": "tools/call",
            "Mcp-Name": tool,
        },
    )
    if answer.status_code != 200:
        sys.exit(f"{tool}: HTTP {answer.status_code} {answer.text[:500]}")
    result: dict[str, Any] = json.loads(answer.text)["result"]
    if result.get("isError"):
        sys.exit(f"{tool}: {result['content']}")
    return result


def _memory_mb(pid: int) -> float:
    """Return the memory of the server and its workers; what they share counts once where that is known."""
    root = psutil.Process(pid)
    total = 0
    for process in [root, *root.children(recursive=True)]:
        found = process.memory_full_info()
        total += getattr(found, "pss", found.rss)
    return total / 1e6


if __name__ == "__main__":
    app()
