from __future__ import annotations

import contextlib
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
def test_an_address_of_another_machine_is_refused_with_the_setting_to_check(host: str) -> None:
    with pytest.raises(BindError) as caught:
        bind(DemoSettings(host=host, port=0))
    assert f"cannot listen on {host}:0" in str(caught.value)
    assert "check --host or DEMO_HOST" in str(caught.value)


@pytest.mark.parametrize(
    ("host", "reached_at"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "[::1]"), ("::", "[::1]")],
)
def test_the_url_works_for_a_client_on_this_machine(host: str, reached_at: str) -> None:
    try:
        listener = bind(DemoSettings(host=host, port=0))
    except BindError:
        if ":" in host:
            pytest.skip("this machine has no IPv6")
        raise
    with listener:
        assert served_url(listener, "/mcp") == f"http://{reached_at}:{listener.getsockname()[1]}/mcp"


def test_many_connections_can_wait_to_be_accepted() -> None:
    with bind(DemoSettings(port=0)) as listener, contextlib.ExitStack() as stack:
        # Beyond Python's default backlog of 128, within the kernel's usual limit of 4096.
        for _ in range(300):
            stack.enter_context(socket.create_connection(listener.getsockname(), timeout=5))


def test_the_listener_has_the_protocol_that_makes_asyncio_disable_nagles_algorithm() -> None:
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


def test_where_the_kernel_does_not_spread_connections_all_workers_accept_from_one_socket(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with bind_for_each_worker(DemoSettings(port=0, workers=3)) as listeners:
        assert len(listeners) == 3
        assert len({listener.fileno() for listener in listeners}) == 1
        socket.create_connection(listeners[2].getsockname(), timeout=5).close()
