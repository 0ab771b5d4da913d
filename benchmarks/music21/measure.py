"""Measure the score engine and plain music21 in the same run.

    python benchmarks/music21/measure.py chorale --output FILE.json
    python benchmarks/music21/measure.py shapes --output FILE.json

`chorale`: cost of a chorale from the text to the answers; each one is transposed and has two pitches changed,
so that it is new. `shapes`: cost of orchestral scores of several sizes, step by step, with peak memory. Each
subject has its own process, the order is random, targets apply to CPU time, and a step that takes too long is
cut off and reported as taking more than the limit.

Run nothing else on the machine meanwhile.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import cyclopts
from cyclopts import Parameter
from documents import checked_statistics, corpus_work, write_documents
from stopwatch import Cost, Measurement, by_step, run, spread, table, target, totals, write

from music21_server.synthetic_scores import orchestral_score, perturb

SEED: Final = 1
OURS, PLAIN = "ours", "plain"
CHORALE_BUDGET_S: Final = 0.025
SHAPE_BUDGETS: Final[Mapping[str, Mapping[str, float]]] = {
    "50x200": {"cpu_s": 1.0},
    "150x500": {"cpu_s": 8.0, "peak_mb": 800.0},
}

Output = Annotated[Path, Parameter(help="JSON file for the figures.")]

app = cyclopts.App(name="measure.py", help="Measure the score engine and plain music21 in the same run.")


@app.command
def chorale(
    *,
    output: Output,
    work: Annotated[str, Parameter(help="Work in music21's corpus.")] = "bach/bwv269",
    documents: Annotated[int, Parameter(help="Unseen documents for each subject.")] = 40,
    processes: Annotated[int, Parameter(help="Processes per subject, which share the documents.")] = 4,
    changes: Annotated[int, Parameter(help="Pitches changed in each document.")] = 2,
    cut_off_s: Annotated[float, Parameter(help="Most time for one step.")] = 60.0,
) -> None:
    """Measure an unseen chorale."""
    original = corpus_work(work)
    rng = random.Random(SEED)
    with tempfile.TemporaryDirectory() as name:
        files = write_documents(
            Path(name),
            (
                (f"{index:03}", perturb(original, SEED + index, changes=changes).document)
                for index in range(documents)
            ),
        )
        # One more document fills caches and tables, as in a server that has been in use.
        warm_up = write_documents(Path(name), [("warm-up", perturb(original, SEED - 1, changes=0).document)])
        measured = {OURS: Measurement(), PLAIN: Measurement()}
        for share in range(processes):
            for subject in rng.sample([OURS, PLAIN], 2):
                result = run(subject, warm_up + files[share::processes], cut_off_s=cut_off_s)
                measured[subject].costs += [cost for cost in result.costs if cost.file != "warm-up"]
                measured[subject].cut_off |= result.cut_off
    figures = {subject: _figures(each.costs, each.cut_off, cut_off_s) for subject, each in measured.items()}
    settings = {"work": work, "documents": documents, "processes": processes, "changes": changes}
    targets = [target("chorale, CPU", CHORALE_BUDGET_S, figures[OURS]["total"]["cpu_s"]["median"])]
    print(table(figures, (OURS, PLAIN)))
    write(output, {"chorale": figures | {"settings": settings}}, targets)


@app.command
def shapes(
    *,
    output: Output,
    shape: Annotated[list[str] | None, Parameter(help="Shapes such as 50x200; four by default.")] = None,
    plain: Annotated[list[str] | None, Parameter(help="Shapes to measure with music21 too.")] = None,
    repeats: Annotated[int, Parameter(help="Processes of the engine per shape.")] = 5,
    plain_repeats: Annotated[int, Parameter(help="Processes of plain music21 per shape.")] = 2,
    cut_off_s: Annotated[float, Parameter(help="Most time for one step.")] = 120.0,
) -> None:
    """Measure orchestral scores."""
    plain_shapes = ["20x100"] if plain is None else plain
    rng = random.Random(SEED)
    figures: dict[str, Any] = {}
    targets: list[dict[str, Any]] = []
    for each in shape or ["20x100", "50x200", "100x300", "150x500"]:
        instruments, measures = (int(number) for number in each.split("x"))
        with tempfile.TemporaryDirectory() as name:
            began = time.process_time()
            document = orchestral_score(instruments, measures, SEED)
            generated_s = time.process_time() - began
            statistics = checked_statistics(document, each)
            files = write_documents(Path(name), [(each, document)])
            warm_up = write_documents(Path(name), [("warm-up", orchestral_score(3, 4, SEED))])
            turns = [OURS] * repeats + [PLAIN] * (plain_repeats if each in plain_shapes else 0)
            measured = {OURS: Measurement(), PLAIN: Measurement()}
            for subject in rng.sample(turns, len(turns)):
                total = measured[subject]
                result = run(subject, warm_up + files, cut_off_s=cut_off_s, skip=total.cut_off)
                total.costs += [cost for cost in result.costs if cost.file != "warm-up"]
                total.cut_off |= result.cut_off
        figures[each] = {
            "document": {
                "bytes": len(document),
                "generated_cpu_s": generated_s,
                "census": asdict(statistics),
            },
            **{
                subject: _figures(
                    measured[subject].costs, measured[subject].cut_off, cut_off_s, turns.count(subject)
                )
                for subject in dict.fromkeys(turns)
            },
        }
        print(f"{each}: {statistics.notes:,} notes, {statistics.relative_sonorities:,} relative sonorities")
        print(table(figures[each], tuple(dict.fromkeys(turns))), end="\n\n", flush=True)
        cpu_s = figures[each][OURS]["total"]["cpu_s"]["median"]
        for kind, budget in SHAPE_BUDGETS.get(each, {}).items():
            value = cpu_s if kind == "cpu_s" else figures[each][OURS]["peak_mb"]["median"]
            targets.append(target(f"{each}, {kind}", budget, value))
    write(output, {"shapes": figures}, targets)


def _figures(costs: list[Cost], cut_off: set[str], cut_off_s: float, repeats: int = 1) -> dict[str, Any]:
    """Return the figures of one subject; the total is a lower bound if a step was cut off."""
    complete = [cost for cost in costs if cost.step not in cut_off]
    figures: dict[str, Any] = {"steps": by_step(complete, sorted(cut_off), cut_off_s)}
    if cut_off:
        done_s = sum(figure["cpu_s"]["median"] for figure in figures["steps"].values() if "cpu_s" in figure)
        figures["total"] = {"more_than_s": done_s + cut_off_s * len(cut_off)}
    else:
        figures["total"] = totals(complete, repeats)
    last = [cost.peak_mb for cost in complete if cost.step == complete[-1].step]
    return figures | {"peak_mb": spread(last)}


if __name__ == "__main__":
    app()
