"""Figures that fill a chord slot: sustained, repeated or broken chords, scales, melodies and bass lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from music21_server.score.table import STEP_SEMITONES
from music21_server.synthetic_scores.form import QUARTER, Slot
from music21_server.synthetic_scores.player_line import Event, PlayerLine, nearest, steps_in_range

_COMPOUND_BEAT: Final = 36


def _hold(slot: Slot, line: PlayerLine) -> None:
    pitches = line.last_pitches
    if pitches and all(
        step % 7 in slot.letters and slot.alterations[step % 7] == sharps for step, sharps in pitches
    ):
        line.tie_over(slot.ticks)
    else:
        line.play(slot.ticks, (line.move_to_chord_tone(slot),), slot)


def _suspension(slot: Slot, line: PlayerLine) -> None:
    """Tie over a step that is not in the chord, and resolve it a step down."""
    pitches = line.last_pitches
    step = pitches[0][0] if len(pitches) == 1 else line.lowest
    resolves = step > line.lowest and step % 7 not in slot.letters and (step - 1) % 7 in slot.letters
    if not resolves or slot.ticks < 2 * QUARTER:
        _hold(slot, line)
        return
    tied = 2 * QUARTER if slot.ticks == 3 * QUARTER and slot.beat_ticks == QUARTER else slot.ticks // 2
    line.tie_over(tied)
    line.position = step - 1
    line.play(slot.ticks - tied, (line.position,), slot)


def _stack(slot: Slot, line: PlayerLine, size: int) -> tuple[int, ...]:
    """Return up to `size` neighbouring chord tones within an octave."""
    steps = steps_in_range(slot.letters, line.lowest, line.highest)
    first = steps.index(line.move_to_chord_tone(slot))
    first = max(0, min(first, len(steps) - size))
    return tuple(step for step in steps[first : first + size] if step <= steps[first] + 7)


def _chords(slot: Slot, line: PlayerLine, *, size: int) -> None:
    line.play(slot.ticks, _stack(slot, line, size), slot)


def _repeated(slot: Slot, line: PlayerLine, *, value: int, size: int) -> None:
    chord = _stack(slot, line, size)
    value = _fit_beat(value, slot)
    for _ in range(slot.ticks // value):
        line.play(value, chord, slot)


def _off_beats(slot: Slot, line: PlayerLine, *, size: int) -> None:
    chord = _stack(slot, line, size)
    eighth = QUARTER // 2
    for _ in range(slot.ticks // slot.beat_ticks):
        line.play(eighth, (), slot)
        for _ in range(slot.beat_ticks // eighth - 1):
            line.play(eighth, chord, slot)


def _syncopation(slot: Slot, line: PlayerLine) -> None:
    eighth = QUARTER // 2
    if slot.beat_ticks != QUARTER or slot.ticks == QUARTER:
        _repeated(slot, line, value=eighth, size=1)
        return
    tone = (line.move_to_chord_tone(slot),)
    line.play(eighth, tone, slot)
    for _ in range(slot.ticks // QUARTER - 1):
        line.play(QUARTER, tone, slot)
    line.play(eighth, tone, slot)


def _plucked(slot: Slot, line: PlayerLine, *, from_bass: bool) -> None:
    tone = (_bass_tone(slot, line) if from_bass else line.move_to_chord_tone(slot),)
    eighth = QUARTER // 2
    for _ in range(slot.ticks // slot.beat_ticks):
        line.play(eighth, tone, slot)
        line.play(slot.beat_ticks - eighth, (), slot)


def _fit_beat(value: int, slot: Slot) -> int:
    """Return a note value that fits the beat: in compound time, triplets become the next longer value."""
    is_tuplet = value in (QUARTER // 3, QUARTER // 6)
    return value * 3 // 2 if is_tuplet and slot.beat_ticks == _COMPOUND_BEAT else value


def _arpeggio(slot: Slot, line: PlayerLine, *, value: int) -> None:
    steps = steps_in_range(slot.letters, line.lowest, line.highest)
    value = _fit_beat(value, slot)
    index = steps.index(line.move_to_chord_tone(slot))
    for _ in range(slot.ticks // value):
        line.play(value, (steps[index],), slot)
        if len(steps) > 1:
            if not 0 <= index + (1 if line.upward else -1) < len(steps):
                line.upward = not line.upward
            index += 1 if line.upward else -1
    line.position = steps[index]


def _scale(slot: Slot, line: PlayerLine, *, value: int) -> None:
    """Play a scale with a chord tone on every beat."""
    steps = steps_in_range(slot.letters, line.lowest, line.highest)
    value = _fit_beat(value, slot)
    notes_of_beat = slot.beat_ticks // value
    run = []
    for _ in range(slot.ticks // slot.beat_ticks):
        if not line.lowest + notes_of_beat <= line.position <= line.highest - notes_of_beat:
            line.upward = line.position < (line.lowest + line.highest) // 2
        line.position = nearest(steps, line.position)
        for _ in range(notes_of_beat):
            run.append(line.position)
            line.position = max(line.lowest, min(line.highest, line.position + (1 if line.upward else -1)))
    _slurred(run, value, slot, line)


def _turns(slot: Slot, line: PlayerLine) -> None:
    """Circle around a chord tone with the step above and the semitone below it."""
    sixteenth = QUARTER // 4
    for _ in range(slot.ticks // slot.beat_ticks):
        tone = line.move_to_chord_tone(slot)
        sharps = slot.alterations[tone % 7]
        below = tone - 1, sharps + _semitones(tone) - _semitones(tone - 1) - 1
        above = tone + 1, slot.alterations[(tone + 1) % 7]
        if not line.lowest < tone < line.highest or abs(below[1]) > 2:
            below = above = tone, sharps
        turn = ((tone, sharps), above, (tone, sharps), below, (tone, sharps), above)
        line.bars[-1] += [Event(sixteenth, (pitch,)) for pitch in turn[: slot.beat_ticks // sixteenth]]
        line.position += line.rng.choice((-3, 0, 3))


def _sighs(slot: Slot, line: PlayerLine) -> None:
    """Play the step above a chord tone on every beat, and slur it to that tone."""
    eighth = QUARTER // 2
    for _ in range(slot.ticks // slot.beat_ticks):
        tone = line.move_to_chord_tone(slot)
        above = min(tone + 1, line.highest)
        line.play(eighth, (above,), slot, slur="start")
        line.play(slot.beat_ticks - eighth, (tone,), slot, slur="stop")
        line.position += line.rng.choice((-2, 0, 2))


def _semitones(step: int) -> int:
    octave, letter = divmod(step, 7)
    return 12 * octave + int(STEP_SEMITONES[letter])


def _slurred(run: list[int], value: int, slot: Slot, line: PlayerLine) -> None:
    for index, step in enumerate(run):
        slur = "start" if index == 0 else "stop" if index == len(run) - 1 else ""
        line.play(value, (step,), slot, slur=slur)


_CELLS: Final[Mapping[int, tuple[tuple[int, ...], ...]]] = {
    QUARTER: ((24,), (12, 12), (18, 6), (12, 6, 6), (6, 6, 12), (8, 8, 8), (24,), (12, 12)),
    2 * QUARTER: ((36, 12), (48,), (24, 12, 12), (36, 6, 6)),
    _COMPOUND_BEAT: ((36,), (24, 12), (12, 12, 12), (18, 6, 12)),
}
"""Melodic rhythms by total length."""


def _melody(slot: Slot, line: PlayerLine) -> None:
    """Play chord tones on the beats and stepwise motion between them."""
    steps = steps_in_range(slot.letters, line.lowest, line.highest)
    left = slot.ticks
    while left:
        spans_two_beats = slot.beat_ticks == QUARTER and left >= 2 * QUARTER and line.rng.random() < 0.4
        length = 2 * QUARTER if spans_two_beats else slot.beat_ticks
        cell = line.rng.choice(_CELLS[length])
        line.position = nearest(steps, line.move_to_chord_tone(slot) + line.rng.choice((-2, 0, 0, 2)))
        is_slurred = len(cell) > 1 and line.rng.random() < 0.5
        elapsed = 0
        for index, value in enumerate(cell):
            if elapsed % slot.beat_ticks == 0:
                line.position = nearest(steps, line.position)
            slur = "" if not is_slurred else {0: "start", len(cell) - 1: "stop"}.get(index, "")
            line.play(value, (line.position,), slot, slur=slur)
            if index == 0 and line.rng.random() < 0.08:
                _ornament(slot, line)
            direction = 1 if line.upward else -1
            if not line.lowest <= line.position + direction <= line.highest:
                line.upward, direction = not line.upward, -direction
            line.position += direction
            elapsed += value
        line.upward = line.rng.random() < 0.5
        left -= length


def _ornament(slot: Slot, line: PlayerLine) -> None:
    """Add a grace note, a step higher, to the last note."""
    bar = line.bars[-1]
    above = bar[-1].pitches[0][0] + 1
    if above > line.highest:
        return
    bar[-1] = bar[-1]._replace(grace=(above, slot.alterations[above % 7]))


def _bass_tone(slot: Slot, line: PlayerLine) -> int:
    """Move to the nearest bass tone of the chord in the lower half of the range, or in the lowest octave."""
    half = max((line.lowest + line.highest) // 2, line.lowest + 6)
    steps = steps_in_range((slot.bass,), line.lowest, min(half, line.highest))
    line.position = nearest(steps, line.position)
    return line.position


def _bass(slot: Slot, line: PlayerLine) -> None:
    line.play(slot.ticks, (_bass_tone(slot, line),), slot)


def _pedal(slot: Slot, line: PlayerLine) -> None:
    """Keep the last pitch while it belongs to the scale, whatever the chord."""
    pitches = line.last_pitches
    if pitches and all(slot.alterations[step % 7] == sharps for step, sharps in pitches):
        line.tie_over(slot.ticks)
    else:
        _bass(slot, line)


def _repeated_bass(slot: Slot, line: PlayerLine, *, value: int) -> None:
    tone = (_bass_tone(slot, line),)
    length = value or slot.beat_ticks
    for _ in range(slot.ticks // length):
        line.play(length, tone, slot)


def _walking_bass(slot: Slot, line: PlayerLine, *, value: int) -> None:
    """Start on the bass tone and move by step, in notes of `value` ticks, or of one beat if it is 0."""
    step = _bass_tone(slot, line)
    direction = line.rng.choice((-1, 1))
    length = value or slot.beat_ticks
    for _ in range(slot.ticks // length):
        line.play(length, (step,), slot)
        if not line.lowest <= step + direction <= line.highest:
            direction = -direction
        step += direction
    line.position = step


def _silence(slot: Slot, line: PlayerLine) -> None:
    line.play(slot.ticks, (), slot)


Figure = Callable[[Slot, PlayerLine], None]

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
"""Figures by name; each fills the slot exactly and stays within the range."""
