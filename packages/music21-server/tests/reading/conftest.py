from __future__ import annotations

import pytest

from music21_server.reading.musicxml import read_musicxml
from music21_server.score.limits import Limits
from music21_server.score.table import REST, STEPS


@pytest.fixture(scope="session")
def document():
    """Build a MusicXML document of parts, each a list of the contents of its measures."""

    def build(*parts, head="", names=None):
        names = names or [f"Part {index + 1}" for index in range(len(parts))]
        score_parts = "".join(
            f'<score-part id="P{index + 1}"><part-name>{name}</part-name></score-part>'
            for index, name in enumerate(names)
        )
        bodies = "".join(
            f'<part id="P{index + 1}">'
            + "".join(
                f'<measure number="{number}">{measure}</measure>'
                for number, measure in enumerate(measures, start=1)
            )
            + "</part>"
            for index, measures in enumerate(parts)
        )
        text = f"<score-partwise>{head}<part-list>{score_parts}</part-list>{bodies}</score-partwise>"
        return f'<?xml version="1.0" encoding="UTF-8"?>{text}'.encode()

    return build


@pytest.fixture(scope="session")
def note():
    """Write a note, such as `note("F#5", 2, "<dot/>")`; ``r`` is a rest."""

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
    """Write `<attributes>`: divisions, a time signature, and other elements."""

    def write(divisions=1, time="4/4", more=""):
        beats, kind = time.split("/")
        signature = f"<time><beats>{beats}</beats><beat-type>{kind}</beat-type></time>"
        return f"<attributes><divisions>{divisions}</divisions>{signature}{more}</attributes>"

    return write


@pytest.fixture(scope="session")
def read():
    """Read a document with some limits."""

    def read(source, **limits):
        return read_musicxml(source, Limits(**limits))

    return read


@pytest.fixture(scope="session")
def written():
    """List rows as part, measure, onset and duration in quarter notes, and name."""

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
    """Read a document and list its rows as `written` does."""
    return lambda source: written(read(source))


def _sign(cents):
    return {0: "", 50: "~", -50: "`"}.get(cents, ("#" if cents > 0 else "-") * (abs(cents) // 100))
