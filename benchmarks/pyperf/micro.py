"""Run the pyperf benchmarks of this folder, keep their results, and compare commits.

    python benchmarks/pyperf/micro.py --fast                    all benchmark files, rough figures
    python benchmarks/pyperf/micro.py asgi dispatch             two of them
    python benchmarks/pyperf/micro.py --compare A B             two folders with earlier results
    python benchmarks/pyperf/micro.py asgi --revision v0.1.0    the packages of another commit
    python benchmarks/pyperf/micro.py asgi --compare-with main  that commit and this checkout, side by side
    python benchmarks/pyperf/micro.py --ladder                  what each layer adds to one tool call

Each run creates a folder ``micro-<UTC time>-<commit>`` with one JSON file per benchmark file, and all of them
in ``micro.json``. The benchmark files are always those of this checkout; only the packages that they measure
are those of the other commit. If that commit lacks the measured code, the file is listed as "not there".
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
"""Share of one core that sampling the server may take at the default rate."""

SPEEDS = ("fast", "rigorous", "debug-single-value")
"""Options that are passed on to pyperf."""

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
"""Script that imports a benchmark file in another commit's environment. A module that is missing there, ours
or a library, counts as "not there", unless it belongs to the benchmark tools themselves."""


class MicroError(Exception):
    """A request that cannot be met; the message says what to do."""


@dataclass(frozen=True)
class Side:
    """An environment whose packages are measured.

    Attributes:
        python: Interpreter of the environment.
        commit: Short hash, for output and for the name of the folder.
        is_other: Whether the packages are those of another commit, so that modules may be missing.
    """

    python: Path
    commit: str
    is_other: bool = False


@dataclass(frozen=True)
class Outcome:
    """Outcome of one benchmark file.

    Attributes:
        bench: Name, without the prefix of the file.
        state: Whether it was measured; ``failed`` also if the measured code gave a wrong answer.
        reason: Reason if it was not measured, else empty.
    """

    bench: str
    state: Literal["measured", "not there", "failed"]
    reason: str = ""


@dataclass(frozen=True)
class Results:
    """A folder of results.

    Attributes:
        folder: Folder with ``micro.json`` and a ``bench_<name>.json`` for each measured benchmark file.
        outcomes: Outcome of each benchmark file.
    """

    folder: Path
    outcomes: tuple[Outcome, ...]


def bench_names() -> list[str]:
    """Return the names of the benchmark files in this folder."""
    return sorted(path.stem.removeprefix(PREFIX) for path in HERE.glob(f"{PREFIX}*.py"))


def chosen_benches(names: Sequence[str]) -> list[str]:
    """Return the chosen benchmark files, by default all; ``bench_asgi.py`` and ``asgi`` are the same.

    Raises:
        MicroError: A name is unknown.
    """
    available = bench_names()
    chosen = [Path(name).name.removesuffix(".py").removeprefix(PREFIX) for name in names] or available
    unknown = sorted(set(chosen) - set(available))
    if unknown:
        raise MicroError(f"expected names out of {', '.join(available)}, got {', '.join(unknown)}")
    return list(dict.fromkeys(chosen))


def this_checkout() -> Side:
    """Return the environment of the running interpreter."""
    commit = commit_of(ROOT)
    name = "unversioned" if commit is None else commit["hash"][:9] + ("-dirty" if commit["dirty"] else "")
    return Side(Path(sys.executable), name)


def other_commit(revision: str) -> Side:
    """Build the packages of another commit and return their environment, with our version of pyperf.

    Raises:
        MicroError: pyperf cannot be installed there.
    """
    # Imported here because only this function needs git and a package index.
    from perf_core.comparison.revisions.worktrees import build_revision

    built = build_revision(ROOT, revision, on_progress=lambda step, _share: print(step, file=sys.stderr))
    install_pyperf(built.python)
    return Side(built.python, built.commit[:9], is_other=True)


def install_pyperf(python: Path) -> None:
    """Install this environment's version of pyperf for ``python``, unless it is present.

    Raises:
        MicroError: pip failed; the message has its output.
    """
    probe = "import importlib.metadata as m; print(m.version('pyperf'))"
    present = _quietly([str(python), "-I", "-c", probe])
    if present.returncode == 0 and present.stdout.strip() == pyperf.__version__:
        return
    requirement = f"pyperf=={pyperf.__version__}"
    done = _quietly([str(python), "-I", "-m", "pip", "install", "--quiet", requirement])
    if done.returncode != 0:
        raise MicroError(f"expected to install {requirement} for {python}, got {done.stderr.strip()[-800:]}")


def run_bench(bench: str, python: Path, folder: Path, options: Sequence[str], *, is_other: bool) -> Outcome:
    """Run one benchmark file of this folder.

    Args:
        bench: Name of the file, without its prefix.
        python: Interpreter of an environment with pyperf and the packages to measure.
        folder: Folder for ``bench_<name>.json``.
        options: Options of pyperf.
        is_other: Whether the packages are those of another commit, so that modules may be missing.
    """
    name = PREFIX + bench
    if is_other:
        probe = _quietly(
            [str(python), "-c", _PROBE, str(HERE), name, str(_NOT_THERE), *INSTRUMENTS], cwd=folder
        )
        if probe.returncode == _NOT_THERE:
            return Outcome(bench, "not there", probe.stdout.strip())
    output = folder / f"{name}.json"
    # Not in this checkout, so that modules cannot be imported from the current folder.
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
    """Run benchmark files on one or two sides and return the results of each.

    Two sides run each file one after the other, in alternating order, so that a machine that becomes slower
    affects both.
    """
    folders = [_new_folder(output_dir, side.commit) for side in sides]
    outcomes: list[list[Outcome]] = [[] for _ in sides]
    for number, bench in enumerate(benches):
        order = range(len(sides)) if number % 2 == 0 else reversed(range(len(sides)))
        for index in order:
            side = sides[index]
            outcomes[index].append(
                run_bench(bench, side.python, folders[index], options, is_other=side.is_other)
            )
    results = [Results(folder, tuple(each)) for folder, each in zip(folders, outcomes, strict=True)]
    for result, side in zip(results, sides, strict=True):
        merge(result, side.commit)
    return results


def merge(results: Results, commit: str) -> None:
    """Write ``micro.json`` with all benchmarks of a folder, unless nothing was measured."""
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
    """Return a table of mean and standard deviation, and of the reasons for missing benchmarks."""
    result = Table(title=results.folder.name, title_justify="left")
    result.add_column("benchmark")
    result.add_column("mean", justify="right")
    result.add_column("± sd", justify="right")
    for benchmark in _benchmarks(results.folder):
        values = benchmark.get_nvalue() > 1
        mean, deviation = benchmark.mean(), benchmark.stdev() if values else 0.0
        texts = benchmark.format_values((mean, deviation))
        relative = f"{texts[1]} ({deviation / mean:.0%})" if values else "one value"
        result.add_row(benchmark.get_name(), texts[0], relative)
    for outcome in results.outcomes:
        if outcome.state != "measured":
            result.add_row(f"{outcome.bench}: {outcome.reason}", outcome.state, "")
    return result


def sampling_sentence(folder: Path) -> str:
    """Return a sentence with the cost of sampling and its budget; empty if it was not measured."""
    paced = [benchmark for benchmark in _benchmarks(folder) if benchmark.get_name() == PACED]
    if not paced:
        return ""
    share = core_share(paced[0].mean())
    relation = "within" if share <= SAMPLING_BUDGET else "above"
    return (
        f"Sampling the server every {SHORTEST_PERIOD_S:g} s costs {share:.2%} of one core, {relation} the "
        f"budget of {SAMPLING_BUDGET:.0%}; in runs of two minutes and more it samples once a second."
    )


def compare(before: Path, after: Path) -> int:
    """Print pyperf's comparison of two folders with results; return its exit code.

    Raises:
        MicroError: A folder has no results.
    """
    for folder in (before, after):
        if not (folder / MERGED).is_file():
            raise MicroError(f"expected {MERGED} in {folder}, got none: give a folder with results")
    folders = [folder.resolve() for folder in (before, after)]
    # pyperf's column headings are the paths, so make them relative to the common parent.
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
    raise MicroError(f"expected fewer runs within one second in {parent}: choose another --output-dir")


def _environment() -> dict[str, str]:
    # PYTHONPATH could put this checkout's packages before those of the other commit.
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def _quietly(argv: Sequence[str], cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, capture_output=True, text=True, check=False, cwd=cwd, env=_environment())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, prog="micro.py"
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="benchmark files; default: all")
    speed = parser.add_mutually_exclusive_group()
    speed.add_argument("--fast", action="store_true", help="half the processes: rough figures")
    speed.add_argument("--rigorous", action="store_true", help="twice the processes")
    speed.add_argument("--debug-single-value", action="store_true", help="one value each, as a check")
    parser.add_argument("--output-dir", type=Path, default=Path("results"), help="parent of the results")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--compare", nargs=2, type=Path, metavar=("A", "B"), help="compare two result folders")
    what.add_argument("--revision", metavar="REV", help="measure the packages of another commit")
    what.add_argument("--compare-with", metavar="REV", help="measure another commit and this checkout")
    what.add_argument("--ladder", action="store_true", help="measure what each layer adds to a call")
    return parser


def _sides(revision: str | None, compare_with: str | None, build: Callable[[str], Side]) -> list[Side]:
    if revision:
        return [build(revision)]
    return [build(compare_with), this_checkout()] if compare_with else [this_checkout()]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return 0, 1 if a benchmark or the lab failed, or 2 for usage errors."""
    parser = _parser()
    options = parser.parse_args(arguments)
    speed = [f"--{name}" for name in SPEEDS if getattr(options, name.replace("-", "_"))]
    if options.compare and (options.names or speed):
        parser.error("expected only two folders with --compare, got names or a speed; omit them")
    if options.ladder and (options.names or set(speed) - {"--fast"}):
        parser.error("expected only --fast and --output-dir with --ladder, got other options; omit them")
    console = Console()
    try:
        if options.compare:
            return compare(*options.compare)
        if options.ladder:
            import ladder  # imports plotly and the lab, which only this option needs

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
        print("micro.py: interrupted; completed benchmarks are in the folder of the run", file=sys.stderr)
        return 1
    except LabError as error:
        print(f"micro.py: {error}", file=sys.stderr)
        return int(error.exit_code)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
