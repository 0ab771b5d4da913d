"""Processes that listen at a URL of this machine: whose figures they are, and whether they were replaced.

A listening socket may belong to several processes: a supervisor that hands it to its workers, or workers that
each bind the port. What cannot be seen (another user's process, a container behind a forwarder) is unknown,
never wrong.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Collection, Iterable
from typing import Any
from urllib.parse import urlsplit

import psutil

from perf_core.errors import TargetError

FORWARDERS = frozenset(
    {
        "com.docker.backend",
        "conmon",
        "docker-proxy",
        "gvproxy",
        "kubectl",
        "pasta",
        "rootlessport",
        "slirp4netns",
        "socat",
        "ssh",
        "vpnkit",
        "wslrelay.exe",
    }
)
"""Names of processes that listen for a server elsewhere, such as in a container."""

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_WILDCARDS = frozenset({"0.0.0.0", "::"})

_SETTLING_S = 0.3
"""Time between two looks at several listeners. A child that serves one call inherits the socket, and has
ended by the second look; a worker has not."""


def is_local(url: str) -> bool:
    """Return whether a URL names this machine."""
    host = urlsplit(url).hostname or ""
    if host in _LOOPBACK_NAMES or host in _WILDCARDS or host.startswith("127."):
        return True
    families = {socket.AF_INET, socket.AF_INET6}
    addresses = (address for interface in psutil.net_if_addrs().values() for address in interface)
    return any(address.family in families and address.address == host for address in addresses)


def listeners(url: str) -> tuple[psutil.Process, ...]:
    """Return the visible processes that answer at a URL of this machine, without forwarders.

    A socket that several processes share counts for one of them.
    """
    if not is_local(url):
        return ()
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        return ()
    pids = {connection.pid for connection in _answering(connections, url) if connection.pid is not None}
    processes = []
    for pid in sorted(pids):
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            process = psutil.Process(pid)
            if process.name() not in FORWARDERS:
                processes.append(process)
    return tuple(processes)


def _answering(connections: Iterable[Any], url: str) -> list[Any]:
    """Return the listening sockets to which the system gives connections to a URL: the most specific ones."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    listening = [
        each
        for each in connections
        if each.status == psutil.CONN_LISTEN and each.laddr and each.laddr.port == port
    ]
    hosts = {"127.0.0.1", "::1"} if parts.hostname == "localhost" else {parts.hostname}
    exact = [each for each in listening if each.laddr.ip.removeprefix("::ffff:") in hosts]
    return exact or [each for each in listening if each.laddr.ip in _WILDCARDS]


def _addresses(process: psutil.Process, url: str) -> frozenset[str]:
    """Return the addresses at which a process itself would answer at a URL; empty if it does not listen."""
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        return frozenset(each.laddr.ip for each in _answering(process.net_connections(kind="tcp"), url))
    return frozenset()


def _tree(root: psutil.Process) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        return [root, *root.children(recursive=True)]
    return [root]


def foreign_listener(url: str, root: psutil.Process, temporary_folder: str) -> psutil.Process | None:
    """Return a process that answers at the URL of a started server without being part of it.

    None means that none is seen.

    Args:
        root: Root of the server's process tree.
        temporary_folder: Folder that only this server was given, which identifies processes that have left
            the tree.
    """
    tree = _tree(root)
    visible = listeners(url)
    strangers = [each for each in visible if each not in tree and not _was_given(each, temporary_folder)]
    if not any(process in tree for process in visible):
        # For a socket that the server inherited, the system may name the process that it comes from.
        inherited = frozenset[str]().union(*(_addresses(member, url) for member in tree))
        strangers = [each for each in strangers if _addresses(each, url).isdisjoint(inherited)]
    return next(iter(strangers), None)


def expect_own_listener(url: str, root: psutil.Process, temporary_folder: str) -> None:
    """Check that nobody but a started server answers at its URL; see :func:`foreign_listener`.

    Raises:
        TargetError: Another process does.
    """
    stranger = foreign_listener(url, root, temporary_folder)
    if stranger is not None:
        raise TargetError(
            f"expected the started server to answer at {url}, got process {stranger.pid}, which the "
            "lab did not start",
            "End that process, or use another port; to measure it, name its URL with --server-url.",
        )


def _was_given(process: psutil.Process, temporary_folder: str) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        return process.environ().get("TMPDIR") == temporary_folder
    return False


def root_listener(url: str) -> psutil.Process | None:
    """Return the process whose tree answers at a URL of this machine; None if it is not visible.

    That is the supervisor if its workers listen: the topmost process that holds the socket, or the common
    parent of workers that each bind the port, if it runs the same program.
    """
    visible = listeners(url)
    if not visible:
        return None
    root = visible[0]
    with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        while (parent := root.parent()) is not None and _addresses(parent, url):
            root = parent
        siblings = [process for process in visible if process not in _tree(root)]
        above = root.parent()
        if siblings and above is not None and above.exe() == root.exe():
            return above if all(process.parent() == above for process in siblings) else root
    return root


def has_ended(process: psutil.Process) -> bool:
    """Return whether a process has ended, even if its parent has not taken note of it."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False


class ListenerWatch:
    """Remembers which processes of a tree listen, and tells whether they were replaced.

    Only the identity of long-lived listeners counts (process number and time of creation). Other workers, and
    children that serve one call, come and go in a sound server.
    """

    def __init__(self, root: psutil.Process, url: str) -> None:
        self._root = root
        self._url = url
        self._at_start: frozenset[psutil.Process] = frozenset()
        self._at_start = self._long_lived()

    def replacement(self, killed: Collection[int] = ()) -> str:
        """Return which listener was replaced by which, or an empty text.

        Args:
            killed: Processes that the lab has killed on purpose.
        """
        now = self._long_lived()
        ended = sorted(process.pid for process in self._at_start - now if process.pid not in killed)
        came = sorted(process.pid for process in now - self._at_start)
        if not ended or not came:
            return ""
        return (
            "the server was restarted during the run: "
            f"{_processes(ended)} listened at its start and {_processes(came)} in the end"
        )

    def _long_lived(self) -> frozenset[psutil.Process]:
        holders = self._holders()
        if len(holders) > 1 and holders != self._at_start:
            time.sleep(_SETTLING_S)
            holders &= self._holders()
        return holders

    def _holders(self) -> frozenset[psutil.Process]:
        return frozenset(process for process in _tree(self._root) if _addresses(process, self._url))


def _processes(pids: Collection[int]) -> str:
    return f"process{'es' if len(pids) > 1 else ''} {', '.join(map(str, pids))}"
