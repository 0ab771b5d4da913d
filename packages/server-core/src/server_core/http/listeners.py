"""The sockets at which a server listens, and the URL by which a client reaches them."""

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
        BindError: Names the address, the reason, and what to do.
    """
    return _bind(settings, settings.port, spread=False)


@contextlib.contextmanager
def bind_for_each_worker(settings: ServerSettings) -> Iterator[list[socket.socket]]:
    """Listen on the configured host and port with a socket for each worker.

    Where the kernel spreads connections over sockets of one port (Linux), each worker has its own: out of one
    that all share, whoever wakes first takes all that wait. The sockets are held here, so that the
    connections of a worker that died wait for its successor.

    Raises:
        BindError: Names the address, the reason, and what to do.
    """
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(_bind(settings, settings.port, spread=False))
        if sys.platform != "linux":
            yield [first] * settings.workers
            return
        # Bound alone first: a port that is spread could be another server's that spreads it, too.
        port = first.getsockname()[1]
        first.close()
        yield [stack.enter_context(_bind(settings, port, spread=True)) for _ in range(settings.workers)]


def _bind(settings: ServerSettings, port: int, *, spread: bool) -> socket.socket:
    where = f"{settings.host}:{port}"
    try:
        family, _, _, _, address = socket.getaddrinfo(
            settings.host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.create_server(address[:2], family=family, backlog=_BACKLOG, reuse_port=spread)
        # asyncio turns Nagle's algorithm off only on sockets that say TCP; with it an answer takes 40 ms.
        return socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, fileno=bound.detach())
    except OSError as error:
        name = settings.environment_name
        cures = {
            errno.EADDRINUSE: f"the port is taken: stop the other program, or choose another with --port "
            f"or {name('port')} (0 takes a free one)",
            errno.EACCES: f"not permitted: choose a port from 1024 up with --port or {name('port')}",
        }
        cure = cures.get(
            error.errno or 0, f"{error.strerror}: check --host or {name('host')}, for example 127.0.0.1"
        )
        raise BindError(f"cannot listen on {where}: {cure}") from error


def served_url(listener: socket.socket, path: str) -> str:
    """A URL at which a client on this machine reaches the listener."""
    host, port = listener.getsockname()[:2]
    address = ip_address(host.split("%")[0])
    if address.is_unspecified:
        host = "127.0.0.1" if address.version == 4 else "::1"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}{path}"
