from __future__ import annotations

from collections.abc import Sequence

import pytest

from music21_server.reading.midi.columns import read_midi
from music21_server.score.limits import Limits
from music21_server.score.table import NOTE, STEPS, TIE_CONTINUE, TIE_STOP, UNPITCHED


def _number(value: int) -> bytes:
    septets = [value & 0x7F]
    while value := value >> 7:
        septets.append(value & 0x7F | 0x80)
    return bytes(reversed(septets))


@pytest.fixture(scope="session")
def midi_file():
    """Build a file from tracks, each a list of events (tick, bytes) or notes (start, end, key[, channel])."""

    def build(*tracks: Sequence[tuple], division: int = 480, form: int = 1) -> bytes:
        chunks = [b"MThd\x00\x00\x00\x06", form.to_bytes(2, "big"), len(tracks).to_bytes(2, "big")]
        chunks.append(division.to_bytes(2, "big"))
        for track in tracks:
            events: list[tuple[int, int, bytes]] = []
            for each in track:
                if isinstance(each[1], bytes):
                    events.append((each[0], 1, each[1]))
                    continue
                start, end, key, channel = (*each, 0)[:4]
                events.append((start, 2, bytes((0x90 | channel, key, 80))))
                events.append((end, 0, bytes((0x80 | channel, key, 0))))
            events.sort(key=lambda event: event[:2])
            body, now = b"", 0
            for tick, _, event in events:
                body += _number(tick - now) + event
                now = tick
            body += b"\x00\xff\x2f\x00"
            chunks += [b"MTrk", len(body).to_bytes(4, "big"), body]
        return b"".join(chunks)

    return build


@pytest.fixture(scope="session")
def meta():
    """Return the bytes of meta events: names, time and key signatures, tempos."""

    class Meta:
        @staticmethod
        def name(text: str) -> bytes:
            return b"\xff\x03" + _number(len(text.encode())) + text.encode()

        @staticmethod
        def time(numerator: int, power: int) -> bytes:
            return b"\xff\x58\x04" + bytes((numerator, power, 24, 8))

        @staticmethod
        def key(fifths: int, minor: int = 0) -> bytes:
            return b"\xff\x59\x02" + bytes((fifths % 256, minor))

        @staticmethod
        def tempo(microseconds: int) -> bytes:
            return b"\xff\x51\x03" + microseconds.to_bytes(3, "big")

        @staticmethod
        def program(number: int, channel: int = 0) -> bytes:
            return bytes((0xC0 | channel, number))

    return Meta


@pytest.fixture(scope="session")
def struck():
    """Return the notes that are struck: part, measure number, onset and length in quarter notes, name."""

    def read(source: bytes) -> list[tuple[int, str, float, float, str]]:
        score = read_midi(source, Limits())
        table = score.notes
        rows = []
        for row in range(len(table)):
            if table.kind[row] not in (NOTE, UNPITCHED) or table.tie[row] in (TIE_STOP, TIE_CONTINUE):
                continue
            sign = {0: "", 100: "#", -100: "b", 200: "##", -200: "bb"}[int(table.alter_cents[row])]
            rows.append(
                (
                    int(table.part[row]),
                    score.measure_numbers[table.measure[row]],
                    float(score.quarters(table.onset[row])),
                    float(score.quarters(table.duration[row])),
                    f"{STEPS[table.step[row]]}{sign}{table.octave[row]}",
                )
            )
        return rows

    return read
