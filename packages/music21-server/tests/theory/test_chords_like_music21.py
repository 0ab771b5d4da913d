"""Names by class equal music21's names for each sonority in closed position and in its own key."""

from pathlib import Path

import pytest

from music21_server.reading.formats import read, recognise
from music21_server.score.limits import Limits
from music21_server.theory.analyses.chords import chord_analysis
from music21_server.theory.chords.sonorities import sonorities
from music21_server.theory.pitch.names import Key, name_at, text_of
from music21_server.theory.pitch.transposition import sounding_pitches


def music21_names(pitches, key):
    """Return root, quality, inversion, common name and numeral; the numeral is empty where music21 fails."""
    from music21 import chord, pitch, roman
    from music21.exceptions21 import Music21Exception

    made = []
    for step, cents, octave in pitches:
        each = pitch.Pitch(step="CDEFGAB"[step], octave=octave)
        if cents:
            each.accidental = pitch.Accidental(cents / 100)
        made.append(each)
    closed = chord.Chord(made).closedPosition(forceOctave=4)
    try:
        numeral = roman.romanNumeralFromChord(closed, key).figure
    except (Music21Exception, ValueError):
        numeral = ""
    return closed.root().name, closed.quality, closed.inversion(), closed.commonName, numeral


def differences(score, keys):
    """Compare every distinct sonority in each key; return the number compared and the differences."""
    from music21 import key as key_module

    pitches = sounding_pitches(score)
    result = sonorities(score, pitches)
    rows = list(zip(result.step.tolist(), result.alter_cents.tolist(), result.octave.tolist(), strict=True))
    first = result.first.tolist()
    compared, differing = set(), []
    for ours in keys:
        name = text_of(ours.tonic)
        theirs = key_module.Key(name if ours.mode == "major" else name.lower())
        analysis = chord_analysis(score, pitches, ours)
        for which, row in enumerate(analysis.sonorities):
            own = tuple(rows[first[which] : first[which + 1]])
            if (own, ours) in compared:
                continue
            compared.add((own, ours))
            mine = (row.root, row.quality, row.inversion, row.common_name, row.numeral)
            expected = music21_names(own, theirs)
            if mine != expected:
                differing.append((row.position, row.pitches, ours.text, mine, expected))
    return len(compared), differing


def test_a_chorale_in_two_keys(corpus_score):
    keys = [Key((3, 100), "minor"), Key((4, -100), "major")]
    compared, differing = differences(corpus_score("bach/bwv66.6.mxl"), keys)
    assert differing == []
    assert compared > 50


@pytest.mark.corpus
def test_the_corpus_in_thirty_keys():
    """Every ninth work, each in the next of thirty keys."""
    from music21 import corpus

    every_key = [Key(name_at(fifths), "major") for fifths in range(-7, 8)]
    every_key += [Key(name_at(fifths), "minor") for fifths in range(-4, 11)]
    paths = sorted(Path(path) for path in corpus.getCorePaths() if str(path).endswith((".mxl", ".xml")))
    compared = 0
    for number, path in enumerate(paths[::9]):
        score = read(recognise(path.read_bytes()), Limits())
        if not len(sonorities(score, sounding_pitches(score))):
            continue
        count, differing = differences(score, [every_key[number % len(every_key)]])
        assert differing == [], path
        compared += count
    assert compared > 5_000
