"""Messages are read from their bytes as JSON says, for drawn messages in any spelling."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from perf_core.server.bridge.lines import LineBuffer
from perf_core.server.bridge.messages import dumps, read_from_server, read_request, with_answer_id

TRAPS = st.sampled_from(
    [
        '"jsonrpc":"2.0","id":3}',
        '{"jsonrpc":"2.0","id":1,"result":',
        '","id":7}',
        '"id"',
        "\\",
        '"',
        "\n",
        "}",
    ]
)
TEXTS = st.text(max_size=8) | TRAPS
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS | st.just("id"), inner, max_size=3),
    max_leaves=6,
)
IDS = st.integers(-(10**20), 10**20) | TEXTS
SPELLINGS = st.sampled_from([(",", ":"), (", ", ": "), (" , ", " :  ")])


@st.composite
def lines(draw: st.DrawFn, members: dict[str, Any]) -> bytes:
    """Draw a spelling of a message: order of its members, blanks, and escapes."""
    order = draw(st.permutations(list(members)) | st.just(list(members)))
    document = {name: members[name] for name in order}
    ascii_only = draw(st.booleans())
    text = json.dumps(document, separators=draw(SPELLINGS), ensure_ascii=ascii_only)
    return text.encode("utf-8", "surrogatepass")


@given(st.data())
def test_answer_has_the_id_that_json_says(data: st.DataObject) -> None:
    outcome = data.draw(st.sampled_from(["result", "error"]))
    members = {"jsonrpc": "2.0", "id": data.draw(IDS), outcome: data.draw(VALUES)}
    line = data.draw(lines(members))
    message = read_from_server(line)
    assert message is not None
    assert message.key == dumps(members["id"])
    assert json.loads(with_answer_id(line, message, b"4711")) == {**members, "id": 4711}


@given(st.data())
def test_request_has_the_id_and_the_method_that_json_says(data: st.DataObject) -> None:
    members = {"jsonrpc": "2.0", "id": data.draw(IDS), "method": data.draw(TEXTS.filter(bool))}
    if data.draw(st.booleans()):
        members["params"] = data.draw(VALUES)
    body = data.draw(lines(members))
    request = read_request(body)
    assert (request.key, request.method) == (dumps(members["id"]), members["method"])
    assert b"\n" not in request.body
    assert json.loads(request.with_id(b'"mine"')) == {**members, "id": "mine"}


@given(st.data())
def test_message_of_the_server_is_never_taken_for_an_answer(data: st.DataObject) -> None:
    members = {"jsonrpc": "2.0", "method": data.draw(TEXTS | st.just("notifications/progress"))}
    number = data.draw(st.none() | IDS)
    if number is not None:
        members["id"] = number
    members["params"] = data.draw(VALUES)
    message = read_from_server(data.draw(lines(members)))
    assert message is not None
    assert (message.key, message.method) == (None, members["method"])
    assert message.raw_id == (b"" if number is None else dumps(number))


@given(st.lists(st.binary(max_size=12).map(lambda line: line.replace(b"\n", b""))), st.data())
def test_lines_are_the_same_however_they_are_cut(expected: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(line + b"\n" for line in expected)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    buffer = LineBuffer()
    parts = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert [line for part in parts for line in buffer.feed(part)] == expected
