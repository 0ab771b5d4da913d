"""The expected answer of a call under load: as strict as its answers on the idle server were stable."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from perf_core.adapter import PROTOCOL_MEMBERS, Expectation
from perf_core.load.answers import meets
from perf_core.server.checks import Strictness
from perf_core.server.credentials.masking import masked
from perf_core.targets.discovery.calls import texts_of
from perf_core.targets.discovery.stable import (
    container_in,
    same,
    says_something,
    shape_of,
    stable_parts,
    stable_pieces,
)

_LARGEST_EXPECTED = 100_000
"""Characters of the largest answer that is expected whole: the plan has it once for each journey."""

_TEXT = "/content/0/text"
_CONTENT_VALUES = ("/text", "/data", "/uri", "/blob", "/resource")
"""Members of content blocks that are content; the others are about it."""


@dataclass(frozen=True)
class Judgement:
    """Expected answer of a call, and how strict that is.

    Attributes:
        unchecked: Why nothing but an error can be noticed, such as "the answers hold a secret"; empty if more
            can.
    """

    expect: Expectation
    strictness: Strictness
    unchecked: str = ""


def judge(
    answers: Sequence[Mapping[str, Any]], others: Sequence[str] = (), secrets: Sequence[str] = ()
) -> Judgement:
    """Return what to expect of a call.

    Args:
        answers: Results of the same call, of at least two sessions, with the results that the same call would
            have at another time (:mod:`perf_core.targets.discovery.clock`).
        others: Texts of the answers to other calls of the same tool: a part that only this call's answers
            have shows an answer that was meant for another call.
        secrets: Texts that must not be written into a plan.

    Example::

        judge([{"content": [{"type": "text", "text": "42"}]}] * 3).expect     # Expectation.text("42")
    """
    contents = [_content(answer) for answer in answers]
    judgement = None
    holds_secret = _holds_secret(answers, secrets)
    if not holds_secret:
        if same(contents) and len(json.dumps(contents[0])) <= _LARGEST_EXPECTED:
            judgement = Judgement(_whole(answers[0]), "exact")
        else:
            judgement = _by_parts(contents, others)
    judgement = judgement or _by_shape(contents)
    # Members that are named like array indices, for example, cannot be told apart from those by a pointer.
    is_met = all(meets(judgement.expect, answer) for answer in answers)
    if is_met and judgement.strictness != "no error":
        return judgement
    if holds_secret:
        unchecked = "the answers hold a secret"
    elif same(contents):
        unchecked = "the answers are always the same, but cannot be compared"
    else:
        unchecked = "nothing in the answers is stable"
    return Judgement(Expectation.anything(), "no error", unchecked)


def _holds_secret(answers: Sequence[Mapping[str, Any]], secrets: Sequence[str]) -> bool:
    texts = [json.dumps(answer, ensure_ascii=False) for answer in answers]
    return any(masked(text, secrets) != text for text in texts)


def _content(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name not in {*PROTOCOL_MEMBERS, "isError"}}


def _whole(answer: Mapping[str, Any]) -> Expectation:
    """Return the cheapest check of the whole answer: servers repeat structured content as text."""
    structured, blocks = answer.get("structuredContent"), answer.get("content") or []
    is_text = len(blocks) == 1 and isinstance(blocks[0], Mapping) and blocks[0].get("type") == "text"
    if structured and (is_text or not blocks):
        return Expectation.result(structured)
    if is_text and structured is None and isinstance(blocks[0].get("text"), str):
        return Expectation.text(blocks[0]["text"])
    return Expectation.whole(answer)


def _by_parts(contents: Sequence[Mapping[str, Any]], others: Sequence[str]) -> Judgement | None:
    structured = _structured(contents)
    if structured:
        parts = stable_parts(structured)
        if parts and _is_short(parts):
            return Judgement(_members_or_paths(parts, "/structuredContent"), "members")
    parts = stable_parts([content.get("content") for content in contents], "/content")
    telling = {place: value for place, value in parts.items() if _is_content(place, value)}
    if telling and _is_short(telling):
        return Judgement(_json_or_paths(telling), "members")
    piece = _by_piece(contents, others)
    # The types of structured content say more than the names of its members.
    return None if structured and piece is not None and piece.strictness == "schema" else piece


def _structured(contents: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the structured content of all answers; nothing if one has none."""
    structured = [content.get("structuredContent") for content in contents]
    objects = [each for each in structured if isinstance(each, Mapping) and each]
    return objects if len(objects) == len(structured) else []


def _is_content(place: str, value: JsonValue) -> bool:
    """Return whether a part is content: all of a block, or a member that holds it."""
    of_block = f"/{place.split('/', 3)[3]}" if place.count("/") > 2 else ""
    return (not of_block or of_block.startswith(_CONTENT_VALUES)) and says_something(value)


def _is_short(parts: Mapping[str, JsonValue]) -> bool:
    return len(json.dumps(parts)) <= _LARGEST_EXPECTED


def _members_or_paths(parts: Mapping[str, JsonValue], prefix: str) -> Expectation:
    names = [place[1:] for place in parts]
    if any("/" in name or "~" in name or not name for name in names):
        return Expectation.paths({f"{prefix}{place}": value for place, value in parts.items()})
    return Expectation.members(dict(zip(names, parts.values(), strict=True)))


def _json_or_paths(parts: Mapping[str, JsonValue]) -> Expectation:
    names = [place.removeprefix(f"{_TEXT}/") for place in parts if place.startswith(f"{_TEXT}/")]
    if len(names) == len(parts) and not any("/" in name or "~" in name or name.isdigit() for name in names):
        return Expectation.json(dict(zip(names, parts.values(), strict=True)))
    return Expectation.paths(parts)


def _by_piece(contents: Sequence[Mapping[str, Any]], others: Sequence[str]) -> Judgement | None:
    """Return the expectation of a text of which only pieces are stable."""
    texts = [next(texts_of(content), "") for content in contents]
    if not all(texts):
        return None
    pieces = stable_pieces(texts)
    if not pieces:
        return None
    own = [piece for piece in pieces if not any(piece in text for text in others)]
    # All that is stable in varying JSON is the names of its members.
    is_json = all(container_in(text) is not None for text in texts)
    return Judgement(Expectation.contains((own or pieces)[0]), "schema" if is_json else "members")


def _by_shape(contents: Sequence[Mapping[str, Any]]) -> Judgement:
    structured = _structured(contents)
    if structured:
        return Judgement(Expectation.shape({"structuredContent": shape_of(structured)}), "schema")
    return Judgement(Expectation.anything(), "no error")
