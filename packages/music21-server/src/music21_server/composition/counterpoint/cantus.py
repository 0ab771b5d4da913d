"""The cantus firmus, read from note names or from a part of a score."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from music21_server.composition.counterpoint.modes import MODES, Mode, detect_mode, parse_mode
from music21_server.composition.counterpoint.task import FEWEST_NOTES, MOST_NOTES
from music21_server.composition.counterpoint.tones import Tone, tone
from music21_server.errors import ScoreError
from music21_server.score.table import NOTE, REST, TIE_CONTINUE, TIE_STOP, UNPITCHED, Integers, Score
from music21_server.theory.pitch.names import name_of, text_of
from music21_server.theory.pitch.transposition import sounding_pitches
from music21_server.writing.selection import part_name, select_parts

_LONGEST_TEXT: Final = 2000
_NOTE: Final = re.compile(r"([A-Ga-g])(##?|--?|bb?|♯|♭)?(\d)?")
_DEFAULT_OCTAVE: Final = 4


@dataclass(frozen=True)
class Cantus:
    """A cantus firmus.

    Attributes:
        tones: One tone for each measure.
        signature_fifths: Sharps of its key signature, flats negative; None if there is none.
    """

    tones: tuple[Tone, ...]
    signature_fifths: int | None = None

    def mode(self, key: str | None) -> Mode:
        """Return the mode of the cantus.

        Args:
            key: Name of a key or mode; None to detect it from the notes.

        Raises:
            ScoreError: There is no such mode, or the notes are not in it or do not end on its final.
        """
        last = self.tones[-1]
        names = {each.name for each in self.tones}
        if key is None:
            return detect_mode(names, last.name, self.signature_fifths)
        mode = parse_mode(key)
        if last.name != mode.final:
            raise ScoreError(
                f"Expected a cantus that ends on {text_of(mode.final)}, the final of {mode.text}, got "
                f"{last}: name another of {', '.join(MODES)}, or leave the key out."
            )
        foreign = sorted(names - mode.scale - mode.lowered - mode.raised)
        if foreign:
            raise ScoreError(
                f"Expected a cantus in {mode.text}, got {', '.join(text_of(name) for name in foreign)}: name "
                "the key that it is in, or leave the key out."
            )
        return mode


def cantus_from_text(text: str) -> Cantus:
    """Read note names, such as ``D4 F4 E4 D4`` or ``Bb3, A3``; octave 4 begins with middle C.

    Raises:
        ScoreError: The text contains anything else, or too few or too many notes.
    """
    if len(text) > _LONGEST_TEXT:
        raise ScoreError(f"Expected at most {MOST_NOTES} notes, got a text of {len(text):,} characters.")
    words = text.replace(",", " ").split()
    _check_length(len(words))
    return Cantus(tuple(read_tone(word) for word in words))


def read_tone(word: str) -> Tone:
    """Return the tone that a name such as ``F#4`` stands for; the octave defaults to 4.

    Raises:
        ScoreError: The text is no note name.
    """
    match = _NOTE.fullmatch(word)
    if match is None:
        hint = " A cantus has no rests." if word.lower() in ("r", "rest") else ""
        raise ScoreError(
            f"Expected names of notes such as D4, F#4 or Bb3, one for each measure, got {word[:40]!r}.{hint}"
        )
    sign = (match[2] or "").replace("b", "-").replace("♭", "-").replace("♯", "#")
    return tone(name_of(match[1].upper() + sign), int(match[3] or _DEFAULT_OCTAVE))


def cantus_from_score(score: Score, part: str | None = None) -> Cantus:
    """Return a part of a score as a cantus; each note becomes a whole note.

    Args:
        score: Score that has the cantus.
        part: Name of the part, or its number from 1; None if the score has one part only.

    Raises:
        ScoreError: There is no such part, or it is not a line of equally long notes, of which only the last
            may be longer.
    """
    index = _part(score, part)
    table = score.notes
    rows = np.flatnonzero((table.part == index) & ~table.grace & ~table.cue)
    _check_kinds(table.kind[rows])
    first = rows[(table.tie[rows] != TIE_STOP) & (table.tie[rows] != TIE_CONTINUE)]
    starts = score.measure_starts[table.measure[rows]] + table.onset[rows]
    ends = starts + table.duration[rows]
    order = np.argsort(starts, kind="stable")
    if (starts[order][1:] < ends[order][:-1]).any():
        raise ScoreError(
            "Expected a part of single notes, one after another, got chords or several voices: extract one "
            "voice first, or send the notes themselves (cantus)."
        )
    if (starts[order][1:] > ends[order][:-1]).any() or (table.kind[rows] == REST).any():
        raise ScoreError(
            "Expected a cantus without rests, got a part with some: send the notes themselves (cantus)."
        )
    _check_length(len(first))
    begins = score.measure_starts[table.measure[first]] + table.onset[first]
    lengths = np.diff(np.append(np.sort(begins), ends.max()))
    if (lengths[:-1] != lengths[0]).any() or lengths[-1] < lengths[0]:
        raise ScoreError(
            "Expected a cantus of notes of one length (the last one may be longer), got "
            f"{len(np.unique(lengths))} different lengths: send the notes themselves (cantus), each of which "
            "counts as a whole note."
        )
    pitches = sounding_pitches(score)
    chosen = first[np.argsort(begins, kind="stable")].tolist()
    if (pitches.alter_cents[chosen] % 100).any():
        raise ScoreError(
            "Expected a cantus without quarter tones, got some: send the notes themselves (cantus)."
        )
    tones = tuple(
        tone((int(pitches.step[row]), int(pitches.alter_cents[row])), int(pitches.octave[row]))
        for row in chosen
    )
    keys = [key.fifths for key in score.keys if key.part == index]
    is_transposing = bool(score.parts[index].transpositions)
    return Cantus(tones, keys[0] if keys and not is_transposing else None)


def _part(score: Score, part: str | None) -> int:
    if part is None:
        if len(score.parts) == 1:
            return 0
        names = ", ".join(
            f"{index + 1} {part_name(score, index)}" for index in range(min(len(score.parts), 12))
        )
        raise ScoreError(
            f"Expected the name of the part with the cantus, got none for a score with {len(score.parts)} "
            f"parts ({names}): name one (part)."
        )
    matches: Sequence[int] = select_parts(score, [part])
    if len(matches) > 1:
        numbers = ", ".join(str(index + 1) for index in matches)
        raise ScoreError(
            f"Expected one part, got {len(matches)} named {part!r}: give its number ({numbers})."
        )
    return matches[0]


def _check_kinds(kinds: Integers) -> None:
    if (kinds == UNPITCHED).any():
        raise ScoreError("Expected pitched notes, got unpitched ones (percussion): name another part.")
    if not (kinds == NOTE).any():
        raise ScoreError("Expected a part with notes, got one without any: name another part.")


def _check_length(count: int) -> None:
    if not FEWEST_NOTES <= count <= MOST_NOTES:
        advice = "send one phrase of it" if count > MOST_NOTES else "textbooks use 8 to 16"
        raise ScoreError(
            f"Expected {FEWEST_NOTES} to {MOST_NOTES} notes in a cantus, got {count:,}: {advice}."
        )
