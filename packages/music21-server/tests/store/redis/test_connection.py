"""Connections to Redis that fail, are refused or do not respond, and what people are told."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import redis
from redis.connection import AbstractConnection
from redis_samples import Make
from store_samples import entry

from music21_server.errors import StoreUnavailableError, UnknownScoreError
from music21_server.store.redis import connection
from music21_server.store.redis.connection import RedisConnection

pytestmark = pytest.mark.process


def test_the_store_recovers_when_redis_starts_late_stops_and_restarts(
    start_redis: Any, opened: Make, no_pause: None, caplog: pytest.LogCaptureFixture
) -> None:
    server = start_redis()
    server.stop()
    caplog.set_level(logging.INFO, "music21_server")
    store = opened(server.url)
    calls: list[Callable[[], object]] = [
        lambda: store.put("o", entry(), name="x"),
        lambda: store.get("o", "x"),
        lambda: store.scores("o"),
        lambda: store.delete("o", "x"),
        lambda: store.delete_all("o"),
        store.sweep,
        store.figures,
        store.check,
    ]
    for call in calls:
        with pytest.raises(
            StoreUnavailableError,
            match=r"The score store \(Redis at .*\) cannot be reached .*try again",
        ):
            call()
    assert caplog.text.count("cannot be reached") == 1, "logged once, not at every call"
    server.start()
    store.check()
    store.put("o", entry(), name="x")
    assert "responds" in caplog.text
    server.stop()
    with pytest.raises(StoreUnavailableError):
        store.get("o", "x")
    assert caplog.text.count("cannot be reached") == 2
    server.start()
    with pytest.raises(UnknownScoreError, match=r"Redis was restarted without its data or emptied"):
        store.get("o", "x")
    assert "has lost its data" in caplog.text
    assert store.put("o", entry(), name="x").name == "x"
    assert store.get("o", "x") == entry()


def test_a_connection_closed_while_idle_causes_no_error(make: Make, raw: Any) -> None:
    store = make()
    store.put("o", entry(), name="x")
    raw.client_kill_filter(skipme=True, _type="normal")
    assert store.get("o", "x") == entry()


def test_a_connection_that_closes_during_use_causes_no_error(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make()
    store.put("o", entry(), name="x")
    send, failures = AbstractConnection.send_packed_command, ["once"]

    def fail_once(self: AbstractConnection, *arguments: Any, **named: Any) -> Any:
        if failures:
            raise redis.ConnectionError(failures.pop())
        return send(self, *arguments, **named)

    monkeypatch.setattr(AbstractConnection, "send_packed_command", fail_once)
    assert store.get("o", "x") == entry()
    assert failures == []


def test_after_a_timeout_calls_fail_at_once_until_the_pause_is_over(
    start_redis: Any, opened: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_RESPONSE_TIMEOUT_S", 1.0)  # enough for Redis on a busy machine
    monkeypatch.setattr(connection, "_RETRY_PAUSE_S", 1_000.0)
    server = start_redis()
    store = opened(server.url)
    store.put("o", entry(), name="x")
    os.kill(server.process.pid, signal.SIGSTOP)
    began_s = time.monotonic()
    with pytest.raises(StoreUnavailableError, match="cannot be reached"):
        store.get("o", "x")
    assert 0.9 < time.monotonic() - began_s < 30
    os.kill(server.process.pid, signal.SIGCONT)
    with pytest.raises(StoreUnavailableError, match="cannot be reached"):
        store.get("o", "x")  # fails without calling Redis, which would respond now
    monkeypatch.setattr(store._connection, "_refused_until_s", 0.0)
    assert store.get("o", "x") == entry()


def test_after_a_pause_one_call_tests_the_connection_and_the_others_fail_at_once(
    monkeypatch: pytest.MonkeyPatch, no_pause: None
) -> None:
    tested = RedisConnection("redis://127.0.0.1:1")
    monkeypatch.setattr(connection, "_CONNECT_TIMEOUT_S", 1_000.0)
    with pytest.raises(StoreUnavailableError):
        tested.call(lambda client: client.ping())
    is_waiting, may_end = threading.Event(), threading.Event()

    def wait_in_vain(_client: Any) -> None:
        is_waiting.set()
        assert may_end.wait(30)
        raise redis.TimeoutError("no response")

    def call() -> None:
        with pytest.raises(StoreUnavailableError, match="no response"):
            tested.call(wait_in_vain)
        ended.append(True)

    ended: list[bool] = []
    commands: list[Any] = []
    thread = threading.Thread(target=call)
    thread.start()
    assert is_waiting.wait(30)
    for _ in range(5):
        with pytest.raises(StoreUnavailableError):
            tested.call(commands.append)
    assert (commands, ended) == ([], [])
    may_end.set()
    thread.join()
    assert ended == [True]
    tested.call(commands.append)
    assert len(commands) == 1


@pytest.mark.parametrize("user", ["", ":wrong-hunter2@"])
def test_a_wrong_password_is_reported_and_never_shown(
    start_redis: Any, opened: Make, caplog: pytest.LogCaptureFixture, user: str
) -> None:
    server = start_redis("--requirepass", "right-hunter2")
    store = opened(server.url.replace("unix://", f"unix://{user}"))
    with pytest.raises(StoreUnavailableError, match=r"refuses this server.*setting store_url") as caught:
        store.get("o", "x")
    assert "hunter2" not in f"{caught.value}{caplog.text}"
    right = opened(server.url.replace("unix://", "unix://:right-hunter2@"))
    assert right.put("o", entry(), name="x").name == "x"


def test_a_password_that_an_error_repeats_is_not_shown() -> None:
    connection = RedisConnection("redis://user:a%2Fsecret@nowhere:1")

    def repeat(_client: Any) -> None:
        raise redis.exceptions.ResponseError("unknown command AUTH, with args beginning with: a/secret")

    with pytest.raises(StoreUnavailableError, match="with args beginning with: …") as caught:
        connection.call(repeat)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert connection.address == "Redis at nowhere:1"


def test_any_other_error_of_redis_is_reported_and_logged_once(
    start_redis: Any, opened: Make, caplog: pytest.LogCaptureFixture
) -> None:
    store = opened(start_redis("--rename-command", "EVALSHA", "").url)
    with pytest.raises(StoreUnavailableError, match=r"with an error: .*EVALSHA.*Nothing has been changed"):
        store.put("o", entry(), name="x")
    with pytest.raises(StoreUnavailableError, match="with an error"):
        store.put("o", entry(), name="x")
    assert caplog.text.count("responds with an error") == 1
