"""Binary codec for the columns of a score, for the pipe to a worker and for the store.

    mark and version · whether compressed · checksum · lengths | names, marks and texts (JSON) | columns

A column is stored in the narrowest integers that hold its values, booleans as bits, and the column that rises
by about one per row as differences; half a million notes take about 7 MB. Nothing here is a pickle, so
decoding untrusted bytes can yield wrong values but cannot run code.
"""

from __future__ import annotations

import functools
import json
import math
import struct
import types
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from operator import attrgetter
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

import numpy as np
import numpy.typing as npt

from music21_server.errors import ScoreError
from music21_server.score.table import NoteTable, Score

_Array = npt.NDArray[np.int64] | npt.NDArray[np.bool_]

_PREFIX: Final = struct.Struct("<8s?xxxIQQ")
"""Mark, compressed?, CRC-32 of the rest, length of the header, length of header and columns unpacked."""

_MARK: Final = b"m21cols\x03"
"""The last byte is the version."""

_WIDTHS: Final = ("<u1", "<i1", "<u2", "<i2", "<u4", "<i4", "<i8")
_BITS: Final = "bits"
_DIFFERENCES: Final = "+"
"""Prefix of a width: each value is stored as the difference from the one before."""

_RISING: Final = frozenset({"notes.node"})
_FASTEST: Final = 1
"""Level of zlib; higher ones save a tenth of the size and take several times as long."""


class DamagedColumnsError(ScoreError):
    """The bytes are not the columns of a score, or not all of them."""


def encode(score: Score, *, compress: bool = False) -> bytes:
    """Return a score as bytes.

    Args:
        compress: Whether to compress the bytes (zlib), for a store.
    """
    arrays, rest = _split(score)
    packed = {name: _pack(name, array) for name, array in arrays.items()}
    columns = [[name, encoding, arrays[name].shape] for name, (encoding, _) in packed.items()]
    header = json.dumps({"columns": columns, **rest}, separators=(",", ":")).encode()
    body = b"".join([header, *(values.tobytes() for _, values in packed.values())])
    content = zlib.compress(body, _FASTEST) if compress else body
    return _PREFIX.pack(_MARK, compress, zlib.crc32(content), len(header), len(body)) + content


def decode(encoded: bytes) -> Score:
    """Return the score that was encoded.

    Raises:
        DamagedColumnsError: The bytes are truncated, damaged, of another version or not a score.
    """
    header_bytes, body = _body(encoded)
    try:
        header = json.loads(bytes(body[:header_bytes]))
        arrays = _unpack(header.pop("columns"), body[header_bytes:])
        return _assemble(arrays, header)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise DamagedColumnsError(f"{_EXPECTED}, got inconsistent ones ({error}). {_ADVICE}") from error


_EXPECTED: Final = "Expected the columns of a score"
_ADVICE: Final = "Import the score again."


def _body(encoded: bytes) -> tuple[int, memoryview]:
    """Return the length of the header, and header and columns."""
    if len(encoded) < _PREFIX.size or not encoded.startswith(_MARK[:-1]):
        raise DamagedColumnsError(f"{_EXPECTED}, got {len(encoded)} bytes of something else. {_ADVICE}")
    mark, is_compressed, checksum, header_bytes, body_bytes = _PREFIX.unpack_from(encoded)
    if mark != _MARK:
        raise DamagedColumnsError(f"{_EXPECTED} in version {_MARK[-1]}, got version {mark[-1]}. {_ADVICE}")
    packed = memoryview(encoded)[_PREFIX.size :]
    if zlib.crc32(packed) != checksum:
        raise DamagedColumnsError(f"{_EXPECTED}, got damaged or truncated ones (wrong checksum). {_ADVICE}")
    body = memoryview(_decompress(packed, body_bytes)) if is_compressed else packed
    if len(body) != body_bytes or header_bytes > body_bytes:
        raise DamagedColumnsError(f"{_EXPECTED} of {body_bytes:,} bytes, got {len(body):,}. {_ADVICE}")
    return header_bytes, body


def _decompress(packed: memoryview, most: int) -> bytes:
    try:
        # One byte beyond the stated length shows that there is more, without unpacking all of it.
        return zlib.decompressobj().decompress(packed, most + 1)
    except (zlib.error, OverflowError, MemoryError) as error:
        raise DamagedColumnsError(
            f"{_EXPECTED}, got some that cannot be decompressed ({error}). {_ADVICE}"
        ) from error


def _split(score: Score) -> tuple[dict[str, _Array], dict[str, Any]]:
    """Return the arrays of a score, and everything else as JSON-able values."""
    arrays: dict[str, _Array] = {}
    rest: dict[str, Any] = {"score": {}, "notes": {}}
    for group, owner, values in (("notes", NoteTable, score.notes), ("score", Score, score)):
        for name, kind in _kinds(owner).items():
            value = getattr(values, name)
            if isinstance(value, np.ndarray):
                arrays[f"{group}.{name}"] = value
            elif kind is not NoteTable:
                rest[group][name] = _to_json(kind, value)
    return arrays, rest


def _assemble(arrays: dict[str, _Array], rest: dict[str, Any]) -> Score:
    values: dict[str, dict[str, Any]] = {"notes": {}, "score": {}}
    for group, owner in (("notes", NoteTable), ("score", Score)):
        for name, kind in _kinds(owner).items():
            if kind is NoteTable:
                values[group][name] = NoteTable(**values["notes"])
            elif f"{group}.{name}" in arrays:
                values[group][name] = arrays[f"{group}.{name}"]
            else:
                values[group][name] = _from_json(kind, rest[group][name])
    return Score(**values["score"])


@functools.cache
def _kinds(owner: type[Any]) -> dict[str, Any]:
    """Return the types of the fields of a dataclass."""
    hints = get_type_hints(owner)
    return {field.name: hints[field.name] for field in fields(owner)}


def _pack(name: str, values: _Array) -> tuple[str, npt.NDArray[Any]]:
    """Return the encoding of a column and its numbers."""
    if values.dtype == np.bool_:
        return _BITS, np.packbits(values)
    integers = np.ascontiguousarray(values, dtype=np.int64)
    if name in _RISING:
        narrow = _narrow(np.diff(integers, prepend=0))
        return _DIFFERENCES + narrow.dtype.str.replace("|", "<"), narrow
    narrow = _narrow(integers)
    return narrow.dtype.str.replace("|", "<"), narrow


def _narrow(values: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    least, most = (int(values.min()), int(values.max())) if values.size else (0, 0)
    for width in _WIDTHS:
        limits = np.iinfo(width)
        if limits.min <= least and most <= limits.max:
            break
    return values.astype(width)


def _unpack(columns: list[tuple[str, str, list[int]]], packed: memoryview) -> dict[str, _Array]:
    pieces = list(_pieces(columns, packed))
    lengths = Counter(len(numbers) for _, encoding, _, numbers in pieces if encoding != _BITS)
    # Columns of equal length share one block. The system backs a large block with large pages, so its first
    # use, which is most of the decoding time, is three times as fast.
    rows = {length: iter(np.empty((many, length), dtype=np.int64)) for length, many in lengths.items()}
    arrays: dict[str, _Array] = {}
    for name, encoding, shape, numbers in pieces:
        if encoding == _BITS:
            bits = np.unpackbits(numbers, count=math.prod(shape))
            arrays[name] = bits.view(np.bool_).reshape(shape)
            continue
        row = next(rows[len(numbers)])
        if encoding.startswith(_DIFFERENCES):
            np.cumsum(numbers, dtype=np.int64, out=row)
        else:
            row[:] = numbers
        arrays[name] = row.reshape(shape)
    return arrays


def _pieces(
    columns: list[tuple[str, str, list[int]]], packed: memoryview
) -> Iterator[tuple[str, str, list[int], npt.NDArray[Any]]]:
    """Yield name, encoding, shape and packed numbers of each column; there are no more numbers than bytes."""
    begin = 0
    for name, encoding, shape in columns:
        count = math.prod(shape)
        width = encoding.removeprefix(_DIFFERENCES)
        if count < 0 or (width not in _WIDTHS and encoding != _BITS):
            raise ValueError(
                f"expected a known encoding and size, got {encoding!r} and {count} in column {name!r}"
            )
        kind = np.dtype(np.uint8 if encoding == _BITS else width)
        end = begin + (-(-count // 8) if encoding == _BITS else count) * kind.itemsize
        if end > len(packed):
            raise ValueError(f"expected at least {end:,} bytes of columns, got {len(packed):,}")
        yield name, encoding, shape, np.frombuffer(packed[begin:end], dtype=kind)
        begin = end
    if begin != len(packed):
        raise ValueError(f"expected {begin:,} bytes of columns, got {len(packed):,}")


def _to_json(kind: Any, value: Any) -> Any:
    """Return the value of a dataclass field as a JSON-able value; rows of marks become columns."""
    row = _row_of(kind)
    if row is None:
        return value
    return {
        name: [_to_json(column_kind, item) for item in map(attrgetter(name), value)]
        for name, column_kind in _kinds(row).items()
    }


def _from_json(kind: Any, value: Any) -> Any:
    """Return the value that `_to_json` was given, with the types of the dataclass."""
    row = _row_of(kind)
    if row is not None:
        columns = [_column_from_json(column_kind, value[name]) for name, column_kind in _kinds(row).items()]
        return tuple(row(*items) for items in zip(*columns, strict=True))
    if get_origin(kind) is tuple:
        return tuple(_column_from_json(get_args(kind)[0], value))
    return _column_from_json(kind, [value])[0]


def _column_from_json(kind: Any, values: list[Any]) -> list[Any]:
    if get_origin(kind) is tuple:
        return [_from_json(kind, value) for value in values]
    if not isinstance(values, list) or not _allowed(kind).issuperset(map(type, values)):
        raise TypeError(f"expected values of {kind}, got others")
    return values


@functools.cache
def _allowed(kind: Any) -> frozenset[type]:
    allowed = set(get_args(kind)) if get_origin(kind) in (Union, types.UnionType) else {kind}
    if float in allowed:
        allowed.add(int)  # typing accepts int for float
    return frozenset(allowed)


@functools.cache
def _row_of(kind: Any) -> Any:
    """Return the dataclass of a tuple's items; None for other types."""
    if get_origin(kind) is tuple and is_dataclass(get_args(kind)[0]):
        return get_args(kind)[0]
    return None
