"""Number of notes in a MIDI file, counted in its bytes before a parser allocates memory for each.

Standard MIDI Files 1.0 (RP-001): a file is chunks of a name, a length and data; a track is a series of
events, each after a variable-length delta time; an event without a status byte has that of the one before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from music21_server.errors import UnreadableScoreError

_HEADER_BYTES: Final = 14
_CHUNK_BYTES: Final = 8
_NOTE_ON: Final = 0x90
_META, _SYSEX, _SYSEX_MORE = 0xFF, 0xF0, 0xF7
_ONE_BYTE_EVENTS: Final = (0xC0, 0xD0)
"""Program change and channel pressure; other channel events have two data bytes."""

_LONGEST_NUMBER: Final = 4
"""Bytes of a variable-length number."""


def count_notes(source: bytes) -> int:
    """Return the number of notes that begin in a MIDI file.

    Raises:
        UnreadableScoreError: The source is not a MIDI file, or broken.
    """
    return sum(_count_in_track(source, begin, end) for begin, end in _tracks(source))


def _tracks(source: bytes) -> Iterator[tuple[int, int]]:
    """Yield the begin and end of each track."""
    if len(source) < _HEADER_BYTES or not source.startswith(b"MThd"):
        raise UnreadableScoreError(
            f"Expected a MIDI file, which begins with MThd and 10 more bytes, got {source[:_HEADER_BYTES]!r}."
        )
    if source[12] >= 0x80:
        raise UnreadableScoreError(
            "Expected a MIDI file with ticks per quarter note, got one in SMPTE time, which has no "
            "beats: export it again with ticks per quarter note."
        )
    if source[12:14] == b"\x00\x00":
        raise UnreadableScoreError("Expected at least 1 tick per quarter note in the MIDI file, got 0.")
    position = _CHUNK_BYTES + int.from_bytes(source[4:8], "big")
    tracks = 0
    while position + _CHUNK_BYTES <= len(source):
        name = source[position : position + 4]
        begin = position + _CHUNK_BYTES
        end = begin + int.from_bytes(source[position + 4 : begin], "big")
        if end > len(source):
            raise UnreadableScoreError(
                f"Expected {end - begin:,} bytes of a track at byte {begin:,} of the MIDI file, got "
                f"{len(source) - begin:,}: the file is cut off."
            )
        if name == b"MTrk":
            tracks += 1
            yield begin, end
        position = end
    if tracks == 0:
        raise UnreadableScoreError("Expected a MIDI file with at least one track, got none.")


def _count_in_track(source: bytes, position: int, end: int) -> int:
    status = notes = 0
    try:
        while position < end:
            position = _number(source, position)[1]
            if source[position] >= 0x80:
                status = source[position]
                position += 1
            if status in (_META, _SYSEX, _SYSEX_MORE):
                length, position = _number(source, position + (status == _META))
                position += length
                status = 0  # running status is for channel events only
            elif status >= 0x80:
                if status & 0xF0 == _NOTE_ON and source[position + 1] > 0:
                    notes += 1
                position += 1 if status & 0xF0 in _ONE_BYTE_EVENTS else 2
            else:
                raise _broken(position)
    except IndexError:
        raise _broken(position) from None
    if position != end:
        raise _broken(position)
    return notes


def _number(source: bytes, position: int) -> tuple[int, int]:
    """Return a variable-length number and the position after it."""
    value = 0
    for after in range(position + 1, position + 1 + _LONGEST_NUMBER):
        byte = source[after - 1]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, after
    raise _broken(position)


def _broken(position: int) -> UnreadableScoreError:
    return UnreadableScoreError(
        f"Expected a MIDI event at byte {position:,}, got something else: the file is broken."
    )
