from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from lxml import etree
from music21 import converter, stream

from music21_server.reading.musicxml import read_musicxml
from music21_server.score.limits import Limits
from music21_server.score.table import NO_TIE, NOTE, STEPS, TIE_CONTINUE, TIE_START, TIE_STOP
from music21_server.synthetic_scores import ScoreStatistics, orchestral_score, score_statistics
from music21_server.synthetic_scores.instruments import players
from music21_server.theory.pitch.transposition import sounding_pitches

TIES = {NO_TIE: None, TIE_START: "start", TIE_STOP: "stop", TIE_CONTINUE: "continue"}


def read(document):
    return read_musicxml(document, Limits())


@pytest.fixture(scope="module")
def large():
    return read(orchestral_score(45, 40, 1))


def our_notes(score):
    table = score.notes
    rows = zip(
        table.part, table.measure, table.onset, table.duration, table.kind, table.step, table.alter_cents,
        table.octave, table.tie, table.grace, strict=True,
    )  # fmt: skip
    return Counter(
        (
            part, measure, score.quarters(onset), score.quarters(duration), kind == NOTE, STEPS[step],
            alter_cents, octave, TIES[tie], bool(grace),
        )
        for part, measure, onset, duration, kind, step, alter_cents, octave, tie, grace in rows
        if kind != 1
    )  # fmt: skip


def their_notes(document):
    notes = Counter()
    for part_index, part in enumerate(converter.parseData(document.decode(), format="musicxml").parts):
        for measure_index, measure in enumerate(part.getElementsByClass(stream.Measure)):
            for element in measure.recurse().notes:
                onset = Fraction(element.getOffsetInHierarchy(measure)).limit_denominator(1000)
                duration = Fraction(element.quarterLength).limit_denominator(1000)
                for note in element.notes if hasattr(element, "notes") else [element]:
                    if hasattr(note, "pitch"):
                        name = (True, note.pitch.step, round(note.pitch.alter * 100), note.pitch.octave)
                    else:
                        name = (False, note.displayStep, 0, note.displayOctave)
                    tie = note.tie.type if note.tie is not None else None
                    grace = element.duration.isGrace
                    notes[part_index, measure_index, onset, duration, *name, tie, grace] += 1
    return notes


def test_music21_reads_the_same_notes():
    # The second score has every instrument.
    for instruments, measures in ((6, 8), (38, 2)):
        document = orchestral_score(instruments, measures, 1)
        ours, theirs = our_notes(read(document)), their_notes(document)
        assert sum(ours.values()) > instruments * measures
        assert ours - theirs == Counter()
        assert theirs - ours == Counter()


def test_same_seed_same_score():
    assert orchestral_score(7, 9, 3) == orchestral_score(7, 9, 3)
    assert orchestral_score(7, 9, 3) != orchestral_score(7, 9, 4)


@pytest.mark.parametrize("seed", range(5))
def test_a_small_score_has_every_feature(seed):
    statistics = score_statistics(read(orchestral_score(6, 8, seed)))
    assert statistics.measures == 8
    assert statistics.staves == 7
    assert statistics.transposing_staves == 2
    assert statistics.staves_of_shared_instruments == 2
    assert statistics.chord_notes >= 30
    assert statistics.ties_over_barlines >= 4
    assert statistics.notes_of_triplets >= 20
    assert statistics.key_changes == 2
    assert statistics.time_changes >= 1
    assert statistics.rests >= 5
    assert statistics.relative_sonorities >= 40


def test_a_large_score_has_much_of_every_feature(large):
    # Exact, because measurements of different commits are compared over the same scores.
    assert score_statistics(large) == ScoreStatistics(
        staves=45 + 2, transposing_staves=10, staves_of_shared_instruments=4, measures=40, notes=8666,
        grace_notes=29, unpitched_notes=194, rests=448, chord_notes=774, ties_over_barlines=128,
        notes_of_triplets=1221, key_changes=4, time_changes=1, sonorities=863, relative_sonorities=267,
    )  # fmt: skip


def test_there_are_hundreds_of_different_sonorities():
    # This is the smallest score that is measured; larger ones have more.
    assert score_statistics(read(orchestral_score(20, 100, 1))).relative_sonorities > 540


def test_every_voice_fills_every_bar(large):
    table = large.notes
    begins = np.zeros((len(large.parts), len(large.measure_ticks), table.voice.max() + 1), dtype=np.int64)
    ends, filled = begins.copy(), begins.copy()
    place = (table.part, table.measure, table.voice)
    np.maximum.at(ends, place, table.onset + table.duration)
    # Notes of a chord count once.
    rows = np.stack([*place, table.onset, table.duration], axis=1)[~table.grace]
    for part, measure, voice, _, duration in np.unique(rows, axis=0):
        filled[part, measure, voice] += duration
    is_used = filled > 0
    assert is_used.any(axis=2).all()
    lengths = np.broadcast_to(large.measure_ticks[np.newaxis, :, np.newaxis], filled.shape)
    assert (filled[is_used] == lengths[is_used]).all()
    assert (ends[is_used] == lengths[is_used]).all()


def test_every_player_stays_within_the_range(large):
    table = large.notes
    steps = table.octave * 7 + table.step
    names = {player.name: player.instrument for player in players(45)}
    for index, part in enumerate(large.parts):
        lines = names[part.name].lines
        own = steps[(table.part == index) & (table.kind == NOTE)]
        assert len(own) or names[part.name].is_unpitched
        assert all((own >= min(line.lowest for line in lines)) & (own <= max(line.highest for line in lines)))


def test_parts_are_in_score_order_and_numbered():
    names = [player.name for player in players(150)]
    assert len(names) == len(set(names)) == 150
    assert names[0] == "Piccolo"
    assert (
        names.index("Horn in F 1")
        < names.index("Timpani")
        < names.index("Violin 1")
        < names.index("Violin 2")
    )
    assert names[-1].startswith("Double Bass")
    assert [player.name for player in players(1)] == ["Violin"]


def test_pickup_is_one_beat_long(large):
    assert large.measure_numbers[0] == "0"
    assert large.own_ticks[:, 0].tolist() == [large.notes.ticks_per_quarter] * len(large.parts)
    assert large.measure_ticks[1] == 4 * large.notes.ticks_per_quarter


def test_transposing_parts_have_other_signatures_and_sound_in_the_same_key(large):
    signatures = {
        part.name: [key.fifths for key in large.keys if key.part == index]
        for index, part in enumerate(large.parts)
    }
    concert = signatures["Flute 1"]
    assert signatures["Clarinet in B♭ 1"] == [fifths + 2 for fifths in concert]
    assert signatures["Horn in F 1"] == [fifths + 1 for fifths in concert]
    assert signatures["Piccolo"] == signatures["Double Bass 1"] == concert
    assert signatures["Snare Drum"] == []
    # All parts end on the tonic triad.
    table, heard = large.notes, sounding_pitches(large)
    last = (table.measure == table.measure.max()) & (table.kind == NOTE)
    tonic_is_minor = [key.mode for key in large.keys if key.part == 0][-1] == "minor"
    root = 7 * concert[-1] + (9 if tonic_is_minor else 0)
    classes = {int(cents) // 100 % 12 for cents in heard.cents[last]}
    assert classes == {(root + above) % 12 for above in (0, 3 if tonic_is_minor else 4, 7)}


def test_document_has_title_composer_parts_lyrics_and_slurs():
    document = orchestral_score(6, 8, 2)
    score = read(document)
    assert score.title == "Symphonic Study No. 2"
    assert score.composer
    assert "Clarinet in B♭" in [part.name for part in score.parts]
    assert score.measure_numbers == tuple("01234567")
    assert score.tempos[0].measure == 0
    root = etree.fromstring(document)
    singing = root.find("part-list/score-part[part-name='Soprano']").get("id")
    assert len(root.findall(f"part[@id='{singing}']//lyric/text")) > 5
    assert {each.get("type") for each in root.iter("slur")} == {"start", "stop"}
    assert root.find(".//dynamics") is not None


def test_slurs_are_closed_before_the_next_begins():
    ends = 0
    for part in etree.fromstring(orchestral_score(20, 30, 2)).iterfind("part"):
        open_slurs = Counter()
        for note in part.iter("note"):
            for slur in note.iterfind("notations/slur"):
                voice = note.findtext("voice")
                open_slurs[voice] += 1 if slur.get("type") == "start" else -1
                assert open_slurs[voice] in (0, 1)
                ends += 1
        assert not any(open_slurs.values())
    assert ends > 400


@pytest.mark.parametrize(("instruments", "measures"), [(1, 1), (1, 3), (2, 1), (3, 2)])
def test_the_smallest_scores_can_be_read(instruments, measures):
    statistics = score_statistics(read(orchestral_score(instruments, measures, 1)))
    assert statistics.measures == measures
    assert statistics.notes > 0


@pytest.mark.parametrize(("instruments", "measures"), [(0, 5), (5, 0), (-1, 5)])
def test_less_than_one_instrument_or_bar_is_refused(instruments, measures):
    with pytest.raises(ValueError, match="at least one"):
        orchestral_score(instruments, measures, 1)
