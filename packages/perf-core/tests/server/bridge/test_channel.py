"""Answers go to the client whose request has the same id; everything else is counted."""

import json

import pytest

from perf_core.server.bridge.channel import Channel
from perf_core.server.bridge.counts import Counts
from perf_core.server.bridge.lines import LineBuffer
from perf_core.server.bridge.messages import read_request


class Client:
    def __init__(self) -> None:
        self.got: list[tuple[str, object]] = []

    def answer(self, line: bytes) -> None:
        self.got.append(("answer", json.loads(line)))

    def event(self, line: bytes) -> None:
        self.got.append(("event", json.loads(line)["params"]["progress"]))

    def fail(self, status: int, answer: bytes) -> None:
        self.got.append((f"fail {status}", json.loads(answer)))


class Server:
    """A channel, and what was written to its server."""

    def __init__(self, *, unique_ids: bool = False) -> None:
        self.written: list[dict] = []
        self.notes: list[str] = []
        self.counts = Counts()
        self.channel = Channel(
            lambda data: self.written.append(json.loads(data)),
            self.notes.append,
            self.counts,
            unique_ids=unique_ids,
        )

    def ask(self, number: object, client: Client, token: object = None) -> bytes:
        meta = {} if token is None else {"_meta": {"progressToken": token}}
        message = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": meta}
        return self.channel.request(read_request(json.dumps(message).encode()), client)

    def say(self, *messages: object) -> None:
        for message in messages:
            text = message if isinstance(message, bytes) else json.dumps(message).encode()
            self.channel.feed(text + b"\n")


def result(number: object, value: object = None) -> dict:
    return {"jsonrpc": "2.0", "id": number, "result": {"value": value}}


def test_answers_find_their_clients_in_any_order() -> None:
    server, first, second = Server(), Client(), Client()
    server.ask(1, first)
    server.ask("b", second)
    server.say(result("b", 2), result(1, 1))
    assert first.got == [("answer", result(1, 1))]
    assert second.got == [("answer", result("b", 2))]
    assert (server.counts.requests, server.counts.answers, server.channel.pending) == (2, 2, 0)


def test_equal_ids_of_two_clients_are_told_apart() -> None:
    server, first, second = Server(unique_ids=True), Client(), Client()
    server.ask(1, first)
    server.ask(1, second)
    ids = [message["id"] for message in server.written]
    assert len(set(ids)) == 2
    server.say(result(ids[1], "second"), result(ids[0], "first"))
    assert first.got == [("answer", result(1, "first"))]
    assert second.got == [("answer", result(1, "second"))]


def test_same_id_twice_is_noticed_in_a_session_of_its_own() -> None:
    server = Server()
    server.ask(1, Client())
    request = read_request(b'{"jsonrpc":"2.0","id":1,"method":"ping"}')
    assert server.channel.is_pending(request)
    assert not Server(unique_ids=True).channel.is_pending(request)


def test_request_that_was_given_up_is_forgotten() -> None:
    server, client = Server(), Client()
    key = server.ask(1, client, token=3)
    server.channel.give_up(key)
    server.say({"method": "notifications/progress", "params": {"progressToken": 3, "progress": 1}})
    server.say(result(1))
    assert client.got == []
    assert server.channel.pending == 0
    assert server.counts.late_answers == 1


@pytest.mark.parametrize("unique_ids", [False, True])
def test_second_answer_to_a_request_is_none_that_came_too_late(unique_ids: bool) -> None:
    server, client = Server(unique_ids=unique_ids), Client()
    for number in (1, 2):
        server.ask(number, client)
    ids = [message["id"] for message in server.written]
    server.say(result(ids[0], "first"), result(ids[0], "second"), result(ids[1]), result(ids[0]), result(77))
    assert client.got == [("answer", result(1, "first")), ("answer", result(2))]
    counts = server.counts
    assert (counts.answers, counts.repeated_answers, counts.late_answers) == (2, 2, 1)


@pytest.mark.parametrize("unique_ids", [False, True])
def test_progress_reaches_the_client_that_asked_for_it(unique_ids: bool) -> None:
    server, client, other = Server(unique_ids=unique_ids), Client(), Client()
    server.ask(1, client, token=5)
    server.ask(2, other, token=6)
    number = server.written[0]["id"]
    for progress in (1, 2):
        params = {"progressToken": 5, "progress": progress}
        server.say({"jsonrpc": "2.0", "method": "notifications/progress", "params": params})
    server.say(result(number))
    assert client.got == [("event", 1), ("event", 2), ("answer", result(1))]
    assert other.got == []
    assert server.counts.notifications == {"notifications/progress": 2}


def test_requests_of_the_server_are_answered_and_counted() -> None:
    server = Server()
    server.say({"jsonrpc": "2.0", "id": 1, "method": "elicitation/create", "params": {}})
    server.say({"jsonrpc": "2.0", "id": 2, "method": "elicitation/create", "params": {}})
    assert [message["result"] for message in server.written] == [{"action": "decline"}] * 2
    assert server.counts.server_requests == {"elicitation/create": 2}


def test_lines_that_are_no_messages_are_skipped_and_the_first_is_quoted() -> None:
    server, client = Server(), Client()
    server.ask(1, client)
    server.say(b"Starting server ...", b"", b"ready", result(1))
    assert client.got == [("answer", result(1))]
    assert server.counts.skipped_lines == 2
    assert server.counts.first_skipped_line == "Starting server ..."
    assert len(server.notes) == 1
    assert "Starting server" in server.notes[0]


def test_batch_is_taken_apart() -> None:
    server, client = Server(), Client()
    server.ask(1, client)
    server.say([{"jsonrpc": "2.0", "method": "notifications/message"}, result(1)], b"[1, 2]")
    assert client.got == [("answer", result(1))]
    assert server.counts.notifications == {"notifications/message": 1}
    assert server.counts.skipped_lines == 2


def test_waiting_clients_get_an_error_when_the_server_ends() -> None:
    server, first, second = Server(), Client(), Client()
    server.ask(1, first)
    server.ask("two", second)
    server.channel.fail_all(500, "it is gone")
    for client, number in ((first, 1), (second, "two")):
        ((kind, answer),) = client.got
        assert kind == "fail 500"
        assert answer["id"] == number
        assert answer["error"]["message"] == "it is gone"


@pytest.mark.parametrize(
    "line",
    [
        b'{"jsonrpc":"2.0","id":2,"result":{"text":"' + b"x" * 5000 + b'"}}',
        b'{"result":{"text":"' + b"x" * 5000 + b'"},"jsonrpc":"2.0","id":2}',
    ],
    ids=["id first", "id last"],
)
def test_overlong_answer_fails_its_request_only(line: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perf_core.server.bridge.channel.LineBuffer", lambda: LineBuffer(limit=1000))
    server, first, second = Server(), Client(), Client()
    server.ask(1, first)
    server.ask(2, second)
    server.say(line)
    assert first.got == []
    ((kind, answer),) = second.got
    assert kind == "fail 500"
    assert f"got one of {len(line)} bytes" in answer["error"]["message"]
    assert server.counts.overlong_lines == 1
    server.say(result(1))
    assert first.got == [("answer", result(1))]


def test_error_without_an_id_is_the_answer_to_the_only_request() -> None:
    server, first, second = Server(), Client(), Client()
    refusal = {"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "no JSON"}}
    server.ask(1, first)
    server.ask(2, second)
    server.say(refusal)
    assert first.got == second.got == [], "nobody knows whose it is"
    server.say(result(2), refusal)
    assert first.got == [("answer", {**refusal, "id": 1})]


def test_overlong_answer_without_a_visible_id_fails_the_only_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perf_core.server.bridge.channel.LineBuffer", lambda: LineBuffer(limit=1000))
    server, client = Server(), Client()
    server.ask(1, client)
    server.say(b'{"result":{"text":"' + b"x" * 5000 + b'"},"id":1,"zzz":"' + b"y" * 500 + b'"}')
    assert [kind for kind, _ in client.got] == ["fail 500"]


def test_request_after_the_end_of_the_server_gets_an_error_at_once() -> None:
    server, client = Server(), Client()
    server.channel.fail_all(500, "it is gone")
    server.ask(1, client)
    ((kind, answer),) = client.got
    assert (kind, answer["id"], answer["error"]["message"]) == ("fail 500", 1, "it is gone")
    assert (server.written, server.channel.pending) == ([], 0)


def test_batch_in_a_batch_is_no_message() -> None:
    server, client = Server(), Client()
    server.ask(1, client)
    server.say([[result(1)]], b"[" * 500 + b"]" * 500)
    assert client.got == []
    assert server.counts.skipped_lines == 2
    server.say([result(1)])
    assert client.got == [("answer", result(1))]
