"""URLs as people type them: with and without a scheme, and the short name of the server at one."""

from __future__ import annotations

import re
from urllib.parse import urlsplit, urlunsplit

_HOST_AND_PORT = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9][a-z0-9.-]*):\d{1,5}(/\S*)?", re.IGNORECASE)
_HOST_AND_PATH = re.compile(r"(localhost|[a-z0-9-]+(\.[a-z0-9-]+)+)/(\S*/)?mcp/?", re.IGNORECASE)


def is_url(text: str) -> bool:
    """Return whether a word is an http or https URL."""
    return text.strip().lower().startswith(("http://", "https://"))


def with_scheme(text: str) -> str:
    """Return the URL that a word without a scheme probably means; empty if it looks like none.

    Example::

        with_scheme("localhost:8000/mcp")   # "http://localhost:8000/mcp"
    """
    text = text.strip()
    if not (_HOST_AND_PORT.fullmatch(text) or _HOST_AND_PATH.fullmatch(text)):
        return ""
    host = text.partition("/")[0]
    # Servers on one's own machine hardly ever have a certificate, others hardly ever have none.
    own = host.startswith(("localhost", "127.", "0.0.0.0", "[::1]")) or host.rpartition(":")[2].isdigit()
    return f"{'http' if own else 'https'}://{text}"


def server_at(url: str) -> str:
    """Return host and port of a URL, as the name of the server there; without user, password and path.

    Example::

        server_at("https://user:secret@example.test:8443/mcp")   # "example.test:8443"
    """
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "server", parts.port
    except ValueError:  # a malformed IPv6 address or port
        return "server"
    host = f"[{host}]" if ":" in host else host
    return host if port is None else f"{host}:{port}"


def with_usual_path(url: str) -> str:
    """Return a URL with the usual path of MCP endpoints if it has none; its port may be ``{port}``.

    Example::

        with_usual_path("http://127.0.0.1:{port}")   # "http://127.0.0.1:{port}/mcp"
    """
    try:
        parts = urlsplit(url.strip())
    except ValueError:  # a malformed IPv6 address
        return url
    return urlunsplit(parts if parts.path else parts._replace(path="/mcp"))
