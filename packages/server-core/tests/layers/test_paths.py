from __future__ import annotations

import pytest

from server_core.layers.paths import route_path


@pytest.mark.parametrize(
    ("root", "path", "expected"),
    [
        ("", "/mcp", "/mcp"),
        ("/api", "/api/mcp", "/mcp"),
        ("/api", "/api", ""),
        ("/api", "/apiary/mcp", "/apiary/mcp"),  # not below the root
        ("/api", "/mcp", "/mcp"),  # from servers that leave the root out
        ("/a/b", "/a/b/mcp", "/mcp"),
    ],
)
def test_route_path(root: str, path: str, expected: str) -> None:
    assert route_path({"type": "http", "root_path": root, "path": path}) == expected
