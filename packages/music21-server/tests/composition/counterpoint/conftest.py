"""Random cantus firmi, written by melodic rules that share no code with the server.

Makes the helper modules beside these tests importable, too.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

LETTERS = "CDEFGAB"
NATURALS = (0, 2, 4, 5, 7, 9, 11)
SHAPES = {
    "ionian": (0, 2, 4, 5, 7, 9, 11),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "aeolian": (0, 2, 3, 5, 7, 8, 10),
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
}
FINALS = {
    "ionian": "C D E F G A B B- E- A-",
    "dorian": "D E F# G A B C F B-",
    "phrygian": "E F# G# A B C# D G C",
    "lydian": "F G A B- C D E-",
    "mixolydian": "G A B C D E F B-",
    "aeolian": "A B C# D E F# G C F",
    "major": "C D E F G A B- E- A- F#",
    "minor": "A B C# D E F# G C F B- E-",
}
STEPS = (1, 1, 1, 1, -1, -1, -1, -1, -1, 2, 2, -2, -2, 3, -3, 4, -4, 5, 7)
ALLOWED = {(1, 1), (1, 2), (2, 3), (2, 4), (3, 5), (4, 7), (5, 8), (7, 12)}


@dataclass(frozen=True)
class Plainchant:
    """A cantus firmus with a key such as ``D dorian`` and note names such as ``F#4``."""

    key: str
    names: tuple[str, ...]


def _scale(key: str, octave: int) -> list[tuple[int, int]]:
    """Return four octaves of a scale, from its final on, as steps above C0 and MIDI numbers."""
    final, kind = key.split()
    letter = LETTERS.index(final[0])
    height = NATURALS[letter] + final.count("#") - final.count("-")
    return [
        (letter + degree + 7 * (octave + up), height + SHAPES[kind][degree] + 12 * (octave + up + 1))
        for up in (-1, 0, 1, 2)
        for degree in range(7)
    ]


def _name(step: int, semitone: int) -> str:
    octave, letter = divmod(step, 7)
    alter = semitone - 12 * (octave + 1) - NATURALS[letter]
    return LETTERS[letter] + ("#" if alter > 0 else "-") * abs(alter) + str(octave)


def _is_lawful(notes: list[tuple[int, int]]) -> bool:
    moves = [(after[0] - before[0], after[1] - before[1]) for before, after in pairwise(notes)]
    steps = [move for move, _ in moves]
    return (
        all((abs(move), abs(semitones)) in ALLOWED for move, semitones in moves)
        and -5 not in steps
        and not any(min(one, other) > 1 or max(one, other) < -1 for one, other in pairwise(steps))
        and not any(abs(one) > 3 and one * other > 0 for one, other in pairwise(steps))
        and sum(abs(move) > 1 for move in steps) <= len(moves) // 2
        and abs(steps[-2]) <= 2
        and notes.count(max(notes)) == 1
        and max(notes)[0] - min(notes)[0] <= 9
        and min(notes)[0] >= notes[0][0] - 3
    )


def plainchant(seed: int, length: int | None = None) -> Plainchant:
    """Return a random cantus of a length, by default 8 to 16 notes, in a random mode."""
    chance = random.Random(seed)  # noqa: S311
    kind = chance.choice(sorted(SHAPES))
    key = f"{chance.choice(FINALS[kind].split())} {kind}"
    scale = _scale(key, chance.choice((3, 4)))
    final = 7
    length = length or chance.randint(8, 16)
    while True:
        places = [final]
        while len(places) < length - 2:
            places.append(places[-1] + chance.choice(STEPS))
        places += [final + (1 if chance.random() < 0.85 else -1), final]
        if min(places) < 0 or max(places) >= len(scale):
            continue
        notes = [scale[place] for place in places]
        if _is_lawful(notes):
            return Plainchant(key, tuple(_name(*note) for note in notes))


@pytest.fixture(scope="session")
def random_cantus() -> Callable[..., Plainchant]:
    """Return `plainchant`, which makes a cantus that keeps melodic rules from a seed."""
    return plainchant
