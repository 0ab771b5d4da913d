"""Writing beats as a score."""

from __future__ import annotations

from collections.abc import Callable

from music21_server.composition.imitation.notation import to_score, tones
from music21_server.composition.imitation.pieces import REST, TICKS, Event, Metre, Piece, piece_of
from music21_server.reading.formats import read
from music21_server.score.document import Document
from music21_server.score.limits import Limits
from music21_server.score.table import NO_TIE, TIE_START, TIE_STOP, Score
from music21_server.theory.pitch.names import parse_key
from music21_server.writing.musicxml_writer import write_musicxml

ScoreMaker = Callable[..., Score]


def write_and_read(piece: Piece, measures: int) -> Score:
    score = to_score(
        piece.beats, piece.metre, piece.key, measures=measures, voices=["v"] * len(piece.voices), title="t"
    )
    return read(Document("musicxml", write_musicxml(score)), Limits())


def test_cutting_and_writing_a_work_changes_nothing(chorales: tuple[Piece, ...]) -> None:
    compared = 0
    for piece in chorales:
        begin = next(index for index, bar in enumerate(piece.bars) if bar >= 0)
        if not all(piece.follows[begin + 1 :]) or piece.places[begin] != 0:
            continue
        compared += 1
        beats = piece.beats[begin:]
        measures = max(piece.bars) + 1
        score = to_score(beats, piece.metre, piece.key, measures=measures, voices=piece.voices, title="t")
        copy = piece_of("x", read(Document("musicxml", write_musicxml(score)), Limits()))
        assert copy.beats == beats
        assert copy.voices == piece.voices
        assert copy.places == piece.places[begin:]
    assert compared >= 10


def test_notes_of_several_values_are_tied(make_score: ScoreMaker) -> None:
    score = write_and_read(piece_of("x", make_score("r:0.5 C4:2.5 D4:1 | ~D4:1 E4:3")), 2)
    table = score.notes
    assert (table.duration / table.ticks_per_quarter).tolist() == [0.5, 1.5, 1, 1, 1, 3]
    assert table.tie.tolist() == [NO_TIE, TIE_START, TIE_STOP, TIE_START, TIE_STOP, NO_TIE]


def test_double_dotted_notes_are_one_value(make_score: ScoreMaker) -> None:
    table = write_and_read(piece_of("x", make_score("C4:3.5 D4:0.5 | C4:4")), 2).notes
    assert (table.duration / table.ticks_per_quarter).tolist() == [3.5, 0.5, 4]


def test_the_last_notes_are_held_to_the_end() -> None:
    metre = Metre("4/4", 4, TICKS)
    beat = ((Event(0, 60, 0, False),), (Event(0, 48, 0, False), Event(240, 43, 1, False)))
    score = to_score([beat], metre, parse_key("C"), measures=1, voices=["a", "b"], title="")
    ends = score.notes.onset + score.notes.duration
    assert ends[score.notes.part == 0].max() == ends[score.notes.part == 1].max() == 4 * TICKS


def test_silence_in_a_bar_is_one_rest() -> None:
    metre = Metre("2/4", 2, TICKS)
    silent = ((Event(0, REST, 0, False),),)
    note = ((Event(0, 60, 0, False),),)
    line = tones([silent, silent, note], 0, TICKS)
    assert [(tone.length, tone.pitch) for tone in line] == [(2 * TICKS, REST), (TICKS, 60)]
    score = to_score([silent, silent, note], metre, parse_key("C"), measures=2, voices=["a"], title="")
    assert len(score.notes) == 2


def test_names_with_many_accidentals_are_respelled() -> None:
    metre = Metre("1/4", 1, TICKS)
    beats = [((Event(0, 66, fifths, False),),) for fifths in (6, 18, 30, -6, -18, -30)]
    table = to_score(beats, metre, parse_key("C"), measures=6, voices=["a"], title="").notes
    assert (table.written_cents == 6600).all()
    assert (abs(table.alter_cents) <= 200).all()


def test_names_are_respelled_by_one_enharmonic_change() -> None:
    """An enharmonic change is twelve fifths; names keep as many accidentals as they may."""
    metre = Metre("1/4", 1, TICKS)
    beats = [((Event(0, 68, 20, False),),), ((Event(0, 68, -16, False),),)]
    table = to_score(beats, metre, parse_key("C"), measures=2, voices=["a"], title="").notes
    assert list(zip(table.step.tolist(), table.alter_cents.tolist(), strict=True)) == [(4, 100), (5, -100)]


def test_signatures_stay_within_seven_signs() -> None:
    metre = Metre("1/4", 1, TICKS)
    beat = ((Event(0, 60, 0, False),),)
    for key, fifths in (("D minor", -1), ("A", 3), ("G# major", 7), ("F- minor", -7)):
        score = to_score([beat], metre, parse_key(key), measures=1, voices=["a"], title="")
        assert score.keys[0].fifths == fifths
