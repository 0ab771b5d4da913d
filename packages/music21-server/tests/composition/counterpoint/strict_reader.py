"""Reader of strict counterpoint that shares no code with the search.

A note is ``(start, length, name)`` in eighths, tied notes joined; the cantus has one name for each measure.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, pairwise

Sounding = tuple[int, int, str]

LETTERS = "CDEFGAB"
NATURALS = (0, 2, 4, 5, 7, 9, 11)
SHAPES = {
    "ionian": (0, 2, 4, 5, 7, 9, 11), "dorian": (0, 2, 3, 5, 7, 9, 10), "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11), "mixolydian": (0, 2, 4, 5, 7, 9, 10), "aeolian": (0, 2, 3, 5, 7, 8, 10),
    "major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10),
}  # fmt: skip
LOWERED_DEGREE = {"dorian": 5, "lydian": 3, "mixolydian": 2}
PERFECT = {(0, 0), (4, 7)}
CONSONANT = PERFECT | {(2, 3), (2, 4), (5, 8), (5, 9)}


def height(name: str) -> tuple[int, int]:
    """Return steps and semitones above C0."""
    letter, octave = LETTERS.index(name[0]), int(name[-1])
    return letter + 7 * octave, NATURALS[letter] + 12 * octave + name.count("#") - name.count("-")


def gap(one: str, other: str) -> tuple[int, int]:
    return height(other)[0] - height(one)[0], height(other)[1] - height(one)[1]


def harmony(one: str, other: str) -> tuple[int, int]:
    """Return the interval of two notes without octaves."""
    low, high = sorted((height(one), height(other)))
    steps, semitones = high[0] - low[0], high[1] - low[1]
    return steps % 7, semitones - 12 * (steps // 7)


def direction(one: str, other: str) -> int:
    semitones = gap(one, other)[1]
    return (semitones > 0) - (semitones < 0)


def is_stepwise(one: str, other: str) -> bool:
    steps, semitones = gap(one, other)
    return abs(steps) == 1 and abs(semitones) in (1, 2)


class Reader:
    """Reads a counterpoint and names the rules that it breaks."""

    def __init__(
        self, species: int, position: str, key: str, cantus: list[str], notes: list[Sounding]
    ) -> None:
        self.species = species
        self.position = position
        self.cantus = cantus
        self.notes = notes
        self.names = [name for _, _, name in notes]
        self.final, self.kind = key.split()

    def faults(self) -> list[str]:
        faults = [
            *self.melody(), *self.line(), *self.sonorities(), *self.bar_lines(), *self.dissonances(),
            *self.suspensions(), *self.accents(), *self.mode(), *self.close(), *self.values(),
        ]  # fmt: skip
        return sorted(set(faults))

    def under(self, time: int) -> str:
        return self.cantus[time // 8]

    def at(self, time: int) -> str | None:
        return next((name for start, length, name in self.notes if start <= time < start + length), None)

    def struck(self, time: int) -> str | None:
        return next((name for start, _, name in self.notes if start == time), None)

    def apart(self, cantus: str, name: str) -> tuple[int, int]:
        return gap(cantus, name) if self.position == "above" else gap(name, cantus)

    # The line

    def melody(self) -> Iterator[str]:
        moves = [gap(one, other) for one, other in pairwise(self.names)]
        for steps, semitones in moves:
            size = abs(steps), abs(semitones)
            good = {(0, 0), (1, 1), (1, 2), (2, 3), (2, 4), (3, 5), (4, 7), (7, 12)}
            if size not in good | {(5, 8)} or (steps == -5) or (steps * semitones <= 0 and size != (0, 0)):
                yield "melodic interval"
        for (one, _), (other, _) in pairwise(moves):
            if abs(one) >= 4 and one * other >= 0:
                yield "leap is recovered"
        for one, other in pairwise(moves):
            if abs(one[0]) > 1 and abs(other[0]) > 1 and one[0] * other[0] > 0:
                total = abs(one[0] + other[0]), abs(one[1] + other[1])
                if total not in {(4, 7), (5, 8), (5, 9), (7, 12)}:
                    yield "successive leaps"
        for (one, _), (two, _), (three, _) in zip(moves, moves[1:], moves[2:], strict=False):
            if min(one, two, three) > 1 or max(one, two, three) < -1:
                yield "successive leaps"
        longest = max(len(list(same)) for _, same in groupby(self.names))
        if longest > (2 if self.species == 1 else 1):
            yield "repeated note"

    def line(self) -> Iterator[str]:
        heights = [height(name) for name in self.names]
        low = min(heights, key=lambda each: each[1])
        high = max(heights, key=lambda each: each[1])
        if high[1] - low[1] > 16 or max(heights)[0] - min(heights)[0] > 9:
            yield "range"
        if [semitones for _, semitones in heights].count(high[1]) > 1:
            yield "single climax"
        moving = [name for name, _ in groupby(self.names)]
        turns = [
            index
            for index in range(1, len(moving) - 1)
            if direction(moving[index - 1], moving[index]) != direction(moving[index], moving[index + 1])
        ]
        for one, other in pairwise([0, *turns, len(moving) - 1]):
            steps, semitones = gap(moving[one], moving[other])
            if (abs(steps), abs(semitones)) == (3, 6):
                yield "outlined tritone"

    # Both voices

    def sonorities(self) -> Iterator[str]:
        start, _, first = self.notes[0]
        opening = {(0, 0), (4, 7)} if self.position == "above" else {(0, 0)}
        if harmony(self.under(start), first) not in opening:
            yield "beginning"
        if harmony(self.cantus[-1], self.names[-1]) != (0, 0):
            yield "ending"
        for time in range(start, 8 * len(self.cantus)):
            name = self.at(time)
            if name is None:
                yield "gap in the line"
                continue
            steps, semitones = self.apart(self.under(time), name)
            if steps < 0 or semitones < 0:
                yield "voice crossing"
            if steps > 11:
                yield "distance"
        for measure in range(1, len(self.cantus) - 1):
            name = self.struck(8 * measure)
            if name is not None and height(name) == height(self.cantus[measure]):
                yield "unison inside"

    def bar_lines(self) -> Iterator[str]:
        chain = 1
        for bar in range(1, len(self.cantus)):
            before, now = self.at(8 * bar - 1), self.at(8 * bar)
            if before is None or now is None:
                continue
            old, new = self.cantus[bar - 1], self.cantus[bar]
            cantus_direction, line_direction = direction(old, new), direction(before, now)
            if harmony(new, now) in PERFECT:
                if cantus_direction and line_direction and harmony(old, before) == harmony(new, now):
                    yield "parallel perfect consonances"
                elif cantus_direction == line_direction != 0:
                    yield "direct perfect consonances"
            upper, lower = (1, -1) if self.position == "above" else (-1, 1)
            if gap(old, now)[1] * upper < 0 or gap(before, new)[1] * lower < 0:
                yield "overlap"
            same = harmony(new, now)[0] == harmony(old, before)[0] and harmony(new, now)[0] in (2, 5)
            good = harmony(new, now) in CONSONANT and harmony(old, before) in CONSONANT
            chain = chain + 1 if same and good else 1
            if self.species == 1 and chain > 3:
                yield "chain of thirds or sixths"

    def accents(self) -> Iterator[str]:
        if self.species == 1:
            return
        for bar in range(1, len(self.cantus)):
            old, new = 8 * (bar - 1), 8 * bar
            if self.alike(self.weight(old), self.weight(new)):
                one = self.at(self.weight(new))
                is_fifth = one is not None and harmony(self.cantus[bar], one) == (4, 7)
                is_held = self.struck(new) is None
                if not (self.species == 4 and is_fifth and is_held):
                    yield "parallels between downbeats"
            halves = (old + 4, new + 4) if self.species == 4 else (old + 4, new)
            both_struck = self.struck(halves[0]) is not None and self.struck(halves[1]) is not None
            if self.species > 2 and both_struck and self.alike(*halves):
                yield "parallels from the half"

    def weight(self, downbeat: int) -> int:
        """Return when the accented note of a measure sounds: a florid suspension counts as its resolution."""
        name = self.at(downbeat)
        is_held = self.species == 5 and name is not None and self.struck(downbeat) is None
        is_dissonant = name is not None and harmony(self.under(downbeat), name) not in CONSONANT
        return downbeat + 4 if is_held and is_dissonant else downbeat

    def alike(self, one: int, other: int) -> bool:
        """Return whether both voices move from a perfect consonance to another of the same size."""
        first, second = self.at(one), self.at(other)
        if first is None or second is None or first == second or self.under(one) == self.under(other):
            return False
        interval = harmony(self.under(other), second)
        return interval in PERFECT and interval == harmony(self.under(one), first)

    # Dissonances

    def dissonances(self) -> Iterator[str]:
        for index, (start, length, name) in enumerate(self.notes):
            if harmony(self.under(start), name) in CONSONANT:
                continue
            beat = start % 8
            if self.species in (1, 4) or beat == 0 or (self.species in (3, 5) and length > 2):
                yield "struck dissonance"
                continue
            if index == 0 or index == len(self.notes) - 1:
                yield "dissonance left"
                continue
            last, after = self.notes[index - 1], self.notes[index + 1]
            if not is_stepwise(last[2], name):
                yield "dissonance entered by step"
            if any(harmony(self.under(at), each) not in CONSONANT for at, _, each in (last, after)):
                yield "two dissonances"
            if is_stepwise(name, after[2]) and direction(last[2], name) == direction(name, after[2]):
                continue
            if self.species > 2 and beat != 4 and after[2] == last[2] and is_stepwise(name, after[2]):
                continue
            if not (self.species > 2 and self.is_cambiata(index)):
                yield "dissonance left"
                continue
            rest = self.names[index + 1 : index + 4]
            if not all(gap(one, other)[0] == 1 for one, other in pairwise(rest)) or len(rest) < 3:
                yield "cambiata"

    def is_cambiata(self, index: int) -> bool:
        around = self.notes[index - 1 : index + 2]
        return (
            [start % 8 for start, _, _ in around] == [0, 2, 4]
            and gap(around[0][2], around[1][2])[0] == -1
            and gap(around[1][2], around[2][2])[0] == -2
        )

    def suspensions(self) -> Iterator[str]:
        for index, (start, length, name) in enumerate(self.notes):
            bar = (start // 8 + 1) * 8
            if start + length <= bar:
                continue
            held = start + length - bar
            if bar - start < 4 or held > bar - start or self.species < 4:
                yield "values"
            if harmony(self.under(bar), name) in CONSONANT:
                continue
            number = self.apart(self.under(bar), name)[0] + 1
            simple = (number - 1) % 7 + 1
            good = {4, 7, 2} if self.position == "above" else {2, 4, 5}
            if simple not in good or (self.position == "above" and number == 2):
                yield "kind of suspension"
            rest = [each for each in self.notes[index + 1 : index + 4] if each[0] < bar + 8]
            goal = next((each for start, _, each in rest if start == bar + 4), None)
            is_good = (
                goal is not None and gap(name, goal)[0] == -1 and harmony(self.under(bar), goal) in CONSONANT
            )
            between = [each for start, _, each in rest if start < bar + 4]
            if goal is not None and between:
                is_turn = len(between) == 2 and between[0] == goal and gap(goal, between[1])[0] == -1
                is_good = is_good and self.species == 5 and held == 2 and is_turn
            if not is_good:
                yield "suspension resolves"

    # Mode and close

    def degree(self, number: int, raise_by: int = 0) -> tuple[int, int]:
        steps, semitones = height(f"{self.final}4")
        return (steps + number) % 7, (semitones + SHAPES[self.kind][number] + raise_by) % 12

    def mode(self) -> Iterator[str]:
        scale = {self.degree(number) for number in range(7)}
        seventh = self.degree(6, 11 - SHAPES[self.kind][6]) if self.kind != "phrygian" else self.degree(6)
        sixth = self.degree(5, 1) if self.kind in ("aeolian", "minor") else None
        lowered = self.degree(LOWERED_DEGREE[self.kind], -1) if self.kind in LOWERED_DEGREE else None
        raised = {each for each in (seventh, sixth) if each is not None and each not in scale}
        for index, (start, _, name) in enumerate(self.notes):
            me = height(name)[0] % 7, height(name)[1] % 12
            to_go = len(self.cantus) - 1 - start // 8
            near = [each for at, _, each in self.notes[max(index - 3, 0) : index]]
            is_crowded = len(near) == 3 and self.notes[index - 3][0] // 8 == start // 8
            for other in near if is_crowded else near[-2:]:
                if other[0] == name[0] and height(other)[1] % 12 != height(name)[1] % 12:
                    yield "cross relation"
            if me in raised:
                if to_go != 1 and not (me == sixth and to_go == 2):
                    yield "raised notes"
                follower = self.names[index + 1]
                if not is_stepwise(name, follower) or (
                    me == sixth and (height(follower)[0] % 7, height(follower)[1] % 12) != seventh
                ):
                    yield "raised notes"
            elif me not in scale | {lowered}:
                yield "note outside the mode"
            if lowered is not None and me[0] == lowered[0]:
                if me == lowered and to_go < 2:
                    yield "note outside the mode"
                for other in self.cantus[max(start // 8 - 1, 0) : start // 8 + 2]:
                    if other[0] == name[0] and height(other)[1] % 12 != me[1]:
                        yield "cross relation"

    def close(self) -> Iterator[str]:
        before, last = self.names[-2:]
        if not is_stepwise(before, last) or last[:-1] != self.final:
            yield "cadence"
        seventh = self.degree(6) if self.kind == "phrygian" else self.degree(6, 11 - SHAPES[self.kind][6])
        if direction(before, last) == 1 and (height(before)[0] % 7, height(before)[1] % 12) != seventh:
            yield "cadence"
        is_step = abs(gap(*self.cantus[-2:])[0]) == 1
        if is_step and direction(before, last) == direction(*self.cantus[-2:]):
            yield "cadence"

    # Note values

    def values(self) -> Iterator[str]:
        measures = len(self.cantus)
        rhythms: list[tuple[tuple[int, int], ...]] = []
        for bar in range(measures):
            inside = tuple(
                (
                    max(start - 8 * bar, 0),
                    min(start + length, 8 * bar + 8) - max(start, 8 * bar),
                    start < 8 * bar,
                )
                for start, length, _ in self.notes
                if start < 8 * bar + 8 and start + length > 8 * bar
            )
            rhythms.append(inside)
            lengths = [length for _, length, _ in inside]
            expected = {
                1: [[8]], 2: [[4, 4]], 3: [[2] * 4], 4: [[4, 4]],
                5: [
                    [4, 4], [4, 2, 2], [2] * 4, [6, 2], [2, 2, 4], [2, 1, 1, 2, 2], [4, 2, 1, 1],
                    [2, 1, 1, 4],
                ],
            }[self.species]  # fmt: skip
            if bar == measures - 1:
                expected = [[8]]
            elif bar == 0:
                expected = {1: [[8]], 2: [[4], [4, 4]], 3: [[2] * 3, [2] * 4], 4: [[4]], 5: [[4], [4, 2, 2]]}[
                    self.species
                ]
            elif bar == measures - 2 and self.species == 2:
                expected = [[4, 4], [8]]
            if lengths not in expected:
                yield "values"
        for one, two, three in zip(rhythms, rhythms[1:], rhythms[2:], strict=False):
            if self.species == 5 and one == two == three:
                yield "monotonous rhythm"
        for (_, length, name), (_, next_length, next_name) in pairwise(self.notes):
            if 1 in (length, next_length) and not is_stepwise(name, next_name):
                yield "eighths"
