"""Expectations as strict as the answers on the idle server were stable."""

from __future__ import annotations

import json

import pytest

from perf_core import Expectation
from perf_core.targets.discovery.oracle import Judgement, judge
from perf_core.testing import meets


def text(*texts: str, **more: object) -> dict:
    return {"content": [{"type": "text", "text": each} for each in texts], **more}


def structured(value: dict) -> dict:
    return text(json.dumps(value), structuredContent=value)


PICTURE = {"type": "image", "data": "aGk=", "mimeType": "image/png"}


@pytest.mark.parametrize(
    ("answer", "expect"),
    [
        (structured({"result": 5}), Expectation.result({"result": 5})),
        (text("42"), Expectation.text("42")),
        (text("a", "b"), Expectation.whole(text("a", "b"))),
        ({"content": [PICTURE]}, Expectation.whole({"content": [PICTURE]})),
        ({"content": []}, Expectation.whole({"content": []})),
        (text("a", structuredContent={}), Expectation.whole(text("a", structuredContent={}))),
    ],
)
def test_same_answer_is_expected_whole(answer: dict, expect: Expectation) -> None:
    assert judge([answer] * 3) == Judgement(expect, "exact")


def test_protocol_members_may_differ() -> None:
    answers = [text("42", resultType="complete", ttlMs=number) for number in range(3)]
    assert judge(answers).strictness == "exact"


def test_stable_members_are_expected() -> None:
    answers = [structured({"city": "Oslo", "degrees": n, "unit": "C"}) for n in (1, 2, 3)]
    assert judge(answers) == Judgement(Expectation.members({"city": "Oslo", "unit": "C"}), "members")


def test_stable_parts_of_members_are_expected_by_pointer() -> None:
    answers = [structured({"result": {"id": "u-1", "seen": n}}) for n in (1, 2, 3)]
    assert judge(answers) == Judgement(Expectation.paths({"/structuredContent/result/id": "u-1"}), "members")


def test_stable_members_of_json_in_a_text_are_expected() -> None:
    answers = [text(json.dumps({"id": 7, "seen": n})) for n in (1, 2, 3)]
    assert judge(answers) == Judgement(Expectation.json({"id": 7}), "members")
    nested = [text(json.dumps({"a": {"id": 7, "seen": n}})) for n in (1, 2, 3)]
    assert judge(nested) == Judgement(Expectation.paths({"/content/0/text/a/id": 7}), "members")
    listed = [text(json.dumps([{"id": 7, "seen": n}])) for n in (1, 2, 3)]
    assert judge(listed) == Judgement(Expectation.paths({"/content/0/text/0/id": 7}), "members")


def test_stable_block_beside_a_varying_one_is_expected() -> None:
    answers = [text("header of all", f"{n}") for n in (1, 2, 3)]
    (value,) = judge(answers).expect.value.values()
    assert value == {"type": "text", "text": "header of all"}


def test_stable_piece_of_a_text_is_expected() -> None:
    answers = [text(f"Weather of Oslo now: {n} degrees") for n in (1, 2, 3)]
    assert judge(answers) == Judgement(Expectation.contains("Weather of Oslo now: "), "members")


def test_piece_that_only_this_call_has_is_preferred() -> None:
    answers = [text(f"city Oslo: {n} degrees, measured just now") for n in (1, 2, 3)]
    others = ["city Rome: 5 degrees, measured just now"]
    assert judge(answers).expect == Expectation.contains(" degrees, measured just now")
    assert judge(answers, others).expect == Expectation.contains("city Oslo: ")


def test_types_are_expected_where_no_value_is_stable() -> None:
    answers = [structured({"value": n}) for n in (1, 2, 3)]
    assert judge(answers) == Judgement(
        Expectation.shape({"structuredContent": {"value": "number"}}), "schema"
    )
    names_only = [text(json.dumps({"temperature": n})) for n in (11, 22, 33)]
    assert judge(names_only).strictness == "schema"


def test_piece_of_a_text_beside_structured_content_is_expected() -> None:
    answers = [
        text(f"size: 6\naccessed: {n} s ago", structuredContent={"content": f"size: 6, {n}"})
        for n in (1, 2, 3)
    ]
    assert judge(answers) == Judgement(Expectation.contains("size: 6\naccessed: "), "members")


def test_nothing_is_expected_where_nothing_is_stable() -> None:
    assert judge([text("abcdef"), text("ghijkl"), text("mnopqr")]) == Judgement(
        Expectation.anything(), "no error", "nothing in the answers is stable"
    )
    assert judge([text("a"), {"content": [PICTURE]}]).strictness == "no error"


def test_secret_is_never_expected() -> None:
    secret = "s3cr3t-t0ken"
    assert judge([text(f"token {secret}")] * 3, secrets=[secret]) == Judgement(
        Expectation.anything(), "no error", "the answers hold a secret"
    )
    judged = judge([structured({"token": secret, "n": 1})] * 3, secrets=[secret])
    assert judged.strictness == "schema"
    assert secret not in json.dumps(judged.expect.value)


def test_large_answer_is_expected_in_part() -> None:
    judged = judge([text("word " * 50_000)] * 3)
    assert judged.strictness == "members"
    assert judged.expect.kind == "contains"
    assert len(str(judged.expect.value)) < 2000
    large = structured({"all": "word " * 50_000, "id": 7})
    assert judge([large] * 3).strictness in {"members", "schema"}


@pytest.mark.parametrize(
    "answers",
    [
        [structured({"result": 5})] * 3,
        [text("42")] * 3,
        [text("a", "b")] * 3,
        [structured({"city": "Oslo", "degrees": n}) for n in (1, 2, 3)],
        [structured({"result": {"id": "u-1", "seen": n}}) for n in (1, 2, 3)],
        [text(json.dumps({"id": 7, "seen": n})) for n in (1, 2, 3)],
        [text(json.dumps([{"id": 7, "seen": n}])) for n in (1, 2, 3)],
        [text(f"Weather of Oslo now: {n} degrees") for n in (1, 2, 3)],
        [structured({"value": n, "list": list(range(n))}) for n in (0, 2, 3)],
        [structured({"a/b": 1, "c~d": 2, "e": n}) for n in (1, 2, 3)],
        [text("header of all", f"{n}") for n in (1, 2, 3)],
        [text("x")] * 2 + [{"content": []}],
    ],
)
def test_every_answer_meets_what_was_drawn_from_it(answers: list[dict]) -> None:
    expect = judge(answers).expect
    assert all(meets(expect, answer) for answer in answers)
