"""Servers on stdio start behind a bridge, answer a handshake, and leave nothing behind."""

import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from perf_core.adapter import Launch
from perf_core.errors import TargetError
from perf_core.sampling.sampler import TreeMeter
from perf_core.server import live as live_servers
from perf_core.server.bridge.pages import read_counts
from perf_core.server.client.connection import connect
from perf_core.server.listeners import has_ended
from perf_core.server.live import StartedServer
from perf_core.server.process import ServerProcess

pytestmark = pytest.mark.process

ADDER = str(Path(__file__).parents[1] / "servers" / "stdio_adder.py")


def on_stdio(*options: str, shared: bool = False, **settings: float) -> Launch:
    transport = "stdio-shared" if shared else "stdio"
    return Launch((sys.executable, ADDER, *options), transport=transport, stop_timeout_s=0.3, **settings)


@pytest.mark.parametrize("shared", [False, True])
def test_server_on_stdio_answers_over_http(shared: bool, tmp_path: Path) -> None:
    with ServerProcess(on_stdio(shared=shared), "session", tmp_path / "log") as server:
        assert server.is_bridge
        assert server.handshake.server_name == "stdio-adder"
        assert server.handshake.tools == ("add",)
        with connect(server.url, "session") as client:
            result = client.call("add", {"a": 1, "b": 2})
        assert result["structuredContent"] == {"result": 3}
        live = StartedServer(server, "stdio")
        assert live.bridge_pid == live.pid == server.pid
        assert live.changed() == ""
        assert TreeMeter(server.pid, root_apart=True).read().processes == 1, "of a handshake it is kept"
        processes = [server.root, *server.root.children(recursive=True)]
    assert server.exit_code == 0
    assert all(map(has_ended, processes))
    assert "[child 1] started" in (tmp_path / "log").read_text()


def test_stateless_wire_works_on_stdio(tmp_path: Path) -> None:
    with ServerProcess(on_stdio(), "stateless", tmp_path / "log") as server:
        assert server.handshake.server_name == "stdio-adder"


def test_time_to_be_ready_is_that_of_the_server_s_own_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready_at = []
    wait = ServerProcess._wait_for_url

    def slow_bridge(*arguments: object) -> str:
        url = wait(*arguments)
        time.sleep(0.5)
        ready_at.append(time.monotonic())
        return url

    monkeypatch.setattr(ServerProcess, "_wait_for_url", slow_bridge)
    with ServerProcess(on_stdio("--fault", "slow-start"), "session", tmp_path / "log") as server:
        assert 1.5 < server.ready_s <= time.monotonic() - ready_at[0], (
            "the start of the bridge does not count"
        )


def test_process_that_only_shook_hands_is_used_again(tmp_path: Path) -> None:
    with ServerProcess(on_stdio(), "session", tmp_path / "log") as server:
        live = StartedServer(server, "stdio")
        for _ in range(2):
            assert live.changed() == ""
        (child,) = server.root.children()
        with connect(server.url, "session") as client:
            assert client.call("add", {"a": 1, "b": 1000})["structuredContent"]["pid"] == child.pid
        # It has worked for a client, and the next one gets another.
        with connect(server.url, "session") as client:
            assert client.call("add", {"a": 1, "b": 1000})["structuredContent"]["pid"] != child.pid
        counts = read_counts(server.url)
    assert counts is not None
    assert (counts.started, counts.ended) == (2, 0)


def test_server_that_starts_slowly_has_as_long_after_the_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_servers, "_AFTER_LOAD_S", 0.5)
    with ServerProcess(on_stdio("--fault", "slow-start"), "session", tmp_path / "log") as server:
        assert StartedServer(server, "stdio").changed() == ""


@pytest.mark.parametrize(
    ("launch", "message"),
    [
        (Launch(("no-such-program",), transport="stdio"), "cannot start no-such-program"),
        (on_stdio("--fault", "crash-at-start"), "ended with exit code 4"),
        (on_stdio("--fault", "slow-start", ready_timeout_s=1.0), "did not answer an MCP handshake"),
    ],
    ids=["missing", "crash", "slow"],
)
def test_server_that_does_not_start_is_a_target_error(launch: Launch, message: str, tmp_path: Path) -> None:
    server = ServerProcess(launch, "session", tmp_path / "log")
    with pytest.raises(TargetError, match=message) as caught:
        server.__enter__()
    if "crash-at-start" in launch.argv:
        assert "no reactor at all" in caught.value.message
        assert "status 500" not in caught.value.message, "that is the bridge's"
    if launch.argv[0] == sys.executable:
        assert caught.value.hint.startswith("Start it by hand to see more: ")
    assert adders() == []


def adders() -> list[psutil.Process]:
    """Return the adders that this test has left running."""
    return [
        process
        for process in psutil.Process().children(recursive=True)
        if process.status() != psutil.STATUS_ZOMBIE and ADDER in process.cmdline()
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to ignore")
def test_stubborn_server_is_ended_although_its_bridge_was_killed(tmp_path: Path) -> None:
    with ServerProcess(on_stdio("--fault", "stubborn", shared=True), "session", tmp_path / "log") as server:
        (child,) = server.root.children()
        os.kill(server.pid, 9)
        server.root.wait(5)
        assert "the bridge to the server ended by signal 9" in StartedServer(server, "stdio").ended()
    child.wait(5)
    assert not child.is_running()


@pytest.mark.skipif(not hasattr(psutil.Process, "cpu_affinity"), reason="no CPU affinity")
def test_server_on_stdio_keeps_to_the_cpus_of_its_bridge(tmp_path: Path) -> None:
    (cpu, *_) = psutil.Process().cpu_affinity()
    with ServerProcess(on_stdio(shared=True), "session", tmp_path / "log", cpus=[cpu]) as server:
        (child,) = server.root.children()
        assert child.cpu_affinity() == [cpu]


def test_environment_and_folder_reach_the_server(tmp_path: Path) -> None:
    script = tmp_path / "server.py"
    script.write_text(
        "import os, runpy, sys\n"
        "values = [os.getcwd(), os.environ['GREETING'], os.environ['TMPDIR']]\n"
        "print('HERE', *values, file=sys.stderr, flush=True)\n"
        f"sys.argv = [{ADDER!r}]; runpy.run_path({ADDER!r}, run_name='__main__')\n"
    )
    launch = replace(on_stdio(), argv=(sys.executable, "server.py"), cwd=tmp_path, env={"GREETING": "hello"})
    with ServerProcess(launch, "session", tmp_path / "log") as server:
        temporary = server.temporary_folder
    # Not earlier: the bridge writes its log a little later.
    assert f"HERE {tmp_path} hello {temporary}" in (tmp_path / "log").read_text()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows adds variables of its own")
@pytest.mark.parametrize("shared", [False, True])
def test_server_on_stdio_sees_what_clients_pass_on_and_what_is_named(
    shared: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "GREETING_OF_THE_USER": "of nobody's business",
        "USER": "ada",
        "SHELL": "() { :; }",
        "PYTHONWARNINGS": "ignore",
    }.items():
        monkeypatch.setenv(name, value)
    script = tmp_path / "server.py"
    script.write_text(
        "import json, os, runpy, sys\n"
        "print('SEEN', json.dumps(dict(os.environ)), file=sys.stderr, flush=True)\n"
        f"sys.argv = [{ADDER!r}]; runpy.run_path({ADDER!r}, run_name='__main__')\n"
    )
    named = {"UNIT": "C", "PYTHONUTF8": "1"}
    launch = replace(on_stdio(shared=shared), argv=(sys.executable, "server.py"), cwd=tmp_path, env=named)
    with ServerProcess(launch, "session", tmp_path / "log") as server:
        temporary = str(server.temporary_folder)
    line = next(each for each in (tmp_path / "log").read_text().splitlines() if "SEEN" in each)
    seen = json.loads(line.partition("SEEN ")[2])
    # Python itself may set the locale, and the bridge what it is marked with.
    seen.pop("LC_CTYPE", None)
    assert set(seen) <= {"HOME", "LOGNAME", "PATH", "TERM", "USER", "TMPDIR", "TEMP", "TMP", *named}
    assert seen["USER"] == "ada"
    assert seen["TMPDIR"] == temporary
    assert {name: seen[name] for name in named} == named
