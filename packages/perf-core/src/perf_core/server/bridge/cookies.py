"""Cookies of one session with a server: a load balancer may find the session's server by them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

_MOST_COOKIES = 50
"""Browsers keep at least this many for a host (RFC 6265, section 6.1)."""


class Cookies:
    """Cookies that a server has set. Their paths and domains do not matter: it has one address."""

    def __init__(self) -> None:
        self._values: dict[bytes, bytes] = {}

    def take(self, fields: Iterable[bytes]) -> None:
        """Take the values of ``Set-Cookie`` headers."""
        for field in fields:
            pair, *attributes = field.split(b";")
            name, equals, value = (part.strip() for part in pair.partition(b"="))
            if any(each.strip().lower() == b"max-age=0" for each in attributes):
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
