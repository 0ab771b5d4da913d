"""The client's address, scheme and host as a trusted proxy tells them.

Sources: RFC 7239 (`Forwarded`), and the older `X-Forwarded-For`, `-Proto` and `-Host`. Anybody can send such
headers, so they count only from the addresses in the settings. A proxy writes one of the two kinds and passes
the other on as the client wrote it; a request with both is therefore taken as if it had neither.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Final

from starlette.types import Scope

Network = IPv4Network | IPv6Network

IS_FORWARDED: Final = "server_core.is_forwarded"
"""Key in a scope: whether its scheme and host are those of the URL that the client used."""

_FORWARDED: Final = b"forwarded"
_X_FORWARDED: Final = {
    b"x-forwarded-for": "for",
    b"x-forwarded-proto": "proto",
    b"x-forwarded-host": "host",
}
_SCHEMES: Final = frozenset({"http", "https"})
_PAIR: Final = re.compile(r'\s*([A-Za-z]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s";,]*))\s*(;|,|$)')
_HOST: Final = re.compile(r"[A-Za-z0-9.\-_\[\]:]+")


@dataclass(frozen=True)
class _Hop:
    """Client, scheme and host of a request as one proxy got it; empty if it does not tell."""

    client: str = ""
    scheme: str = ""
    host: str = ""


class TrustedProxies:
    """Addresses of proxies whose word on their clients counts."""

    def __init__(self, networks: Sequence[Network]) -> None:
        self._networks = tuple(networks)

    def seen_by_app(self, scope: Scope) -> Scope:
        """Return a request's scope with what trusted proxies tell of it."""
        if not self._networks or scope["type"] not in ("http", "websocket") or not self.trusts(_peer(scope)):
            return scope
        hops = _hops(scope["headers"])
        if not hops:
            return scope
        hop = next((hop for hop in reversed(hops) if not self.trusts(_address(hop.client))), hops[0])
        changed: dict[str, Any] = {}
        address = _address(hop.client)
        if address:
            changed["client"] = (address, 0)
        if hop.scheme:
            changed["scheme"] = hop.scheme
        if hop.host:
            others = [header for header in scope["headers"] if header[0] != b"host"]
            changed["headers"] = [(b"host", hop.host.encode("latin-1")), *others]
        changed[IS_FORWARDED] = bool(hop.scheme or hop.host)
        return {**scope, **changed}

    def trusts(self, address: str) -> bool:
        """Return whether an address is a trusted proxy's."""
        try:
            parsed = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        return any(parsed in network for network in self._networks)


def parse_network(text: str) -> Network:
    """Return an address, or a network such as `10.0.0.0/8`.

    Raises:
        ValueError: It is neither.
    """
    return ip_network(text, strict=False)


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def _hops(headers: Sequence[tuple[bytes, bytes]]) -> list[_Hop]:
    """Return what the proxies tell, the one nearest to the client first; nothing in doubt."""
    standard = [value.decode("latin-1") for name, value in headers if name == _FORWARDED]
    lists: dict[str, list[str]] = {"for": [], "proto": [], "host": []}
    for name, value in headers:
        if name in _X_FORWARDED:
            lists[_X_FORWARDED[name]] += [part.strip() for part in value.decode("latin-1").split(",")]
    older = any(lists.values())
    if standard and older:
        return []
    if standard:
        return [_hop(pairs) for pairs in _elements(", ".join(standard))]
    return list(_aligned(lists)) if older else []


def _aligned(lists: dict[str, list[str]]) -> Iterator[_Hop]:
    """Yield the hops of `X-Forwarded-*`; a proxy that does not add its value to others tells one for all."""
    count = max(1, len(lists["for"]))
    for number in range(count):
        yield _hop({name: _value_of(values, number, count) for name, values in lists.items()})


def _value_of(values: list[str], number: int, count: int) -> str:
    if len(values) == count:
        return values[number]
    return values[-1] if values else ""


def _elements(text: str) -> list[dict[str, str]]:
    """Return the elements of `Forwarded` as pairs; nothing if any of it is malformed."""
    elements: list[dict[str, str]] = [{}]
    position = 0
    while position < len(text):
        match = _PAIR.match(text, position)
        if match is None:
            return []
        name, quoted, token, end = match.groups()
        value = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else token
        elements[-1][name.lower()] = value
        position = match.end()
        if end == ",":
            elements.append({})
    return elements


def _hop(pairs: dict[str, str]) -> _Hop:
    scheme, host = pairs.get("proto", "").lower(), pairs.get("host", "")
    return _Hop(
        pairs.get("for", ""),
        scheme if scheme in _SCHEMES else "",
        host if _HOST.fullmatch(host) else "",
    )


def _address(node: str) -> str:
    """Return the address of a node with or without a port; empty if it has none (`unknown`, `_hidden`)."""
    if node.startswith("["):
        node = node[1:].partition("]")[0]
    elif node.count(":") == 1:
        node = node.partition(":")[0]
    try:
        return str(ip_address(node))
    except ValueError:
        return ""
