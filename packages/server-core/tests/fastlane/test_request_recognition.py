"""Recognition of tool calls, and the limits of what it remembers and searches."""

from __future__ import annotations

import json
from typing import Any

import pytest
from mcp_types import methods

from server_core.fastlane import request_recognition
from server_core.fastlane.request_recognition import Recogniser, parse_message, probable_tool_name

PREFIX = "io.modelcontextprotocol/"
HEADERS = {
    b"accept": b"application/json, text/event-stream",
    b"content-type": b"application/json",
    b"mcp-protocol-version": b"2026-07-28",
    b"mcp-method": b"tools/call",
    b"mcp-name": b"echo",
}


def call_of_client(name: str) -> bytes:
    meta = {
        f"{PREFIX}protocolVersion": "2026-07-28",
        f"{PREFIX}clientCapabilities": {},
        f"{PREFIX}clientInfo": {"name": name, "version": "1"},
    }
    params = {"name": "echo", "arguments": {}, "_meta": meta}
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()


@pytest.fixture
def validations(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Method names of the requests that are validated from now on."""
    validated: list[str] = []
    validate = methods.validate_client_request

    def counted(method: str, *rest: Any) -> Any:
        validated.append(method)
        return validate(method, *rest)

    monkeypatch.setattr(methods, "validate_client_request", counted)
    return validated


def recognise(recogniser: Recogniser, client: str) -> None:
    message = parse_message(call_of_client(client))
    assert message is not None
    assert recogniser.tool_call(HEADERS, message) is not None


def test_the_same_meta_is_validated_once(validations: list[str]) -> None:
    recogniser = Recogniser()
    for _ in range(3):
        recognise(recogniser, "one client")
    assert len(validations) == 1


def test_the_memory_of_metas_is_bounded() -> None:
    recogniser = Recogniser()
    limit = request_recognition._MAX_VALID_METAS
    sizes = []
    for number in range(2 * limit + 1):
        recognise(recogniser, f"client {number}")
        sizes.append(len(recogniser._valid_metas))
    assert max(sizes) == limit


@pytest.mark.parametrize(("padding", "name"), [(900, "echo"), (1000, "")])
def test_a_name_is_searched_for_in_the_first_kilobyte(padding: int, name: str) -> None:
    body = b'{"jsonrpc":"2.0","x":"%b","params":{"name":"echo"}}' % (b"x" * padding)
    assert probable_tool_name({b"mcp-session-id": b"s"}, body) == name
