"""The command as a real process: workers, HTTP and stdio, killed workers, and shutdown."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from fastmcp import Client
from fastmcp.client.transports import StdioTransport
from fastmcp.exceptions import ToolError

from music21_server import __version__
from music21_server.__main__ import main
from music21_server.settings import Music21Settings
from music21_server.synthetic_scores import orchestral_score
from perf_core import Launch
from perf_core.server.client.connection import connect
from perf_core.server.process import ServerProcess

pytestmark = pytest.mark.anyio

LAUNCH = Launch((sys.executable, "-m", "music21_server", "--port", "0", "--ready-file", "{ready_file}"))
MAX_STARTUP_CPU_S = 6.0
"""CPU time of the server and its workers at the start, about 2 s; other load changes it little."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("served")
    launch = Launch(
        (*LAUNCH.argv, "--score-folders", str(folder), "--worker-processes", "2", "--work-timeout-s", "20"),
        cwd=folder,
    )
    with ServerProcess(launch, "session", folder / "log") as running:
        yield running


@pytest.fixture
async def client(server: ServerProcess) -> AsyncIterator[Client[Any]]:
    async with Client(server.url) as connected:
        yield connected


def workers_of(server: ServerProcess) -> list[psutil.Process]:
    """Return the worker processes, which are children of the fork server."""
    (fork_server,) = psutil.Process(server.pid).children()
    return fork_server.children()


def samples(metrics: str) -> dict[str, float]:
    lines = [line.rpartition(" ") for line in metrics.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


async def ask(client: Client[Any], tool: str, **arguments: Any) -> Any:
    return (await client.call_tool(tool, arguments)).structured_content


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await condition():
            pass


@pytest.mark.process
def test_startup_takes_little_cpu_time(server: ServerProcess) -> None:
    process = psutil.Process(server.pid)
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    assert 0.1 < sum(each.user + each.system for each in times) < MAX_STARTUP_CPU_S


@pytest.mark.process
async def test_health_and_metrics_pages(server: ServerProcess, client: Client[Any]) -> None:
    await ask(client, "import_score", source="bach/bwv66.6")
    base = server.url.removesuffix("/mcp")
    async with httpx2.AsyncClient(trust_env=False) as http:
        health = (await http.get(f"{base}/health")).json()
        assert (health["status"], health["service"], health["version"]) == ("ok", "music21", __version__)
        assert (await http.get(f"{base}/health/live")).json() == {"status": "ok"}

        async def workers_are_idle() -> bool:
            ready = (await http.get(f"{base}/health/ready")).json()
            return (ready["status"], ready["workers"], ready["busy"]) == ("ok", 3, 0)

        await until(workers_are_idle)
        metrics = samples((await http.get(f"{base}/metrics")).text)
    assert metrics['mcp_tool_calls_total{tool="import_score"}'] == 1
    assert (metrics["music21_workers"], metrics["music21_workers_busy"]) == (3, 0)
    assert (metrics["music21_scores"], metrics["music21_answers_worked_out_total"]) == (1, 1)
    assert metrics["music21_score_bytes"] > 1_000
    assert metrics['music21_workers_replaced_total{reason="crash"}'] == 0


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="one process serves there")
async def test_several_serving_processes_add_up_their_workers_and_share_a_store(tmp_path: Path) -> None:
    more = ("--workers", "2", "--worker-processes", "1", "--store-folder", str(tmp_path / "store"))
    with ServerProcess(Launch((*LAUNCH.argv, *more)), "session", tmp_path / "log") as server:
        base = server.url.removesuffix("/mcp")
        async with Client(server.url) as client, httpx2.AsyncClient(trust_env=False) as http:
            await ask(client, "import_score", source="C4 E4 G4 C5", score_id="arpeggio")
            metrics: dict[str, float] = {}

            async def both_have_reported() -> bool:
                metrics.update(samples((await http.get(f"{base}/metrics")).text))
                return (metrics["mcp_workers"], metrics["music21_workers"]) == (2, 4)

            await until(both_have_reported)
    assert (metrics["music21_scores"], metrics["music21_score_contents"]) == (1, 1)
    assert metrics["music21_answers_worked_out_total"] == 1


@pytest.mark.process
def test_sessions_do_not_see_each_others_scores(server: ServerProcess) -> None:
    with connect(server.url, "session") as one, connect(server.url, "session") as other:
        one.call("import_score", {"source": "bach/bwv66.6", "score_id": "mine"})
        assert other.call("list_scores", {})["structuredContent"] == {"scores": []}
        refused = other.call("score_info", {"score_id": "mine"})
        assert refused["isError"] is True
        other.call("import_score", {"source": "bach/bwv269", "score_id": "mine"})
        assert one.call("score_info", {"score_id": "mine"})["structuredContent"]["measures"] == 10


@pytest.mark.process
async def test_health_responds_while_all_workers_are_busy(server: ServerProcess, client: Client[Any]) -> None:
    base = server.url.removesuffix("/mcp")
    folder = Path(psutil.Process(server.pid).cwd())
    (folder / "large.musicxml").write_bytes(orchestral_score(20, 30, seed=5))
    busy = [
        asyncio.create_task(
            ask(client, "import_score", source="large.musicxml", source_type="file", score_id=f"l{i}")
        )
        for i in range(3)
    ]
    responses = 0
    async with httpx2.AsyncClient(trust_env=False) as http:
        while not all(task.done() for task in busy):
            assert (await http.get(f"{base}/health")).status_code == 200
            responses += 1
    await asyncio.gather(*busy)
    # Had the imports blocked the event loop, there would be about one response for each.
    assert responses > 5 * len(busy)


@pytest.mark.process
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
async def test_killed_workers_are_replaced(server: ServerProcess, client: Client[Any]) -> None:
    await ask(client, "import_score", source="bach/bwv66.6", score_id="kept")
    before = {worker.pid for worker in workers_of(server)}
    for worker in before:
        os.kill(worker, signal.SIGKILL)
    assert len(before) == 3
    errors: list[str] = []

    async def has_answer() -> bool:
        try:
            answer = await ask(client, "key_analysis", score_id="kept", algorithm="simple")
        except ToolError as error:
            errors.append(str(error))
            return False
        assert answer["algorithm"] == "simple"
        return True

    async def are_replaced() -> bool:
        await asyncio.sleep(0)
        return len({worker.pid for worker in workers_of(server)} - before) == 3

    await until(has_answer)
    assert [error for error in errors if "process" not in error] == []
    assert len(errors) <= len(before), "each killed worker costs one call at most"
    await until(are_replaced)


@pytest.mark.process
async def test_tools_work_over_stdio(tmp_path: Path) -> None:
    transport = StdioTransport(
        sys.executable,
        ["-m", "music21_server", "--transport", "stdio"],
        env=dict(os.environ),
        cwd=str(tmp_path),
        log_file=tmp_path / "stderr.log",
        keep_alive=False,
    )
    async with Client(transport) as client:
        await ask(client, "import_score", source="C4 E4 G4 C5", score_id="arpeggio")
        assert (await ask(client, "key_analysis", score_id="arpeggio"))["key"] == "C major"


@pytest.mark.process
@pytest.mark.skipif(sys.platform == "win32", reason="signals are others there")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_no_process_is_left_after_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    with ServerProcess(LAUNCH, "session", tmp_path / "log") as running:
        async with Client(running.url) as client:
            await ask(client, "import_score", source="C4 E4 G4")
        family = psutil.Process(running.pid).children(recursive=True)
        assert len(family) >= 2  # the fork server and the worker that did the import
        os.kill(running.pid, number)
        _, alive = psutil.wait_procs(family, timeout=30)
        assert alive == []


def test_help_lists_every_setting(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["music21-server", "--help"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    assert text.startswith("usage: music21-server")
    for name in Music21Settings.model_fields:
        assert f"[env: MUSIC21_{name.upper()}]" in text


def test_several_serving_processes_need_a_store_folder(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["music21-server", "--workers", "2"])
    assert main() == 2
    assert "MUSIC21_STORE_FOLDER or --store-folder" in capsys.readouterr().err


def test_version_prints_the_version_of_the_distribution(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["music21-server", "--version"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"music21-server {__version__}\n"
