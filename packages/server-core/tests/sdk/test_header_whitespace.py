from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from server_core.sdk.header_whitespace import strip_header_whitespace

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("fast_lane", [True, False])
async def test_whitespace_around_header_values_is_ignored(
    make_app: Callable[..., Any], serving: Callable[..., Any], *, fast_lane: bool
) -> None:
    async with serving(make_app(fast_lane=fast_lane)) as wires:
        for method, params in (
            ("tools/list", None),
            ("tools/call", {"name": "echo", "arguments": {"text": "hi"}}),
        ):
            padded: dict[str, str | None] = {
                "mcp-protocol-version": " 2026-07-28\t",
                "mcp-method": f"\t{method} ",
                "accept": " application/json, text/event-stream ",
            }
            if params:
                padded["mcp-name"] = "  echo "
            answer = await wires.stateless(method, params, padded)
            assert answer.status_code == 200, answer.text


def test_a_scope_without_whitespace_is_the_same_object() -> None:
    scope: dict[str, Any] = {"headers": [(b"a", b"b c"), (b"empty", b"")]}
    assert strip_header_whitespace(scope) is scope
    assert strip_header_whitespace({"headers": [(b"a", b" b c\t"), (b"d", b"\t")]})["headers"] == [
        (b"a", b"b c"),
        (b"d", b""),
    ]
