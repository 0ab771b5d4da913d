"""Handshakes on either wire, and servers that offer only one of them."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from perf_core.adapter import Launch, Wire
from perf_core.errors import LegacyTransport, NoAnswer, RequestRefused, TargetError, WireNotOffered
from perf_core.server.client import handshake
from perf_core.server.client.handshake import Handshake, difference, expect_wire, first_handshake, shake_hands
from perf_core.server.credentials.access import Access, bearer
from perf_core.server.live import RunningServer
from perf_core.server.process import ServerProcess

ADDER = str(Path(__file__).parents[2] / "servers" / "adder.py")


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
        answered = RunningServer(process.url, offered).handshake
        assert answered.listed == ({"name": "add", "inputSchema": {"type": "object"}},)
        assert (answered.tools, answered.instructions) == (("add",), "Adds two numbers.")


URL = "http://127.0.0.1:9/mcp"


def answers(monkeypatch: pytest.MonkeyPatch, *outcomes: bool) -> list[Wire]:
    """Let handshakes succeed or fail in turn, and return the list of the wires that are tried."""
    tried: list[Wire] = []

    def shake_hands(url: str, wire: Wire, _timeout_s: float, *, access: Access) -> Handshake:
        tried.append(wire)
        if not outcomes[len(tried) - 1]:
            raise TargetError("no")
        return Handshake(url, wire, str(access), "1", (), 0.0)

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
    def shake_hands(url: str, wire: Wire, _timeout_s: float, *, access: Access) -> Handshake:
        if wire == "stateless":
            raise RequestRefused("no", "", status=status, code=code)
        return Handshake(url, wire, str(access), "1", (), 0.0)

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
    def shake_hands(_url: str, _wire: Wire, timeout_s: float, *, access: Access) -> Handshake:
        Event().wait(timeout_s)
        raise NoAnswer(f"no answer to {access}", is_temporary=True, timed_out=True)

    probed: list[float] = []
    monkeypatch.setattr(handshake, "shake_hands", shake_hands)
    monkeypatch.setattr(handshake, "expect_wire", lambda _url, _wire, left_s, **_: probed.append(left_s))
    argv = (sys.executable, ADDER, "--port", "{port}")
    launch = Launch(argv, url="http://127.0.0.1:{port}/mcp", ready_timeout_s=0.05)
    with (
        pytest.raises(TargetError, match=r"within 0\.05 s"),
        ServerProcess(launch, "session", tmp_path / "log"),
    ):
        pass
    assert not probed, "no time was left to try the other wire"


def test_silence_on_one_wire_of_a_server_that_answers_on_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[float] = []

    def shake_hands(url: str, wire: Wire, timeout_s: float, *, access: Access) -> Handshake:
        if wire == "session":
            return Handshake(url, wire, str(access), "1", (), 0.01)
        limits.append(timeout_s)
        raise NoAnswer("no", is_temporary=True, timed_out=True)

    monkeypatch.setattr(handshake, "shake_hands", shake_hands)
    with pytest.raises(WireNotOffered):
        first_handshake(URL, "stateless", 20.0)
    assert limits == [5.0, 1.0], "a quarter of the time, then a second of a server that is ready"


# --- a server of revisions, redirects and refusals, in this process ---


@pytest.mark.parametrize("revision", ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"])
def test_revision_that_the_server_chooses_is_used(guarded: Any, revision: str) -> None:
    server = guarded()
    server.revisions = [revision]
    hands = shake_hands(server.url, "session")
    assert hands.revision == revision
    sent = [headers.get("MCP-Protocol-Version") for _, _, headers in server.seen]
    assert sent[0] is None
    assert set(sent[1:]) == {revision}


def test_server_that_refuses_the_newest_revision_is_offered_what_it_supports(guarded: Any) -> None:
    server = guarded()
    server.revisions, server.refuses_revisions = ["2025-03-26", "2024-11-05", "1999-01-01"], True
    assert shake_hands(server.url, "session").revision == "2025-03-26"
    server.revisions = ["1999-01-01"]
    with pytest.raises(RequestRefused, match="Unsupported protocol version"):
        shake_hands(server.url, "session")


def test_chosen_revision_is_offered(guarded: Any) -> None:
    server = guarded()
    assert shake_hands(server.url, "session", access=Access(revision="2025-03-26")).revision == "2025-03-26"
    assert shake_hands(server.url, "stateless").revision == "2026-07-28"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirect_is_followed_once_and_its_address_used(guarded: Any, status: int) -> None:
    server = guarded()
    server.redirects["/mcp"] = (status, "/mcp/?tenant=1")
    hands = first_handshake(server.url, "session", access=bearer(["t0ken"]))
    assert hands.url == f"{server.origin}/mcp/?tenant=1"
    assert [path for _, path, _ in server.seen].count("/mcp") == 1
    server.redirects["/mcp/"] = (status, "/elsewhere")
    with pytest.raises(RequestRefused, match=f"got status {status}") as caught:
        first_handshake(server.url, "session")
    assert "Only one redirect is followed" in caught.value.hint


def test_credentials_do_not_follow_a_redirect_to_another_server(guarded: Any) -> None:
    server, other = guarded(), guarded()
    server.redirects["/mcp"] = (307, other.url)
    with pytest.raises(TargetError, match="which would get the credentials") as caught:
        first_handshake(server.url, "session", access=bearer(["t0ken"]))
    assert "give its URL instead" in caught.value.hint
    assert other.seen == []
    assert first_handshake(server.url, "session").url == other.url, "there is nothing to lose"


def test_query_of_the_url_is_kept(guarded: Any) -> None:
    server = guarded()
    shake_hands(f"{server.url}?tenant=a&x=%20", "session")
    assert {path for _, path, _ in server.seen} == {"/mcp?tenant=a&x=%20"}


def test_server_on_ipv6(guarded: Any) -> None:
    server = guarded(host="::1")
    assert server.url.startswith("http://[::1]:")
    live = RunningServer(server.url, "session")
    assert live.handshake.server_name == "guarded"
    assert live.pid is not None


PAGE = "<!doctype html><title>Welcome to nginx</title>"


@pytest.mark.parametrize(
    ("status", "body", "advice"),
    [
        (401, "who are you?", "--bearer-env NAME"),
        (403, "no", "--header"),
        (404, "not here", "There is nothing at this path"),
        (405, "", "often /sse"),
        (400, "bad", "MCP endpoint (often …/mcp)"),
        (429, "later", "asks to wait"),
        (200, PAGE, "That is a web page"),
    ],
)
@pytest.mark.process
def test_final_answer_of_a_started_server_is_told_at_once(
    guarded: Any, status: int, body: str, advice: str, tmp_path: Path
) -> None:
    server = guarded()
    server.statuses["/mcp"] = (status, "text/html" if body == PAGE else "text/plain", body)
    idle = (sys.executable, "-c", "import sys; sys.stdin.read(); import signal; signal.pause()")
    launch = Launch(idle, url=server.url, ready_timeout_s=60)
    began = time.monotonic()
    with (
        pytest.raises(RequestRefused) as caught,
        ServerProcess(launch, "session", tmp_path / "log"),
    ):
        pass
    assert time.monotonic() - began < 20, "it is not polled"
    assert caught.value.status == status
    assert advice in caught.value.hint
    if body == PAGE:
        assert "a web page ('Welcome to nginx')" in caught.value.message


@pytest.mark.process
@pytest.mark.parametrize("status", [502, 503])
def test_server_behind_a_proxy_that_is_not_ready_is_waited_for(
    guarded: Any, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = guarded()
    server.statuses["/mcp"] = (status, "text/plain", "starting")
    refusals: list[int] = []

    def first(*arguments: Any, **options: Any) -> Handshake:
        try:
            return first_handshake(*arguments, **options)
        except RequestRefused as error:
            refusals.append(error.status)
            if len(refusals) == 3:
                server.statuses.clear()
            raise

    monkeypatch.setattr("perf_core.server.process.first_handshake", first)
    monkeypatch.setattr("perf_core.server.listeners.foreign_listener", lambda *_: None)
    launch = Launch((sys.executable, "-c", "import signal; signal.pause()"), url=server.url)
    with ServerProcess(launch, "session", tmp_path / "log") as process:
        assert process.handshake.server_name == "guarded"
    assert refusals == [status] * 3


def test_server_on_the_older_transport_is_recognised(guarded: Any) -> None:
    server = guarded()
    server.is_legacy = True
    with pytest.raises(LegacyTransport, match=r"older HTTP\+SSE \(MCP 2024-11-05\)"):
        first_handshake(f"{server.origin}/sse", "session")
    with pytest.raises(RequestRefused, match="status 404"):
        first_handshake(f"{server.origin}/elsewhere", "session")
    server.tokens = {"a-token"}
    with pytest.raises(RequestRefused, match=r"GET at .* got status 401") as caught:
        first_handshake(f"{server.origin}/sse", "session")
    assert "--bearer-env NAME" in caught.value.hint


def test_lacking_wire_is_told_without_a_look_for_the_older_transport(guarded: Any) -> None:
    server = guarded()
    server.wires = {"session"}
    with pytest.raises(WireNotOffered):
        first_handshake(server.url, "stateless", 20.0)
    # A server may hold the stream of a GET open without an event.
    assert "GET" not in {method for method, _, _ in server.seen}


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (("a", "c"), "new: c; gone: b"),
        (("a", "b", "c"), "new: c"),
        (("a",), "gone: b"),
        (("a", "b", "b"), "new: b"),
    ],
)
def test_tools_that_changed_are_named(
    now: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Handshake("http://127.0.0.1:9/mcp", "session", "s", "1", ("a", "b"), 0.1)
    monkeypatch.setattr(handshake, "shake_hands", lambda *_arguments, **_options: replace(before, tools=now))
    assert difference(before, Access()) == f"the server's tools changed during the run: {said}"
