from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from music21_server.errors import TooMuchScoreError
from music21_server.score.table import NOTE, REST, UNPITCHED, NoteTable, Part, Score
from music21_server.theory.chords import sonorities as module
from music21_server.theory.chords.sonorities import sonorities
from music21_server.theory.pitch.transposition import written_pitches

NAMES = ("part", "measure", "onset", "duration", "kind", "step", "alter_cents", "octave")


def _score(rows, bars=(4, 4), grace=()):
    """Return a score with rows of (part, measure, onset, duration, kind, step, alteration, octave)."""
    values = np.array(rows, dtype=np.int64).reshape(-1, len(NAMES))
    zeros = np.zeros(len(values), dtype=np.int64)
    flags = np.zeros(len(values), dtype=np.bool_)
    flags[list(grace)] = True
    table = NoteTable(
        **{name: values[:, index] for index, name in enumerate(NAMES)},
        tie=zeros, grace=flags, cue=np.zeros_like(flags), voice=zeros, node=zeros, ticks_per_quarter=1,
    )  # fmt: skip
    ticks = np.array(bars, dtype=np.int64)
    parts = tuple(Part(str(part), "") for part in range(3))
    return Score("", "", parts, table, tuple("12"), ticks, np.tile(ticks, (3, 1)))


def _rows(score):
    """Return bar, start, duration, and pitches as step and octave."""
    result = sonorities(score, written_pitches(score))
    first = result.first.tolist()
    pitches = list(zip(result.step.tolist(), result.octave.tolist(), strict=True))
    return [
        (
            int(result.measure[index]),
            int(result.start[index]),
            int(result.duration[index]),
            pitches[begin:end],
        )
        for index, (begin, end) in enumerate(pairwise(first))
    ]


def _note(part, measure, onset, duration, *, step=0, octave=4, kind=NOTE):
    return (part, measure, onset, duration, kind, step, 0, octave)


def test_a_sonority_ends_where_any_note_begins_or_ends():
    score = _score([_note(0, 0, 0, 4), _note(1, 0, 1, 2, step=2)])
    assert _rows(score) == [(0, 0, 1, [(0, 4)]), (0, 1, 2, [(0, 4), (2, 4)]), (0, 3, 1, [(0, 4)])]


def test_a_sonority_ends_at_rests_and_barlines():
    score = _score([_note(0, 0, 0, 4), _note(0, 1, 0, 4), _note(1, 0, 1, 1, kind=REST)])
    assert [row[:3] for row in _rows(score)] == [(0, 0, 1), (0, 1, 1), (0, 2, 2), (1, 4, 4)]


def test_silence_is_left_out():
    score = _score([_note(0, 0, 1, 1), _note(0, 1, 3, 1)])
    assert [row[:3] for row in _rows(score)] == [(0, 1, 1), (1, 7, 1)]


def test_pitches_are_listed_from_the_lowest_and_once():
    score = _score(
        [
            _note(0, 0, 0, 4, step=4, octave=5),
            _note(1, 0, 0, 4),
            _note(2, 0, 0, 4),
            _note(2, 0, 0, 4, step=2, octave=3),
        ]
    )
    assert _rows(score)[0][3] == [(2, 3), (0, 4), (4, 5)]


def test_enharmonic_names_stay_apart():
    rows = [_note(0, 0, 0, 4), (1, 0, 0, 4, NOTE, 6, 100, 3)]
    assert _rows(_score(rows))[0][3] == [(0, 4), (6, 3)]


def test_grace_notes_and_unpitched_notes_do_not_count():
    rows = [
        _note(0, 0, 0, 4),
        _note(0, 0, 1, 0, step=1),
        _note(1, 0, 2, 1, kind=UNPITCHED),
        _note(0, 0, 3, 1, step=3),
    ]
    assert _rows(_score(rows, grace=[3])) == [(0, 0, 4, [(0, 4)])]


def test_a_voice_longer_than_its_bar_is_cut_at_the_barline():
    rows = [_note(0, 0, 3, 4), _note(0, 1, 0, 4, step=1), _note(1, 0, 5, 1, step=2)]
    assert _rows(_score(rows)) == [(0, 3, 1, [(0, 4)]), (1, 4, 4, [(1, 4)])]


def test_bars_may_be_empty():
    rows = [_note(0, 0, 0, 4), _note(0, 1, 0, 0), _note(0, 2, 0, 4)]
    assert [row[:2] for row in _rows(_score(rows, bars=(4, 0, 4)))] == [(0, 0), (2, 4)]


@pytest.mark.parametrize("rows", [[], [_note(0, 0, 0, 4, kind=REST)]])
def test_a_score_in_which_nothing_sounds_has_no_sonorities(rows):
    result = sonorities(_score(rows), written_pitches(_score(rows)))
    assert len(result) == 0
    assert result.first.tolist() == [0]


def test_a_score_without_bars_has_no_sonorities():
    assert len(sonorities(_score([], bars=()), written_pitches(_score([])))) == 0


@pytest.mark.parametrize("name", ["_MOST_CELLS", "_MOST_PITCHES"])
def test_scores_beyond_the_limits_are_errors(monkeypatch, name):
    monkeypatch.setattr(module, name, 10)
    score = _score(
        [_note(part, 0, onset, 1, step=step) for part in range(3) for onset in range(4) for step in (part, 6)]
    )
    with pytest.raises(TooMuchScoreError, match="send a part of the score"):
        sonorities(score, written_pitches(score))


notes = st.tuples(
    st.integers(0, 2), st.integers(0, 1), st.integers(0, 4), st.integers(0, 5), st.sampled_from([NOTE, NOTE,
    REST]), st.integers(0, 6), st.just(0), st.integers(3, 4),
)  # fmt: skip


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(st.lists(notes, max_size=8), st.sampled_from([1, 3, 4_000_000]))
def test_sonorities_equal_a_search_tick_by_tick(rows, block):
    """All times are whole ticks, so listing the notes of each tick is a full reference."""
    score = _score(sorted(rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK_CELLS", block)
        sounding_rows = _rows(score)
    by_tick = {}
    for measure, start, duration, pitches in sounding_rows:
        by_tick |= dict.fromkeys(range(start, start + duration), (measure, pitches))
    expected = {}
    for tick in range(8):
        measure = tick // 4
        sounding = {
            (step, octave)
            for _, of, onset, duration, kind, step, _, octave in rows
            if of == measure and kind == NOTE and onset <= tick % 4 < min(onset + duration, 4)
        }
        if sounding:
            expected[tick] = (measure, sorted(sounding, key=lambda each: each[::-1]))
    assert by_tick == expected
