"""Listeners of real process trees, whose sockets are shared, inherited or bound anew."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from perf_core.server import listeners
from perf_core.server.listeners import (
    ListenerWatch,
    foreign_listener,
    is_local,
    root_listener,
)
from perf_core.server.listeners import (
    listeners as listeners_at,
)

FAMILY = """
import os, signal, socket, sys, time

signal.signal(signal.SIGCHLD, signal.SIG_DFL)

def bound(port):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((sys.argv[1], port))
    listener.listen()
    return listener

port = int(sys.argv[2])
kept = None
for line in sys.stdin:
    word, _, argument = line.strip().partition(" ")
    pid = os.getpid()
    if word == "listen":
        kept = bound(port)
    elif word in {"inherit", "bind", "call"}:
        ready, done = os.pipe()
        pid = os.fork()
        if pid == 0:
            if word == "bind":
                kept = bound(port)
            os.write(done, b"1")
            if word == "call":
                time.sleep(0.1)
                os._exit(0)
            signal.pause()
        os.read(ready, 1)
        os.close(ready)
        os.close(done)
    elif word == "kill":
        os.kill(int(argument), signal.SIGKILL)
        os.waitpid(int(argument), 0)
    print(pid, flush=True)
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs fork and SO_REUSEPORT")


class Family:
    """A process that listens, and makes children that do."""

    def __init__(self, port: int, address: str = "127.0.0.1") -> None:
        self.url = f"http://127.0.0.1:{port}/mcp"
        self.process = subprocess.Popen(
            [sys.executable, "-c", FAMILY, address, str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.root = psutil.Process(self.process.pid)

    def order(self, command: str) -> int:
        """Have a command carried out; return the process that did it."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(command, file=self.process.stdin, flush=True)
        return int(self.process.stdout.readline())

    def close(self) -> None:
        """End all its processes."""
        with contextlib.suppress(psutil.NoSuchProcess):
            for member in [*self.root.children(recursive=True), self.root]:
                member.kill()
        self.process.communicate()


@pytest.fixture
def port() -> Iterator[int]:
    """Return a port that no other test binds meanwhile."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        # Afterwards: with it, the system may choose a port of others that share theirs.
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        yield reserved.getsockname()[1]


@pytest.fixture
def family(port: int) -> Iterator[Family]:
    member = Family(port)
    yield member
    member.close()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://localhost:80/mcp", True),
        ("http://127.0.0.1/mcp", True),
        ("http://127.0.0.53/mcp", True),
        ("http://[::1]:8000/mcp", True),
        ("https://example.com/mcp", False),
        ("http://192.0.2.7:8000/mcp", False),
    ],
)
def test_url_of_this_machine_is_recognised(url: str, expected: bool) -> None:
    assert is_local(url) is expected


def test_own_address_is_local() -> None:
    addresses = [
        address.address
        for interface in psutil.net_if_addrs().values()
        for address in interface
        if address.family == socket.AF_INET
    ]
    assert all(is_local(f"http://{address}:8000/mcp") for address in addresses)


def test_listener_is_found_by_its_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert listeners_at(f"http://127.0.0.1:{port}/mcp") == (psutil.Process(),)
        assert listeners_at(f"http://localhost:{port}/mcp") == (psutil.Process(),)
        assert listeners_at(f"http://192.0.2.7:{port}/mcp") == ()
        with socket.create_connection(("127.0.0.1", port)) as client:
            # A client's port is not a listening port.
            assert listeners_at(f"http://127.0.0.1:{client.getsockname()[1]}/mcp") == ()
    assert listeners_at(f"http://127.0.0.1:{port}/mcp") == ()


def test_invisible_listener_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(**_options: object) -> None:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil, "net_connections", denied)
    assert listeners_at("http://127.0.0.1:80/mcp") == ()
    assert root_listener("http://127.0.0.1:80/mcp") is None


@pytest.mark.process
def test_forwarder_is_no_server(family: Family, monkeypatch: pytest.MonkeyPatch) -> None:
    family.order("listen")
    assert listeners_at(family.url) == (family.root,)
    monkeypatch.setattr(listeners, "FORWARDERS", {family.root.name()})
    assert listeners_at(family.url) == ()
    assert foreign_listener(family.url, psutil.Process(), "") is None


# --- the process that answers ---


@pytest.mark.process
def test_own_listener_is_no_stranger(family: Family) -> None:
    family.order("listen")
    assert foreign_listener(family.url, family.root, "/tmp/pc-own") is None
    worker = family.order("inherit")
    assert foreign_listener(family.url, family.root, "/tmp/pc-own") is None
    # The socket is inherited, and the system may list it for the parent only.
    assert foreign_listener(family.url, psutil.Process(worker), "/tmp/pc-own") is None


@pytest.mark.process
def test_listener_outside_the_tree_is_a_stranger(family: Family) -> None:
    family.order("listen")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as idle:
        assert foreign_listener(family.url, psutil.Process(idle.pid), "/tmp/pc-own") == family.root
        idle.kill()


@pytest.mark.process
def test_stranger_at_the_same_port_is_found(family: Family, port: int) -> None:
    family.order("listen")
    with contextlib.closing(Family(port)) as stranger:
        stranger.order("listen")
        # Connections would go to both.
        assert foreign_listener(family.url, family.root, "/tmp/pc-own") == stranger.root


@pytest.mark.process
def test_stranger_at_the_more_specific_address_answers(family: Family, port: int) -> None:
    with contextlib.closing(Family(port, "0.0.0.0")) as anywhere:
        anywhere.order("listen")
        assert listeners_at(family.url) == (anywhere.root,)
        family.order("listen")
        assert listeners_at(family.url) == (family.root,)
        assert foreign_listener(family.url, anywhere.root, "/tmp/pc-own") == family.root
        assert foreign_listener(family.url, family.root, "/tmp/pc-own") is None


@pytest.mark.process
def test_process_that_left_the_tree_is_known_by_its_temporary_folder(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", "/tmp/pc-own")
    idling = [sys.executable, "-c", "input()"]
    with (
        contextlib.closing(Family(port)) as daemon,
        subprocess.Popen(idling, stdin=subprocess.PIPE) as idle,
    ):
        daemon.order("listen")
        assert foreign_listener(daemon.url, psutil.Process(idle.pid), "/tmp/pc-own") is None
        assert foreign_listener(daemon.url, psutil.Process(idle.pid), "/tmp/pc-other") == daemon.root
        idle.kill()


@pytest.mark.process
def test_supervisor_is_the_root_of_workers_that_listen(family: Family) -> None:
    family.order("bind")
    family.order("bind")
    assert root_listener(family.url) == family.root
    assert len(listeners_at(family.url)) == 2


@pytest.mark.process
def test_supervisor_that_shares_its_socket_is_the_root(family: Family) -> None:
    family.order("listen")
    family.order("inherit")
    assert root_listener(family.url) == family.root


@pytest.mark.process
def test_lone_worker_is_the_root_itself(family: Family) -> None:
    worker = family.order("bind")
    assert root_listener(family.url) == psutil.Process(worker)


# --- its replacement ---


@pytest.mark.process
@pytest.mark.parametrize("kind", ["bind", "inherit"])
def test_worker_that_was_replaced_is_told(kind: str, family: Family) -> None:
    if kind == "inherit":
        family.order("listen")
    worker = family.order(kind)
    watch = ListenerWatch(family.root, family.url)
    assert watch.replacement() == ""
    family.order(f"kill {worker}")
    assert watch.replacement() == ""  # nobody has taken its place
    other = family.order(kind)
    told = watch.replacement()
    assert f"process {worker} listened" in told
    assert f"process {other} in the end" in told
    assert watch.replacement(killed={worker}) == ""


@pytest.mark.process
def test_further_worker_is_no_replacement(family: Family) -> None:
    family.order("bind")
    watch = ListenerWatch(family.root, family.url)
    family.order("bind")
    assert watch.replacement() == ""


@pytest.mark.process
def test_children_that_serve_one_call_are_normal(family: Family) -> None:
    family.order("listen")
    family.order("call")  # it holds the socket while the watch begins
    watch = ListenerWatch(family.root, family.url)
    assert watch._at_start == {family.root}
    family.order("call")
    assert watch.replacement() == ""


@pytest.mark.process
def test_tree_that_is_gone_has_no_replacement(family: Family) -> None:
    family.order("listen")
    watch = ListenerWatch(family.root, family.url)
    family.close()
    assert watch.replacement() == ""
