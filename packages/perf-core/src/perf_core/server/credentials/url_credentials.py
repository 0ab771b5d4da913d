"""User, password and keys in a URL, taken out of it or hidden; pure."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from perf_core.errors import UsageError
from perf_core.server.credentials.access import Access, FixedIdentity, Identity
from perf_core.server.credentials.access_settings import filled
from perf_core.server.credentials.masking import secrets_in_url

_PARTS = re.compile(r"((?:[A-Za-z][A-Za-z0-9+.-]*://)?(?:[^/?#]*@)?)([^/?#]*)(.*)", re.DOTALL)
"""Parts of a URL: scheme and user, host and port, and the rest."""


def filled_url(url: str, access: Access, environ: Mapping[str, str]) -> tuple[str, Access]:
    """Return a URL with ``$NAME`` replaced from the environment, and the access that hides the values.

    Example::

        filled_url("https://example.test/mcp?key=$KEY", OPEN, {"KEY": "k 1"})[0]
        # "https://example.test/mcp?key=k%201"

    Raises:
        UsageError: A variable is not set.
    """
    encoded = {name: quote(value.strip(), safe="") for name, value in environ.items()}
    match = _PARTS.match(url)
    assert match is not None  # noqa: S101 - each part may be empty
    try:
        # The host and the port, or a whole URL, are not encoded.
        filled_parts = [
            filled(part, environ if at == 1 else encoded) for at, part in enumerate(match.groups())
        ]
    except KeyError as error:
        raise UsageError(
            f"url: the environment variable {error.args[0]} is not set",
            f"Set it: export {error.args[0]}=… A dollar sign in the URL itself is written $$.",
        ) from error
    text = "".join(part for part, _ in filled_parts)
    # A host and a port are no secrets, and would be masked in every other sentence; a whole URL may hold one.
    has_scheme = bool(match[1])
    values = [
        value
        for at, (_, of_part) in enumerate(filled_parts)
        for value in of_part
        if not (has_scheme and at == 1)
    ]
    hidden = tuple(form for value in values for form in dict.fromkeys((unquote(value), value)))
    return text, replace(access, hidden=(*access.hidden, *hidden)) if hidden else access


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
    # A user without a password is often a token.
    secrets = tuple(text for text in (password or user, encoded) if text)
    basic = FixedIdentity({"Authorization": f"Basic {encoded}"}, secrets)
    identities = tuple(_with_header(identity, basic) for identity in access.identities) or (basic,)
    access = replace(access, identities=identities, hidden=(*access.hidden, *hidden, *secrets))
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])), access


def _with_header(identity: Identity, basic: FixedIdentity) -> Identity:
    """Return a user with the credentials of the URL, unless it has some of its own."""
    if not isinstance(identity, FixedIdentity) or "authorization" in map(str.lower, identity.fixed_headers):
        return identity
    return FixedIdentity({**identity.fixed_headers, **basic.fixed_headers}, (*identity.hidden, *basic.hidden))
