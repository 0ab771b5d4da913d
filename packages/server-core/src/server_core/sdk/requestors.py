"""Callers as the SDK distinguishes them: by their bearer token."""

from __future__ import annotations

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
