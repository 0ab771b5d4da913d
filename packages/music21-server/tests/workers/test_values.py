"""Values survive the way as bytes, and bytes that were made to do harm do none."""

from __future__ import annotations

import contextlib
import json
import math
import pickle
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pytest

from music21_server.engine.analyses import Answer
from music21_server.engine.jobs import RESULTS
from music21_server.engine.pages import Rows
from music21_server.reading.ingest import DerivedScore
from music21_server.rendering.picture import Picture
from music21_server.score.entry import Entry
from music21_server.workers import values
from music21_server.workers.values import MalformedValueError, decode, encode
from music21_server.writing.exports import Export


@dataclass(frozen=True)
class Leaf:
    size: int
    content: bytes
    share: float = 0.5


@dataclass(frozen=True)
class Tree:
    name: str
    leaves: tuple[Leaf, ...]
    facts: Mapping[str, Any]
    more: Leaf | None = None


KINDS = {"Leaf": Leaf, "Tree": Tree}

ENTRY = Entry("id", "mxl", b"packed", 60, b"columns", {"title": "Song", "notes": 7, "keys": ["C", None]})


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        -(2**70),
        1.5,
        math.inf,
        "",
        "é \ud800 \x00",
        b"",
        b"\x00\xff" * 1000,
        [],
        (),
        {},
        [1, (2.5, [b"a", b"", b"b"]), {"x": {"y": (None,)}}],
        ["bytes", 3],
        ["Leaf", 1, b"x"],
        {"bytes": b"x", "map": {}},
        Leaf(3, b"abc"),
        Tree("t", (Leaf(1, b"a"), Leaf(2, b"bc", 1.0)), {"n": 1, "l": [1, 2]}, Leaf(0, b"")),
        Tree("t", (), {}),
    ],
)
def test_values_arrive_as_they_were(value: Any) -> None:
    arrived = decode(encode(value), KINDS)
    assert arrived == value
    assert type(arrived) is type(value)


@pytest.mark.parametrize(
    "result",
    [
        ENTRY,
        Answer(b"{}", Rows((b"one", b"two"), 300)),
        Answer(b"{}", None),
        Export(b"%PDF", "application/pdf"),
        Picture(b"<svg/>", "image/svg+xml", 10, 20, "1", "4", (0, 2)),
        DerivedScore(ENTRY, {"remarks": ["none"], "cost": 2.5, "checks": {"fifths": 0}}),
    ],
)
def test_every_result_of_the_engine_arrives_as_it_was(result: Any) -> None:
    assert decode(encode(result), {kind.__name__: kind for kind in RESULTS}) == result


def test_any_mapping_is_a_dictionary_and_any_bytes_are_bytes() -> None:
    assert decode(encode(MappingProxyType({"a": 1})), {}) == {"a": 1}
    assert type(decode(encode(bytearray(b"abc")), {})) is bytes


@pytest.mark.parametrize("value", [object(), {1: "x"}, {1, 2}, Leaf, print, 1j])
def test_what_is_not_plain_is_refused_by_the_sender(value: Any) -> None:
    with pytest.raises(TypeError, match="expected"):
        encode(value)


def test_what_contains_itself_or_is_too_long_is_refused_by_the_sender() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(ValueError, match="does not contain itself"):
        encode(endless)
    with pytest.raises(ValueError, match=r"at most 4,194,304 bytes of text.*return long texts"):
        encode("x" * 5_000_000)
    assert len(encode(b"x" * 5_000_000)) < 5_000_100


def described(text: Any, byte_strings: bytes = b"") -> bytes:
    packed = json.dumps(text).encode()
    return struct.pack("!I", len(packed)) + packed + byte_strings


class Attack:
    def __reduce__(self) -> tuple[Any, ...]:
        return exec, ("raise SystemExit('code of a pickle has run')",)


@pytest.mark.parametrize(
    ("encoded", "reason"),
    [
        (b"", "unpack"),
        (b"\x00\x00", "unpack"),
        (pickle.dumps(Attack()), "bytes"),
        (struct.pack("!I", 2**32 - 1), "a text of 4,294,967,295 bytes"),
        (struct.pack("!I", 100) + b"[]", "unpack"),
        (struct.pack("!I", 4) + b"\xff\xfe\x00\x01", "codec|decode|Expecting"),
        (described([]), "unpack"),
        (described({}), "an object without a kind"),
        (described(["list", {"a": 1}]), "an object without a kind"),
        (described(["map", [1]]), "a map without keys"),
        (described(["map"]), "unpack"),
        (described(["map", {}, {}]), "unpack"),
        (described(["bytes", 1]), "0 bytes where 1 should be"),
        (described(["bytes", -1], b"abc"), "3 bytes where -1 should be"),
        (described(["bytes", 1.5], b"abc"), "."),
        (described(["bytes", "1"], b"abc"), "."),
        (described(["bytes", 1], b"abc"), "2 bytes after it"),
        (described(None, b"abc"), "3 bytes after it"),
        (described(["os.system", "true"]), "os.system"),
        (described(["Popen", "true"]), "Popen"),
        (described([["Leaf"], 1]), "unhashable|."),
        (described(["Leaf", 1]), "zip|shorter"),
        (described(["Leaf", 1, ["bytes", 0], 1.0, 2]), "zip|longer"),
        (described(["Leaf", "1", ["bytes", 0], 1.0]), "valid integer"),
        (described(["Leaf", True, ["bytes", 0], 1.0]), "valid integer"),
        (described(["Leaf", 1, "text", 1.0]), "valid bytes"),
        (described(["Leaf", 1, ["bytes", 0], None]), "valid number"),
        (described(["Tree", "t", ["tuple", 1], ["map", {}], None]), "Leaf"),
        (described(["Tree", "t", ["list"], ["map", {}], None]), "valid tuple"),
        (struct.pack("!I", 200_000) + b"[" * 100_000 + b"]" * 100_000, "."),
        (struct.pack("!I", 5_000) + b"9" * 5_000, "digits"),
    ],
)
def test_other_bytes_are_refused(encoded: bytes, reason: str) -> None:
    with pytest.raises(MalformedValueError, match=rf"(?s)got .*(?:{reason})"):
        decode(encoded, KINDS)


def test_every_damage_is_told_as_such() -> None:
    whole = encode(Tree("t", (Leaf(1, b"a"), Leaf(2, b"bc")), {"n": 1, "l": [1, 2]}))
    for place in range(len(whole)):
        for other in (0, 0x5D, 0xFF):
            damaged = whole[:place] + bytes([other]) + whole[place + 1 :]
            with contextlib.suppress(MalformedValueError):
                decode(damaged, KINDS)  # the damage may have made another value
        with pytest.raises(MalformedValueError):
            decode(whole[:place], KINDS)


def test_deeply_nested_values_are_refused_at_either_end() -> None:
    deep: list[Any] = []
    for _ in range(200_000):
        deep = [deep]
    with pytest.raises(ValueError, match="contain itself"):
        encode(deep)
    while deep:  # freed level by level
        deep = deep[0]


def test_checks_of_a_class_are_made_once() -> None:
    assert values._checks(Leaf) is values._checks(Leaf)
