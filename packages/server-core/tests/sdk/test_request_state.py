from __future__ import annotations

from typing import Any

import pytest
from fastmcp import FastMCP
from mcp.server.request_state import InvalidRequestState, RequestStateBoundary, RequestStateSecurity

from server_core.sdk.request_state import share_request_state


def codec_of(mcp: FastMCP[Any]) -> Any:
    (boundary,) = [each for each in mcp._mcp_server.middleware if isinstance(each, RequestStateBoundary)]
    return boundary._security.codec


def test_processes_with_the_same_key_can_unseal_each_others_state() -> None:
    apps: list[FastMCP[Any]] = [FastMCP("app") for _ in range(3)]
    sealed = codec_of(apps[0]).seal(b"round one")
    for app in apps[1:]:
        with pytest.raises(InvalidRequestState):
            codec_of(app).unseal(sealed)
    for app, key in zip(apps, (b"k" * 32, b"k" * 32, b"other" * 8), strict=True):
        share_request_state(app, key)
    sealed = codec_of(apps[0]).seal(b"round one")
    assert codec_of(apps[1]).unseal(sealed) == b"round one"
    with pytest.raises(InvalidRequestState):
        codec_of(apps[2]).unseal(sealed)


def test_the_apps_own_key_is_kept() -> None:
    own = RequestStateSecurity(keys=[b"o" * 32], audience="app")
    mcp: FastMCP[Any] = FastMCP("app", request_state_security=own)
    share_request_state(mcp, b"k" * 32)
    assert codec_of(mcp) is own.codec
