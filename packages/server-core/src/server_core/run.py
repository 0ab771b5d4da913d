"""Running a server: bind, report readiness, drain on a signal, return an exit code."""

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
from typing import TYPE_CHECKING, Any, TypeVar

from fastmcp import FastMCP
from prometheus_client import disable_created_metrics

from server_core.errors import ServerCoreError, SettingsError
from server_core.observability.call_instrumentation import instrument_calls
from server_core.observability.logs import configure_logging
from server_core.observability.metrics import ServerMetrics
from server_core.observability.telemetry import exporting
from server_core.sdk.state_on_first_use import defer_session_state
from server_core.sdk.stdio_streams import answering_after_end_of_input
from server_core.settings import ServerSettings, load_settings
from server_core.startup import end_startup, without_collections

if TYPE_CHECKING:
    from mcp.server.streamable_http import EventStore
    from starlette.middleware import Middleware
    from starlette.routing import BaseRoute

    from server_core.app import ServedApp

# Modules for HTTP and for workers are imported by the functions that need them: a server on stdio starts
# without them.

_logger = logging.getLogger(__name__)

_STDIO_WRITE_S = 0.1
"""Time for the SDK to write a response: it does so in a thread and does not report when it is done."""

_LAST_ANSWER_S = 1.0
"""Time for the response to a call that has reached its time limit."""

SettingsT = TypeVar("SettingsT", bound=ServerSettings)


def main(
    create_server: Callable[[SettingsT], FastMCP[Any]],
    settings_class: type[SettingsT],
    arguments: Sequence[str] | None = None,
    *,
    middleware: Sequence[Middleware] = (),
    routes: Sequence[BaseRoute] = (),
    event_store: EventStore | None = None,
    retry_interval_ms: int | None = None,
) -> int:
    """Run a server from its command line.

    Args:
        create_server: Creates the app from valid settings; in each worker if there are several, which import
            it by its module and name.
        settings_class: The server's settings.
        arguments: Command line without the program's name; `sys.argv[1:]` if None.
        middleware: Starlette middleware around everything that is served over HTTP, see `create_app`.
        routes: Served beside the MCP endpoint, to the same callers. With several workers, the functions and
            classes in both must be a module's.
        event_store: Lets clients resume broken streams, see `create_app`; for one worker.
        retry_interval_ms: Time after which clients should resume a stream that the server has closed.

    Returns:
        The exit code: 0 after a drain, 1 if serving is impossible, 2 if a setting is wrong.

    Example:
        >>> class ShopSettings(ServerSettings):
        ...     "Serve a shop over MCP."
        ...     model_config = SettingsConfigDict(env_prefix="SHOP_", cli_prog_name="shop")
        ...     port: Port = 8300
        >>> def create_server(settings: ShopSettings) -> FastMCP:
        ...     return FastMCP("shop")
        >>> main(create_server, ShopSettings, ["--port", "80000"])  # a wrong setting, so it does not serve
        2
    """
    program = settings_class.model_config.get("cli_prog_name") or Path(sys.argv[0]).name
    with without_collections():
        return _main(
            create_server,
            settings_class,
            arguments,
            program,
            middleware=middleware,
            routes=routes,
            event_store=event_store,
            retry_interval_ms=retry_interval_ms,
        )


def _main(
    create_server: Callable[[SettingsT], FastMCP[Any]],
    settings_class: type[SettingsT],
    arguments: Sequence[str] | None,
    program: str,
    *,
    middleware: Sequence[Middleware],
    routes: Sequence[BaseRoute],
    event_store: EventStore | None,
    retry_interval_ms: int | None,
) -> int:
    try:
        settings = load_settings(settings_class, sys.argv[1:] if arguments is None else arguments)
        if settings.workers > 1:
            if event_store is not None:
                raise SettingsError(
                    f"expected 1 worker for an event store, got {settings.workers}: each worker has to "
                    "create its own; use `create_app` in an ASGI server"
                )
            from server_core.workers.http_parts import HttpParts
            from server_core.workers.supervisor import supervise

            configure_logging(settings.log_level)
            parts = HttpParts(tuple(middleware), tuple(routes))
            end_startup()
            supervise(functools.partial(create_server, settings), settings, program, parts)
        else:
            serve(
                create_server(settings),
                settings,
                middleware=middleware,
                routes=routes,
                event_store=event_store,
                retry_interval_ms=retry_interval_ms,
            )
    except ServerCoreError as error:
        for problem in error.problems:
            sys.stderr.write(f"{program}: {problem}\n")
        return error.exit_code
    return 0


def serve(
    mcp: FastMCP[Any],
    settings: ServerSettings,
    *,
    middleware: Sequence[Middleware] = (),
    routes: Sequence[BaseRoute] = (),
    event_store: EventStore | None = None,
    retry_interval_ms: int | None = None,
) -> None:
    """Serve `mcp` until a signal arrives, or over stdio until stdin is closed and all calls are answered.

    On SIGTERM or SIGINT the server accepts no more connections, answers the requests in flight within
    `settings.drain_timeout_s` seconds, and closes the sessions; a second signal does not wait for requests.

    Raises:
        ServerCoreError: The server cannot listen, write its ready file, or export telemetry; or the settings
            ask for several workers, which need `main`, because each worker has to create its own app.
    """
    if settings.workers > 1:
        raise SettingsError(f"expected 1 worker, got {settings.workers}: `serve` has one app; use `main`")
    configure_logging(settings.log_level)
    disable_created_metrics()  # type: ignore[no-untyped-call]  # untyped there; a series without readers
    metrics = ServerMetrics()
    is_http = settings.transport == "http"
    with exporting(mcp, metrics, settings.otlp_endpoint, saves_spans=is_http):
        if is_http:
            from server_core.app import create_app

            app = create_app(
                mcp,
                settings,
                metrics=metrics,
                middleware=middleware,
                routes=routes,
                event_store=event_store,
                retry_interval_ms=retry_interval_ms,
            )
            _serve_http(app, mcp, settings)
            return
        stopped_by_signal = _serve_stdio(mcp, settings, metrics)
    if stopped_by_signal:
        # A thread of the SDK blocks in a read of stdin that nothing can interrupt; a normal exit would wait
        # for the client to send one more line.
        logging.shutdown()
        os._exit(0)


def _serve_http(app: ServedApp, mcp: FastMCP[Any], settings: ServerSettings) -> None:
    from server_core.http.connection_limits import allow_many_files
    from server_core.http.listeners import bind, served_url
    from server_core.http.ready_file import ReadyFile
    from server_core.http.server import HttpServer

    allow_many_files()
    with bind(settings) as listener, ReadyFile(settings.ready_file) as ready_file:
        url = served_url(listener, settings.path)

        def on_ready() -> None:
            ready_file.write(url)
            _logger.info("%s %s is ready at %s", mcp.name, mcp.version, url)

        HttpServer(app, settings, on_ready).run(sockets=[listener])
    _logger.info("%s has stopped", mcp.name)


@contextlib.contextmanager
def _signals_handled(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread can handle signals; a server in another thread is stopped by other means
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
    """Serve until stdin is closed (return False) or a signal arrives (return True)."""
    instrument_calls(mcp, metrics, timeout_s=settings.request_timeout_s)
    defer_session_state(mcp)
    end_startup()
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
    # Every call in flight ends in this time; one that waits for a person waits in vain.
    with answering_after_end_of_input(settings.request_timeout_s + _LAST_ANSWER_S) as requests:
        serving = asyncio.ensure_future(mcp.run_stdio_async(show_banner=False))
        stopped = asyncio.ensure_future(stopping.wait())
        await asyncio.wait((serving, stopped), return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        stopped.cancel()
        await serving
        return False
    _logger.info("%s stops on a signal", mcp.name)
    if requests.has_input_ended:
        return True  # the client waits for the end no longer, and reads no answers
    deadline_s = time.monotonic() + settings.drain_timeout_s
    while metrics.calls_in_flight and time.monotonic() < deadline_s:  # noqa: ASYNC110 - a count has no event
        await asyncio.sleep(0.02)
    await asyncio.sleep(_STDIO_WRITE_S)
    return True
