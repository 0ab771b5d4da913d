from __future__ import annotations

from music21_server.score.table import NOTE, REST, TIE_START, TIE_STOP
from music21_server.writing.layers import GAP, Layers, with_graces


def events_of(layers: Layers, index: int) -> list[list[tuple[int, int, int, int]]]:
    """Return onset, length, kind and number of rows of the events in each measure of a layer."""
    measures = layers.measures(layers.layers[index])
    return [
        [(event.onset, event.ticks, event.kind, len(event.rows)) for event in measure] for measure in measures
    ]


def test_gaps_are_filled_to_the_end_of_the_measure(score) -> None:
    layers = Layers(score([{"onset": 4}, {"onset": 4, "pitch": "E4"}, {"measure": 2, "kind": REST}]))
    assert events_of(layers, 0) == [
        [(0, 4, GAP, 0), (4, 4, NOTE, 2), (8, 8, GAP, 0)],
        [(0, 16, GAP, 0)],
        [(0, 4, REST, 1), (4, 12, GAP, 0)],
    ]


def test_overlapping_notes_of_a_voice_go_into_separate_layers(score) -> None:
    rows = [{"duration": 16}, {"onset": 4, "duration": 8}, {"onset": 8, "duration": 8}, {"onset": 12}]
    layers = Layers(score(rows))
    assert [(layer.part, layer.rank) for layer in layers.layers] == [(0, 0), (0, 1), (0, 2)]
    assert events_of(layers, 1) == [[(0, 4, GAP, 0), (4, 8, NOTE, 1), (12, 4, NOTE, 1)]]
    assert events_of(layers, 2) == [[(0, 8, GAP, 0), (8, 8, NOTE, 1)]]


def test_layers_are_ordered_by_part_and_voice_and_every_part_has_one(score) -> None:
    rows = [{"part": 1, "voice": 1}, {"part": 1}, {"part": 1, "measure": 1, "voice": 1}]
    layers = Layers(score(rows, names="ABC"))
    assert [(layer.part, layer.rank) for layer in layers.layers] == [(0, 0), (1, 0), (1, 1), (2, 0)]
    assert layers.are_several(1, 0)
    assert not layers.are_several(1, 1)
    assert layers.is_any(1, 1)
    assert not layers.is_any(2, 0)


def test_cues_and_notes_of_no_length_are_omitted(score) -> None:
    layers = Layers(score([{"cue": True}, {"duration": 0}, {"onset": 8}]))
    assert events_of(layers, 0) == [[(0, 8, GAP, 0), (8, 4, NOTE, 1), (12, 4, GAP, 0)]]


def test_grace_notes_precede_the_note_at_their_onset(score) -> None:
    rows = [{"duration": 0, "grace": True}, {}, {"onset": 16, "duration": 0, "grace": True}]
    layers = Layers(score(rows))
    timed, last = with_graces(next(iter(layers.measures(layers.layers[0]))))
    assert [(len(graces), event.kind) for graces, event in timed] == [(1, NOTE), (0, GAP)]
    assert [event.onset for event in last] == [16]


def test_ties_hold_within_a_layer_only(score) -> None:
    rows = [
        {"duration": 16, "tie": TIE_START, "pitch": "C4"},
        {"duration": 16, "tie": TIE_START, "pitch": "E4"},
        {"measure": 1, "duration": 16, "tie": TIE_STOP, "pitch": "C4"},
        {"measure": 1, "duration": 16, "tie": TIE_STOP, "pitch": "E4", "voice": 1},
    ]
    assert Layers(score(rows)).tied.tolist() == [True, False, False, False]
