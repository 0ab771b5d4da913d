import re

import numpy as np
import pytest

from music21_server.editing.intervals import Interval
from music21_server.errors import ScoreError, UnreadableScoreError
from music21_server.reading.musicxml import read_musicxml
from music21_server.score.limits import Limits
from music21_server.score.table import NOTE, STEPS
from music21_server.synthetic_scores import orchestral_score, perturb
from music21_server.theory.pitch.transposition import sounding_pitches

WORK = orchestral_score(6, 8, 1)

LEAD_SHEET = b"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" "http://www.musicxml.org/dtds/partwise.dtd">
<score-partwise version="4.0"><part-list><score-part id="P1"><part-name>A</part-name></score-part></part-list>
<part id="P1"><measure number="1">
<attributes><divisions>1</divisions><key><cancel>2</cancel><fifths>-1</fifths><mode>major</mode></key></attributes>
<harmony><root><root-step>B</root-step><root-alter>-1</root-alter></root><kind>major</kind>
<bass><bass-step>D</bass-step></bass></harmony>
<note><pitch><step>B</step><alter>-1</alter><octave>4</octave></pitch><duration>1</duration></note>
<note><pitch><step>B</step><octave>4</octave></pitch><duration>1</duration><accidental>natural</accidental></note>
<note><pitch><step>F</step><alter>1</alter><octave>4</octave></pitch><duration>1</duration>
<accidental>sharp</accidental></note>
<note><pitch><step>F</step><octave>4</octave></pitch><duration>1</duration><accidental>flat</accidental></note>
</measure></part></score-partwise>"""


def read(document):
    return read_musicxml(document, Limits())


def name(table, row):
    sharps = int(table.alter_cents[row]) // 100
    return STEPS[table.step[row]] + ("#" * sharps if sharps > 0 else "-" * -sharps) + str(table.octave[row])


COLUMNS = ("part", "measure", "onset", "duration", "kind", "tie", "grace", "cue", "voice", "node")


@pytest.mark.parametrize("seed", range(5))
def test_interval_and_changes_account_for_every_pitch(seed):
    result = perturb(WORK, seed, changes=3)
    before, after = read(WORK), read(result.document)
    for column in COLUMNS:
        assert (getattr(before.notes, column) == getattr(after.notes, column)).all()
    is_note = before.notes.kind == NOTE
    changed = np.isin(before.notes.node, [change.node for change in result.changed])
    raised = after.notes.written_cents - before.notes.written_cents
    assert (raised[is_note & ~changed] == result.interval.semitones * 100).all()
    steps = (after.notes.octave - before.notes.octave) * 7 + after.notes.step - before.notes.step
    assert (steps[is_note & ~changed] == result.interval.steps).all()
    assert len(result.changed) == changed.sum() == 3
    for change in result.changed:
        (row,) = np.flatnonzero(after.notes.node == change.node)
        assert name(after.notes, row) == change.after != change.before
        assert before.parts[before.notes.part[row]].identity.split("-")[0] == change.part
        assert before.measure_numbers[before.notes.measure[row]] == change.measure
        raised_steps = steps[row] - result.interval.steps
        assert raised_steps in (-2, -1, 1, 2)
        signatures = [
            key.fifths
            for key in after.keys
            if key.part == after.notes.part[row] and key.measure <= after.notes.measure[row]
        ]
        sharps = "FCGDAEB"[: signatures[-1]] if signatures[-1] > 0 else ""
        flats = "BEADGCF"[: -signatures[-1]] if signatures[-1] < 0 else ""
        in_scale = {
            (STEPS.index(step), 100 if step in sharps else -100 if step in flats else 0) for step in STEPS
        }
        assert (after.notes.step[row], after.notes.alter_cents[row]) in in_scale
    fifths = [(old.fifths, new.fifths) for old, new in zip(before.keys, after.keys, strict=True)]
    assert all(new - old == result.interval.fifths for old, new in fifths)
    assert all(abs(new) <= 7 for _, new in fifths)


def test_sounding_pitches_are_transposed_too():
    result = perturb(WORK, 1, changes=0)
    before, after = read(WORK), read(result.document)
    notes = before.notes.kind == NOTE
    raised = sounding_pitches(after).cents - sounding_pitches(before).cents
    assert (raised[notes] == result.interval.semitones * 100).all()
    assert after.parts == before.parts


def test_same_seed_same_work_and_other_seeds_other_works():
    documents = [perturb(WORK, seed).document for seed in range(20)]
    assert len(set(documents)) == 20
    assert WORK not in documents
    assert perturb(WORK, 5) == perturb(WORK, 5)


def test_notes_in_chords_tied_notes_and_grace_notes_are_not_moved():
    with pytest.raises(ScoreError, match=r"at least 9,999 notes .* got (\d+)") as refused:
        perturb(WORK, 1, changes=9999)
    movable = int(re.search(r"got (\d+)", str(refused.value))[1])
    result = perturb(WORK, 1, changes=movable)
    assert len(result.changed) == movable
    after, before = read(result.document), read(WORK)
    nodes = [change.node for change in result.changed]
    rows = np.isin(before.notes.node, nodes)
    assert not before.notes.grace[rows].any()
    assert (before.notes.tie[rows] == 0).all()
    assert (after.notes.tie == before.notes.tie).all()
    assert nodes == sorted(nodes)
    place = np.stack([getattr(before.notes, name) for name in ("part", "measure", "voice", "onset")], axis=1)
    alone = {
        tuple(row)
        for row, count in zip(*np.unique(place[~before.notes.grace], axis=0, return_counts=True), strict=True)
        if count == 1
    }
    assert all(tuple(row) in alone for row in place[rows])


def test_forward_elements_count_as_nodes():
    forward = b"<forward><duration>1</duration></forward>"
    result = perturb(LEAD_SHEET.replace(b"<note>", forward + b"<note>", 1), 1, changes=4)
    assert [change.node for change in result.changed] == [1, 2, 3, 4]
    assert read(result.document).notes.node.tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (b"no music", "broken XML"),
        (b"<score-timewise/>", "score-timewise"),
        (LEAD_SHEET.replace(b"<step>B</step>", b"<step>H</step>"), "steps A to G"),
        (LEAD_SHEET.replace(b"<octave>4</octave>", b"<octave>low</octave>"), "numbers"),
        (LEAD_SHEET.replace(b"<octave>4</octave>", b""), "numbers"),
        (LEAD_SHEET.replace(b"<fifths>-1</fifths>", b"<fifths>one flat</fifths>"), "numbers"),
    ],
)
def test_invalid_documents_are_refused(document, message):
    with pytest.raises(UnreadableScoreError, match=message):
        perturb(document, 1)


def test_entities_are_not_expanded():
    bomb = LEAD_SHEET.replace(
        b'"http://www.musicxml.org/dtds/partwise.dtd">', b'"file:///none.dtd" [<!ENTITY a "4">]>'
    )
    with pytest.raises(UnreadableScoreError):
        perturb(bomb.replace(b"<octave>4</octave>", b"<octave>&a;</octave>"), 1)


def test_a_distant_key_can_only_move_by_an_octave():
    far = LEAD_SHEET.replace(b"<fifths>-1</fifths>", b"<fifths>20</fifths>")
    assert perturb(far, 1, changes=0).interval == Interval(7, 12)
