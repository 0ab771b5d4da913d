"""Runs a served app: binds, tells when it is ready, drains on a signal, turns problems into exit codes."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

from fastmcp import FastMCP
from prometheus_client import disable_created_metrics

from server_core.app import create_app
from server_core.errors import ServerCoreError, SettingsError
from server_core.http.listeners import bind, served_url
from server_core.http.ready_file import ReadyFile
from server_core.http.server import HttpServer
from server_core.observability.calls import instrument_calls
from server_core.observability.logs import configure_logging
from server_core.observability.metrics import ServerMetrics
from server_core.observability.telemetry import exporting
from server_core.settings import ServerSettings, load_settings
from server_core.workers.supervisor import supervise

_logger = logging.getLogger(__name__)

_STDIO_WRITE_S = 0.1
"""The SDK writes an answer from a thread of its own and does not tell when it has."""

SettingsT = TypeVar("SettingsT", bound=ServerSettings)


def main(
    create_server: Callable[[SettingsT], FastMCP[Any]],
    settings_class: type[SettingsT],
    arguments: Sequence[str] | None = None,
) -> int:
    """Run a server from its command line.

    Args:
        create_server: Makes the app for its settings, once these are known to be good; in each worker if
            there are several (a function of a module, so that their processes find it).
        settings_class: The server's settings.
        arguments: Command line without the program's name; `sys.argv[1:]` when None.

    Returns:
        The exit code: 0 after a drain, 1 when serving is impossible, 2 when a setting is wrong.
    """
    program = settings_class.model_config.get("cli_prog_name") or Path(sys.argv[0]).name
    try:
        settings = load_settings(settings_class, sys.argv[1:] if arguments is None else arguments)
        if settings.workers > 1:
            configure_logging(settings.log_level)
            supervise(functools.partial(create_server, settings), settings, program)
        else:
            serve(create_server(settings), settings)
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
        ServerCoreError: The server cannot listen, tell that it is ready, or export telemetry; or the settings
            ask for several workers, which need `main`: an app cannot be in several processes.
    """
    if settings.workers > 1:
        raise SettingsError(f"got {settings.workers} workers, expected 1: `serve` has one app; use `main`")
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

        HttpServer(app, settings, tell_ready).run(sockets=[listener])
    _logger.info("%s has stopped", mcp.name)


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
