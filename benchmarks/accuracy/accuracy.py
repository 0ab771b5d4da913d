"""Compares keys and Roman numerals with analyses by people, beside plain music21.

    python benchmarks/accuracy/accuracy.py compare --output FILE.json
    python benchmarks/accuracy/accuracy.py learn --output FILE.json

`compare`: agreement of the harmony tool and of plain music21 with the 68 analyses that music21 ships (two
minutes). `learn`: counts the chords of the even-numbered works, which the server has in its package.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Final

import cyclopts
from agreement import MEASURES, Agreement, Shares, agreement, contained, interval, shares
from analysts import human_spans
from answers import our_spans, plain_spans, sounding
from cyclopts import Parameter
from learning import chords, counts
from timeline import Bars
from works import COLLECTIONS, Collection, Work, all_works, document

import music21_server
from music21_server.reading.formats import read, recognise
from music21_server.score.limits import Limits
from music21_server.theory.harmony.chord_probabilities import PACKAGED

LEAST_CONTAINED: Final = 0.75
"""Less of the notes in the analyst's chords, and it is not the score that was analysed."""

OURS, PLAIN = "ours", "plain"
HALVES: Final = ("judged", "chosen by")

LEAST_POINTS: Final[Mapping[Collection, float]] = {"chorales": 15.0, "madrigals": 5.0}
"""Of key and degree above plain music21, on the judged half."""

app = cyclopts.App(name="accuracy.py", help="Compares keys and Roman numerals with analyses by people.")


@dataclass(frozen=True)
class Compared:
    """A work with its agreements.

    Attributes:
        work: Which one.
        contained: Share of what sounds that is in the analyst's chords.
        by: Agreement with the analyst, by subject.
    """

    work: Work
    contained: float
    by: Mapping[str, Agreement]


@app.command
def compare(
    *,
    output: Annotated[Path | None, Parameter(help="Where the figures go, as JSON.")] = None,
    plain: Annotated[bool, Parameter(help="Whether plain music21 is compared too.")] = True,
) -> None:
    """Compare with the analysts."""
    found = [compared(work, plain=plain) for work in all_works()]
    figures = {
        collection: {half: _figures(_of(found, collection, half)) for half in HALVES}
        for collection in COLLECTIONS
    }
    print(table(figures))
    targets = _targets(found) if plain else []
    for target in targets:
        low, high = target["interval"]
        print(
            f"{target['name']}: {target['came']:+.1f} points (95 %: {low:+.1f} to {high:+.1f}), "
            f"at least {target['least']:g} expected"
        )
    if output is not None:
        versions = {name: version(name) for name in ("music21", "music21-server")}
        works = [
            {
                "work": each.work.name,
                "judged": each.work.is_judged,
                "contained": round(each.contained, 4),
                **{name: _rounded(_by_measure(agreed)) for name, agreed in each.by.items()},
            }
            for each in found
        ]
        said = {"versions": versions, "targets": targets, "collections": _plainly(figures), "works": works}
        output.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")


@app.command
def learn(
    *,
    output: Annotated[Path | None, Parameter(help="Where the counts go; None: into the package.")] = None,
    check: Annotated[bool, Parameter(help="Compare with the packaged file instead of writing.")] = False,
) -> None:
    """Count the chords of the works that parameters were chosen by."""
    packaged = Path(music21_server.__file__).parent / "data" / PACKAGED
    works = []
    for work in all_works():
        if not work.is_judged:
            score = read(recognise(document(work)), Limits())
            works.append((chords(score), human_spans(work, Bars(score))))
    text = json.dumps(counts(works), indent=1) + "\n"
    if not check:
        (output or packaged).write_text(text, encoding="utf-8")
    elif packaged.read_text(encoding="utf-8") != text:
        sys.exit(f"{packaged} differs from what is counted now: run `learn` again")


def compared(work: Work, *, plain: bool = True) -> Compared:
    """Compare the answers for one work with its analysis.

    Args:
        work: Which one.
        plain: Whether plain music21 is asked too.

    Raises:
        SystemExit: It is not the score that was analysed.
    """
    content = document(work)
    score = read(recognise(content), Limits())
    human = human_spans(work, Bars(score))
    notes = sounding(score)
    inside = contained(human, notes)
    if inside < LEAST_CONTAINED:
        sys.exit(
            f"{work.name}: {inside:.0%} of what sounds is in the analyst's chords, at least "
            f"{LEAST_CONTAINED:.0%} expected: bars, key or score are not those of the analysis"
        )
    answers = {OURS: our_spans(score)} | ({PLAIN: plain_spans(content, score)} if plain else {})
    stretches = [(start, end) for start, end, _ in notes]
    unit = score.notes.ticks_per_quarter
    return Compared(
        work, inside, {name: agreement(human, answer, stretches, unit) for name, answer in answers.items()}
    )


def _of(found: Sequence[Compared], collection: Collection, half: str) -> list[Compared]:
    is_judged = half == HALVES[0]
    return [each for each in found if each.work.collection == collection and each.work.is_judged == is_judged]


def _figures(found: Sequence[Compared]) -> dict[str, Shares]:
    return {subject: shares(each.by[subject] for each in found) for subject in found[0].by}


def table(figures: Mapping[str, Mapping[str, Mapping[str, Shares]]]) -> str:
    """Return figures as a table: mean of the works, over all time, and the mean without applied chords.

    Args:
        figures: By collection, half and subject.
    """
    heads = "".join(f"{measure:>22}" for measure in MEASURES)
    lines = [f"{'':31}{heads}", f"{'':31}" + f"{'macro micro unapplied':>22}" * len(MEASURES)]
    for collection, halves in figures.items():
        for half, subjects in halves.items():
            for subject, found in subjects.items():
                cells = "".join(
                    f"{100 * found.macro[name]:>7.1f}{100 * found.micro[name]:>6.1f}"
                    f"{100 * found.macro_unapplied[name]:>9.1f}"
                    for name in MEASURES
                )
                lines.append(f"{collection:11}{half:11}{subject:6}{found.works:>3}{cells}")
    return "\n".join(lines)


def _targets(found: Sequence[Compared]) -> list[dict[str, Any]]:
    """Return what was aimed at and what came, with its interval over the works."""
    targets = []
    for collection, least in LEAST_POINTS.items():
        points = [
            100 * (each.by[OURS].share("degree") - each.by[PLAIN].share("degree"))
            for each in _of(found, collection, HALVES[0])
        ]
        came = sum(points) / len(points)
        targets.append(
            {
                "name": f"{collection}, key and degree above plain music21",
                "least": least,
                "came": round(came, 2),
                "interval": [round(each, 2) for each in interval(points)],
                "met": came >= least,
            }
        )
    return targets


def _by_measure(agreed: Agreement) -> dict[str, float]:
    return {measure: agreed.share(measure) for measure in MEASURES}


def _plainly(figures: Mapping[str, Mapping[str, Mapping[str, Shares]]]) -> dict[str, Any]:
    return {
        collection: {
            half: {subject: _rounded(asdict(found)) for subject, found in subjects.items()}
            for half, subjects in halves.items()
        }
        for collection, halves in figures.items()
    }


def _rounded(found: Any) -> Any:
    if isinstance(found, Mapping):
        return {name: _rounded(value) for name, value in found.items()}
    return round(found, 4) if isinstance(found, float) else found


if __name__ == "__main__":
    app()
