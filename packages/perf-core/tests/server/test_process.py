"""Servers start, answer a handshake, and always end together with their descendants."""

import socket
import sys
import threading
from pathlib import Path

import psutil
import pytest

from perf_core.adapter import Launch
from perf_core.errors import Interrupted, TargetError
from perf_core.interruption import Interruption
from perf_core.server.credentials.access import OPEN
from perf_core.server.listeners import has_ended
from perf_core.server.process import ServerProcess
from perf_core.server.subject import access_of

pytestmark = pytest.mark.process

ADDER = str(Path(__file__).parents[1] / "servers" / "adder.py")


def by_ready_file(*options: str, **settings: float) -> Launch:
    return Launch(argv=(sys.executable, ADDER, "--ready-file", "{ready_file}", *options), **settings)


def by_port(*options: str, **settings: float) -> Launch:
    argv = (sys.executable, ADDER, "--port", "{port}", *options)
    return Launch(argv=argv, url="http://127.0.0.1:{port}/mcp", **settings)


@pytest.mark.parametrize("wire", ["session", "stateless"])
@pytest.mark.parametrize("launch", [by_ready_file(), by_port()], ids=["ready file", "port"])
def test_server_starts_answers_and_ends(launch: Launch, wire: str, tmp_path: Path) -> None:
    with ServerProcess(launch, wire, tmp_path / "log") as server:
        assert server.handshake.server_name == "adder"
        assert server.handshake.tools == ("add",)
        assert server.exit_code is None
        assert 0 < server.ready_s < 20
        pid = server.pid
    assert server.exit_code is not None
    assert not psutil.pid_exists(pid)


def test_error_after_an_early_exit_has_the_end_of_the_log(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="exited with code 3") as caught:
        ServerProcess(by_ready_file("--fault", "exit"), "session", tmp_path / "log").__enter__()
    assert "the reactor is cold" in caught.value.message
    assert "by hand" in caught.value.hint


def test_server_that_never_answers_is_ended(tmp_path: Path) -> None:
    server = ServerProcess(by_port("--fault", "silent", ready_timeout_s=1.5), "session", tmp_path / "log")
    with pytest.raises(TargetError, match=r"did not answer an MCP handshake within 1\.5 s"):
        server.__enter__()
    assert server.exit_code is not None


def test_missing_ready_file_is_a_target_error(tmp_path: Path) -> None:
    launch = Launch(argv=(sys.executable, ADDER, "--port", "0"), ready_timeout_s=0.5)
    server = ServerProcess(launch, "session", tmp_path / "log")
    with pytest.raises(TargetError, match="did not write its ready file"):
        server.__enter__()
    assert server.exit_code is not None


def test_malformed_ready_file_is_a_target_error(tmp_path: Path) -> None:
    # Renamed when complete, and the process keeps running, so that only the content is wrong.
    script = (
        "import os, sys, threading; path = sys.argv[1]; open(path + '.new', 'w').write('soon');"
        "os.rename(path + '.new', path); threading.Event().wait()"
    )
    launch = Launch(argv=(sys.executable, "-c", script, "{ready_file}"), ready_timeout_s=30)
    with pytest.raises(TargetError, match="in the ready file, got 'soon'"):
        ServerProcess(launch, "session", tmp_path / "log").__enter__()


def test_missing_command_is_a_target_error(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="cannot start no-such-server"):
        ServerProcess(Launch(argv=("no-such-server",)), "session", tmp_path / "log").__enter__()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to ignore")
def test_server_that_ignores_sigterm_is_killed_with_its_child(tmp_path: Path) -> None:
    launch = by_ready_file("--fault", "deaf", stop_timeout_s=0.3)
    with ServerProcess(launch, "session", tmp_path / "log") as server:
        child = psutil.Process(int(server.log_tail().split()[1]))
        assert not has_ended(child)
    assert server.exit_code == -9
    assert not psutil.pid_exists(server.pid)
    assert has_ended(child)


def test_server_whose_descendants_may_not_be_looked_at_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(process: psutil.Process, **_: bool) -> list[psutil.Process]:
        raise psutil.AccessDenied(process.pid)

    with ServerProcess(by_ready_file(), "session", tmp_path / "log") as server:
        root, folder = server.root, server.temporary_folder
        monkeypatch.setattr(psutil.Process, "children", denied)
    monkeypatch.undo()
    assert has_ended(root)
    assert folder is not None
    assert not folder.exists()


def test_braces_in_arguments_are_unchanged(tmp_path: Path) -> None:
    script = "import sys; print(sys.argv[1]); sys.exit(4)"
    launch = Launch(argv=(sys.executable, "-c", script, '{"a": {}}', "{ready_file}"))
    with pytest.raises(TargetError) as caught:
        ServerProcess(launch, "session", tmp_path / "log").__enter__()
    assert '{"a": {}}' in caught.value.message


def test_interruption_ends_the_wait(tmp_path: Path) -> None:
    interruption = Interruption()
    interruption.requested = True
    server = ServerProcess(
        by_port("--fault", "silent"), "session", tmp_path / "log", interruption=interruption
    )
    with pytest.raises(Interrupted):
        server.__enter__()
    assert server.exit_code is not None


def test_interruption_ends_a_handshake_that_is_not_answered(tmp_path: Path) -> None:
    interruption, ended = Interruption(), threading.Event()
    idle = (sys.executable, "-c", "import threading; threading.Event().wait()")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def interrupt() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1)
                interruption.requested = True
                ended.wait(30)

        thread = threading.Thread(target=interrupt)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
        launch = Launch(idle, url=url, ready_timeout_s=15)
        server = ServerProcess(launch, "session", tmp_path / "log", interruption=interruption)
        with pytest.raises(Interrupted):
            server.__enter__()
        ended.set()
        thread.join()
    assert server.exit_code is not None


def test_folder_for_temporary_files_is_deleted_with_the_server(tmp_path: Path) -> None:
    show = "import tempfile; print('TEMPORARY', tempfile.gettempdir(), flush=True); import runpy, sys;"
    script = f"{show} sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    launch = Launch(argv=(sys.executable, "-c", script, ADDER, "--ready-file", "{ready_file}"))
    with ServerProcess(launch, "session", tmp_path / "log") as server:
        folder = server.temporary_folder
        assert folder is not None
        assert f"TEMPORARY {folder}" in (tmp_path / "log").read_text()
        (folder / "left").write_text("behind")
    assert not folder.exists()
    assert server.temporary_folder is None


def test_server_whose_port_another_process_holds_is_refused(tmp_path: Path) -> None:
    idle = (sys.executable, "-c", "import threading; threading.Event().wait()")
    with ServerProcess(by_port(), "session", tmp_path / "other.log") as other:
        server = ServerProcess(Launch(argv=idle, url=other.url), "session", tmp_path / "log")
        with pytest.raises(
            TargetError, match=f"got process {other.pid}, which the lab did not start"
        ) as caught:
            server.__enter__()
        assert "--server-url" in caught.value.hint
        assert server.exit_code is not None
        assert other.exit_code is None


def test_lab_uses_the_first_token() -> None:
    assert access_of(by_port(), OPEN).own_headers() == {}
    access = access_of(Launch(argv=("x",), tokens=("the lab's", "a client's")), OPEN)
    assert access.own_headers() == {"Authorization": "Bearer the lab's"}
    assert [user.headers() for user in access.users] == [{"Authorization": "Bearer a client's"}]
    assert len(access_of(Launch(argv=("x",), tokens=("everybody's",)), OPEN).users) == 1


def test_port_may_be_in_the_environment(tmp_path: Path) -> None:
    code = (
        "import os, runpy, sys; sys.argv = [sys.argv[1], '--port', os.environ['ADDER_PORT']];"
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    argv, env = (sys.executable, "-c", code, ADDER), {"ADDER_PORT": "{port}"}
    with ServerProcess(
        Launch(argv, "http://localhost:{port}/mcp", env), "session", tmp_path / "log"
    ) as server:
        assert server.handshake.server_name == "adder"
