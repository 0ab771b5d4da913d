"""Encoded scores are decoded unchanged; other bytes are an error."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from music21_server.score.codec import DamagedColumnsError, decode, encode
from music21_server.score.table import (
    ChordSymbol,
    Fermata,
    KeyChange,
    NoteTable,
    Part,
    Score,
    TempoChange,
    TimeChange,
    Transposition,
)

INT64 = st.integers(-(2**63), 2**63 - 1)
NUMBERS = st.one_of(st.integers(0, 5), st.integers(-300, 300), st.integers(-70_000, 70_000), INT64)
TEXT = st.text(max_size=8)


def array(draw: st.DrawFn, count: int) -> np.ndarray:
    # One range per column; otherwise nearly all columns would need the widest integers.
    numbers = draw(st.sampled_from([st.just(0), st.integers(0, 255), st.integers(-129, 127), NUMBERS]))
    return np.array(draw(st.lists(numbers, min_size=count, max_size=count)), dtype=np.int64)


def rows(kind: Any, *columns: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(st.builds(kind, *columns), max_size=4).map(tuple)


@st.composite
def scores(draw: st.DrawFn) -> Score:
    count = draw(st.integers(0, 20))
    columns: dict[str, Any] = {}
    for field in fields(NoteTable):
        if field.name in ("grace", "cue"):
            columns[field.name] = np.array(
                draw(st.lists(st.booleans(), min_size=count, max_size=count)), dtype=bool
            )
        elif field.name != "ticks_per_quarter":
            columns[field.name] = array(draw, count)
    parts = draw(rows(Part, TEXT, TEXT, INT64, rows(Transposition, INT64, INT64, INT64)))
    measures = draw(st.integers(0, 4))
    return Score(
        title=draw(TEXT),
        composer=draw(TEXT),
        parts=parts,
        notes=NoteTable(**columns, ticks_per_quarter=draw(st.integers(1, 2**40))),
        measure_numbers=tuple(draw(st.lists(TEXT, max_size=4))),
        measure_ticks=array(draw, measures),
        own_ticks=array(draw, measures * len(parts)).reshape(len(parts), measures),
        keys=draw(rows(KeyChange, INT64, INT64, INT64, INT64, TEXT)),
        times=draw(rows(TimeChange, INT64, INT64, INT64, TEXT, INT64)),
        tempos=draw(rows(TempoChange, INT64, INT64, INT64, st.floats(allow_nan=False) | st.integers(1, 300))),
        chord_symbols=draw(rows(ChordSymbol, INT64, INT64, INT64, TEXT)),
        fermatas=draw(rows(Fermata, INT64, INT64, INT64)),
    )


def values(thing: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value in a score with its place, arrays with their type and shape."""
    if isinstance(thing, np.ndarray):
        yield path, (thing.dtype, thing.shape, thing.tolist())
    elif is_dataclass(thing):
        for field in fields(thing):
            yield from values(getattr(thing, field.name), f"{path}.{field.name}")
    else:
        yield path, thing


def orchestral(notes: int = 500_000, parts: int = 150) -> Score:
    """Return a realistic score: notes in order, and values within the range of real scores."""
    random = np.random.default_rng(1)
    part = np.sort(random.integers(0, parts, notes))
    return Score(
        title="A symphony",
        composer="",
        parts=tuple(Part(f"P{number}", f"Instrument {number}") for number in range(parts)),
        notes=NoteTable(
            part=part,
            measure=np.sort(random.integers(0, 500, notes)),
            onset=random.integers(0, 40_320, notes),
            duration=random.integers(0, 40_320, notes),
            kind=random.integers(0, 3, notes),
            step=random.integers(0, 7, notes),
            alter_cents=random.choice([-100, 0, 100], notes),
            octave=random.integers(0, 9, notes),
            tie=random.integers(0, 5, notes),
            grace=random.random(notes) < 0.01,
            cue=np.zeros(notes, dtype=bool),
            voice=random.integers(0, 4, notes),
            node=np.cumsum(random.integers(1, 3, notes)),
            ticks_per_quarter=10_080,
        ),
        measure_numbers=tuple(map(str, range(1, 501))),
        measure_ticks=np.full(500, 40_320),
        own_ticks=np.full((parts, 500), 40_320),
        keys=tuple(KeyChange(part, 0, 0, -3, "minor") for part in range(parts)),
    )


@given(score=scores(), compress=st.booleans())
@settings(max_examples=30, deadline=None)
def test_a_score_survives_encoding(score: Score, compress: bool) -> None:
    assert dict(values(decode(encode(score, compress=compress)))) == dict(values(score))


def test_nan_and_infinity_survive_encoding() -> None:
    score = replace(
        orchestral(1, 2), tempos=(TempoChange(0, 0, 0, float("nan")), TempoChange(0, 0, 0, float("inf")))
    )
    first, second = decode(encode(score)).tempos
    assert first.quarters_per_minute != first.quarters_per_minute
    assert second.quarters_per_minute == float("inf")


def test_half_a_million_notes_take_less_than_eight_megabytes() -> None:
    score = orchestral()
    encoded = encode(score)
    assert len(encoded) < 8_000_000
    assert len(encode(score, compress=True)) < len(encoded)
    again = decode(encoded)
    for field in fields(NoteTable):
        assert np.array_equal(getattr(again.notes, field.name), getattr(score.notes, field.name))


def test_decoded_columns_are_writeable() -> None:
    notes = decode(encode(orchestral(20, 2))).notes
    for name in ("part", "grace", "node"):
        assert getattr(notes, name).flags.writeable


@pytest.mark.parametrize("compress", [False, True])
def test_every_truncation_is_an_error(compress: bool) -> None:
    encoded = encode(orchestral(3, 2), compress=compress)
    for length in (*range(40), *range(40, len(encoded), len(encoded) // 50), len(encoded) - 1):
        with pytest.raises(DamagedColumnsError):
            decode(encoded[:length])


@given(st.data(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_every_changed_byte_is_an_error(data: st.DataObject, compress: bool) -> None:
    encoded = bytearray(encode(orchestral(3, 2), compress=compress))
    place = data.draw(st.integers(0, len(encoded) - 1))
    encoded[place] ^= data.draw(st.integers(1, 255))
    if place in range(9, 12):
        return  # padding
    with pytest.raises(DamagedColumnsError):
        decode(bytes(encoded))


@given(st.binary(max_size=200))
@settings(max_examples=40, deadline=None)
def test_other_bytes_are_an_error(encoded: bytes) -> None:
    with pytest.raises(DamagedColumnsError):
        decode(encoded)
    with pytest.raises(DamagedColumnsError):
        decode(b"m21cols\x03" + encoded)


def test_the_error_for_another_version_names_it() -> None:
    encoded = encode(orchestral(3, 2))
    with pytest.raises(DamagedColumnsError, match=r"version 3, got version 9\. Import the score again"):
        decode(encoded[:7] + b"\x09" + encoded[8:])


def forged(
    header: bytes, columns: bytes = b"", *, compress: bool = False, claimed: int | None = None
) -> bytes:
    """Return bytes with a valid checksum around any header and columns."""
    body = header + columns
    kept = zlib.compress(body) if compress else body
    length = len(body) if claimed is None else claimed
    prefix = struct.pack("<8s?xxxIQQ", b"m21cols\x03", compress, zlib.crc32(kept), len(header), length)
    return prefix + kept


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"[]",
        b"{}",
        b'{"columns":3}',
        b'{"columns":[["notes.part","<u1",[1000000000000]]],"score":{},"notes":{}}',
        b'{"columns":[["notes.grace","bits",[1000000000000]]],"score":{},"notes":{}}',
        b'{"columns":[["notes.part","<u1",[-1]]],"score":{},"notes":{}}',
        b'{"columns":[["notes.part","<u1",["a"]]],"score":{},"notes":{}}',
        b'{"columns":[["notes.part","O",[0]]],"score":{},"notes":{}}',
        b'{"columns":[],"score":{"title":3},"notes":{"ticks_per_quarter":1}}',
        b"[" * 100_000,
    ],
)
def test_an_invalid_header_with_a_valid_checksum_is_an_error(header: bytes) -> None:
    with pytest.raises(DamagedColumnsError, match="Import the score again"):
        decode(forged(header, b"\0\0\0"))


def header_and_columns(score: Score) -> tuple[bytes, bytes]:
    encoded = encode(score)
    size = struct.calcsize("<8s?xxxIQQ")
    header_bytes = struct.unpack_from("<8s?xxxIQQ", encoded)[3]
    return encoded[size : size + header_bytes], encoded[size + header_bytes :]


def test_rows_of_unequal_length_are_an_error() -> None:
    header, columns = header_and_columns(replace(orchestral(0, 2), keys=(KeyChange(0, 0, 0, 1, "major"),)))
    assert b'"fifths":[1]' in header
    with pytest.raises(DamagedColumnsError):
        decode(forged(header.replace(b'"fifths":[1]', b'"fifths":[]'), columns))


def test_bytes_beyond_the_columns_are_an_error() -> None:
    header, columns = header_and_columns(orchestral(3, 2))
    with pytest.raises(DamagedColumnsError, match=rf"bytes of columns, got {len(columns) + 1:,}"):
        decode(forged(header, columns + b"x"))


@pytest.mark.parametrize("column", [b'["notes.grace","bits",[3]]', b'["notes.cue","bits",[3]]'])
def test_a_claimed_length_costs_no_memory(column: bytes) -> None:
    header, columns = header_and_columns(orchestral(3, 2))
    assert column in header
    header = header.replace(column, column.replace(b"[3]", b"[40000000000]"))
    with pytest.raises(DamagedColumnsError, match="expected at least 5,000,"):
        decode(forged(header, columns))


def test_decompression_stops_beyond_the_stated_length() -> None:
    with pytest.raises(DamagedColumnsError, match="of 100 bytes, got 101"):
        decode(forged(b"", bytes(50_000_000), compress=True, claimed=100))
