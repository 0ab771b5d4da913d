"""Measures how long `/health` takes while the server has heavy work to do.

    python benchmarks/music21/health.py --output FILE.json

Another process asks for `/health` every few milliseconds meanwhile (`pinger.py`). Cases: nothing else;
several imports of an orchestral score from a folder, at the same time; one import whose document comes in the
body of the call, by size of the body; and the export of the orchestral score as one answer. The longest
answer tells for how long the event loop stood still; the median, what others on the machine cost.

Nothing else should run on the machine meanwhile.
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
from documents import written
from running import call, request_of, server
from stopwatch import target, write

from music21_server.synthetic_scores import orchestral_score

SEED: Final = 1
BUDGET_S: Final = 0.050
PINGER: Final = Path(__file__).with_name("pinger.py")

app = cyclopts.App(name="health.py", help="Measures /health under heavy work.")


@app.default
def health(
    *,
    output: Annotated[Path, Parameter(help="Where the figures go, as JSON.")],
    shape: Annotated[str, Parameter(help="Of the orchestral score.")] = "150x500",
    imports: Annotated[int, Parameter(help="At the same time.")] = 3,
    body_mb: Annotated[list[float] | None, Parameter(help="Sizes of bodies.")] = None,
    max_body_bytes: Annotated[int | None, Parameter(help="Setting of the server.")] = None,
    fast_lane: Annotated[bool, Parameter(help="Whether plain calls pass FastMCP by.")] = True,
    pause_s: Annotated[float, Parameter(help="Between an answer and the next question.")] = 0.003,
) -> None:
    """Measure the latency of /health in each case."""
    instruments, measures = (int(number) for number in shape.split("x"))
    documents = [orchestral_score(instruments, measures, SEED + index) for index in range(imports)]
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        files = written(Path(name), ((f"{i}.musicxml", document) for i, document in enumerate(documents)))
        options = ["--score-folders", name]
        if max_body_bytes is not None:
            options += ["--max-body-bytes", str(max_body_bytes)]
        options += [] if fast_lane else ["--no-fast-lane"]
        with server(*options) as (url, _, _), ThreadPoolExecutor(imports) as together:

            def take_in(file: Path) -> None:
                arguments = {"source": file.name, "source_type": "file", "score_id": file.stem}
                with httpx2.Client(timeout=300) as http:
                    call(http, url, "import_score", arguments)

            def give_out() -> None:
                with httpx2.Client(timeout=300) as http:
                    call(http, url, "export_score", {"score_id": files[0].stem, "format": "mxl"})

            figures["nothing else"] = _latency(url, pause_s, lambda: together.submit(_pause).result())
            figures[f"{imports} imports of {shape}"] = _latency(
                url, pause_s, lambda: list(together.map(take_in, files))
            )
            figures[f"export of {shape}"] = _latency(url, pause_s, give_out)
            for size_mb in body_mb or [4, 8, 16, 64, 100]:
                body, headers = _body(documents[0], int(size_mb * 1e6))
                said: list[int] = []
                latency = _latency(url, pause_s, lambda: said.append(_sent(url, body, headers)))  # noqa: B023
                figures[f"body of {size_mb:g} MB"] = latency | {"status": said[0]}
    for case, seen in figures.items():
        print(
            f"{case:>28}  p50 {seen['p50'] * 1e3:6.1f}  p95 {seen['p95'] * 1e3:6.1f}  max "
            f"{seen['max'] * 1e3:7.1f} ms of {seen['count']}  {seen.get('status', '')}"
        )
    targets = [target(f"/health, {case}", BUDGET_S, seen["max"]) for case, seen in figures.items()]
    settings = {
        "shape": shape,
        "imports": imports,
        "max_body_bytes": max_body_bytes,
        "fast_lane": fast_lane,
        "pause_s": pause_s,
    }
    write(output, {"health": figures | {"settings": settings}}, targets)


def _pause() -> None:
    """Let a second pass, in another process so that this one is as busy as in the other cases."""
    subprocess.run([sys.executable, "-c", "import time; time.sleep(1)"], check=True)


def _body(document: bytes, size: int) -> tuple[bytes, dict[str, str]]:
    """Return a request of about so many bytes that imports a document, repeated until it is long enough."""
    text = document.decode()
    whole = text * (1 + size // len(text))
    request, headers = request_of("import_score", {"source": whole[:size], "source_type": "content"})
    escapes = len(request) - size
    return request_of("import_score", {"source": whole[: size - escapes], "source_type": "content"})[
        0
    ], headers


def _sent(url: str, body: bytes, headers: dict[str, str]) -> int:
    """Send a call whose document is refused, and return the HTTP status."""
    with httpx2.Client(timeout=300) as http:
        try:
            return http.post(url, content=body, headers=headers).status_code
        except httpx2.WriteError:
            return 413  # the server has closed the connection before it had the whole body


def _latency(url: str, pause_s: float, work: Callable[[], object]) -> dict[str, float]:
    """Return the latency of /health during some work, in seconds."""
    with _pinging(url, pause_s) as pinger:
        work()
        said, _ = pinger.communicate("")
    took_s: Sequence[float] = json.loads(said)
    if len(took_s) < 2:
        sys.exit("the work was over before /health had been asked twice: choose more of it")
    hundredths = quantiles(took_s, n=100, method="inclusive")
    return {"p50": hundredths[49], "p95": hundredths[94], "max": max(took_s), "count": len(took_s)}


@contextmanager
def _pinging(url: str, pause_s: float) -> Iterator[subprocess.Popen[str]]:
    parts = urlsplit(url)
    command = [sys.executable, str(PINGER), str(parts.hostname), str(parts.port), "/health", str(pause_s)]
    pinger = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert pinger.stdout is not None
    try:
        if pinger.stdout.readline() != "ready\n":
            sys.exit("/health does not answer")
        yield pinger
    finally:
        pinger.kill()
        pinger.wait()


if __name__ == "__main__":
    app()
