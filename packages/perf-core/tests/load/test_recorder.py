"""The receiver of k6's metrics."""

from __future__ import annotations

import socket
import struct
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from remote_write_messages import counter, message

from perf_core.analysis.series import read_recording
from perf_core.load.recorder import Recorder


def post(url: str, body: bytes) -> int:
    return httpx2.post(url, content=body, trust_env=False).status_code


def test_messages_are_written_at_once(tmp_path: Path) -> None:
    path = tmp_path / "recording.ndjson"
    with Recorder(path, 0.2) as recorder:
        url = recorder.env()["K6_PROMETHEUS_RW_SERVER_URL"]
        assert post(url, message(counter("http_reqs", 5))) == 204
        (period,) = read_recording(path.read_text(encoding="utf-8").splitlines())
    assert period.value("http_reqs", "count") == 5


def test_nobody_else_can_write(tmp_path: Path) -> None:
    path = tmp_path / "recording.ndjson"
    with Recorder(path, 0.2) as recorder:
        url = recorder.env()["K6_PROMETHEUS_RW_SERVER_URL"]
        assert post(url + "x", message(counter("http_reqs", 5))) == 404
        assert post(url, b"no message") == 400
        assert post(url, b"") == 413
    assert list(read_recording(path.read_text(encoding="utf-8").splitlines())) == []


def test_k6_that_was_ended_in_a_message_leaves_no_trace(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Recorder(tmp_path / "recording.ndjson", 0.2) as recorder:
        url = urlsplit(recorder.env()["K6_PROMETHEUS_RW_SERVER_URL"])
        with socket.create_connection((url.hostname, url.port), timeout=10) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.sendall(f"POST {url.path} HTTP/1.1\r\nContent-Length: 100\r\n\r\n".encode())
        assert post(url.geturl(), message(counter("http_reqs", 5))) == 204
    assert capsys.readouterr() == ("", "")


def test_the_period_is_that_of_k6(tmp_path: Path) -> None:
    with Recorder(tmp_path / "recording.ndjson", 0.2) as recorder:
        assert recorder.env()["K6_PROMETHEUS_RW_PUSH_INTERVAL"] == "200ms"


def test_it_must_run_before_k6_is_told_of_it(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="enter the context manager first"):
        Recorder(tmp_path / "recording.ndjson", 0.2).env()
