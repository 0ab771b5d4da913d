"""Listening sockets and the URL at which clients reach them."""

from __future__ import annotations

import contextlib
import errno
import socket
import sys
from collections.abc import Iterator
from ipaddress import ip_address

from server_core.errors import BindError
from server_core.settings import ServerSettings

_BACKLOG = 2048


def bind(settings: ServerSettings) -> socket.socket:
    """Listen on the configured host and port.

    Raises:
        BindError: The address cannot be listened on; the message says why and what to do.
    """
    return _bind(settings, settings.port, is_shared=False)


@contextlib.contextmanager
def bind_for_each_worker(settings: ServerSettings) -> Iterator[list[socket.socket]]:
    """Listen on the configured host and port with a socket for each worker.

    Where the kernel spreads connections over the sockets of one port (Linux), each worker has its own: from a
    shared socket, the worker that wakes first accepts all waiting connections. The sockets stay open here, so
    that connections to a worker that died wait for its replacement.

    Raises:
        BindError: The address cannot be listened on; the message says why and what to do.
    """
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(_bind(settings, settings.port, is_shared=False))
        if sys.platform != "linux":
            yield [first] * settings.workers
            return
        # First bound without sharing: with sharing, binding would succeed on another server's port that is
        # shared too.
        port = first.getsockname()[1]
        first.close()
        yield [stack.enter_context(_bind(settings, port, is_shared=True)) for _ in range(settings.workers)]


def _bind(settings: ServerSettings, port: int, *, is_shared: bool) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(
            settings.host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.create_server(address[:2], family=family, backlog=_BACKLOG, reuse_port=is_shared)
        # asyncio disables Nagle's algorithm only on sockets created with IPPROTO_TCP; with it a response
        # takes 40 ms.
        return socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, fileno=bound.detach())
    except OSError as error:
        name = settings.environment_name
        cures = {
            errno.EADDRINUSE: f"expected a free port, got one in use: stop the other program, or choose "
            f"another port with --port or {name('port')} (0 picks a free one)",
            errno.EACCES: f"not permitted: choose a port of 1024 or above with --port or {name('port')}",
        }
        cure = cures.get(
            error.errno or 0, f"{error.strerror}: check --host or {name('host')}, for example 127.0.0.1"
        )
        raise BindError(f"cannot listen on {settings.host}:{port}: {cure}") from error


def served_url(listener: socket.socket, path: str) -> str:
    """Return a URL at which a client on this machine reaches the listener."""
    host, port = listener.getsockname()[:2]
    address = ip_address(host.split("%")[0])
    if address.is_unspecified:
        host = "127.0.0.1" if address.version == 4 else "::1"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}{path}"
