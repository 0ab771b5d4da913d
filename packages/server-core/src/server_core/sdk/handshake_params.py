"""The part that a session remembers of its client's ``initialize``, which clients choose.

The SDK keeps the parameters for as long as a session lives, parsed, so that 4 MB become 80 MB. Real clients
send a few hundred bytes. What may be large in them is a picture (`clientInfo.icons` may have ``data:`` URLs)
or `_meta`, which nothing reads after the handshake: a session does without both if they are too much.
"""

from __future__ import annotations

from typing import Any, Final

from pydantic_core import from_json, to_json

MAX_HANDSHAKE_BYTES: Final = 4096
"""Bytes of JSON that a session remembers of its handshake."""

_METHOD: Final = "initialize"


class LargeHandshakeError(ValueError):
    """A client says more about itself than a session remembers."""

    def __init__(self, size_bytes: int) -> None:
        super().__init__(
            f"Expected parameters of initialize of at most {MAX_HANDSHAKE_BYTES} bytes without icons and "
            f"_meta, as a session keeps them, got {size_bytes}. Send less in capabilities and clientInfo."
        )


def remembered(params: Any) -> bytes:
    """Return the parameters of an ``initialize`` as JSON that a session may keep.

    Raises:
        LargeHandshakeError: They are too large even without what may be left out.
    """
    encoded = to_json(params)
    if len(encoded) > MAX_HANDSHAKE_BYTES:
        encoded = to_json(_without_pictures(params))
    if len(encoded) > MAX_HANDSHAKE_BYTES:
        raise LargeHandshakeError(len(encoded))
    return encoded


def _without_pictures(params: Any) -> Any:
    if type(params) is not dict:
        return params
    kept = {name: value for name, value in params.items() if name != "_meta"}
    info = kept.get("clientInfo")
    if type(info) is dict:
        kept["clientInfo"] = {name: value for name, value in info.items() if name != "icons"}
    return kept


def with_remembered_params(body: bytes) -> bytes:
    """Return a message for the SDK to keep; the same one unless it is an ``initialize`` that is too large.

    Raises:
        LargeHandshakeError: It is one, and is too large even without what may be left out.
    """
    if len(body) <= MAX_HANDSHAKE_BYTES or not _may_be_handshake(body):
        return body
    message = _parsed(body)
    if type(message) is not dict or message.get("method") != _METHOD or "params" not in message:
        return body
    return to_json({**message, "params": from_json(remembered(message["params"]))})


def _may_be_handshake(body: bytes) -> bool:
    """Return whether a message has the method's name, or escapes that may spell it."""
    return _METHOD.encode() in body or b"\\u" in body


def _parsed(body: bytes) -> Any:
    try:
        return from_json(body)
    except ValueError:
        return None
