"""JSON-RPC messages as bytes: ids and methods read without parsing, where a message is written as usual.

A message is parsed as JSON only when its text is unusual, which costs some 5 µs for each kB.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

# A string without escapes has only one spelling, so that its bytes can be compared.
_ID = rb'(-?[0-9]{1,15}|"[^"\\\x00-\x1f\x7f-\xff]*")'
_REQUEST = re.compile(rb'\{"jsonrpc":"2\.0","id":' + _ID + rb',"method":"([a-zA-Z0-9_/.$-]+)"')
_ANSWER_HEAD = re.compile(rb'\{"jsonrpc":"2\.0","id":' + _ID + rb',"(?:result|error)":')
# The SDK in TypeScript writes the result first and the id last. The brace after the id closes the message.
_ANSWER_TAIL = re.compile(rb'"jsonrpc":"2\.0","id":' + _ID + rb"\}$")
_TAIL_BYTES = 128
_NOTIFICATION = re.compile(rb'\{(?:"jsonrpc":"2\.0",)?"method":"(notifications/[a-zA-Z0-9_/.$-]+)"')

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INTERNAL_ERROR = -32603


class MessageError(ValueError):
    """A text is no JSON-RPC message.

    Attributes:
        code: Code of the JSON-RPC error.
    """

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class Request(NamedTuple):
    """A message of a client.

    Attributes:
        body: The message on one line, without its end.
        key: Id in a form that can be compared; None for notifications and for answers to the server.
        raw_id: Id as it was written.
        id_at: Where ``raw_id`` begins in ``body``; -1 if its place is not known.
        method: Empty for an answer to the server.
    """

    body: bytes
    key: bytes | None
    raw_id: bytes
    id_at: int
    method: str

    def with_id(self, raw_id: bytes) -> bytes:
        """Return the message with another id."""
        if self.id_at >= 0:
            return self.body[: self.id_at] + raw_id + self.body[self.id_at + len(self.raw_id) :]
        document = json.loads(self.body)
        return dumps({**document, "id": json.loads(raw_id)})


class FromServer(NamedTuple):
    """A message of a server.

    Attributes:
        key: Id of the answered request in a form that can be compared; None for other messages.
        id_span: Where the id begins and ends in the line; None if its place is not known.
        method: Method of a request or notification; empty for answers.
        raw_id: Id of a request of the server; empty for other messages.
    """

    key: bytes | None
    id_span: tuple[int, int] | None = None
    method: str = ""
    raw_id: bytes = b""


def read_request(body: bytes) -> Request:
    """Return the message of a client.

    Raises:
        MessageError: It is no JSON-RPC message, or a batch.
    """
    if b"\n" in body or b"\r" in body:
        # In JSON, line ends stand between values only: inside strings they are escaped.
        body = body.replace(b"\r", b" ").replace(b"\n", b" ")
    match = _REQUEST.match(body)
    if match:
        raw_id = match.group(1)
        return Request(body, raw_id, raw_id, match.start(1), match.group(2).decode("ascii"))
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MessageError(f"expected a JSON-RPC message, got no JSON: {error}", PARSE_ERROR) from error
    if not isinstance(document, dict):
        kind = "a batch" if isinstance(document, list) else f"a {type(document).__name__}"
        raise MessageError(f"expected one JSON-RPC message, got {kind}", INVALID_REQUEST)
    method = document.get("method", "")
    if not isinstance(method, str) or not (method or "result" in document or "error" in document):
        raise MessageError("expected a JSON-RPC message with a method, got none", INVALID_REQUEST)
    if not method or "id" not in document:
        return Request(body, None, b"", -1, method)
    raw_id = dumps(document["id"])
    return Request(body, _key(document["id"]), raw_id, -1, method)


def read_from_server(line: bytes) -> FromServer | None:
    """Return the message on a line of a server; None if it is no JSON-RPC message."""
    match = _ANSWER_HEAD.match(line)
    if match:
        return FromServer(match.group(1), match.span(1))
    if line.startswith((b'{"result":', b'{"error":')):
        match = _ANSWER_TAIL.search(line, max(0, len(line) - _TAIL_BYTES))
        if match:
            return FromServer(match.group(1), match.span(1))
    match = _NOTIFICATION.match(line)
    # A request of the server has an id, wherever it stands; without these four characters there is none.
    if match and b'"id"' not in line:
        return FromServer(None, method=match.group(1).decode("ascii"))
    try:
        return _from_document(json.loads(line))
    except (ValueError, RecursionError):
        return None


def split_batch(line: bytes) -> list[bytes]:
    """Return the messages of a batch, which revision 2025-03-26 allows; a list of one for any other line."""
    if not line.startswith(b"["):
        return [line]
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return [line]
    return [dumps(each) for each in document]


def _from_document(document: Any) -> FromServer | None:
    if not isinstance(document, dict):
        return None
    method = document.get("method")
    if isinstance(method, str):
        return FromServer(None, None, method, dumps(document["id"]) if "id" in document else b"")
    if "result" in document or "error" in document:
        return FromServer(_key(document.get("id")))
    return None


def with_answer_id(line: bytes, message: FromServer, raw_id: bytes) -> bytes:
    """Return the answer of a server with another id."""
    if message.id_span is not None:
        start, end = message.id_span
        return line[:start] + raw_id + line[end:]
    return dumps({**json.loads(line), "id": json.loads(raw_id)})


def progress_token(body: bytes) -> bytes | None:
    """Return the progress token of a request in a form that can be compared, or None."""
    if b'"progressToken"' not in body:
        return None
    return _token_at(body, "params", "_meta", "progressToken")


def token_of_progress(line: bytes) -> bytes | None:
    """Return the token that a ``notifications/progress`` is for, or None."""
    return _token_at(line, "params", "progressToken")


def _token_at(text: bytes, *path: str) -> bytes | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return None if value is None else _key(value)


def with_capabilities(body: bytes, capabilities: Mapping[str, Any]) -> bytes:
    """Return an ``initialize`` whose client declares these capabilities as well."""
    document = json.loads(body)
    params = document.get("params")
    if not isinstance(params, dict):
        return body
    declared = params.get("capabilities")
    merged = {**(declared if isinstance(declared, dict) else {}), **capabilities}
    return dumps({**document, "params": {**params, "capabilities": merged}})


def error_answer(raw_id: bytes, code: int, message: str) -> bytes:
    """Return a JSON-RPC error; an empty id is written as null."""
    problem = json.dumps({"code": code, "message": message})
    return b'{"jsonrpc":"2.0","id":' + (raw_id or b"null") + b',"error":' + problem.encode() + b"}"


def dumps(document: Any) -> bytes:
    """Return JSON text without blanks."""
    # Not ensure_ascii=False: a lone surrogate could not be encoded.
    return json.dumps(document, separators=(",", ":")).encode()


def _key(value: Any) -> bytes:
    """Return an id in a form that is equal for equal ids, and equal to the bytes of one written as usual."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # some libraries write 3 as 3.0
    return dumps(value)
