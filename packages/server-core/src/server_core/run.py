"""Runs a served app: binds, tells when it is ready, drains on a signal, turns problems into exit codes."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from ipaddress import ip_address
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import uvicorn
from fastmcp import FastMCP
from prometheus_client import disable_created_metrics
from sse_starlette.sse import AppStatus

from server_core.app import ServedApp, create_app
from server_core.calls import instrument_calls
from server_core.errors import BindError, ReadyFileError, ServerCoreError
from server_core.logs import configure_logging
from server_core.metrics import ServerMetrics
from server_core.settings import ServerSettings, load_settings
from server_core.telemetry import exporting

_logger = logging.getLogger(__name__)

_KEEP_ALIVE_S = 75
"""uvicorn's 5 s close the connection of a client that thinks for a moment just as it sends again."""

_STDIO_WRITE_S = 0.1
"""The SDK writes an answer from a thread of its own and does not tell when it has."""

SettingsT = TypeVar("SettingsT", bound=ServerSettings)


def main(
    create_server: Callable[[], FastMCP[Any]],
    settings_class: type[SettingsT],
    arguments: Sequence[str] | None = None,
) -> int:
    """Run a server from its command line.

    Args:
        create_server: Makes the app; called once the settings are known to be good.
        settings_class: The server's settings.
        arguments: Command line without the program's name; `sys.argv[1:]` when None.

    Returns:
        The exit code: 0 after a drain, 1 when serving is impossible, 2 when a setting is wrong.
    """
    program = settings_class.model_config.get("cli_prog_name") or Path(sys.argv[0]).name
    try:
        settings = load_settings(settings_class, sys.argv[1:] if arguments is None else arguments)
        serve(create_server(), settings)
    except ServerCoreError as error:
        for problem in error.problems:
            sys.stderr.write(f"{program}: {problem}\n")
        return error.exit_code
    return 0


def serve(mcp: FastMCP[Any], settings: ServerSettings) -> None:
    """Serve `mcp` until a signal comes, or over stdio until stdin is closed.

    On SIGTERM or SIGINT no connection is accepted any more, requests in flight are answered within
    `settings.drain_timeout_s` seconds, and sessions are closed; a second signal does not wait for requests.

    Raises:
        ServerCoreError: The server cannot listen, tell that it is ready, or export telemetry.
    """
    configure_logging(settings.log_level)
    disable_created_metrics()  # type: ignore[no-untyped-call]  # untyped there; a series that nobody reads
    metrics = ServerMetrics()
    with exporting(mcp, metrics, settings.otlp_endpoint):
        if settings.transport == "http":
            _serve_http(mcp, settings, metrics)
            return
        stopped_by_signal = _serve_stdio(mcp, settings, metrics)
    if stopped_by_signal:
        # A thread of the SDK waits in a read of stdin that nothing can interrupt; leaving in order would
        # wait for the client to send one more line.
        logging.shutdown()
        os._exit(0)


def _serve_http(mcp: FastMCP[Any], settings: ServerSettings, metrics: ServerMetrics) -> None:
    app = create_app(mcp, settings, metrics=metrics)
    with bind(settings) as listener, ReadyFile(settings.ready_file) as ready_file:
        url = served_url(listener, settings.path)

        def tell_ready() -> None:
            ready_file.write(url)
            _logger.info("%s %s is ready at %s", mcp.name, mcp.version, url)

        # It would cut event streams off as soon as a signal comes, requests in flight included.
        AppStatus.disable_automatic_graceful_drain()  # type: ignore[no-untyped-call]  # untyped there
        config = uvicorn.Config(
            app,
            http="httptools",
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # trusting them is for a proxy's owner to ask for
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=settings.drain_timeout_s,  # type: ignore[arg-type]  # fractions work
        )
        _Server(config, app, tell_ready).run(sockets=[listener])
    _logger.info("%s has stopped", mcp.name)


def bind(settings: ServerSettings) -> socket.socket:
    """Listen on the configured host and port.

    Raises:
        BindError: Names the address, the reason, and what to do.
    """
    where = f"{settings.host}:{settings.port}"
    try:
        family, _, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.create_server(address[:2], family=family, backlog=2048)
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


class ReadyFile:
    """The file that says where the server answers; gone when the server is."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._draft = path.with_name(f"{path.name}.{os.getpid()}.tmp") if path is not None else None

    def __enter__(self) -> ReadyFile:
        self._remove()  # one that a killed predecessor left would be believed
        self._write_draft("")  # found out now rather than when clients wait for it
        return self

    def __exit__(self, *_: object) -> None:
        self._remove()

    def write(self, url: str) -> None:
        """Write the file in one step: a reader finds all of it or none."""
        self._write_draft(json.dumps({"url": url, "pid": os.getpid()}) + "\n")
        if self._path is not None and self._draft is not None:
            self._draft.replace(self._path)

    def _write_draft(self, text: str) -> None:
        if self._draft is None:
            return
        try:
            self._draft.write_text(text, encoding="utf-8")
        except OSError as error:
            raise ReadyFileError(
                f"cannot write the ready file {self._path}: {error.strerror}; "
                "its folder must exist and be writable"
            ) from error

    def _remove(self) -> None:
        for path in (self._path, self._draft):
            if path is not None:
                with contextlib.suppress(OSError):
                    path.unlink(missing_ok=True)


class _Server(uvicorn.Server):
    """uvicorn that tells when it answers, drains streams, and exits with 0 after a signal."""

    def __init__(self, config: uvicorn.Config, app: ServedApp, tell_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._app = app
        self._tell_ready = tell_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # What start-up made stays: left to the collector, each of its full rounds would look at over a
        # hundred thousand objects and stop every request for about 0.1 s.
        gc.freeze()
        if self.started and not self.should_exit:
            self._tell_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        _logger.info("draining: %d requests in flight", self._app.traffic.in_flight)
        self._app.traffic.drain()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signal module's form
        """Drain on the first signal, leave on the second; uvicorn would end by the signal, not with 0."""
        self.force_exit = self.should_exit
        self.should_exit = True


@contextlib.contextmanager
def _signals_handled(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may take signals; whoever runs a server elsewhere stops it otherwise
        return
    signals = [signal.SIGINT, signal.SIGTERM]
    if sys.platform == "win32":
        signals.append(signal.SIGBREAK)
    before = {number: signal.signal(number, handler) for number in signals}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


def _serve_stdio(mcp: FastMCP[Any], settings: ServerSettings, metrics: ServerMetrics) -> bool:
    """Serve until stdin is closed (False) or a signal comes (True)."""
    instrument_calls(mcp, metrics, timeout_s=settings.request_timeout_s)
    loop = asyncio.new_event_loop()
    stopping = asyncio.Event()
    with _signals_handled(lambda *_: loop.call_soon_threadsafe(stopping.set)):
        stopped = loop.run_until_complete(_stdio_until(stopping, mcp, settings, metrics))
    if not stopped:
        loop.close()
    return stopped


async def _stdio_until(
    stopping: asyncio.Event, mcp: FastMCP[Any], settings: ServerSettings, metrics: ServerMetrics
) -> bool:
    serving = asyncio.ensure_future(mcp.run_stdio_async(show_banner=False))
    stopped = asyncio.ensure_future(stopping.wait())
    await asyncio.wait((serving, stopped), return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        stopped.cancel()
        await serving
        return False
    _logger.info("%s stops on a signal", mcp.name)
    deadline_s = time.monotonic() + settings.drain_timeout_s
    while metrics.calls_in_flight and time.monotonic() < deadline_s:  # noqa: ASYNC110 - a count is no event
        await asyncio.sleep(0.02)
    await asyncio.sleep(_STDIO_WRITE_S)
    return True
