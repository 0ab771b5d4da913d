"""A program that records spans itself gets those that it would get from FastMCP alone."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fastmcp
import pytest
from fastmcp import FastMCP

from server_core import ServerMetrics
from server_core.observability import telemetry
from server_core.observability.telemetry import exporting, notice_recording

pytestmark = pytest.mark.anyio

SCRIPT = Path(__file__).parents[1] / "served_with_spans.py"


@pytest.fixture
def default_mode() -> Iterator[None]:
    """FastMCP's mode of telemetry as if nobody had chosen one."""
    settings = fastmcp.settings
    mode, chosen = settings.telemetry_mode, "telemetry_mode" in settings.model_fields_set
    settings.telemetry_mode = "native"
    settings.model_fields_set.discard("telemetry_mode")
    yield
    settings.telemetry_mode = mode
    if not chosen:
        settings.model_fields_set.discard("telemetry_mode")


async def spans(start_server: Any, wires_to: Any, **environment: str) -> Counter[str]:
    """Return the spans of calls on both wires, by kind and name."""
    server = start_server(command=[sys.executable, str(SCRIPT)], environment=environment)
    async with wires_to(server.url) as wires:
        for _ in range(2):
            assert (await wires.call("echo", {"text": "hi"})).status_code == 200
        session = await wires.open_session()
        assert (await wires.in_session(session, "tools/list")).status_code == 200
        assert (await wires.call_in_session(session, "echo", {"text": "hi"})).status_code == 200
        assert (await wires.delete(session)).status_code == 200
    await asyncio.to_thread(server.stop)
    return Counter(line.removeprefix("span: ").strip() for line in server.log if line.startswith("span: "))


@pytest.mark.long
@pytest.mark.parametrize("recorded_from", ["program", "lifespan"])
async def test_a_program_gets_the_spans_of_fastmcp(
    start_server: Callable[..., Any], wires_to: Any, recorded_from: str
) -> None:
    alone = await spans(start_server, wires_to, SPANS_FROM=recorded_from, SPANS_SERVED_BY="fastmcp")
    assert await spans(start_server, wires_to, SPANS_FROM=recorded_from) == alone
    assert alone["SERVER tools/call echo"] == 3


@pytest.mark.usefixtures("default_mode")
def test_spans_are_saved_while_nothing_records_them(monkeypatch: pytest.MonkeyPatch) -> None:
    recording: list[object] = []
    monkeypatch.setattr(telemetry, "tracer_provider", lambda: recording[0] if recording else None)
    with exporting(FastMCP("x"), ServerMetrics(), None):
        notice_recording()
        assert fastmcp.settings.telemetry_mode == "propagation_only"
        recording.append(object())
        notice_recording()
        assert fastmcp.settings.telemetry_mode == "native"
    recording.clear()
    with exporting(FastMCP("x"), ServerMetrics(), None):
        assert fastmcp.settings.telemetry_mode == "propagation_only"
    assert fastmcp.settings.telemetry_mode == "native"
    with exporting(FastMCP("x"), ServerMetrics(), None, saves_spans=False):
        assert fastmcp.settings.telemetry_mode == "native"


@pytest.mark.usefixtures("default_mode")
def test_a_mode_that_the_user_has_chosen_stays() -> None:
    fastmcp.settings.telemetry_mode = "off"
    with exporting(FastMCP("x"), ServerMetrics(), None):
        assert fastmcp.settings.telemetry_mode == "off"
    assert fastmcp.settings.telemetry_mode == "off"
