"""Tests of command line, socket, ready file and handicap of the reference servers in Python."""

import json
import random
import socket
import time
from pathlib import Path

import pytest

from lab_references.serving import Handicap, Options, burn, listen, parse_options


def test_options_default_to_a_free_port_and_no_handicap() -> None:
    assert parse_options("A server.", []) == Options(port=0, ready_file=None, handicap=Handicap())


def test_options_are_parsed() -> None:
    arguments = ["--port", "8123", "--ready-file", "ready.json", "--burn-us", "50"]
    assert parse_options("A server.", arguments) == Options(8123, Path("ready.json"), Handicap(50))
    arguments = ["--slow-share", "0.02", "--slow-us", "5000", "--wrong-share", "0.5"]
    assert parse_options("A server.", arguments).handicap == Handicap(0, 0.02, 5000, 0.5)


@pytest.mark.parametrize("text", ["-0.1", "1.1", "many", "nan", ""])
def test_shares_are_from_0_to_1(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_options("A server.", [f"--wrong-share={text}"])
    assert f"expected a share from 0 to 1, got {text!r}" in capsys.readouterr().err


def test_handicap_of_a_share_affects_that_share(monkeypatch: pytest.MonkeyPatch) -> None:
    random.seed(2)
    waits_s: list[float] = []
    monkeypatch.setattr(time, "sleep", waits_s.append)
    handicap = Handicap(slow_share=0.02, slow_us=5000, wrong_share=0.005)
    results = []
    for _ in range(20_000):
        handicap.delay()
        results.append(handicap.result(3.0))
    assert set(waits_s) == {0.005}
    assert 330 < len(waits_s) < 470
    assert set(results) == {3.0, 4.0}
    assert 70 < results.count(4.0) < 130


@pytest.mark.parametrize("text", ["-1", "0.5", "many", ""])
def test_burn_must_be_a_whole_number(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse_options("A server.", [f"--burn-us={text}"])
    assert ended.value.code == 2
    assert f"expected a whole number of µs, 0 or more, got {text!r}" in capsys.readouterr().err


def test_ready_file_has_the_url_of_the_listening_socket(tmp_path: Path) -> None:
    ready_file = tmp_path / "ready.json"
    with listen(Options(0, ready_file)) as listener:
        port = listener.getsockname()[1]
        assert json.loads(ready_file.read_text())["url"] == f"http://127.0.0.1:{port}/mcp"
        assert list(tmp_path.iterdir()) == [ready_file]
        socket.create_connection(("127.0.0.1", port), timeout=5).close()


def test_connections_have_the_protocol_tcp(tmp_path: Path) -> None:
    # asyncio turns Nagle's algorithm off only for this protocol; the algorithm costs 40 ms per response.
    with listen(Options(0, None)) as listener:
        client = socket.create_connection(listener.getsockname(), timeout=5)
        connection, _ = listener.accept()
        assert connection.proto == socket.IPPROTO_TCP
        connection.close()
        client.close()


def test_burn_spends_the_requested_cpu_time_and_little_more() -> None:
    before_ns = time.thread_time_ns()
    burn(20_000)
    spent_us = (time.thread_time_ns() - before_ns) / 1000
    assert 20_000 <= spent_us < 40_000


def test_no_burn_spends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(time, "thread_time_ns")
    burn(0)
