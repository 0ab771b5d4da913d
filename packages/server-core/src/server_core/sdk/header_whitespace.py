"""Blanks around header values are no part of them (RFC 9110, 5.5); the SDK compares values as they came."""

from __future__ import annotations

from typing import Final

from starlette.types import Scope

_BLANKS: Final = b" \t"
_EDGES: Final = (b" ", b"\t")


def trimmed(scope: Scope) -> Scope:
    """Return the scope of a request without blanks around the values of its headers."""
    headers = scope["headers"]
    if any(value[:1] in _EDGES or value[-1:] in _EDGES for _, value in headers if value):
        return {**scope, "headers": [(name, value.strip(_BLANKS)) for name, value in headers]}
    return scope
