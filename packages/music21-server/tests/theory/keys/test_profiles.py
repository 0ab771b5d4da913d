from __future__ import annotations

import numpy as np
import pytest
from music21 import note, stream
from music21.analysis import discrete

from music21_server.reading.formats import read, recognise
from music21_server.score.limits import Limits
from music21_server.theory.keys.profiles import PROFILES, key_candidates, pitch_class_durations

CLASSES = {
    "aarden-essen": discrete.AardenEssen,
    "krumhansl": discrete.KrumhanslSchmuckler,
    "bellman-budge": discrete.BellmanBudge,
    "temperley-kostka-payne": discrete.TemperleyKostkaPayne,
    "simple": discrete.SimpleWeights,
}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("mode", ["major", "minor"])
def test_weights_are_those_of_music21(profile, mode):
    assert list(PROFILES[profile][mode]) == CLASSES[profile]().getWeights(mode)


@pytest.mark.parametrize("profile", PROFILES)
def test_durations_equal_to_a_profile_have_its_key(profile):
    for mode in ("major", "minor"):
        durations = np.roll(np.array(PROFILES[profile][mode], dtype=float), 9)
        best = key_candidates(durations, profile)[0]
        assert (best.tonic, best.mode) == ("A", mode)
        assert best.coefficient == pytest.approx(1)


def test_all_24_keys_are_ranked():
    result = key_candidates(np.arange(12.0))
    assert len({(each.tonic, each.mode) for each in result}) == 24
    coefficients = [each.coefficient for each in result]
    assert coefficients == sorted(coefficients, reverse=True)


@pytest.mark.parametrize("durations", [np.zeros(12), np.full(12, 1 / 3), np.full(12, 0.1 + 0.2)])
def test_equal_durations_have_a_coefficient_of_zero(durations):
    assert {each.coefficient for each in key_candidates(durations)} == {0.0}


def test_durations_are_summed_by_pitch_class():
    table = read(recognise(b"C4 B#3 r E5 G2 Cb4"), Limits()).notes
    assert pitch_class_durations(table).tolist() == [2, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1]
    up = np.full(len(table), 2)
    assert pitch_class_durations(table, up).tolist() == [0, 1, 2, 0, 0, 0, 1, 0, 0, 1, 0, 0]


@pytest.mark.parametrize("name", ["C~4", "C#~4", "D`4", "E~4", "F`4", "B~4", "C`4"])
def test_quarter_tones_count_as_in_music21(name):
    written = note.Note(name)
    theirs = discrete.AardenEssen()._getPitchClassDistribution(stream.Stream([written]).flatten())
    pitch = written.pitch
    alter = f"<alter>{pitch.alter}</alter>"
    inside = f"<step>{pitch.step}</step>{alter}<octave>{pitch.octave}</octave>"
    document = (
        '<score-partwise><part-list><score-part id="P1"/></part-list><part id="P1"><measure><attributes>'
        f"<divisions>1</divisions></attributes><note><pitch>{inside}</pitch><duration>1</duration></note>"
        "</measure></part></score-partwise>"
    )
    ours = pitch_class_durations(read(recognise(document.encode()), Limits()).notes)
    assert ours.tolist() == theirs
