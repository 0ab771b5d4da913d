"""Measures the score engine beside plain music21, in the same run.

    python benchmarks/music21/measure.py chorale --output FILE.json
    python benchmarks/music21/measure.py shapes --output FILE.json

`chorale`: what one chorale costs from the text to the answers, each of them transposed and with two pitches
changed, so that nobody has seen it. `shapes`: the same for orchestral scores of several sizes, step by step,
with the peak of memory. Every subject has a process of its own, the order is drawn, CPU time is what counts,
and a step that takes too long is cut off and said to take more than that.

Nothing else should run on the machine meanwhile.
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
from documents import corpus_work, counted, written
from stopwatch import Cost, Seen, by_step, run, spread, table, target, totals, write

from music21_server.synthetic_scores import orchestral_score, perturb

SEED: Final = 1
OURS, PLAIN = "ours", "plain"
CHORALE_BUDGET_S: Final = 0.025
SHAPE_BUDGETS: Final[Mapping[str, Mapping[str, float]]] = {
    "50x200": {"cpu_s": 1.0},
    "150x500": {"cpu_s": 8.0, "peak_mb": 800.0},
}

Output = Annotated[Path, Parameter(help="Where the figures go, as JSON.")]

app = cyclopts.App(name="measure.py", help="Measures the score engine beside plain music21.")


@app.command
def chorale(
    *,
    output: Output,
    work: Annotated[str, Parameter(help="In music21's corpus.")] = "bach/bwv269",
    documents: Annotated[int, Parameter(help="Unknown ones, for each subject.")] = 40,
    processes: Annotated[int, Parameter(help="Each takes its share of the documents.")] = 4,
    changes: Annotated[int, Parameter(help="Pitches changed in each.")] = 2,
    cut_off_s: Annotated[float, Parameter(help="Most time for one step.")] = 60.0,
) -> None:
    """Measure a chorale that nobody has seen."""
    known = corpus_work(work)
    drawn = random.Random(SEED)
    with tempfile.TemporaryDirectory() as name:
        files = written(
            Path(name),
            (
                (f"{index:03}", perturb(known, SEED + index, changes=changes).document)
                for index in range(documents)
            ),
        )
        # Another one, which fills caches and tables as they are in a server that has been asked before.
        warm_up = written(Path(name), [("warm-up", perturb(known, SEED - 1, changes=0).document)])
        seen = {OURS: Seen(), PLAIN: Seen()}
        for share in range(processes):
            for subject in drawn.sample([OURS, PLAIN], 2):
                found = run(subject, warm_up + files[share::processes], cut_off_s=cut_off_s)
                seen[subject].costs += [cost for cost in found.costs if cost.file != "warm-up"]
                seen[subject].cut_off |= found.cut_off
    figures = {subject: _figures(each.costs, each.cut_off, cut_off_s) for subject, each in seen.items()}
    settings = {"work": work, "documents": documents, "processes": processes, "changes": changes}
    targets = [target("chorale, CPU", CHORALE_BUDGET_S, figures[OURS]["total"]["cpu_s"]["median"])]
    print(table(figures, (OURS, PLAIN)))
    write(output, {"chorale": figures | {"settings": settings}}, targets)


@app.command
def shapes(
    *,
    output: Output,
    shape: Annotated[list[str] | None, Parameter(help="Such as 50x200; all of the issue by default.")] = None,
    plain: Annotated[list[str] | None, Parameter(help="Shapes that plain music21 is tried with.")] = None,
    repeats: Annotated[int, Parameter(help="Processes for each subject and shape.")] = 5,
    plain_repeats: Annotated[int, Parameter(help="The same for plain music21.")] = 2,
    cut_off_s: Annotated[float, Parameter(help="Most time for one step.")] = 120.0,
) -> None:
    """Measure orchestral scores."""
    wanted = shape or ["20x100", "50x200", "100x300", "150x500"]
    plainly = ["20x100"] if plain is None else plain
    drawn = random.Random(SEED)
    figures: dict[str, Any] = {}
    targets: list[dict[str, Any]] = []
    for each in wanted:
        instruments, measures = (int(number) for number in each.split("x"))
        with tempfile.TemporaryDirectory() as name:
            began = time.process_time()
            document = orchestral_score(instruments, measures, SEED)
            generated_s = time.process_time() - began
            found_in = counted(document, each)
            files = written(Path(name), [(each, document)])
            warm_up = written(Path(name), [("warm-up", orchestral_score(3, 4, SEED))])
            turns = [OURS] * repeats + [PLAIN] * (plain_repeats if each in plainly else 0)
            seen = {OURS: Seen(), PLAIN: Seen()}
            for subject in drawn.sample(turns, len(turns)):
                already = seen[subject]
                found = run(subject, warm_up + files, cut_off_s=cut_off_s, skip=already.cut_off)
                already.costs += [cost for cost in found.costs if cost.file != "warm-up"]
                already.cut_off |= found.cut_off
        figures[each] = {
            "document": {"bytes": len(document), "generated_cpu_s": generated_s, "census": asdict(found_in)},
            **{
                subject: _figures(seen[subject].costs, seen[subject].cut_off, cut_off_s, turns.count(subject))
                for subject in dict.fromkeys(turns)
            },
        }
        print(f"{each}: {found_in.notes:,} notes, {found_in.relative_sonorities:,} relative sonorities")
        print(table(figures[each], tuple(dict.fromkeys(turns))), end="\n\n", flush=True)
        total = figures[each][OURS]["total"]["cpu_s"]["median"]
        for kind, budget in SHAPE_BUDGETS.get(each, {}).items():
            came = total if kind == "cpu_s" else figures[each][OURS]["peak_mb"]["median"]
            targets.append(target(f"{each}, {kind}", budget, came))
    write(output, {"shapes": figures}, targets)


def _figures(costs: list[Cost], cut_off: set[str], cut_off_s: float, repeats: int = 1) -> dict[str, Any]:
    """Return figures of one subject; a total only if nothing was cut off."""
    whole = [cost for cost in costs if cost.step not in cut_off]
    found: dict[str, Any] = {"steps": by_step(whole, sorted(cut_off), cut_off_s)}
    if cut_off:
        done_s = sum(figure["cpu_s"]["median"] for figure in found["steps"].values() if "cpu_s" in figure)
        found["total"] = {"more_than_s": done_s + cut_off_s * len(cut_off)}
    else:
        found["total"] = totals(whole, repeats)
    last = [cost.peak_mb for cost in whole if cost.step == whole[-1].step]
    return found | {"peak_mb": spread(last)}


if __name__ == "__main__":
    app()
