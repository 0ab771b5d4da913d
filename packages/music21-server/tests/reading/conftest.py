from __future__ import annotations

import pytest

from music21_server.reading.musicxml import read_musicxml
from music21_server.score.limits import Limits
from music21_server.score.table import REST, STEPS


@pytest.fixture(scope="session")
def document():
    """Build a MusicXML document of parts, each a list of what stands in its bars."""

    def build(*parts, head="", names=None):
        names = names or [f"Part {index + 1}" for index in range(len(parts))]
        listed = "".join(
            f'<score-part id="P{index + 1}"><part-name>{name}</part-name></score-part>'
            for index, name in enumerate(names)
        )
        bodies = "".join(
            f'<part id="P{index + 1}">'
            + "".join(
                f'<measure number="{number}">{bar}</measure>' for number, bar in enumerate(bars, start=1)
            )
            + "</part>"
            for index, bars in enumerate(parts)
        )
        text = f"<score-partwise>{head}<part-list>{listed}</part-list>{bodies}</score-partwise>"
        return f'<?xml version="1.0" encoding="UTF-8"?>{text}'.encode()

    return build


@pytest.fixture(scope="session")
def note():
    """Write a note, such as `note("F#5", 2, "<dot/>")`; the name ``r`` is a rest."""

    def write(name, duration=1, more="", first=""):
        if name == "r":
            what = "<rest/>"
        else:
            alter = {"#": "<alter>1</alter>", "-": "<alter>-1</alter>"}.get(name[1:-1], "")
            what = f"<pitch><step>{name[0]}</step>{alter}<octave>{name[-1]}</octave></pitch>"
        return f"<note>{first}{what}<duration>{duration}</duration>{more}</note>"

    return write


@pytest.fixture(scope="session")
def attributes():
    """Write attributes: divisions, a time signature, and anything else."""

    def write(divisions=1, time="4/4", more=""):
        beats, kind = time.split("/")
        signature = f"<time><beats>{beats}</beats><beat-type>{kind}</beat-type></time>"
        return f"<attributes><divisions>{divisions}</divisions>{signature}{more}</attributes>"

    return write


@pytest.fixture(scope="session")
def read():
    def read(source, **limits):
        return read_musicxml(source, Limits(**limits))

    return read


@pytest.fixture(scope="session")
def written():
    """Return rows as people would say them: part, bar, onset and duration in quarters, name."""

    def write(score):
        table = score.notes
        rows = []
        for row in range(len(table)):
            name = f"{STEPS[table.step[row]]}{_sign(int(table.alter_cents[row]))}{table.octave[row]}"
            rows.append(
                (
                    int(table.part[row]),
                    int(table.measure[row]),
                    float(score.quarters(table.onset[row])),
                    float(score.quarters(table.duration[row])),
                    "r" if table.kind[row] == REST else name,
                )
            )
        return rows

    return write


@pytest.fixture(scope="session")
def rows(read, written):
    """Read a document and return its rows so."""
    return lambda source: written(read(source))


def _sign(cents):
    return {0: "", 50: "~", -50: "`"}.get(cents, ("#" if cents > 0 else "-") * (abs(cents) // 100))
