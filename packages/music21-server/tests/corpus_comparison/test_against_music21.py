"""Columns, sonorities and keys equal music21's, for a few works or with `-m corpus` for its whole corpus.

`chordify` copies every note at every moment and would take an hour for the corpus, so large works are
compared with the verticalities that it builds on; see `_sonorities_of`.
"""

from __future__ import annotations

import json
import re
import warnings
from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from math import isclose
from pathlib import Path

import music21
import pytest
from music21 import chord, converter, harmony, note, percussion, pitch, stream
from music21.analysis import discrete

from music21_server.reading.formats import read, recognise
from music21_server.reading.mxl_archive import unpack
from music21_server.score.limits import Limits
from music21_server.score.table import NOTE, REST, STEPS, UNPITCHED, Score
from music21_server.theory.chords.names import text_of
from music21_server.theory.chords.sonorities import sonorities
from music21_server.theory.keys.profiles import PROFILES, key_candidates, pitch_class_durations
from music21_server.theory.pitch.transposition import sounding_pitches

CORPUS = Path(music21.__file__).parent / "corpus"
WORKS = sorted(
    path.relative_to(CORPUS).as_posix()
    for path in CORPUS.rglob("*")
    if path.suffix in (".mxl", ".xml", ".musicxml")
)
FEW = (
    "bach/bwv66.6.mxl",  # a pickup, fermatas
    "demos/drum_sample.xml",  # unpitched percussion
    "demos/nested_tuplet_finale_test.xml",
    "leadSheet/fosterBrownHair.mxl",  # chord symbols
    "schoenberg/opus19/movement6.mxl",  # two staves, voices, tuplets
    "trecento/PMFC_23_16-Kyrie Apt 16.xml",  # a part that transposes, changes of time
    "verdi/laDonnaEMobile.mxl",  # grace notes, two staves
)
CHORDIFIED_NOTES = 400

NO_FORWARD = re.compile(rb"<forward>\s*<duration>0</duration>.{0,99}?</forward>", re.DOTALL)
"""A `<forward>` without length, which music21 turns into a hidden quarter rest by mistake."""

TIES = {None: 0, "start": 1, "stop": 2, "continue": 3}
PROFILE_CLASSES = {
    "aarden-essen": discrete.AardenEssen,
    "krumhansl": discrete.KrumhanslSchmuckler,
    "bellman-budge": discrete.BellmanBudge,
    "temperley-kostka-payne": discrete.TemperleyKostkaPayne,
    "simple": discrete.SimpleWeights,
}


@dataclass
class Work:
    """A work as read by both; the last test transposes music21's score to sounding pitch."""

    name: str

    @cached_property
    def ours(self) -> Score:
        return read(recognise((CORPUS / self.name).read_bytes()), Limits())

    @cached_property
    def theirs(self):
        source = (CORPUS / self.name).read_bytes()
        text = unpack(source, Limits()) if source.startswith(b"PK") else source
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if NO_FORWARD.search(text):
                return converter.parseData(NO_FORWARD.sub(b"", text).decode(), format="musicxml")
            return converter.parse(CORPUS / self.name, forceSource=True, storePickle=False)

    @cached_property
    def theirs_sounding(self):
        """music21's score at sounding pitch without graces, chord symbols and unpitched notes."""
        score = self.theirs
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            score.toSoundingPitch(inPlace=True)
        silent = (harmony.Harmony, note.Unpitched, percussion.PercussionChord)
        for element in list(score.recurse().notes):
            if element.duration.isGrace or isinstance(element, silent):
                element.activeSite.remove(element)
        return score


@pytest.fixture(scope="module")
def work(request):
    return Work(request.param)


each_work = pytest.mark.parametrize(
    "work",
    [pytest.param(name, marks=() if name in FEW else pytest.mark.corpus, id=name) for name in WORKS],
    indirect=True,
)


@each_work
def test_notes_and_rests_equal(work):
    ours, theirs = _rows_of_columns(work.ours), _rows_of_music21(work.theirs, work.ours)
    assert ours - theirs == Counter()
    assert theirs - ours == Counter()


@each_work
def test_bars_that_drift_apart_in_music21_are_listed(work):
    assert _first_drift(work.theirs) == DRIFTS.get(work.name)


@each_work
def test_key_coefficients_equal(work):
    durations = pitch_class_durations(work.ours.notes)
    flat = work.theirs.flatten()
    if not durations.any():
        return  # music21 raises an exception; test_keys covers ours
    for profile in PROFILES:
        ours = {
            (pitch.Pitch(each.tonic).pitchClass, each.mode): each.coefficient
            for each in key_candidates(durations, profile)
        }
        analysis = PROFILE_CLASSES[profile]()
        best, _ = analysis.process(flat, storeAlternatives=True)
        theirs = {
            (tonic.pitchClass, mode): value for tonic, mode, value in (best, *analysis.alternativeSolutions)
        }
        assert ours == pytest.approx(theirs, abs=1e-9, rel=0)


@each_work
def test_sonorities_equal(work):
    """This must be the last test of a work, as it transposes music21's score to sounding pitch."""
    ours = _sonorities_of_columns(work.ours)
    theirs = _sonorities_of(work.theirs_sounding, is_small=len(work.ours.notes) <= CHORDIFIED_NOTES)
    assert ours - theirs == Counter()
    assert theirs - ours == Counter()


def test_all_profiles_are_compared():
    assert set(PROFILE_CLASSES) == set(PROFILES)


def test_whole_corpus_is_compared():
    assert len(WORKS) == 654
    assert set(FEW) <= set(WORKS)


def _rows_of_columns(score):
    """Count rows by part, bar, onset, duration, kind, step, alteration, octave, tie and grace."""
    table = score.notes
    unit = table.ticks_per_quarter
    columns = (
        table.part, table.measure, table.onset, table.duration, table.kind, table.step, table.alter_cents,
        table.octave, table.tie, table.grace,
    )  # fmt: skip
    rows = Counter()
    for part, bar, onset, duration, kind, step, alter, octave, tie, grace in zip(
        *(column.tolist() for column in columns), strict=True
    ):
        pitched = ("", 0, 0) if kind == REST else (STEPS[step], alter, octave)
        rows[(part, bar, Fraction(onset, unit), Fraction(duration, unit), kind, *pitched, tie, grace)] += 1
    return rows


def _rows_of_music21(score, ours):
    """Count music21's elements likewise; rests end at the barline, which music21 may exceed."""
    rows = Counter()
    bar_quarters = [ours.quarters(ticks) for ticks in ours.measure_ticks]
    for part, bar, _, onset, element in _elements(score):
        if isinstance(element, harmony.Harmony):
            continue
        time = (onset, _exact(element.quarterLength))
        grace = bool(element.duration.isGrace)
        for each in getattr(element, "notes", [element]):
            tie = TIES.get(each.tie.type if each.tie else None, 4)
            if isinstance(each, note.Rest):
                time = (onset, min(time[1], max(bar_quarters[bar] - onset, Fraction(0))))
                pitched = (REST, "", 0, 0)
            elif isinstance(each, note.Unpitched):
                pitched = (UNPITCHED, each.displayStep, 0, each.displayOctave)
            else:
                pitched = (NOTE, each.pitch.step, round(each.pitch.alter * 100), each.pitch.implicitOctave)
            rows[(part, bar, *time, *pitched, tie, grace)] += 1
    return rows


def _elements(score):
    """Yield part, bar, the bar itself, onset in it and element."""
    for part_index, part in enumerate(score.parts):
        for bar_index, bar in enumerate(part.getElementsByClass(stream.Measure)):
            for container in (bar, *bar.voices):
                begin = 0 if container is bar else bar.elementOffset(container)
                for element in container.notesAndRests:
                    yield (
                        part_index,
                        bar_index,
                        bar,
                        _exact(begin + container.elementOffset(element)),
                        element,
                    )


def _exact(quarters):
    return Fraction(quarters).limit_denominator(65535)


def _first_drift(score):
    """Return the index and number of the first bar that does not begin at the same time in all parts."""
    parts = [part.getElementsByClass(stream.Measure) for part in score.parts]
    for index in range(min(map(len, parts), default=0)):
        if len({_exact(part[index].offset) for part in parts}) > 1:
            return [index, str(parts[0][index].measureNumberWithSuffix())]
    return None


def _sonorities_of_columns(score):
    """Count sonorities by bar, onset, duration and names."""
    result = sonorities(score, sounding_pitches(score))
    unit = score.notes.ticks_per_quarter
    onsets = result.start - score.measure_starts[result.measure]
    names = [
        f"{text_of((step, cents))}{octave}"
        for step, cents, octave in zip(
            result.step.tolist(), result.alter_cents.tolist(), result.octave.tolist(), strict=True
        )
    ]
    first = result.first.tolist()
    return Counter(
        (
            bar,
            Fraction(onset, unit),
            Fraction(duration, unit),
            frozenset(names[first[index] : first[index + 1]]),
        )
        for index, (bar, onset, duration) in enumerate(
            zip(result.measure.tolist(), onsets.tolist(), result.duration.tolist(), strict=True)
        )
    )


def _sonorities_of(score, *, is_small):
    if is_small:
        chords = score.chordify(toSoundingPitch=False, addTies=False)
        return Counter(
            (
                bar,
                _exact(each.offset),
                _exact(each.quarterLength),
                frozenset(p.nameWithOctave for p in each.pitches),
            )
            for bar, measure in enumerate(chords.getElementsByClass(stream.Measure))
            for each in measure.getElementsByClass(chord.Chord)
        )
    return _verticalities(score)


def _verticalities(score):
    """Count the moments of each bar in music21's time spans, from which `chordify` makes its chords."""
    result = Counter()
    parts = [list(part.getElementsByClass(stream.Measure)) for part in score.parts]
    for number in range(len(parts[0])):
        moment = stream.Score()
        for bars in parts:
            if number < len(bars):
                part = stream.Part()
                part.insert(0, bars[number])
                moment.insert(0, part)
        tree = moment.asTimespans(classList=(note.GeneralNote,))
        for begin, end in pairwise(tree.allTimePoints()):
            names = frozenset(each.nameWithOctave for each in tree.getVerticalityAt(begin).pitchSet)
            if names and not isclose(begin, end, abs_tol=1e-7):  # as `chordify` leaves these out
                result[(number, _exact(begin), _exact(end) - _exact(begin), names)] += 1
    return result


DRIFTS = json.loads((Path(__file__).parent / "drifting.json").read_text())
