"""Measures the engine for content that is known: the time from a tool's call to its answer in the process.

    python benchmarks/music21/known.py --output FILE.json

The engine is what stands behind the wire: the tool's function is called with arguments that are validated
already, finds the score, whose it is and the answer that was worked out before, cuts the page, and returns
JSON values. HTTP, JSON-RPC, validation and encoding are not in it; `served.py` measures them. A known import
is one of a document that is stored: it is recognised by its digest. Wall time and the CPU time of the serving
process count; its workers are there and have nothing to do.

Nothing else should run on the machine meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Annotated, Any, Final

import cyclopts
from cyclopts import Parameter
from documents import corpus_work
from fastmcp import Client
from stopwatch import spread, target, write

from music21_server.server import create_server
from music21_server.settings import Music21Settings
from server_core import load_settings

BUDGET_S: Final = 0.001
SCORE: Final = "known"

app = cyclopts.App(name="known.py", help="Measures the engine for known content.")


@app.default
def known(
    *,
    output: Annotated[Path, Parameter(help="Where the figures go, as JSON.")],
    work: Annotated[str, Parameter(help="In music21's corpus.")] = "bach/bwv269",
    count: Annotated[int, Parameter(help="Calls of each tool.")] = 1000,
) -> None:
    """Measure each tool on a score that it has been asked about before."""
    figures = asyncio.run(_measured(corpus_work(work).decode(), count))
    targets = [
        target(f"known content, {name}, wall time", BUDGET_S, seen["wall_s"]["median"])
        for name, seen in figures.items()
    ]
    for name, seen in figures.items():
        wall, cpu = seen["wall_s"], seen["cpu_s"]
        print(
            f"{name:>24}  {wall['median'] * 1e3:6.3f} ms ({wall['least'] * 1e3:.3f} to "
            f"{wall['most'] * 1e3:.3f}), CPU {cpu['median'] * 1e3:.3f} ms"
        )
    write(output, {"known": figures | {"settings": {"work": work, "count": count}}}, targets)


async def _measured(document: str, count: int) -> dict[str, Any]:
    calls: list[tuple[str, dict[str, Any]]] = [
        ("import_score", {"source": document, "source_type": "content", "score_id": SCORE}),
        ("score_info", {"score_id": SCORE}),
        ("key_analysis", {"score_id": SCORE}),
        ("chord_analysis", {"score_id": SCORE}),
        ("harmony_analysis", {"score_id": SCORE}),
        ("export_score", {"score_id": SCORE, "format": "musicxml"}),
        ("export_score", {"score_id": SCORE, "format": "midi"}),
    ]
    mcp = create_server(load_settings(Music21Settings, []))
    figures: dict[str, Any] = {}
    async with Client(mcp) as client:
        for tool, arguments in calls:
            await client.call_tool(tool, arguments)
            found: Any = await mcp.get_tool(tool)
            wall_s, cpu_s = [], []
            for _ in range(count):
                cpu_began, began = time.process_time(), time.perf_counter()
                await found.fn(**arguments)
                ended, cpu_ended = time.perf_counter(), time.process_time()
                wall_s.append(ended - began)
                cpu_s.append(cpu_ended - cpu_began)
            name = " ".join((tool, arguments["format"])) if "format" in arguments else tool
            figures[name] = {"wall_s": spread(wall_s), "cpu_s": spread(cpu_s)}
    return figures


if __name__ == "__main__":
    app()
