"""The caller's trace context, for whatever a call on the lane asks OpenTelemetry.

FastMCP extracts it from `_meta` on each request and makes it current, so that log lines carry the caller's
trace id and requests to other services continue the caller's trace. Hardly any plain tool does either, so
here it is extracted when something first reads it.
"""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from contextvars import Token
from typing import Any

from fastmcp.telemetry import TRACE_PARENT_KEY, TRACE_STATE_KEY, extract_trace_context
from opentelemetry.context import Context, attach, detach, get_current


def attach_caller_trace(meta: dict[str, Any] | None) -> Token[Context] | None:
    """Make the trace context in a request's `_meta` the current one, and return its variable's token.

    Without a trace context nothing changes, and there is no token.
    """
    if meta is None or not (TRACE_PARENT_KEY in meta or TRACE_STATE_KEY in meta):
        return None
    return attach(_CallerContext(meta, get_current()))


class _CallerContext(Context):
    """The context that FastMCP would make of `base` for a request with this `_meta`."""

    _extracted: Context | None = None

    def __init__(self, meta: dict[str, Any], base: Context) -> None:
        self._meta = meta
        self._base = base

    def _context(self) -> Context:
        if self._extracted is None:
            token = attach(self._base)
            try:
                self._extracted = extract_trace_context(self._meta)
            finally:
                detach(token)
        return self._extracted

    # Every way to read a dict; `Context` itself refuses changes.

    def __getitem__(self, key: str) -> object:
        return self._context()[key]

    def __contains__(self, key: object) -> bool:
        return key in self._context()

    def __iter__(self) -> Iterator[str]:
        return iter(self._context())

    def __len__(self) -> int:
        return len(self._context())

    def __eq__(self, other: object) -> bool:
        return self._context() == other

    __hash__ = None  # type: ignore[assignment] # as of any dict

    def __repr__(self) -> str:
        return repr(self._context())

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key."""
        return self._context().get(key, default)

    def keys(self) -> KeysView[str]:  # type: ignore[override] # a view all the same
        """Return the keys."""
        return self._context().keys()

    def values(self) -> ValuesView[object]:  # type: ignore[override] # a view all the same
        """Return the values."""
        return self._context().values()

    def items(self) -> ItemsView[str, object]:  # type: ignore[override] # a view all the same
        """Return keys and values."""
        return self._context().items()

    def copy(self) -> dict[str, object]:
        """Return a dict with the same items, which OpenTelemetry makes new contexts of."""
        return self._context().copy()
