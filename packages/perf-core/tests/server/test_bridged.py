"""Servers on HTTP+SSE, reached through a bridge of the lab."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from perf_core.adapter import Launch
from perf_core.interruption import Interruption
from perf_core.server.client.connection import connect
from perf_core.server.credentials.access import Access, bearer
from perf_core.server.credentials.oauth import OAuthClient, OAuthIdentity
from perf_core.server.live import StartOptions, live_server
from perf_core.server.subject import DerivedAdapter, Subject

if TYPE_CHECKING:
    from conftest import Build

pytestmark = pytest.mark.process

GUARDED = str(Path(__file__).parents[1] / "servers" / "guarded.py")


def test_server_at_a_url_is_reached_with_the_users_headers(
    guarded: Any, build: type[Build], tmp_path: Path
) -> None:
    server = guarded()
    server.is_legacy, server.tokens = True, {"t0ken-1"}
    server.revisions = ["2024-11-05"]
    url = f"{server.origin}/sse"
    subject = Subject(build.adapter({}), url, access=bearer(["t0ken-1"]))
    with live_server(subject, "session", StartOptions(tmp_path / "server.log"), Interruption()) as live:
        assert live.transport == "http+sse"
        assert live.handshake.revision == "2024-11-05"
        assert live.handshake.tools == ("add",)
        assert live.ready_s is None
        with connect(live.url, "session", access=live.access) as client:
            assert client.call("add", {"a": 2, "b": 3})["structuredContent"] == {"result": 5}
        assert server.identities == {"Bearer t0ken-1": 1}
        assert live.changed() == ""
    assert url not in (tmp_path / "server.log").read_text(), "the log is the bridge's"


def test_user_of_an_authorization_server_stays_one_behind_the_bridge(
    guarded: Any, build: type[Build], tmp_path: Path
) -> None:
    server = guarded()
    server.is_legacy, server.tokens = True, set()
    access = Access((OAuthIdentity(OAuthClient(*server.client)),))
    subject = Subject(build.adapter({}), f"{server.origin}/sse", access=access)
    with live_server(subject, "session", StartOptions(tmp_path / "server.log"), Interruption()) as live:
        (user,) = live.access.users
        assert user.is_renewable
        assert user.renew_at_s is not None
        user.refused()
        with connect(live.url, "session", access=live.access) as client:
            assert client.call("add", {"a": 2, "b": 3})["structuredContent"] == {"result": 5}
        (authorization,) = server.identities
        assert authorization.startswith("Bearer issued-token-")
        assert authorization.removeprefix("Bearer ") in live.access.secrets()


def test_server_that_the_lab_starts_is_reached_too(tmp_path: Path) -> None:
    argv = (sys.executable, GUARDED, "{port}")
    launch = Launch(argv, url="http://127.0.0.1:{port}/sse", ready_timeout_s=30)
    subject = Subject(DerivedAdapter("old", None, launch, {}))
    with live_server(subject, "session", StartOptions(tmp_path / "server.log"), Interruption()) as live:
        assert live.transport == "http+sse"
        assert live.handshake.server_name == "guarded"
        assert live.ready_s is not None
        assert live.pid is not None
        assert live.ended() == live.changed() == ""
    assert (tmp_path / "server.bridge.log").is_file()


def test_child_that_a_supervisor_restarts_is_a_restart(tmp_path: Path) -> None:
    supervisor = "import subprocess, sys\nwhile True:\n    subprocess.run([sys.executable, *sys.argv[1:]])"
    argv = (sys.executable, "-c", supervisor, GUARDED, "{port}")
    launch = Launch(argv, url="http://127.0.0.1:{port}/sse", ready_timeout_s=30)
    subject = Subject(DerivedAdapter("old", None, launch, {}))
    with live_server(subject, "session", StartOptions(tmp_path / "server.log"), Interruption()) as live:
        assert live.changed() == ""
        assert live.pid is not None
        root = psutil.Process(live.pid)
        (child,) = root.children()
        child.kill()
        while not (now := [each for each in root.children() if each != child and each.net_connections()]):
            with pytest.raises(psutil.TimeoutExpired):
                root.wait(0.01)
        assert live.ended() == ""
        assert live.changed() == (
            f"the server was restarted during the run: process {child.pid} listened at its start and "
            f"process {now[0].pid} in the end"
        )
        assert live.changed({child.pid}) == ""
