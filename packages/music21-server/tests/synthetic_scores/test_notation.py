import pytest
from lxml import etree

from music21_server.synthetic_scores.notation import (
    Accidentals,
    Placement,
    Syllable,
    bar_text,
    whole_bar_rest,
)
from music21_server.synthetic_scores.player_line import Event

C5, D5, E5 = (35, 0), (36, 0), (37, 1)
ONE = Placement(1, 0)


def written(events, *, placement=ONE, beat_ticks=24, syllables=None, signature=(0,) * 7):
    text = bar_text(events, placement, beat_ticks, Accidentals(signature), syllables)
    return list(etree.fromstring(f"<measure>{text}</measure>"))


def beams(lengths, beat_ticks=24):
    """Return the beams of each note; rests have lengths below zero."""
    events = [Event(abs(length), (C5,) if length > 0 else ()) for length in lengths]
    return [
        "/".join(beam.text for beam in note.iterfind("beam"))
        for note in written([*events, Event(24, (C5,))], beat_ticks=beat_ticks)
    ][:-1]


@pytest.mark.parametrize(
    ("lengths", "beat_ticks", "expected"),
    [
        ([12, 12, 12, 12], 24, ["begin", "end", "begin", "end"]),
        ([12, 12, 12], 36, ["begin", "continue", "end"]),
        ([18, 6], 24, ["begin", "end/backward hook"]),
        ([12, 6, 6], 24, ["begin", "continue/begin", "end/end"]),
        ([6, 6, 12], 24, ["begin/begin", "continue/end", "end"]),
        ([18, 6, 12], 36, ["begin", "continue/backward hook", "end"]),
        ([6, 18], 24, ["begin/forward hook", "end"]),
        ([-12, 12], 24, ["", ""]),
        ([24, 12, 12], 24, ["", "begin", "end"]),
        ([12, 24, 12], 24, ["", "", ""]),
        ([8, 8, 8], 24, ["begin", "continue", "end"]),
    ],
)
def test_notes_of_a_beat_are_beamed(lengths, beat_ticks, expected):
    assert beams(lengths, beat_ticks) == expected


def test_triplets_have_a_ratio_and_a_bracket():
    notes = written([Event(24, (C5,)), *[Event(8, (C5,))] * 3])
    assert [note.findtext("type") for note in notes] == ["quarter", "eighth", "eighth", "eighth"]
    assert [note.findtext("time-modification/actual-notes") for note in notes] == [None, "3", "3", "3"]
    marks = [note.find("notations/tuplet") for note in notes]
    assert [None if mark is None else mark.get("type") for mark in marks] == [None, "start", None, "stop"]


def test_each_chord_note_has_the_ties():
    first, second = written([Event(48, (C5, E5), from_tie=True, to_tie=True)])
    assert first.find("chord") is None
    assert second.find("chord") is not None
    for note in (first, second):
        assert [tie.get("type") for tie in note.iterfind("tie")] == ["stop", "start"]
        assert [tie.get("type") for tie in note.iterfind("notations/tied")] == ["stop", "start"]
    assert (
        second.findtext("pitch/step") + second.findtext("pitch/alter") + second.findtext("pitch/octave")
        == "E15"
    )


def test_a_grace_note_comes_before_and_takes_no_time():
    grace, note = written([Event(24, (C5,), grace=D5)])
    assert grace.find("grace") is not None
    assert grace.find("duration") is None
    assert grace.findtext("pitch/step") == "D"
    assert note.findtext("duration") == "24"


def test_a_silent_bar_is_one_whole_bar_rest():
    rest = etree.fromstring(whole_bar_rest(72, Placement(5, 2)))
    assert rest.find("rest").get("measure") == "yes"
    assert [rest.findtext(tag) for tag in ("duration", "voice", "staff", "type")] == ["72", "5", "2", None]


def test_a_short_rest_has_a_type():
    rest, _ = written([Event(24, ()), Event(24, (C5,))])
    assert rest.find("rest").attrib == {}
    assert rest.findtext("type") == "quarter"


def test_lyrics_go_to_the_first_note_of_ties_and_slurs():
    words = iter([Syllable("Ky", "begin"), Syllable("ri", "middle"), Syllable("<e>", "end")])
    events = [
        Event(24, (C5,), to_tie=True),
        Event(24, (C5,), from_tie=True),
        Event(24, ()),
        Event(12, (D5,), slur="start"),
        Event(12, (E5,), slur="stop"),
        Event(24, (C5,), grace=D5),
    ]
    notes = written(events, syllables=words)
    assert [note.findtext("lyric/text") for note in notes] == ["Ky", None, None, "ri", None, None, "<e>"]
    assert notes[0].findtext("lyric/syllabic") == "begin"


def test_accidentals_are_written_once_per_bar():
    f, f_sharp, f_above = (38, 0), (38, 1), (45, 1)
    events = [Event(24, (pitch,)) for pitch in (f, f_sharp, f_sharp, f_above, f)]
    signs = [note.findtext("accidental") for note in written(events)]
    assert signs == [None, "sharp", None, "sharp", "natural"]
    # In G major F sharp needs no sign.
    signs = [note.findtext("accidental") for note in written(events, signature=(0, 0, 0, 1, 0, 0, 0))]
    assert signs == ["natural", "sharp", None, None, "natural"]


def test_a_tied_note_needs_no_accidental_and_a_grace_note_does():
    tied = Event(24, ((38, 1),), from_tie=True)
    graced = Event(24, ((38, 1),), grace=(39, -1))
    assert [note.findtext("accidental") for note in written([tied, graced])] == [None, "flat", "sharp"]


def test_percussion_has_display_positions_without_accidentals():
    (note,) = written([Event(24, ((30, 1),))], placement=Placement(1, 0, is_unpitched=True))
    assert note.findtext("unpitched/display-step") == "E"
    assert note.findtext("unpitched/display-octave") == "4"
    assert note.find("accidental") is None
