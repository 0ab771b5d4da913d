"""Standard error of the servers goes into the log, each line with the server's number."""

import asyncio
import os
from pathlib import Path

import pytest

from perf_core.server.bridge.server_log import ServerLog, StderrLines


def logged(path: Path, chunks: list[tuple[str, bytes]]) -> tuple[str, dict[str, StderrLines]]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    lines: dict[str, StderrLines] = {}

    async def run() -> None:
        log = ServerLog(descriptor)
        for name, chunk in chunks:
            lines.setdefault(name, StderrLines(log, name)).feed(chunk)
        for each in lines.values():
            each.close()
        log.note("done")
        log.flush()

    try:
        asyncio.run(run())
    finally:
        os.close(descriptor)
    return path.read_text(errors="replace"), lines


def test_lines_of_several_children_stay_whole(tmp_path: Path) -> None:
    chunks = [
        ("child 1", b"one\ntw"),
        ("child 2", b"eins\r\n"),
        ("child 1", b"o\nthr"),
        ("child 2", b"\xff\n"),
    ]
    text, lines = logged(tmp_path / "log", chunks)
    assert text.splitlines() == [
        "[child 1] one",
        "[child 2] eins",
        "[child 1] two",
        "[child 2] \ufffd",
        "[child 1] thr",
        "[bridge] done",
    ]
    assert lines["child 1"].tail() == "one\ntwo\nthr"


def test_line_without_an_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    text, lines = logged(tmp_path / "log", [("child 1", b"x" * 50_000)] * 4)
    assert [len(line) for line in text.splitlines()] == [100_010, 100_010, 13]
    assert len(lines["child 1"].tail()) == 200_001


def test_log_that_cannot_be_written_is_no_error() -> None:
    async def run() -> None:
        log = ServerLog(reader)
        log.note("lost")
        log.flush()

    reader, writer = os.pipe()
    try:
        asyncio.run(run())
    finally:
        os.close(reader)
        os.close(writer)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.write(reader, b"")
