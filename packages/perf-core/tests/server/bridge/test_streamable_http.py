"""A bridge in front of a server on streamable HTTP, which replies to what the server asks during a call."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from perf_core.adapter import Launch
from perf_core.errors import RequestRefused
from perf_core.interruption import Interruption
from perf_core.server.bridged import BridgedServer, bridged_server
from perf_core.server.client.connection import Client, connect
from perf_core.server.client.replies import Answers
from perf_core.server.credentials.access import Access, FixedIdentity
from perf_core.server.live import StartOptions, live_server
from perf_core.server.subject import DerivedAdapter, Subject

pytestmark = pytest.mark.process

Start = Callable[..., Any]
STREAMER = Path(__file__).parents[2] / "servers" / "streamer.py"
PARIS = Access(answers=Answers(elicitation={"city": "Paris"}, sampling="Yes."))
ACCEPTED = {"action": "accept", "content": {"city": "Paris"}}


@pytest.fixture
def bridged(streamer: Start, tmp_path: Path) -> Iterator[tuple[BridgedServer, Any]]:
    """Yield a bridge with answers, and the server behind it."""
    server = streamer()
    with bridged_server(
        server.url, "session", PARIS, log_path=tmp_path / "log", interruption=Interruption(), transport="http"
    ) as live:
        yield live, server


def reply_in(result: dict[str, Any]) -> Any:
    return json.loads(result["content"][0]["text"].removesuffix("\u2028"))


def progress_of(client: Client) -> list[dict[str, Any]]:
    """Return the events of a call that reports progress, the answer last."""
    message, headers = client._message_of("tools/call", {"name": "steps", "arguments": {}}, "steps")
    message["params"]["_meta"] = {"progressToken": "t"}
    with httpx2.Client(trust_env=False, timeout=20) as http:
        text = http.post(client.url, json=message, headers=headers).text
    return [json.loads(line.removeprefix("data:")) for line in text.splitlines() if line.startswith("data:")]


def test_calls_pass_through_and_questions_are_answered(bridged: tuple[BridgedServer, Any]) -> None:
    live, server = bridged
    assert live.transport == "http"
    assert live.handshake.server_name == "streamer"
    assert server.server.capabilities == {"elicitation": {}, "sampling": {}}
    # Like k6, this client declares nothing and answers nothing.
    with connect(live.url, "session") as client:
        assert reply_in(client.call("asks", {})) == ACCEPTED
        assert reply_in(client.call("samples", {}))["content"]["text"] == "Yes."
        assert client.call("quick", {})["content"][0]["text"] == "done"
        assert len(client.call("long", {})["content"][0]["text"]) == 16_000_000
        *progress, answer = progress_of(client)
        assert [event["params"]["progress"] for event in progress] == [1, 2, 3]
        assert answer["result"]["content"][0]["text"] == "done"
        assert client.server_methods == []
    assert not server.server.sessions, "each session of the bridge is one of the server, and ends with it"
    assert server.counts["initialize"] == server.counts["DELETE"] == 2
    assert server.server.misrouted == [], "each session keeps its cookie"


def test_call_that_is_never_answered_holds_up_no_other(bridged: tuple[BridgedServer, Any]) -> None:
    live, _ = bridged
    with connect(live.url, "session", timeout_s=0.5) as client, pytest.raises(httpx2.TimeoutException):
        client.call("silent", {})
    with connect(live.url, "session") as client:
        assert client.call("quick", {})["content"][0]["text"] == "done"


def test_refusal_of_the_server_is_passed_on(bridged: tuple[BridgedServer, Any]) -> None:
    live, server = bridged
    with connect(live.url, "session") as client:
        server.server.refuses = True
        with pytest.raises(RequestRefused, match="503") as caught:
            client.call("quick", {})
        assert "got 503" in caught.value.message
        server.server.refuses = False
        assert client.call("quick", {})["content"][0]["text"] == "done"


def test_headers_of_clients_reach_the_server(streamer: Start, tmp_path: Path) -> None:
    server = streamer()
    user = FixedIdentity({"X-Api-Key": "sesame-open"}, ("sesame-open",))
    access = Access((user,), answers=PARIS.answers)
    log, interruption = tmp_path / "log", Interruption()
    with bridged_server(
        server.url, "session", access, log_path=log, interruption=interruption, transport="http"
    ):
        assert server.server.last_headers["X-Api-Key"] == "sesame-open"
        assert server.server.last_headers["MCP-Protocol-Version"] == "2025-11-25"
    assert "sesame-open" not in log.read_text()


def test_renewed_headers_reach_the_server_in_the_same_session(bridged: tuple[BridgedServer, Any]) -> None:
    live, server = bridged
    params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {}}
    opening = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "quick", "arguments": {}}}
    with httpx2.Client(trust_env=False, timeout=20, headers={"X-Api-Key": "first"}) as http:
        session_id = http.post(live.url, json=opening).headers["mcp-session-id"]
        before = server.counts["initialize"]
        headers = {"Mcp-Session-Id": session_id, "X-Api-Key": "second"}
        assert http.post(live.url, json=call, headers=headers).status_code == 200
    assert server.server.last_headers["X-Api-Key"] == "second"
    assert server.server.last_headers["MCP-Protocol-Version"] == "2025-11-25"
    assert server.counts["initialize"] == before


def subject(access: Access, url: str | None = None) -> Subject:
    command = (sys.executable, str(STREAMER), "--ready-file", "{ready_file}")
    return Subject(DerivedAdapter("streamer", None, Launch(command), {}), url, access=access)


@pytest.mark.parametrize(
    ("access", "wire", "reply"),
    [
        (PARIS, "session", ACCEPTED),
        (Access(), "session", {"action": "decline"}),
        (PARIS, "stateless", {"action": "decline"}),
    ],
)
def test_server_with_answers_is_loaded_through_a_bridge(
    access: Access, wire: Any, reply: dict[str, Any], tmp_path: Path
) -> None:
    options = StartOptions(tmp_path / "server.log")
    with live_server(subject(access), wire, options, Interruption()) as live:
        assert (live.bridge_pid is not None) is (reply == ACCEPTED)
        assert live.pid is not None
        assert live.pid != live.bridge_pid
        with connect(live.url, wire) as client:
            assert reply_in(client.call("asks", {})) == reply
        assert live.changed() == ""


def test_running_server_with_answers_is_loaded_through_a_bridge(streamer: Start, tmp_path: Path) -> None:
    server = streamer()
    options = StartOptions(tmp_path / "server.log")
    with (
        live_server(subject(PARIS, server.url), "session", options, Interruption()) as live,
        connect(live.url, "session") as client,
    ):
        assert live.url != server.url
        assert reply_in(client.call("asks", {})) == ACCEPTED
