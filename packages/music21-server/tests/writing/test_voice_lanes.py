from __future__ import annotations

from music21_server.score.table import NOTE, REST, TIE_START, TIE_STOP
from music21_server.writing.voice_lanes import GAP, Lanes, with_graces


def seen(lanes: Lanes, index: int) -> list[list[tuple[int, int, int, int]]]:
    """Return onset, length, kind and number of rows of what is in each bar of a lane."""
    bars = lanes.bars(lanes.lanes[index])
    return [[(item.onset, item.ticks, item.kind, len(item.rows)) for item in bar] for bar in bars]


def test_gaps_are_filled_to_the_end_of_the_bar(score) -> None:
    lanes = Lanes(score([{"onset": 4}, {"onset": 4, "pitch": "E4"}, {"measure": 2, "kind": REST}]))
    assert seen(lanes, 0) == [
        [(0, 4, GAP, 0), (4, 4, NOTE, 2), (8, 8, GAP, 0)],
        [(0, 16, GAP, 0)],
        [(0, 4, REST, 1), (4, 12, GAP, 0)],
    ]


def test_what_overlaps_in_a_voice_goes_into_lanes_of_its_own(score) -> None:
    rows = [{"duration": 16}, {"onset": 4, "duration": 8}, {"onset": 8, "duration": 8}, {"onset": 12}]
    lanes = Lanes(score(rows))
    assert [(lane.part, lane.rank) for lane in lanes.lanes] == [(0, 0), (0, 1), (0, 2)]
    assert seen(lanes, 1) == [[(0, 4, GAP, 0), (4, 8, NOTE, 1), (12, 4, NOTE, 1)]]
    assert seen(lanes, 2) == [[(0, 8, GAP, 0), (8, 8, NOTE, 1)]]


def test_every_part_has_a_lane_and_those_of_voices_follow_each_other(score) -> None:
    rows = [{"part": 1, "voice": 1}, {"part": 1}, {"part": 1, "measure": 1, "voice": 1}]
    lanes = Lanes(score(rows, names="ABC"))
    assert [(lane.part, lane.rank) for lane in lanes.lanes] == [(0, 0), (1, 0), (1, 1), (2, 0)]
    assert lanes.are_several(1, 0)
    assert not lanes.are_several(1, 1)
    assert lanes.is_any(1, 1)
    assert not lanes.is_any(2, 0)


def test_cues_and_notes_without_length_are_left_out(score) -> None:
    lanes = Lanes(score([{"cue": True}, {"duration": 0}, {"onset": 8}]))
    assert seen(lanes, 0) == [[(0, 8, GAP, 0), (8, 4, NOTE, 1), (12, 4, GAP, 0)]]


def test_grace_notes_stand_before_the_note_of_their_moment(score) -> None:
    rows = [{"duration": 0, "grace": True}, {}, {"onset": 16, "duration": 0, "grace": True}]
    lanes = Lanes(score(rows))
    timed, last = with_graces(next(iter(lanes.bars(lanes.lanes[0]))))
    assert [(len(graces), item.kind) for graces, item in timed] == [(1, NOTE), (0, GAP)]
    assert [item.onset for item in last] == [16]


def test_ties_hold_within_a_lane_alone(score) -> None:
    rows = [
        {"duration": 16, "tie": TIE_START, "pitch": "C4"},
        {"duration": 16, "tie": TIE_START, "pitch": "E4"},
        {"measure": 1, "duration": 16, "tie": TIE_STOP, "pitch": "C4"},
        {"measure": 1, "duration": 16, "tie": TIE_STOP, "pitch": "E4", "voice": 1},
    ]
    assert Lanes(score(rows)).tied.tolist() == [True, False, False, False]
