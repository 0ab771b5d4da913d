"""User, password and keys in a URL, taken out of it or hidden; pure."""

from __future__ import annotations

import base64
from dataclasses import replace
from urllib.parse import unquote, urlsplit, urlunsplit

from perf_core.server.access import Access, FixedIdentity, Identity
from perf_core.server.masking import secrets_in_url


def take_credentials(url: str, access: Access) -> tuple[str, Access]:
    """Return a URL without user and password, and the access with them as a header of every user.

    Query values that look secret stay in the URL and are masked wherever it is shown.

    Example::

        take_credentials("https://me:pw@example.test/mcp", OPEN)[0]   # "https://example.test/mcp"
    """
    parts = urlsplit(url)
    hidden = tuple(text for text in secrets_in_url(url) if text not in access.hidden)
    if parts.username is None and parts.password is None:
        return url, replace(access, hidden=(*access.hidden, *hidden)) if hidden else access
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    encoded = base64.b64encode(f"{user}:{password}".encode()).decode()
    secrets = tuple(text for text in (password, encoded) if text)
    basic = FixedIdentity({"Authorization": f"Basic {encoded}"}, secrets)
    identities = tuple(_with_header(identity, basic) for identity in access.identities) or (basic,)
    access = replace(access, identities=identities, hidden=(*access.hidden, *hidden, *secrets))
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])), access


def _with_header(identity: Identity, basic: FixedIdentity) -> Identity:
    """Return a user with the credentials of the URL, unless it has some of its own."""
    if not isinstance(identity, FixedIdentity) or "authorization" in map(str.lower, identity.fixed_headers):
        return identity
    return FixedIdentity({**identity.fixed_headers, **basic.fixed_headers}, (*identity.hidden, *basic.hidden))
