"""Answers are read as answers or not at all."""

from __future__ import annotations

import asyncio
import math
import os
from typing import Any

import pytest

import music21_server.server  # noqa: F401 - imports every error of the server
from music21_server.errors import ScoreError, UnreadableScoreError
from music21_server.score.codec import DamagedColumnsError
from music21_server.workers import values
from music21_server.workers.deadlines import Deadline
from music21_server.workers.errors import WorkFailedError
from music21_server.workers.messages import (
    LENGTH,
    AnswerReader,
    Done,
    Failed,
    OutOfMemory,
    Ready,
    Refused,
    Task,
    pack,
    pack_task,
    refusal,
    send_answer,
    unpack_task,
)
from music21_server.workers.outcomes import result_of
from music21_server.workers.progress import Progress
from music21_server.workers.values import MalformedValueError

READER = AnswerReader((), most_bytes=1_000)


def read(message: bytes, *, length: int | None = None) -> Any:
    async def answer() -> Any:
        stream = asyncio.StreamReader()
        stream.feed_data(LENGTH.pack(len(message) if length is None else length) + message)
        stream.feed_eof()
        return await READER.read(stream)

    return asyncio.run(answer())


@pytest.mark.parametrize(
    "answer",
    [
        Ready("no_new_privs"),
        Progress(1.0, 3.0, "reading"),
        Deadline(20.0, "conversion_timeout_s", "Send less."),
        Done({"key": "C major", "picture": b"png"}, has_outgrown=True),
        Refused(("music21_server.errors.ScoreError",), "Expected a score."),
        OutOfMemory(),
        Failed("Traceback"),
    ],
)
def test_answers_arrive_as_they_were(answer: Any) -> None:
    assert read(pack(answer)) == answer


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (values.encode({"result": 1}), "expected an answer, got a dict"),
        (values.encode(None), "expected an answer, got a NoneType"),
        (pack(Progress(math.nan, 1.0, "")), "finite numbers"),
        (pack(Deadline(math.inf)), "finite numbers"),
        (b"\x00\x00\x00\x04[1,2", "expected a value"),
        (b"x" * 1_001, "at most 1,000 bytes, got 1,001"),
    ],
)
def test_anything_else_is_refused(message: bytes, reason: str) -> None:
    with pytest.raises(MalformedValueError, match=reason):
        read(message)


def test_an_answer_without_end_is_refused_before_it_is_read() -> None:
    with pytest.raises(MalformedValueError, match="at most 1,000 bytes"):
        read(b"", length=1 << 63)


def test_an_answer_that_is_cut_off_is_told_as_such() -> None:
    with pytest.raises(asyncio.IncompleteReadError):
        read(b"half", length=100)


def test_tasks_arrive_as_they_were() -> None:
    task = Task(2.0, math.gcd, (12, 18), is_followed=True)
    assert unpack_task(bytearray(pack_task(task))) == task


@pytest.mark.parametrize("function", [lambda: None, object().__init__, iter([1]).__next__])
def test_a_task_that_cannot_be_pickled_is_a_type_error_in_every_python(function: Any) -> None:
    class Local:
        """A class that pickle cannot find."""

    with pytest.raises(TypeError, match="top level of a module"):
        pack_task(Task(1.0, function, (Local(),), is_followed=False))


def errors_of_the_server() -> list[type[ScoreError]]:
    kinds, waiting = [], [ScoreError]
    while waiting:
        kind = waiting.pop()
        if kind.__module__.startswith("music21_server."):
            kinds.append(kind)
            waiting += kind.__subclasses__()
    return sorted(kinds, key=lambda kind: kind.__qualname__)


@pytest.mark.parametrize("kind", errors_of_the_server())
def test_every_error_for_the_caller_is_raised_again(kind: type[ScoreError]) -> None:
    with pytest.raises(kind, match="Expected a score") as caught:
        result_of(read(pack(refusal(kind("Expected a score.")))), 0)
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("somewhere.Own", "music21_server.errors.UnreadableScoreError"), UnreadableScoreError),
        (("os.system", "builtins.SystemExit", "builtins.exec"), ScoreError),
        ((), ScoreError),
        (("music21_server.score.codec.DamagedColumnsError",), DamagedColumnsError),
    ],
)
def test_no_class_is_imported_for_a_worker(names: tuple[str, ...], expected: type[ScoreError]) -> None:
    with pytest.raises(ScoreError, match="text") as caught:
        result_of(Refused(names, "text"), 0)
    assert type(caught.value) is expected


def test_an_answer_at_the_wrong_time_is_a_bug() -> None:
    with pytest.raises(WorkFailedError):
        result_of(Ready(""), 0)


def test_long_answers_are_written_whole() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as pipe:
        send_answer(writing, b"x" * 1_000)
        os.close(writing)
        assert pipe.read() == LENGTH.pack(1_000) + b"x" * 1_000
