"""Statistics of scores small enough to be counted by hand."""

from dataclasses import asdict

from music21_server.reading.musicxml import read_musicxml
from music21_server.score.limits import Limits
from music21_server.synthetic_scores import score_statistics

NOTE = (
    "<note>{marks}<pitch><step>{step}</step>{alter}<octave>{octave}</octave></pitch>{duration}{tie}"
    "<voice>1</voice></note>"
)


def note(name, ticks, *, chord=False, tie="", grace=False):
    step, sign, octave = name[0], name[1:-1], name[-1]
    return NOTE.format(
        marks=("<grace/>" if grace else "") + ("<chord/>" if chord else ""),
        step=step,
        alter={"": "", "#": "<alter>1</alter>", "-": "<alter>-1</alter>"}[sign],
        octave=octave,
        duration="" if grace else f"<duration>{ticks}</duration>",
        tie=f'<tie type="{tie}"/>' if tie else "",
    )


def score_of(*bars, attributes=""):
    measures = "".join(
        f'<measure number="{index}">{attributes if index == 1 else ""}{bar}</measure>'
        for index, bar in enumerate(bars, 1)
    )
    part_list = '<part-list><score-part id="P1"><part-name>A</part-name></score-part></part-list>'
    document = f'<score-partwise version="4.0">{part_list}<part id="P1">{measures}</part></score-partwise>'
    return read_musicxml(document.encode(), Limits())


def attributes(fifths=0, mode="major", rest=""):
    return (
        f"<attributes><divisions>12</divisions><key><fifths>{fifths}</fifths><mode>{mode}</mode></key>"
        f"<time><beats>2</beats><beat-type>4</beat-type></time>{rest}</attributes>"
    )


def test_all_statistics_of_a_small_score():
    score = score_of(
        note("D5", 0, grace=True) + note("C4", 12) + note("E4", 12, chord=True) + note("G4", 12, tie="start"),
        note("G4", 12, tie="stop") + "<note><rest/><duration>12</duration><voice>1</voice></note>",
        "<attributes><key><fifths>1</fifths></key><time><beats>3</beats><beat-type>8</beat-type></time></attributes>"
        + note("C4", 4) * 3
        + "<note><unpitched/><duration>6</duration><voice>1</voice></note>",
        attributes=attributes(),
    )
    assert asdict(score_statistics(score)) == {
        "staves": 1,
        "transposing_staves": 0,
        "staves_of_shared_instruments": 0,
        "measures": 3,
        "notes": 8,
        "grace_notes": 1,
        "unpitched_notes": 1,
        "rests": 1,
        "chord_notes": 2,
        "ties_over_barlines": 1,
        "notes_of_triplets": 3,
        "key_changes": 1,
        "time_changes": 1,
        "sonorities": 6,
        # C E and G in C major, C in G major.
        "relative_sonorities": 3,
    }


def test_a_tie_counts_only_with_both_ends():
    assert (
        score_statistics(
            score_of(note("G4", 24, tie="start"), note("A4", 24), attributes=attributes())
        ).ties_over_barlines
        == 0
    )
    assert (
        score_statistics(
            score_of(note("G4", 24), note("G4", 24, tie="stop"), attributes=attributes())
        ).ties_over_barlines
        == 0
    )


def test_sonorities_are_relative_to_the_tonic():
    def relative(first, second, *, change):
        bars = (note(first, 24), f"<attributes><key>{change}</key></attributes>{note(second, 24)}")
        return score_statistics(score_of(*bars, attributes=attributes())).relative_sonorities

    in_d, in_c_minor = "<fifths>2</fifths>", "<fifths>-3</fifths><mode>minor</mode>"
    assert relative("E4", "F#5", change=in_d) == 1  # the third of both
    assert relative("E4", "F5", change=in_d) == 2
    assert relative("C4", "C4", change=in_c_minor) == 2  # of another mode
    assert relative("F#4", "G-4", change="<fifths>0</fifths>") == 2  # of another name


def test_a_transposing_part_is_counted_in_its_sounding_key():
    clarinet = "<transpose><diatonic>-1</diatonic><chromatic>-2</chromatic></transpose>"
    in_a = "<transpose><diatonic>-2</diatonic><chromatic>-3</chromatic></transpose>"
    bars = (
        note("D4", 24),
        f"<attributes><key><fifths>-2</fifths></key>{in_a}</attributes>" + note("B-4", 24),
    )
    statistics = score_statistics(score_of(*bars, attributes=attributes(fifths=2, rest=clarinet)))
    assert statistics.transposing_staves == 1
    assert statistics.relative_sonorities == 1  # the tonic of C, then of G, on another clarinet


def test_a_rest_has_no_sonorities():
    statistics = score_statistics(
        score_of("<note><rest/><duration>24</duration></note>", attributes=attributes())
    )
    assert (statistics.sonorities, statistics.relative_sonorities, statistics.rests) == (0, 0, 1)
