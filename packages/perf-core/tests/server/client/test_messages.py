"""Requests of the lab's clients on both wires."""

from __future__ import annotations

import pytest

from perf_core.server.client.messages import PREFIX, request_message


def test_session_wire_needs_no_headers_of_its_own() -> None:
    message, headers = request_message(7, "tools/call", {"name": "add"}, "session", name="add")
    assert message == {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "add"}}
    assert headers == {}


def test_stateless_wire_states_everything_in_each_request() -> None:
    message, headers = request_message(
        7, "tools/call", {"name": "add"}, "stateless", name="add", capabilities={"sampling": {}}
    )
    meta = message["params"]["_meta"]
    assert headers == {"Mcp-Method": "tools/call", "Mcp-Name": "add"}
    assert meta[f"{PREFIX}protocolVersion"] == "2026-07-28"
    assert meta[f"{PREFIX}clientCapabilities"] == {"sampling": {}}


@pytest.mark.parametrize("wire", ["session", "stateless"])
def test_progress_token_is_added_to_what_is_there(wire: str) -> None:
    params = {"name": "add", "_meta": {"own": 1}}
    options = {"progress_token": "t"}
    message, _ = request_message(7, "tools/call", params, wire, **options)  # type: ignore[arg-type]
    assert message["params"]["_meta"]["progressToken"] == "t"
    assert message["params"]["_meta"]["own"] == 1
    assert params == {"name": "add", "_meta": {"own": 1}}


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("add", "add"),
        ("größe", "=?base64?Z3LDtsOfZQ==?="),
        (" a", "=?base64?IGE=?="),
        ("=?base64?IGE=?=", "=?base64?PT9iYXNlNjQ/SUdFPT89?="),
    ],
)
def test_name_that_no_header_can_carry_is_encoded(name: str, header: str) -> None:
    assert request_message(1, "prompts/get", {}, "stateless", name=name)[1]["Mcp-Name"] == header
