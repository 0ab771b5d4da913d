"""Redirects of an MCP endpoint, such as from ``/mcp`` to ``/mcp/``; pure.

A redirect is followed once, at the handshake, and its target is used from then on. k6 follows none: it would
count two requests for one call, and repeat a POST as a GET.
"""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from perf_core.errors import TargetError
from perf_core.server.credentials.masking import masked_url

REDIRECTS = frozenset({301, 302, 307, 308})
"""Statuses of a resource that is elsewhere; 303 answers a POST with another resource."""

_DEFAULT_PORTS = {"http": 80, "https": 443}


def redirect_target(url: str, location: str, *, has_credentials: bool) -> str:
    """Return the URL to which a server redirects.

    Raises:
        TargetError: It is no HTTP URL, or credentials would be sent to another server.
    """
    shown = masked_url(location)
    target = ""
    try:
        target = urljoin(url, location.strip())
        parts = urlsplit(target)
        is_usable = parts.scheme in _DEFAULT_PORTS and bool(parts.hostname) and parts.port != 0
        is_same = is_usable and _is_same_server(url, target)
    except ValueError:  # a malformed IPv6 address or port
        is_usable = is_same = False
    if not is_usable:
        raise TargetError(
            f"expected a redirect from {masked_url(url)} to an http or https URL, got {shown!r}",
            "Correct the server, or give the URL of the MCP endpoint itself.",
        )
    if has_credentials and not is_same:
        raise TargetError(
            f"expected a redirect from {masked_url(url)} to the same server, got one to {shown}, which would "
            "get the credentials",
            "If that server may have them, give its URL instead.",
        )
    return target


def _is_same_server(url: str, target: str) -> bool:
    """Return whether a target may get the credentials of a URL: the same origin, or its change to TLS."""
    before, after = urlsplit(url), urlsplit(target)
    if before.hostname != after.hostname or (before.scheme, after.scheme) == ("https", "http"):
        return False
    ports = [parts.port or _DEFAULT_PORTS[parts.scheme] for parts in (before, after)]
    return ports[0] == ports[1] or (before.scheme != after.scheme and ports == [80, 443])
