"""Handshakes on either wire, and servers that offer only one of them."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from threading import Event

import pytest

from perf_core.adapter import Launch, Wire
from perf_core.errors import RequestRefused, TargetError, WireNotOffered
from perf_core.server import handshake
from perf_core.server.handshake import Handshake, expect_wire
from perf_core.server.live import RunningServer
from perf_core.server.process import ServerProcess

ADDER = str(Path(__file__).parents[1] / "servers" / "adder.py")


def only(wire: Wire) -> Launch:
    argv = (sys.executable, ADDER, "--ready-file", "{ready_file}", "--fault", f"{wire}-only")
    return Launch(argv, ready_timeout_s=60)


@pytest.mark.process
@pytest.mark.parametrize(("offered", "asked"), [("session", "stateless"), ("stateless", "session")])
def test_wire_that_is_not_offered_is_told_at_once(offered: Wire, asked: Wire, tmp_path: Path) -> None:
    message = f"expected a server that offers the {asked} wire .*, got one that answers on the {offered} wire"
    began = time.monotonic()
    with (
        pytest.raises(WireNotOffered, match=message) as caught,
        ServerProcess(only(offered), asked, tmp_path / "log"),
    ):
        pass
    assert time.monotonic() - began < 30, "it does not wait until the server must be ready"
    assert f"--wire {offered}" in caught.value.hint
    assert "status 400" in caught.value.hint
    with ServerProcess(only(offered), offered, tmp_path / "log") as process:
        with pytest.raises(WireNotOffered, match=message):
            RunningServer(process.url, asked)
        RunningServer(process.url, offered)


URL = "http://127.0.0.1:9/mcp"


def answers(monkeypatch: pytest.MonkeyPatch, *outcomes: bool) -> list[Wire]:
    """Let handshakes succeed or fail in turn, and return the list of the wires that are tried."""
    tried: list[Wire] = []

    def shake_hands(url: str, wire: Wire, _timeout_s: float, *, token: str | None) -> Handshake:
        tried.append(wire)
        if not outcomes[len(tried) - 1]:
            raise TargetError("no")
        return Handshake(url, wire, str(token), "1", (), 0.0)

    monkeypatch.setattr(handshake, "shake_hands", shake_hands)
    return tried


def test_server_that_became_ready_meanwhile_offers_the_wire(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = answers(monkeypatch, True, True)
    expect_wire(URL, "stateless")
    assert tried == ["session", "stateless"]


@pytest.mark.parametrize(
    ("status", "code", "is_unknown"),
    [(400, None, True), (404, -32601, True), (200, -32601, True), (500, None, False), (503, None, False),
     (401, None, False), (429, None, False), (200, -32603, False), (200, None, False)],
)  # fmt: skip # pairs read better in rows
def test_server_that_fails_on_a_wire_offers_it(
    monkeypatch: pytest.MonkeyPatch, status: int, code: int | None, is_unknown: bool
) -> None:
    def shake_hands(url: str, wire: Wire, _timeout_s: float, *, token: str | None) -> Handshake:
        if wire == "stateless":
            raise RequestRefused("no", "", status=status, code=code)
        return Handshake(url, wire, str(token), "1", (), 0.0)

    monkeypatch.setattr(handshake, "shake_hands", shake_hands)
    if is_unknown:
        with pytest.raises(WireNotOffered):
            expect_wire(URL, "stateless")
    else:
        expect_wire(URL, "stateless")


def test_server_that_answers_on_no_wire_is_another_error(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = answers(monkeypatch, False)
    expect_wire(URL, "session")
    assert tried == ["stateless"]


@pytest.mark.process
def test_silent_server_has_no_more_time_than_its_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shake_hands(_url: str, _wire: Wire, timeout_s: float, *, token: str | None) -> Handshake:
        Event().wait(timeout_s)
        raise TargetError(f"no answer to {token}")

    probed: list[float] = []
    monkeypatch.setattr("perf_core.server.process.shake_hands", shake_hands)
    monkeypatch.setattr(
        "perf_core.server.process.expect_wire", lambda _url, _wire, left_s, **_: probed.append(left_s)
    )
    argv = (sys.executable, ADDER, "--port", "{port}")
    launch = Launch(argv, url="http://127.0.0.1:{port}/mcp", ready_timeout_s=0.05)
    with (
        pytest.raises(TargetError, match=r"within 0\.05 s"),
        ServerProcess(launch, "session", tmp_path / "log"),
    ):
        pass
    assert not probed, "no time was left to try the other wire"
