"""Ids and methods are read from messages however they are written."""

import json

import pytest

from perf_core.server.bridge.messages import (
    MessageError,
    error_answer,
    progress_token,
    read_from_server,
    read_request,
    split_batch,
    token_of_progress,
    with_answer_id,
    with_capabilities,
)

CALL = b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"add"}}'


@pytest.mark.parametrize(
    ("body", "key"),
    [
        (CALL, b"7"),
        (b'{"jsonrpc": "2.0", "id": 7, "method": "tools/call"}', b"7"),
        (b'{"method":"tools/call","id":7,"jsonrpc":"2.0"}', b"7"),
        (b'{"jsonrpc":"2.0","id":7.0,"method":"tools/call"}', b"7"),
        (b'{"jsonrpc":"2.0","id":-1,"method":"tools/call"}', b"-1"),
        (b'{"jsonrpc":"2.0","id":"a-7","method":"tools/call"}', b'"a-7"'),
        (b'{"jsonrpc":"2.0","id":"a\\u0062","method":"tools/call"}', b'"ab"'),
        ('{"jsonrpc":"2.0","id":"ä","method":"tools/call"}'.encode(), b'"\\u00e4"'),
        (b'{"jsonrpc":"2.0","id":123456789012345678901,"method":"tools/call"}', b"123456789012345678901"),
    ],
)
def test_id_of_a_request(body: bytes, key: bytes) -> None:
    request = read_request(body)
    assert request.key == key
    assert request.method == "tools/call"
    assert request.body == body


def test_request_is_put_on_one_line() -> None:
    request = read_request(
        b'{\r\n "jsonrpc": "2.0",\n "id": 7,\n "method": "tools/call",\n "params": {"a": "\\n"}}'
    )
    assert b"\n" not in request.body
    assert b"\r" not in request.body
    assert json.loads(request.body)["params"] == {"a": "\n"}
    assert request.key == b"7"


@pytest.mark.parametrize(
    ("body", "method"),
    [
        (b'{"jsonrpc":"2.0","method":"notifications/initialized"}', "notifications/initialized"),
        (b'{"jsonrpc":"2.0","id":3,"result":{}}', ""),
        (b'{"jsonrpc":"2.0","id":3,"error":{"code":1,"message":""}}', ""),
    ],
)
def test_messages_without_an_answer_have_no_key(body: bytes, method: str) -> None:
    request = read_request(body)
    assert (request.key, request.method) == (None, method)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", -32700),
        (b"{", -32700),
        (b"[" * 100_000, -32700),
        (b"[" + CALL + b"]", -32600),
        (b"7", -32600),
        (b'{"jsonrpc":"2.0","id":1}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":3}', -32600),
    ],
)
def test_other_texts_are_refused_with_a_code(body: bytes, code: int) -> None:
    with pytest.raises(MessageError) as caught:
        read_request(body)
    assert caught.value.code == code


@pytest.mark.parametrize("body", [CALL, b'{"jsonrpc": "2.0", "id": "x", "method": "tools/call"}'])
def test_request_with_another_id(body: bytes) -> None:
    changed = read_request(body).with_id(b"4711")
    assert json.loads(changed) == {**json.loads(body), "id": 4711}


@pytest.mark.parametrize(
    "line",
    [
        b'{"jsonrpc":"2.0","id":7,"result":{"content":[]}}',
        b'{"jsonrpc":"2.0","id":7,"error":{"code":-1,"message":"id"}}',
        b'{"result":{"content":[]},"jsonrpc":"2.0","id":7}',
        b'{"result":{"a":{"jsonrpc":"2.0","id":3}},"jsonrpc":"2.0","id":7}',
        b'{"jsonrpc" : "2.0" , "id" : 7 , "result" : {}}',
        b'{"id":7,"jsonrpc":"2.0","result":{}}',
        b'{"jsonrpc":"2.0","id":7.0,"result":{}}',
        b'{"jsonrpc":"2.0","result":{"id":8},"id":7}',
        b'{"jsonrpc":"2.0","id":7,"result":{}}\r',
    ],
)
def test_id_of_an_answer(line: bytes) -> None:
    message = read_from_server(line)
    assert message is not None
    assert message.key == b"7"
    assert json.loads(with_answer_id(line, message, b'"mine"')) == {**json.loads(line), "id": "mine"}


def test_id_within_a_result_is_not_the_answer_s() -> None:
    # The tail of this line looks like that of an answer, but for the second brace.
    message = read_from_server(b'{"result":{"x":1,"jsonrpc":"2.0","id":3}}')
    assert message is not None
    assert message.key == b"null"


@pytest.mark.parametrize(
    ("line", "method", "raw_id"),
    [
        (b'{"jsonrpc":"2.0","method":"notifications/progress","params":{}}', "notifications/progress", b""),
        (b'{"method":"notifications/progress","params":{},"jsonrpc":"2.0"}', "notifications/progress", b""),
        (b'{"method":"notifications/message","params":{"id":"x"}}', "notifications/message", b""),
        (b'{"jsonrpc":"2.0","id":"q","method":"ping"}', "ping", b'"q"'),
        (b'{"method":"roots/list","jsonrpc":"2.0","id":0}', "roots/list", b"0"),
        (b'{"method":"notifications/odd","jsonrpc":"2.0","id":0}', "notifications/odd", b"0"),
    ],
)
def test_messages_of_the_server_s_own(line: bytes, method: str, raw_id: bytes) -> None:
    message = read_from_server(line)
    assert message is not None
    assert (message.key, message.method, message.raw_id) == (None, method, raw_id)


@pytest.mark.parametrize("line", [b"", b"Listening ...", b"{}", b"7", b'{"jsonrpc":"2.0","id":7}', b"\xff{"])
def test_other_lines_are_no_messages(line: bytes) -> None:
    assert read_from_server(line) is None


def test_batch_is_split() -> None:
    assert split_batch(b'[{"a": 1}, {"b":2}]') == [b'{"a":1}', b'{"b":2}']
    assert split_batch(b'{"a": [1]}') == [b'{"a": [1]}']
    assert split_batch(b"[no JSON") == [b"[no JSON"]


def test_error_without_an_id_has_null() -> None:
    assert json.loads(error_answer(b"", -1, 'no "id"'))["id"] is None


def test_progress_tokens_of_request_and_notification_are_equal() -> None:
    request = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"progressToken":"t"}}}'
    progress = b'{"method": "notifications/progress", "params": {"progressToken": "t", "progress": 1}}'
    assert progress_token(request) == token_of_progress(progress) == b'"t"'
    assert progress_token(CALL) is None
    assert progress_token(b'{"params":{"arguments":{"progressToken":1}}}') is None


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"capabilities": {}}, {"capabilities": {"sampling": {}}}),
        ({"capabilities": {"roots": {}}}, {"capabilities": {"roots": {}, "sampling": {}}}),
        ({"x": 1}, {"x": 1, "capabilities": {"sampling": {}}}),
    ],
)
def test_capabilities_are_added_to_those_of_the_client(params: dict, expected: dict) -> None:
    body = json.dumps({"jsonrpc": "2.0", "id": 7, "method": "initialize", "params": params}).encode()
    changed = json.loads(with_capabilities(body, {"sampling": {}}))
    assert changed == {"jsonrpc": "2.0", "id": 7, "method": "initialize", "params": expected}


def test_initialize_without_parameters_is_passed_on() -> None:
    body = b'{"jsonrpc":"2.0","id":7,"method":"initialize"}'
    assert with_capabilities(body, {"sampling": {}}) == body
