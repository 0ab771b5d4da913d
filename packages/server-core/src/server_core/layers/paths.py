"""Paths as an app sees them, wherever it is mounted."""

from __future__ import annotations

from starlette.types import Scope


def route_path(scope: Scope) -> str:
    """Return a request's path below the app's own root, as Starlette's routes see it.

    The path in an ASGI scope begins with `root_path`, at which the app is mounted in another one or published
    by a proxy.

    Example:
        >>> route_path({"root_path": "/api", "path": "/api/mcp"})
        '/mcp'
        >>> route_path({"path": "/mcp"})
        '/mcp'
    """
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    if not root or not path.startswith(root):
        return path
    below = path[len(root) :]
    return below if not below or below.startswith("/") else path
