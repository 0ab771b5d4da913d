"""Callers as the SDK distinguishes them, by their token, and clients as limits do, by address as well."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

from mcp.server.auth.middleware.bearer_auth import (
    AuthenticatedUser,
    AuthorizationContext,
    authorization_context,
)
from starlette.types import Scope

Requestor = AuthorizationContext
"""The caller that a session belongs to."""


def requestor_of(scope: Scope) -> Requestor | None:
    """Return the caller of a request, None where the server asks for no token."""
    user = scope.get("user")
    return authorization_context(user) if isinstance(user, AuthenticatedUser) else None


def client_of(scope: Scope) -> bytes:
    """Return a key for the sender of a request: the token's name, else the address (of IPv6, the /64)."""
    user = scope.get("user")
    if isinstance(user, AuthenticatedUser):
        return user.access_token.client_id.encode()
    host = scope["client"][0] if scope.get("client") else ""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host.encode()
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped.packed
        return address.packed[:8]
    return address.packed


def client_of_requestor(requestor: Requestor) -> bytes:
    """Return a key for a caller; the users of one OAuth client are clients of their own."""
    issuer, subject = requestor["issuer"], requestor["subject"]
    name = requestor["client_id"]
    return (name if subject is None else f"{name} {issuer} {subject}").encode()
