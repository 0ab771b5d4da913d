"""The process that listens on a port of this machine."""

from __future__ import annotations

import psutil


def listening_pid(port: int) -> int | None:
    """Return the process number of the listener on a local TCP port, or None if it is not visible."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        return None
    return next(
        (c.pid for c in connections if c.status == psutil.CONN_LISTEN and c.laddr and c.laddr.port == port),
        None,
    )
