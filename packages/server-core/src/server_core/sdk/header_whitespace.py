"""Whitespace around header values, which is not part of them (RFC 9110, 5.5); the SDK does not strip it."""

from __future__ import annotations

from typing import Final

from starlette.types import Scope

_WHITESPACE: Final = b" \t"
_EDGES: Final = (b" ", b"\t")


def strip_header_whitespace(scope: Scope) -> Scope:
    """Return a scope without whitespace around its header values; the same object if there is none."""
    headers = scope["headers"]
    if any(value[:1] in _EDGES or value[-1:] in _EDGES for _, value in headers if value):
        return {**scope, "headers": [(name, value.strip(_WHITESPACE)) for name, value in headers]}
    return scope
