"""Which process of this machine answers at a port."""

from __future__ import annotations

import psutil


def listening_pid(port: int) -> int | None:
    """Return the process that listens on a TCP port of this machine, None when it cannot be seen."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        return None
    return next(
        (c.pid for c in connections if c.status == psutil.CONN_LISTEN and c.laddr and c.laddr.port == port),
        None,
    )
