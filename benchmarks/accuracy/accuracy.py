"""Compare keys and Roman numerals with human analyses, for the harmony tool and plain music21.

    python benchmarks/accuracy/accuracy.py compare --output FILE.json
    python benchmarks/accuracy/accuracy.py learn --output FILE.json

`compare` measures how far the harmony tool and plain music21 agree with the 68 analyses that ship with
music21 (two minutes). `learn` counts the chords of the even-numbered works for the server's package.
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
"""With a smaller share of the notes in the analyst's chords, it is not the score that was analysed."""

OURS, PLAIN = "ours", "plain"
HALVES: Final = ("judged", "chosen by")

LEAST_POINTS: Final[Mapping[Collection, float]] = {"chorales": 15.0, "madrigals": 5.0}
"""Targets for key and degree above plain music21 on the judged half, in percentage points."""

app = cyclopts.App(name="accuracy.py", help="Compare keys and Roman numerals with human analyses.")


@dataclass(frozen=True)
class Comparison:
    """The agreements for one work.

    Attributes:
        work: The work.
        contained: Share of the sounding notes that are in the analyst's chords.
        by: Agreement with the analyst, by subject.
    """

    work: Work
    contained: float
    by: Mapping[str, Agreement]


@app.command
def compare(
    *,
    output: Annotated[Path | None, Parameter(help="JSON file for the figures.")] = None,
    plain: Annotated[bool, Parameter(help="Whether to compare plain music21 as well.")] = True,
) -> None:
    """Compare with the analysts."""
    comparisons = [compare_work(work, plain=plain) for work in all_works()]
    figures = {
        collection: {half: _figures(_selected(comparisons, collection, half)) for half in HALVES}
        for collection in COLLECTIONS
    }
    print(table(figures))
    targets = _targets(comparisons) if plain else []
    for target in targets:
        low, high = target["interval"]
        print(
            f"{target['name']}: expected at least {target['least']:g} points, got {target['came']:+.1f} "
            f"(95 %: {low:+.1f} to {high:+.1f})"
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
            for each in comparisons
        ]
        report = {"versions": versions, "targets": targets, "collections": _jsonable(figures), "works": works}
        output.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


@app.command
def learn(
    *,
    output: Annotated[Path | None, Parameter(help="File for the counts; default: the packaged file.")] = None,
    check: Annotated[bool, Parameter(help="Compare with the packaged file instead of writing it.")] = False,
) -> None:
    """Count the chords of the even-numbered works."""
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
        sys.exit(f"expected {packaged} to hold the present counts, got others: run `learn` again")


def compare_work(work: Work, *, plain: bool = True) -> Comparison:
    """Compare the answers for one work with its analysis.

    Args:
        work: The work.
        plain: Whether to compare plain music21 as well.

    Raises:
        SystemExit: The score is not the one that was analysed.
    """
    content = document(work)
    score = read(recognise(content), Limits())
    human = human_spans(work, Bars(score))
    notes = sounding(score)
    inside = contained(human, notes)
    if inside < LEAST_CONTAINED:
        sys.exit(
            f"{work.name}: expected at least {LEAST_CONTAINED:.0%} of the sounding notes in the analyst's "
            f"chords, got {inside:.0%}: bars, key or score are not those of the analysis"
        )
    answers = {OURS: our_spans(score)} | ({PLAIN: plain_spans(content, score)} if plain else {})
    stretches = [(start, end) for start, end, _ in notes]
    unit = score.notes.ticks_per_quarter
    return Comparison(
        work, inside, {name: agreement(human, answer, stretches, unit) for name, answer in answers.items()}
    )


def _selected(comparisons: Sequence[Comparison], collection: Collection, half: str) -> list[Comparison]:
    is_judged = half == HALVES[0]
    return [
        each
        for each in comparisons
        if each.work.collection == collection and each.work.is_judged == is_judged
    ]


def _figures(comparisons: Sequence[Comparison]) -> dict[str, Shares]:
    return {subject: shares(each.by[subject] for each in comparisons) for subject in comparisons[0].by}


def table(figures: Mapping[str, Mapping[str, Mapping[str, Shares]]]) -> str:
    """Return figures as a table: mean over the works, share of all time, and the mean without applied chords.

    Args:
        figures: Shares by collection, half and subject.
    """
    heads = "".join(f"{measure:>22}" for measure in MEASURES)
    lines = [f"{'':31}{heads}", f"{'':31}" + f"{'macro micro unapplied':>22}" * len(MEASURES)]
    for collection, halves in figures.items():
        for half, subjects in halves.items():
            for subject, share in subjects.items():
                cells = "".join(
                    f"{100 * share.macro[name]:>7.1f}{100 * share.micro[name]:>6.1f}"
                    f"{100 * share.macro_unapplied[name]:>9.1f}"
                    for name in MEASURES
                )
                lines.append(f"{collection:11}{half:11}{subject:6}{share.works:>3}{cells}")
    return "\n".join(lines)


def _targets(comparisons: Sequence[Comparison]) -> list[dict[str, Any]]:
    """Return the targets with their results and intervals over the works."""
    targets = []
    for collection, least in LEAST_POINTS.items():
        points = [
            100 * (each.by[OURS].share("degree") - each.by[PLAIN].share("degree"))
            for each in _selected(comparisons, collection, HALVES[0])
        ]
        points_above = sum(points) / len(points)
        targets.append(
            {
                "name": f"{collection}, key and degree above plain music21",
                "least": least,
                "came": round(points_above, 2),
                "interval": [round(each, 2) for each in interval(points)],
                "met": points_above >= least,
            }
        )
    return targets


def _by_measure(agreed: Agreement) -> dict[str, float]:
    return {measure: agreed.share(measure) for measure in MEASURES}


def _jsonable(figures: Mapping[str, Mapping[str, Mapping[str, Shares]]]) -> dict[str, Any]:
    return {
        collection: {
            half: {subject: _rounded(asdict(share)) for subject, share in subjects.items()}
            for half, subjects in halves.items()
        }
        for collection, halves in figures.items()
    }


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _rounded(each) for name, each in value.items()}
    return round(value, 4) if isinstance(value, float) else value


if __name__ == "__main__":
    app()
