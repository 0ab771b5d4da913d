"""Measure how long `/health` takes while the server is busy.

    python benchmarks/music21/health.py --output FILE.json

Another process (`pinger.py`) requests `/health` every few milliseconds. Cases: no other work; several
simultaneous imports of orchestral scores from a folder; one import with the document in the body of the call,
for several body sizes; and the export of an orchestral score as one answer. The maximum shows for how long
the event loop was blocked; the median shows the cost of sharing the machine.

Run nothing else on the machine meanwhile.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

import cyclopts
import httpx2
from cyclopts import Parameter
from documents import write_documents
from live_server import call, server, tool_request
from stopwatch import target, write

from music21_server.synthetic_scores import orchestral_score

SEED: Final = 1
BUDGET_S: Final = 0.050
PINGER: Final = Path(__file__).with_name("pinger.py")

app = cyclopts.App(name="health.py", help="Measure /health while the server is busy.")


@app.default
def health(
    *,
    output: Annotated[Path, Parameter(help="JSON file for the figures.")],
    shape: Annotated[str, Parameter(help="Instruments and measures of the scores.")] = "150x500",
    imports: Annotated[int, Parameter(help="Simultaneous imports.")] = 3,
    body_mb: Annotated[list[float] | None, Parameter(help="Sizes of request bodies in MB.")] = None,
    max_body_bytes: Annotated[int | None, Parameter(help="The server's setting of this name.")] = None,
    fast_lane: Annotated[bool, Parameter(help="Whether plain tool calls bypass FastMCP.")] = True,
    pause_s: Annotated[float, Parameter(help="Pause between an answer and the next request.")] = 0.003,
) -> None:
    """Measure the latency of /health in each case."""
    instruments, measures = (int(number) for number in shape.split("x"))
    documents = [orchestral_score(instruments, measures, SEED + index) for index in range(imports)]
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        files = write_documents(
            Path(name), ((f"{index}.musicxml", document) for index, document in enumerate(documents))
        )
        options = ["--score-folders", name]
        if max_body_bytes is not None:
            options += ["--max-body-bytes", str(max_body_bytes)]
        options += [] if fast_lane else ["--no-fast-lane"]
        with server(*options) as (url, _, _), ThreadPoolExecutor(imports) as pool:

            def import_file(file: Path) -> None:
                arguments = {"source": file.name, "source_type": "file", "score_id": file.stem}
                with httpx2.Client(timeout=300) as http:
                    call(http, url, "import_score", arguments)

            def export_first() -> None:
                with httpx2.Client(timeout=300) as http:
                    call(http, url, "export_score", {"score_id": files[0].stem, "format": "mxl"})

            figures["nothing else"] = _latency(url, pause_s, lambda: pool.submit(_pause).result())
            figures[f"{imports} imports of {shape}"] = _latency(
                url, pause_s, lambda: list(pool.map(import_file, files))
            )
            figures[f"export of {shape}"] = _latency(url, pause_s, export_first)
            for size_mb in body_mb or [4, 8, 16, 64, 100]:
                request = _import_request(documents[0], int(size_mb * 1e6))
                statuses: list[int] = []
                latency = _latency(url, pause_s, lambda: statuses.append(_status(url, *request)))  # noqa: B023
                figures[f"body of {size_mb:g} MB"] = latency | {"status": statuses[0]}
    for case, figure in figures.items():
        print(
            f"{case:>28}  p50 {figure['p50'] * 1e3:6.1f}  p95 {figure['p95'] * 1e3:6.1f}  max "
            f"{figure['max'] * 1e3:7.1f} ms of {figure['count']}  {figure.get('status', '')}"
        )
    targets = [target(f"/health, {case}", BUDGET_S, figure["max"]) for case, figure in figures.items()]
    settings = {
        "shape": shape,
        "imports": imports,
        "max_body_bytes": max_body_bytes,
        "fast_lane": fast_lane,
        "pause_s": pause_s,
    }
    write(output, {"health": figures | {"settings": settings}}, targets)


def _pause() -> None:
    """Wait for a second in another process, so that this one is as busy as in the other cases."""
    subprocess.run([sys.executable, "-c", "import time; time.sleep(1)"], check=True)


def _import_request(document: bytes, size: int) -> tuple[bytes, dict[str, str]]:
    """Return body and headers of an import with a body of about `size` bytes; its document is invalid."""
    text = document.decode()
    repeated = text * (1 + size // len(text))
    body, headers = tool_request("import_score", {"source": repeated[:size], "source_type": "content"})
    excess = len(body) - size
    arguments = {"source": repeated[: size - excess], "source_type": "content"}
    return tool_request("import_score", arguments)[0], headers


def _status(url: str, body: bytes, headers: dict[str, str]) -> int:
    """Send a request and return the HTTP status."""
    with httpx2.Client(timeout=300) as http:
        try:
            return http.post(url, content=body, headers=headers).status_code
        except httpx2.WriteError:
            return 413  # the server closed the connection before it had read the whole body


def _latency(url: str, pause_s: float, work: Callable[[], object]) -> dict[str, float]:
    """Return percentiles of the latency of /health in seconds during some work."""
    with _pinging(url, pause_s) as pinger:
        work()
        output, _ = pinger.communicate("")
    times_s: Sequence[float] = json.loads(output)
    if len(times_s) < 2:
        sys.exit("expected two answers from /health during the work, got fewer: choose more work")
    percentiles = quantiles(times_s, n=100, method="inclusive")
    return {"p50": percentiles[49], "p95": percentiles[94], "max": max(times_s), "count": len(times_s)}


@contextmanager
def _pinging(url: str, pause_s: float) -> Iterator[subprocess.Popen[str]]:
    parts = urlsplit(url)
    command = [sys.executable, str(PINGER), str(parts.hostname), str(parts.port), "/health", str(pause_s)]
    pinger = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert pinger.stdout is not None
    try:
        if pinger.stdout.readline() != "ready\n":
            sys.exit("expected an answer from /health, got none: see the error above")
        yield pinger
    finally:
        pinger.kill()
        pinger.wait()


if __name__ == "__main__":
    app()
