"""Cookies of one session with a server: a load balancer may find the session's server by them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_MOST_COOKIES = 50
"""Browsers keep at least this many for a host (RFC 6265, section 6.1)."""


class Cookies:
    """Cookies that a server has set, until it ends them; for how long they last is not watched.

    Their paths and domains do not matter: it has one address.
    """

    def __init__(self) -> None:
        self._values: dict[bytes, bytes] = {}

    def take(self, fields: Iterable[bytes]) -> None:
        """Take the values of ``Set-Cookie`` headers."""
        for field in fields:
            pair, *attributes = field.split(b";")
            name, equals, value = (part.strip() for part in pair.partition(b"="))
            if _is_over(attributes):
                self._values.pop(name, None)
            elif name and equals and (name in self._values or len(self._values) < _MOST_COOKIES):
                self._values[name] = value

    def added_to(self, headers: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
        """Return headers with these cookies behind those of the client."""
        if not self._values:
            return dict(headers)
        own = [headers[b"cookie"]] if b"cookie" in headers else []
        pairs = [b"%b=%b" % pair for pair in self._values.items()]
        return {**headers, b"cookie": b"; ".join([*own, *pairs])}


def _is_over(attributes: Iterable[bytes]) -> bool:
    """Return whether the attributes of a cookie end it: its ``Max-Age``, else ``Expires`` (RFC 6265, 5.3)."""
    pairs = (each.partition(b"=") for each in attributes)
    values = {name.strip().lower(): value.strip() for name, _, value in pairs}
    max_age = values.get(b"max-age", b"")
    if re.fullmatch(rb"-?\d+", max_age):
        return re.fullmatch(rb"-\d+|0+", max_age) is not None
    try:
        expires = parsedate_to_datetime(values.get(b"expires", b"").decode("latin-1"))
    except (ValueError, OverflowError):
        return False
    return (expires if expires.tzinfo else expires.replace(tzinfo=UTC)) <= datetime.now(UTC)
