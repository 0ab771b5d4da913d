from __future__ import annotations

import socket
import sys

import pytest
from pydantic_settings import SettingsConfigDict

from server_core import BindError, Port, ServerSettings
from server_core.http.listeners import bind, bind_for_each_worker, served_url


class DemoSettings(ServerSettings):
    model_config = SettingsConfigDict(env_prefix="DEMO_", cli_prog_name="demo", env_file=None)

    port: Port = 0
    auth: bool = False


@pytest.mark.parametrize("host", ["no-such-host.invalid", "203.0.113.7"])
def test_an_address_that_is_not_ours(host: str) -> None:
    with pytest.raises(BindError) as caught:
        bind(DemoSettings(host=host, port=0))
    assert f"cannot listen on {host}:0" in str(caught.value)
    assert "check --host or DEMO_HOST" in str(caught.value)


@pytest.mark.parametrize(
    ("host", "reached_at"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "[::1]"), ("::", "[::1]")],
)
def test_the_url_is_one_that_a_client_here_can_use(host: str, reached_at: str) -> None:
    try:
        listener = bind(DemoSettings(host=host, port=0))
    except BindError:
        if ":" in host:
            pytest.skip("this machine has no IPv6")
        raise
    with listener:
        assert served_url(listener, "/mcp") == f"http://{reached_at}:{listener.getsockname()[1]}/mcp"


def test_listener_says_tcp_so_that_asyncio_sends_answers_at_once() -> None:
    with bind(DemoSettings(port=0)) as listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_each_worker_has_its_own_socket_where_the_kernel_spreads_connections() -> None:
    with bind_for_each_worker(DemoSettings(port=0, workers=3)) as listeners:
        assert len(listeners) == 3
        assert len({listener.getsockname() for listener in listeners}) == 1
        assert len({listener.fileno() for listener in listeners}) == (3 if sys.platform == "linux" else 1)
        assert all(listener.proto == socket.IPPROTO_TCP for listener in listeners)
        port = listeners[0].getsockname()[1]
        with (
            pytest.raises(BindError, match="expected a free port, got one in use"),
            bind_for_each_worker(DemoSettings(port=port, workers=2)),
        ):
            pass
    with bind(DemoSettings(port=port)):
        pass  # all of them are closed
