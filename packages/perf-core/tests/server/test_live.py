"""The process behind the URL of a server that was already running."""

from __future__ import annotations

import os
import socket

import psutil
import pytest

from perf_core.server.live import listening_pid


def test_listener_is_identified_by_its_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert listening_pid(port) == os.getpid()
        with socket.create_connection(("127.0.0.1", port)) as client:
            # A client's port is not a listening port.
            assert listening_pid(client.getsockname()[1]) is None
    assert listening_pid(port) is None


def test_invisible_listener_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(**_options: object) -> None:
        raise psutil.AccessDenied

    monkeypatch.setattr(psutil, "net_connections", denied)
    assert listening_pid(80) is None
