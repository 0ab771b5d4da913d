"""Tests of the drawn inputs, and of what is a right answer to them."""

from __future__ import annotations

import json
import random

import pytest
from hostile_bodies import BODIES
from hostile_heads import HEADS
from hostile_inputs import ANY, HostileInput, RightAnswer, Target, problem_of, status
from hostile_messages import MESSAGES
from messages import Answer

TARGET = Target(
    token="hostile-token",
    tool="add",
    arguments={"a": 1, "b": 2},
    result={"result": 3},
    other_tools=("add", "divide"),
    good_sessions=["0.good"],
    own_sessions=["0.own"],
    secret=b"g00d",
)
KINDS = {**HEADS, **BODIES, **MESSAGES}


def is_whole(drawn: HostileInput) -> bool:
    # Nobody waits for answers that a client does not want.
    return bool(drawn.pieces) and (drawn.ending == "answers" or not drawn.answers or drawn.answers == (ANY,))


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_drawn_by_its_seed(kind: str) -> None:
    inputs = [KINDS[kind](random.Random(seed), TARGET) for seed in range(8)]
    assert all(map(is_whole, inputs))
    assert any(drawn != inputs[0] for drawn in inputs)
    assert inputs[3] == KINDS[kind](random.Random(3), TARGET)


def test_kinds_of_documents_are_drawn_by_their_seed() -> None:
    hostile_documents = pytest.importorskip("hostile_documents")
    for draw in hostile_documents.DOCUMENTS.values():
        inputs = [draw(random.Random(seed), TARGET) for seed in range(4)]
        assert all(map(is_whole, inputs))
        assert inputs[3] == draw(random.Random(3), TARGET)


def answer(status: int = 200, **message: object) -> Answer:
    return Answer(status, {"content-type": "application/json"}, json.dumps(message).encode())


RIGHT = RightAnswer(frozenset({200}), {"result": 3})
REFUSED = RightAnswer(is_refused=True)


@pytest.mark.parametrize(
    ("right", "given"),
    [
        (ANY, answer(404)),
        (ANY, answer(202)),
        (status(431), answer(431)),
        (RIGHT, answer(result={"structuredContent": {"result": 3}})),
        (REFUSED, answer(result={"isError": True})),
        (REFUSED, answer(400, error={"code": -32600})),
    ],
)
def test_right_answers(right: RightAnswer, given: Answer) -> None:
    assert problem_of(right, given, b"g00d") is None


@pytest.mark.parametrize(
    ("right", "given", "problem"),
    [
        (ANY, answer(500), "a status below 500, got 500"),
        (status(431, 400), answer(200), r"\[400, 431\], got 200"),
        (ANY, answer(scores=["perf-g00d1"]), "nothing of other clients"),
        (ANY, Answer(200, {}, b"x" * 2_000_000), "at most 1,048,576 bytes, got 2,000,000"),
        (RIGHT, answer(result={"structuredContent": {"result": 4}}), "expected {'result': 3}, got"),
        (RIGHT, answer(error={}), "expected {'result': 3}"),
        (RIGHT, Answer(200, {}, b"<html>"), "a JSON-RPC message, got 'None'"),
        (REFUSED, answer(result={"isError": False}), "expected a refusal"),
    ],
)
def test_wrong_answers(right: RightAnswer, given: Answer, problem: str) -> None:
    with pytest.raises(AssertionError, match=problem):
        raise AssertionError(problem_of(right, given, b"g00d"))
