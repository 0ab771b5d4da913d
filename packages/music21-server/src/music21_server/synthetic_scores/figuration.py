"""What a player makes of a chord: held, repeated, broken, filled with a scale, or a melody."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from music21_server.score.table import STEP_SEMITONES
from music21_server.synthetic_scores.form import QUARTER, Slot
from music21_server.synthetic_scores.player_line import Event, Hand, ladder, nearest

_COMPOUND_BEAT: Final = 36


def _hold(slot: Slot, hand: Hand) -> None:
    last = hand.last
    if last and all(
        step % 7 in slot.letters and slot.alterations[step % 7] == sharps for step, sharps in last
    ):
        hand.go_on(slot.ticks)
    else:
        hand.play(slot.ticks, (hand.tone(slot),), slot)


def _suspension(slot: Slot, hand: Hand) -> None:
    """Keep a tone that the chord does not have, and resolve it a step down."""
    last = hand.last
    is_dissonant = len(last) == 1 and last[0][0] % 7 not in slot.letters and last[0][0] > hand.lowest
    if not is_dissonant or slot.ticks < 2 * QUARTER or (last[0][0] - 1) % 7 not in slot.letters:
        _hold(slot, hand)
        return
    kept = 2 * QUARTER if slot.ticks == 3 * QUARTER and slot.beat_ticks == QUARTER else slot.ticks // 2
    hand.go_on(kept)
    hand.at = last[0][0] - 1
    hand.play(slot.ticks - kept, (hand.at,), slot)


def _stack(slot: Slot, hand: Hand, size: int) -> tuple[int, ...]:
    """Return a chord of neighbouring tones within an octave."""
    rungs = ladder(slot.letters, hand.lowest, hand.highest)
    first = rungs.index(hand.tone(slot))
    first = max(0, min(first, len(rungs) - size))
    return tuple(step for step in rungs[first : first + size] if step <= rungs[first] + 7)


def _chords(slot: Slot, hand: Hand, *, size: int) -> None:
    hand.play(slot.ticks, _stack(slot, hand, size), slot)


def _repeated(slot: Slot, hand: Hand, *, value: int, size: int) -> None:
    chord = _stack(slot, hand, size)
    value = _fitting(value, slot)
    for _ in range(slot.ticks // value):
        hand.play(value, chord, slot)


def _off_beats(slot: Slot, hand: Hand, *, size: int) -> None:
    chord = _stack(slot, hand, size)
    eighth = QUARTER // 2
    for _ in range(slot.ticks // slot.beat_ticks):
        hand.play(eighth, (), slot)
        for _ in range(slot.beat_ticks // eighth - 1):
            hand.play(eighth, chord, slot)


def _syncopation(slot: Slot, hand: Hand) -> None:
    eighth = QUARTER // 2
    if slot.beat_ticks != QUARTER or slot.ticks == QUARTER:
        _repeated(slot, hand, value=eighth, size=1)
        return
    tone = (hand.tone(slot),)
    hand.play(eighth, tone, slot)
    for _ in range(slot.ticks // QUARTER - 1):
        hand.play(QUARTER, tone, slot)
    hand.play(eighth, tone, slot)


def _plucked(slot: Slot, hand: Hand, *, from_bass: bool) -> None:
    tone = (_bass_tone(slot, hand) if from_bass else hand.tone(slot),)
    eighth = QUARTER // 2
    for _ in range(slot.ticks // slot.beat_ticks):
        hand.play(eighth, tone, slot)
        hand.play(slot.beat_ticks - eighth, (), slot)


def _fitting(value: int, slot: Slot) -> int:
    """Return a value that fits the beat: one of three has no triplets, but the next longer value."""
    is_tuplet = value in (QUARTER // 3, QUARTER // 6)
    return value * 3 // 2 if is_tuplet and slot.beat_ticks == _COMPOUND_BEAT else value


def _arpeggio(slot: Slot, hand: Hand, *, value: int) -> None:
    rungs = ladder(slot.letters, hand.lowest, hand.highest)
    value = _fitting(value, slot)
    rung = rungs.index(hand.tone(slot))
    for _ in range(slot.ticks // value):
        hand.play(value, (rungs[rung],), slot)
        if len(rungs) > 1:
            if not 0 <= rung + (1 if hand.upward else -1) < len(rungs):
                hand.upward = not hand.upward
            rung += 1 if hand.upward else -1
    hand.at = rungs[rung]


def _scale(slot: Slot, hand: Hand, *, value: int) -> None:
    """Run by step, and meet a tone of the chord on every beat."""
    rungs = ladder(slot.letters, hand.lowest, hand.highest)
    value = _fitting(value, slot)
    notes_of_beat = slot.beat_ticks // value
    played = []
    for _ in range(slot.ticks // slot.beat_ticks):
        if not hand.lowest + notes_of_beat <= hand.at <= hand.highest - notes_of_beat:
            hand.upward = hand.at < (hand.lowest + hand.highest) // 2
        hand.at = nearest(rungs, hand.at)
        for _ in range(notes_of_beat):
            played.append(hand.at)
            hand.at = max(hand.lowest, min(hand.highest, hand.at + (1 if hand.upward else -1)))
    _slurred(played, value, slot, hand)


def _turns(slot: Slot, hand: Hand) -> None:
    """Circle around a tone of the chord: by the step above and by the semitone below, which leads back."""
    sixteenth = QUARTER // 4
    for _ in range(slot.ticks // slot.beat_ticks):
        tone = hand.tone(slot)
        sharps = slot.alterations[tone % 7]
        below = tone - 1, sharps + _semitones(tone) - _semitones(tone - 1) - 1
        above = tone + 1, slot.alterations[(tone + 1) % 7]
        if not hand.lowest < tone < hand.highest or abs(below[1]) > 2:
            below = above = tone, sharps
        circle = ((tone, sharps), above, (tone, sharps), below, (tone, sharps), above)
        hand.bars[-1] += [Event(sixteenth, (pitch,)) for pitch in circle[: slot.beat_ticks // sixteenth]]
        hand.at += hand.chance.choice((-3, 0, 3))


def _sighs(slot: Slot, hand: Hand) -> None:
    """Lean on the step above a tone of the chord on every beat, and fall into it."""
    eighth = QUARTER // 2
    for _ in range(slot.ticks // slot.beat_ticks):
        tone = hand.tone(slot)
        above = min(tone + 1, hand.highest)
        hand.play(eighth, (above,), slot, slur="start")
        hand.play(slot.beat_ticks - eighth, (tone,), slot, slur="stop")
        hand.at += hand.chance.choice((-2, 0, 2))


def _semitones(step: int) -> int:
    octave, letter = divmod(step, 7)
    return 12 * octave + int(STEP_SEMITONES[letter])


def _slurred(played: list[int], value: int, slot: Slot, hand: Hand) -> None:
    for index, step in enumerate(played):
        slur = "start" if index == 0 else "stop" if index == len(played) - 1 else ""
        hand.play(value, (step,), slot, slur=slur)


_CELLS: Final[Mapping[int, tuple[tuple[int, ...], ...]]] = {
    QUARTER: ((24,), (12, 12), (18, 6), (12, 6, 6), (6, 6, 12), (8, 8, 8), (24,), (12, 12)),
    2 * QUARTER: ((36, 12), (48,), (24, 12, 12), (36, 6, 6)),
    _COMPOUND_BEAT: ((36,), (24, 12), (12, 12, 12), (18, 6, 12)),
}
"""Rhythms of melodies by the beats that they fill."""


def _melody(slot: Slot, hand: Hand) -> None:
    """Sing: tones of the chord on the beat, neighbouring steps between."""
    rungs = ladder(slot.letters, hand.lowest, hand.highest)
    left = slot.ticks
    while left:
        takes_two = slot.beat_ticks == QUARTER and left >= 2 * QUARTER and hand.chance.random() < 0.4
        length = 2 * QUARTER if takes_two else slot.beat_ticks
        cell = hand.chance.choice(_CELLS[length])
        hand.at = nearest(rungs, hand.tone(slot) + hand.chance.choice((-2, 0, 0, 2)))
        is_slurred = len(cell) > 1 and hand.chance.random() < 0.5
        into = 0
        for index, value in enumerate(cell):
            if into % slot.beat_ticks == 0:
                hand.at = nearest(rungs, hand.at)
            slur = "" if not is_slurred else {0: "start", len(cell) - 1: "stop"}.get(index, "")
            hand.play(value, (hand.at,), slot, slur=slur)
            if index == 0 and hand.chance.random() < 0.08:
                _ornament(slot, hand)
            direction = 1 if hand.upward else -1
            if not hand.lowest <= hand.at + direction <= hand.highest:
                hand.upward, direction = not hand.upward, -direction
            hand.at += direction
            into += value
        hand.upward = hand.chance.random() < 0.5
        left -= length


def _ornament(slot: Slot, hand: Hand) -> None:
    """Put a grace note before what was played last, from the step above."""
    bar = hand.bars[-1]
    above = bar[-1].pitches[0][0] + 1
    if above > hand.highest:
        return
    bar[-1] = bar[-1]._replace(grace=(above, slot.alterations[above % 7]))


def _bass_tone(slot: Slot, hand: Hand) -> int:
    """Go to the nearest lowest tone of the chord in the lower half of the range, or in the lowest octave."""
    half = max((hand.lowest + hand.highest) // 2, hand.lowest + 6)
    rungs = ladder((slot.bass,), hand.lowest, min(half, hand.highest))
    hand.at = nearest(rungs, hand.at)
    return hand.at


def _bass(slot: Slot, hand: Hand) -> None:
    hand.play(slot.ticks, (_bass_tone(slot, hand),), slot)


def _pedal(slot: Slot, hand: Hand) -> None:
    """Stay on a tone of the scale, whatever the chords above do."""
    last = hand.last
    if last and all(slot.alterations[step % 7] == sharps for step, sharps in last):
        hand.go_on(slot.ticks)
    else:
        _bass(slot, hand)


def _repeated_bass(slot: Slot, hand: Hand, *, value: int) -> None:
    tone = (_bass_tone(slot, hand),)
    length = value or slot.beat_ticks
    for _ in range(slot.ticks // length):
        hand.play(length, tone, slot)


def _walking_bass(slot: Slot, hand: Hand, *, value: int) -> None:
    """Begin on the bass and go on by step, in beats without a value."""
    step = _bass_tone(slot, hand)
    direction = hand.chance.choice((-1, 1))
    length = value or slot.beat_ticks
    for _ in range(slot.ticks // length):
        hand.play(length, (step,), slot)
        if not hand.lowest <= step + direction <= hand.highest:
            direction = -direction
        step += direction
    hand.at = step


def _silence(slot: Slot, hand: Hand) -> None:
    hand.play(slot.ticks, (), slot)


Figure = Callable[[Slot, Hand], None]

FIGURES: Final[Mapping[str, Figure]] = {
    "hold": _hold,
    "suspension": _suspension,
    "chords": partial(_chords, size=3),
    "double stops": partial(_chords, size=2),
    "repeated eighths": partial(_repeated, value=QUARTER // 2, size=1),
    "repeated triplets": partial(_repeated, value=QUARTER // 3, size=1),
    "repeated sixteenths": partial(_repeated, value=QUARTER // 4, size=1),
    "repeated chords": partial(_repeated, value=QUARTER // 2, size=3),
    "roll": partial(_repeated_bass, value=QUARTER // 8),
    "off-beats": partial(_off_beats, size=1),
    "off-beat chords": partial(_off_beats, size=2),
    "syncopation": _syncopation,
    "pizzicato": partial(_plucked, from_bass=False),
    "pizzicato bass": partial(_plucked, from_bass=True),
    "eighth arpeggio": partial(_arpeggio, value=QUARTER // 2),
    "triplet arpeggio": partial(_arpeggio, value=QUARTER // 3),
    "sixteenth arpeggio": partial(_arpeggio, value=QUARTER // 4),
    "scale": partial(_scale, value=QUARTER // 4),
    "sextuplet scale": partial(_scale, value=QUARTER // 6),
    "thirty-second scale": partial(_scale, value=QUARTER // 8),
    "turns": _turns,
    "sighs": _sighs,
    "melody": _melody,
    "bass": _bass,
    "bass on beats": partial(_repeated_bass, value=0),
    "repeated bass": partial(_repeated_bass, value=QUARTER // 2),
    "walking bass": partial(_walking_bass, value=0),
    "running bass": partial(_walking_bass, value=QUARTER // 2),
    "pedal": _pedal,
    "silence": _silence,
}
"""By name; each fills a slot exactly and stays within the range."""
