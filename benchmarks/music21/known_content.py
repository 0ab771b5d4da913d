"""Measure tool calls on known content within the server process.

    python benchmarks/music21/known_content.py --output FILE.json

A tool's function is called directly with validated arguments: it looks up the score, its owner and the cached
answer, cuts the page and returns JSON values. HTTP, JSON-RPC, validation and encoding are not included;
`served.py` measures those. A known import is that of a stored document, recognized by its digest. Wall time
and the CPU time of the server process are measured; its worker processes are idle.

Run nothing else on the machine meanwhile.
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

app = cyclopts.App(name="known_content.py", help="Measure tool calls on known content.")


@app.default
def known_content(
    *,
    output: Annotated[Path, Parameter(help="JSON file for the figures.")],
    work: Annotated[str, Parameter(help="Work in music21's corpus.")] = "bach/bwv269",
    count: Annotated[int, Parameter(help="Calls of each tool.")] = 1000,
) -> None:
    """Measure each tool on a score that it has analysed before."""
    figures = asyncio.run(_measure(corpus_work(work).decode(), count))
    targets = [
        target(f"known content, {name}, wall time", BUDGET_S, figure["wall_s"]["median"])
        for name, figure in figures.items()
    ]
    for name, figure in figures.items():
        wall, cpu = figure["wall_s"], figure["cpu_s"]
        print(
            f"{name:>24}  {wall['median'] * 1e3:6.3f} ms ({wall['least'] * 1e3:.3f} to "
            f"{wall['most'] * 1e3:.3f}), CPU {cpu['median'] * 1e3:.3f} ms"
        )
    write(output, {"known": figures | {"settings": {"work": work, "count": count}}}, targets)


async def _measure(document: str, count: int) -> dict[str, Any]:
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
        for tool_name, arguments in calls:
            await client.call_tool(tool_name, arguments)
            tool: Any = await mcp.get_tool(tool_name)
            wall_s, cpu_s = [], []
            for _ in range(count):
                cpu_began, began = time.process_time(), time.perf_counter()
                await tool.fn(**arguments)
                ended, cpu_ended = time.perf_counter(), time.process_time()
                wall_s.append(ended - began)
                cpu_s.append(cpu_ended - cpu_began)
            name = f"{tool_name} {arguments['format']}" if "format" in arguments else tool_name
            figures[name] = {"wall_s": spread(wall_s), "cpu_s": spread(cpu_s)}
    return figures


if __name__ == "__main__":
    app()
