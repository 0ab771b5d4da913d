"""Runs the pyperf benchmarks of this folder, keeps their results, and compares them between commits.

    python benchmarks/pyperf/micro.py --fast                    all of them, rough figures
    python benchmarks/pyperf/micro.py asgi dispatch             two of them
    python benchmarks/pyperf/micro.py --compare A B             two folders of earlier results
    python benchmarks/pyperf/micro.py asgi --revision v0.1.0    the packages of another commit
    python benchmarks/pyperf/micro.py asgi --compare-with main  that commit and this checkout, side by side
    python benchmarks/pyperf/micro.py --ladder                  what each layer adds to one tool call

Each run leaves a folder ``micro-<UTC time>-<commit>`` with one JSON file per bench and all of them in
``micro.json``. The bench files are always those of this checkout: only what they measure comes from the
other commit. A bench whose subject that commit does not have is listed as "not there".
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pyperf
from bench_sampling import PACED, core_share
from rich.console import Console
from rich.table import Table

from perf_core.errors import LabError
from perf_core.load.k6_process import SHORTEST_PERIOD_S
from perf_core.results.manifest import commit as commit_of

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PREFIX = "bench_"
MERGED = "micro.json"
INSTRUMENTS = ("harness", "pyperf")

SAMPLING_BUDGET = 0.02
"""Share of one core that watching the server may cost at the default rate."""

SPEEDS = ("fast", "rigorous", "debug-single-value")
"""Options of pyperf that are handed on."""

_NOT_THERE = 3
_PROBE = """
import importlib, sys
sys.path.insert(0, sys.argv[1])
try:
    importlib.import_module(sys.argv[2])
except ImportError as error:
    if (error.name or "").partition(".")[0] in sys.argv[4:]:
        raise
    print(error)
    sys.exit(int(sys.argv[3]))
"""
"""Imports a bench. What another commit cannot import is not there, be it ours or a library that the commit
does not need; unless it is the instrument itself."""


class MicroError(Exception):
    """The request cannot be met; says what to do."""


@dataclass(frozen=True)
class Side:
    """An environment whose packages are measured.

    Attributes:
        python: Its interpreter.
        commit: What it holds, for people and for the name of the folder.
        is_other: It holds another commit than this checkout, so that subjects may be missing.
    """

    python: Path
    commit: str
    is_other: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of one bench.

    Attributes:
        bench: Its name, without the prefix of its file.
        state: ``failed`` when it did not end well or its subject answered wrongly.
        reason: Why it was not measured, else empty.
    """

    bench: str
    state: Literal["measured", "not there", "failed"]
    reason: str = ""


@dataclass(frozen=True)
class Results:
    """A folder of results.

    Attributes:
        folder: Holds ``bench_<name>.json`` for each bench that was measured and ``micro.json``.
        outcomes: What became of each bench.
    """

    folder: Path
    outcomes: tuple[Outcome, ...]


def known_benches() -> list[str]:
    """Return the names of the benches in this folder."""
    return sorted(path.stem.removeprefix(PREFIX) for path in HERE.glob(f"{PREFIX}*.py"))


def chosen_benches(names: Sequence[str]) -> list[str]:
    """Return the benches that are meant, all of them for no name; ``bench_asgi.py`` means ``asgi``.

    Raises:
        MicroError: A name is unknown.
    """
    known = known_benches()
    chosen = [Path(name).name.removesuffix(".py").removeprefix(PREFIX) for name in names] or known
    unknown = sorted(set(chosen) - set(known))
    if unknown:
        raise MicroError(f"there is no bench {', '.join(unknown)}; there are: {', '.join(known)}")
    return list(dict.fromkeys(chosen))


def this_checkout() -> Side:
    """Return the environment of this very interpreter."""
    found = commit_of(ROOT)
    name = "unversioned" if found is None else found["hash"][:9] + ("-dirty" if found["dirty"] else "")
    return Side(Path(sys.executable), name)


def other_commit(revision: str) -> Side:
    """Build the packages of another commit and return their environment, with our pyperf in it.

    Raises:
        MicroError: pyperf cannot be installed there.
    """
    # Building needs git and an index of packages; nothing else in this file does.
    from perf_core.comparison.revisions.worktrees import build_revision

    built = build_revision(ROOT, revision, on_progress=lambda what, _share: print(what, file=sys.stderr))
    install_pyperf(built.python)
    return Side(built.python, built.commit[:9], is_other=True)


def install_pyperf(python: Path) -> None:
    """Install this environment's version of pyperf beside ``python``, unless it is there already.

    Raises:
        MicroError: pip failed; carries its words.
    """
    probe = "import importlib.metadata as m; print(m.version('pyperf'))"
    present = _quietly([str(python), "-I", "-c", probe])
    if present.returncode == 0 and present.stdout.strip() == pyperf.__version__:
        return
    wanted = f"pyperf=={pyperf.__version__}"
    done = _quietly([str(python), "-I", "-m", "pip", "install", "--quiet", wanted])
    if done.returncode != 0:
        raise MicroError(f"{wanted} could not be installed for {python}: {done.stderr.strip()[-800:]}")


def run_bench(bench: str, python: Path, folder: Path, options: Sequence[str], *, is_other: bool) -> Outcome:
    """Run one bench file of this folder with the interpreter ``python``.

    Args:
        bench: Its name.
        python: Interpreter of an environment that has the packages to measure, and pyperf.
        folder: Gets ``bench_<name>.json``.
        options: Options of pyperf.
        is_other: The packages are of another commit, so that the subject may be missing.
    """
    name = PREFIX + bench
    if is_other:
        probe = _quietly(
            [str(python), "-c", _PROBE, str(HERE), name, str(_NOT_THERE), *INSTRUMENTS], cwd=folder
        )
        if probe.returncode == _NOT_THERE:
            return Outcome(bench, "not there", probe.stdout.strip())
    output = folder / f"{name}.json"
    # Away from this checkout: nothing may be found by the working folder that python does not have itself.
    done = subprocess.run(
        [python, HERE / f"{name}.py", "--quiet", *options, "-o", output],
        cwd=folder,
        env=_environment(),
        check=False,
    )
    if done.returncode != 0 or not output.is_file():
        output.unlink(missing_ok=True)
        return Outcome(bench, "failed", f"{name}.py ended with exit code {done.returncode}")
    return Outcome(bench, "measured")


def measure(
    benches: Sequence[str], sides: Sequence[Side], options: Sequence[str], output_dir: Path
) -> list[Results]:
    """Run benches on one or two sides and return the results of each.

    Two sides take turns bench by bench, and each goes first every other time, so that a machine that
    slows down over the minutes slows down both.
    """
    folders = [_new_folder(output_dir, side.commit) for side in sides]
    outcomes: list[list[Outcome]] = [[] for _ in sides]
    for number, bench in enumerate(benches):
        order = range(len(sides)) if number % 2 == 0 else reversed(range(len(sides)))
        for place in order:
            side = sides[place]
            outcomes[place].append(
                run_bench(bench, side.python, folders[place], options, is_other=side.is_other)
            )
    results = [Results(folder, tuple(of)) for folder, of in zip(folders, outcomes, strict=True)]
    for result, side in zip(results, sides, strict=True):
        merge(result, side.commit)
    return results


def merge(results: Results, commit: str) -> None:
    """Write ``micro.json``, all benchmarks of a folder in one suite; none when nothing was measured."""
    suites = [
        pyperf.BenchmarkSuite.load(str(results.folder / f"{PREFIX}{outcome.bench}.json"))
        for outcome in results.outcomes
        if outcome.state == "measured"
    ]
    benchmarks = [benchmark for suite in suites for benchmark in suite]
    for benchmark in benchmarks:
        benchmark.update_metadata({"commit": commit})
    if benchmarks:
        pyperf.BenchmarkSuite(benchmarks).dump(str(results.folder / MERGED))


def table(results: Results) -> Table:
    """Return the table of a folder: each benchmark with mean and standard deviation, gaps with a reason."""
    shown = Table(title=results.folder.name, title_justify="left")
    shown.add_column("benchmark")
    shown.add_column("mean", justify="right")
    shown.add_column("± sd", justify="right")
    for benchmark in _benchmarks(results.folder):
        values = benchmark.get_nvalue() > 1
        mean, deviation = benchmark.mean(), benchmark.stdev() if values else 0.0
        texts = benchmark.format_values((mean, deviation))
        relative = f"{texts[1]} ({deviation / mean:.0%})" if values else "one value"
        shown.add_row(benchmark.get_name(), texts[0], relative)
    for outcome in results.outcomes:
        if outcome.state != "measured":
            shown.add_row(f"{outcome.bench}: {outcome.reason}", outcome.state, "")
    return shown


def sampling_sentence(folder: Path) -> str:
    """Return what watching the server costs, held against its budget; empty when it was not measured."""
    paced = [benchmark for benchmark in _benchmarks(folder) if benchmark.get_name() == PACED]
    if not paced:
        return ""
    share = core_share(paced[0].mean())
    word = "within" if share <= SAMPLING_BUDGET else "above"
    return (
        f"Sampling the server every {SHORTEST_PERIOD_S:g} s costs {share:.2%} of one core, {word} the budget "
        f"of {SAMPLING_BUDGET:.0%}; in runs of two minutes and more it samples once a second."
    )


def compare(before: Path, after: Path) -> int:
    """Print pyperf's comparison of two folders of results; returns its exit code.

    Raises:
        MicroError: A folder has no results.
    """
    for folder in (before, after):
        if not (folder / MERGED).is_file():
            raise MicroError(f"{folder} has no {MERGED}: name a folder that an earlier run left")
    folders = [folder.resolve() for folder in (before, after)]
    # pyperf heads its columns with the paths: short ones, from where the two part.
    parent = Path(os.path.commonpath(folders))
    files = [str((folder / MERGED).relative_to(parent)) for folder in folders]
    argv = [sys.executable, "-m", "pyperf", "compare_to", *files, "--table"]
    return subprocess.run(argv, cwd=parent, check=False).returncode


def _benchmarks(folder: Path) -> list[pyperf.Benchmark]:
    merged = folder / MERGED
    return list(pyperf.BenchmarkSuite.load(str(merged))) if merged.is_file() else []


def _new_folder(parent: Path, commit: str) -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    for number in range(1, 100):
        folder = parent / f"micro-{stamp}-{commit}{'' if number == 1 else f'-{number}'}"
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder.resolve()
    raise MicroError(f"too many runs of one second below {parent}: choose another --output-dir")


def _environment() -> dict[str, str]:
    # A path from outside would put this checkout's packages in front of the other commit's.
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def _quietly(argv: Sequence[str], cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, capture_output=True, text=True, check=False, cwd=cwd, env=_environment())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, prog="micro.py"
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="benches, all without a name")
    speed = parser.add_mutually_exclusive_group()
    speed.add_argument("--fast", action="store_true", help="half the processes: rough figures")
    speed.add_argument("--rigorous", action="store_true", help="twice the processes")
    speed.add_argument("--debug-single-value", action="store_true", help="one value each: does it run?")
    parser.add_argument("--output-dir", type=Path, default=Path("results"), help="gets a folder per run")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--compare", nargs=2, type=Path, metavar=("A", "B"), help="two folders of results")
    what.add_argument("--revision", metavar="REV", help="measure the packages of another commit")
    what.add_argument("--compare-with", metavar="REV", help="measure another commit and this checkout")
    what.add_argument("--ladder", action="store_true", help="what each layer adds to one tool call")
    return parser


def _sides(revision: str | None, compare_with: str | None, build: Callable[[str], Side]) -> list[Side]:
    if revision:
        return [build(revision)]
    return [build(compare_with), this_checkout()] if compare_with else [this_checkout()]


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns 0, 1 when a bench or the lab failed, 2 when the request makes no sense."""
    parser = _parser()
    options = parser.parse_args(arguments)
    speed = [f"--{name}" for name in SPEEDS if getattr(options, name.replace("-", "_"))]
    if options.compare and (options.names or speed):
        parser.error("--compare measures nothing: leave out the names of benches and the speed")
    if options.ladder and (options.names or set(speed) - {"--fast"}):
        parser.error("--ladder is one measurement: it takes --fast and --output-dir only")
    console = Console()
    try:
        if options.compare:
            return compare(*options.compare)
        if options.ladder:
            import ladder  # draws and drives k6, which the other ways do not need

            return ladder.main([*speed, "--output-dir", str(options.output_dir)])
        benches = chosen_benches(options.names)
        sides = _sides(options.revision, options.compare_with, other_commit)
        results = measure(benches, sides, speed, options.output_dir)
        for result in results:
            console.print(table(result))
            for line in filter(None, (sampling_sentence(result.folder), f"Results: {result.folder}")):
                console.print(line, soft_wrap=True)
        failed = any(outcome.state == "failed" for result in results for outcome in result.outcomes)
        if options.compare_with and all(_benchmarks(result.folder) for result in results):
            failed |= compare(results[0].folder, results[1].folder) != 0
    except MicroError as error:
        print(f"micro.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("micro.py: interrupted; benches that had ended are in the folder of the run", file=sys.stderr)
        return 1
    except LabError as error:
        print(f"micro.py: {error}", file=sys.stderr)
        return int(error.exit_code)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
