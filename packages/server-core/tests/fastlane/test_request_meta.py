"""`_meta` that requests nothing, compared with what the SDK accepts, and the limits of what is remembered."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from mcp_types import CallToolRequestParams, methods
from pydantic import ValidationError

from server_core.fastlane import request_meta
from server_core.fastlane.request_meta import EnvelopeCheck, is_plain_meta

PREFIX = "io.modelcontextprotocol/"
VERSION = "2026-07-28"
ENVELOPE = {f"{PREFIX}protocolVersion": VERSION, f"{PREFIX}clientCapabilities": {}}

PLAIN: list[dict[str, Any]] = [
    {},
    {"progressToken": 1},
    {"progressToken": "0b5c9d0e-6a9e-4a43-9d7c-0e6d6f2f9f65"},
    {"progressToken": 10**30},
    {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate": "a=b"},
    {"traceparent": 7, "baggage": "k=v"},
    {"claudecode/toolUseId": "toolu_01A", "progressToken": 2},
    {"vscode.conversationId": "a", "vscode.requestId": "b"},
    {"x-codex-turn-metadata": {"session_id": "s", "turn": [1, None, {"deep": 1.5}]}},
    {"progress_token": 1, "client_id": "c", "logLevel": "loud", "": None},
]
"""Values that clients send and that a plain tool cannot use."""

FASTMCPS: list[dict[str, Any]] = [
    {"progressToken": 1.0},
    {"progressToken": True},
    {"progressToken": None},
    {"progressToken": [1]},
    {"progress_token": None},
    {"progress_token": []},
    {"fastmcp": {"version": "1"}},
    {"fastmcp": None},
    {f"{PREFIX}related-task": {"taskId": "t"}},
]
"""Values that FastMCP or the SDK reads, or may refuse."""


@pytest.mark.parametrize("meta", PLAIN, ids=json.dumps)
def test_what_a_plain_tool_cannot_use_is_plain(meta: dict[str, Any]) -> None:
    assert is_plain_meta(meta)
    assert EnvelopeCheck(VERSION).is_plain({**meta, **ENVELOPE})


@pytest.mark.parametrize("meta", PLAIN, ids=json.dumps)
def test_the_sdk_accepts_what_is_plain(meta: dict[str, Any]) -> None:
    for version, sent in (("2025-11-25", meta), (VERSION, {**meta, **ENVELOPE})):
        assert is_accepted(version, sent)


def is_accepted(version: str, meta: dict[str, Any]) -> bool:
    """Return whether the SDK's server accepts a call with this `_meta`, which it validates twice."""
    params = {"name": "x", "_meta": meta}
    try:
        methods.validate_client_request("tools/call", version, params)
        CallToolRequestParams.model_validate(params, by_name=False)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("level", ["debug", "loud", None])
def test_a_log_level_means_nothing_in_a_session(level: Any) -> None:
    meta = {f"{PREFIX}logLevel": level}
    assert is_plain_meta(meta)
    assert is_accepted("2025-11-25", meta)


@pytest.mark.parametrize("meta", FASTMCPS, ids=json.dumps)
def test_what_fastmcp_reads_is_not_plain(meta: dict[str, Any]) -> None:
    assert not is_plain_meta(meta)
    assert not EnvelopeCheck(VERSION).is_plain({**meta, **ENVELOPE})


@pytest.mark.parametrize("meta", [None, 1, "x", [], [[]]])
def test_meta_is_an_object(meta: Any) -> None:
    assert not is_plain_meta(meta)
    assert not EnvelopeCheck(VERSION).is_plain(meta)


@pytest.mark.parametrize(
    "change",
    [
        {f"{PREFIX}logLevel": "debug"},
        {f"{PREFIX}logLevel": "loud"},
        {f"{PREFIX}logLevel": 1},
        {f"{PREFIX}clientInfo": {"name": "n", "version": "1", "icons": [{"src": "https://x.example/i"}]}},
        {f"{PREFIX}clientInfo": {"name": 7}},
        {f"{PREFIX}clientInfo": None},
        {f"{PREFIX}clientCapabilities": {"elicitation": {}, "extensions": {"x/y": {}}}},
        {f"{PREFIX}clientCapabilities": []},
        {f"{PREFIX}clientCapabilities": None},
    ],
    ids=json.dumps,
)
def test_the_envelope_is_validated_as_by_the_sdk(change: dict[str, Any]) -> None:
    meta = {**ENVELOPE, "progressToken": 1, **change}
    check, expected = EnvelopeCheck(VERSION), is_accepted(VERSION, meta)
    assert [check.is_plain(meta) for _ in range(2)] == [expected, expected]


@pytest.mark.parametrize("missing", ENVELOPE)
def test_an_incomplete_envelope_is_fastmcps(missing: str) -> None:
    assert not EnvelopeCheck(VERSION).is_plain({key: v for key, v in ENVELOPE.items() if key != missing})
    assert not EnvelopeCheck(VERSION).is_plain({**ENVELOPE, missing: "2025-11-25"})


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


def test_values_that_change_with_each_call_do_not_count(validations: list[str]) -> None:
    check = EnvelopeCheck(VERSION)
    for number in range(20):
        changing = {
            "progressToken": number,
            "traceparent": f"00-{number:032x}-{number:016x}-01",
            "claudecode/toolUseId": f"toolu_{number}",
        }
        # Parsed anew each time, as for each request.
        assert check.is_plain(json.loads(json.dumps({**ENVELOPE, **changing})))
    assert len(validations) == 1
    assert len(check._valid) == 1


def test_the_memory_of_envelopes_is_bounded_in_number_and_bytes(validations: list[str]) -> None:
    check, limit, sizes = EnvelopeCheck(VERSION), request_meta._MAX_ENVELOPES, []
    for number in range(2 * limit + 1):
        info = {"name": f"client {number}", "version": "1"}
        assert check.is_plain({**ENVELOPE, f"{PREFIX}clientInfo": info})
        sizes.append(len(check._valid))
    assert max(sizes) == limit
    remembered = set(check._valid)
    validations.clear()
    large = {**ENVELOPE, f"{PREFIX}clientInfo": {"name": "x" * 5000, "version": "1"}}
    assert [check.is_plain(large) for _ in range(2)] == [True, True]
    assert len(validations) == 2, "it is not remembered"
    assert check._valid == remembered
    assert max(map(sys.getsizeof, remembered)) < 5000
