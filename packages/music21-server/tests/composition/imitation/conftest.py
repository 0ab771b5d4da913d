"""Scores made from text, and works to learn from."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from music21_server.composition.imitation.pieces import Piece, piece_of
from music21_server.reading.formats import read
from music21_server.reading.locations import from_corpus
from music21_server.score.document import Document
from music21_server.score.limits import Limits
from music21_server.score.table import Score

ScoreMaker = Callable[..., Score]

CHORALES = (
    "bwv253", "bwv255", "bwv257", "bwv259", "bwv261", "bwv263", "bwv265", "bwv267", "bwv269", "bwv271",
    "bwv273", "bwv275", "bwv277", "bwv279", "bwv281", "bwv283", "bwv285", "bwv287", "bwv289", "bwv291",
)  # fmt: skip


@pytest.fixture(scope="session")
def chorales() -> tuple[Piece, ...]:
    """Return 20 chorales by Bach, cut into beats."""
    return tuple(piece_of(name, read(from_corpus(f"bach/{name}"), Limits())) for name in CHORALES)


def _bar(text: str, ticks: int) -> str:
    notes = []
    for word in text.split():
        pitch, _, length = word.partition(":")
        is_tied = pitch.startswith("~")
        pitch = pitch.lstrip("~")
        duration = f"<duration>{round(float(length or 1) * ticks)}</duration>"
        if pitch == "r":
            notes.append(f"<note><rest/>{duration}</note>")
            continue
        alter = pitch.count("#") - pitch.count("-")
        spelled = (
            f"<pitch><step>{pitch[0]}</step><alter>{alter}</alter><octave>{pitch[-1]}</octave></pitch>"
            f"{duration}" + ('<tie type="stop"/>' if is_tied else "")
        )
        notes.append(f"<note>{spelled}</note>")
    return "".join(notes)


def _score(*voices: str, time: str = "4/4", names: tuple[str, ...] = (), ticks: int = 12) -> Score:
    """Return a score from texts such as ``F#4:0.5 r:2 | ~G4``, one for each voice; ``~`` ties a note to the
    last."""
    beats, _, kind = time.partition("/")
    attributes = (
        f"<attributes><divisions>{ticks}</divisions><time><beats>{beats}</beats>"
        f"<beat-type>{kind}</beat-type></time></attributes>"
    )
    listed, parts = "", ""
    for number, voice in enumerate(voices):
        name = names[number] if number < len(names) else ""
        listed += f'<score-part id="P{number}"><part-name>{name}</part-name></score-part>'
        bars = "".join(
            f'<measure number="{place}">{attributes if place == 1 else ""}{_bar(bar, ticks)}</measure>'
            for place, bar in enumerate(voice.split("|"), start=1)
        )
        parts += f'<part id="P{number}">{bars}</part>'
    text = f"<score-partwise><part-list>{listed}</part-list>{parts}</score-partwise>"
    return read(Document("musicxml", text.encode()), Limits())


@pytest.fixture(scope="session")
def make_score() -> ScoreMaker:
    """Return `_score`, which makes a score from texts."""
    return _score
