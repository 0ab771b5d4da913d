"""Tests of choosing, running and comparing benchmark files, and of their results."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import bench_sampling
import ladder
import micro
import pyperf
import pytest
from rich.console import Console

from perf_core.comparison.revisions import worktrees
from perf_core.errors import UsageError

HERE_SIDE = micro.Side(Path(sys.executable), "abc")

PLAIN_BENCH = """
import pyperf
runner = pyperf.Runner()
runner.bench_time_func("nothing", lambda loops: 1e-3 * loops)
"""


def _suite(path: Path, **means_s: float) -> None:
    benchmarks = [
        pyperf.Benchmark(
            [pyperf.Run([mean_s * 0.9, mean_s * 1.1], metadata={"name": name}, collect_metadata=False)]
        )
        for name, mean_s in means_s.items()
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    pyperf.BenchmarkSuite(benchmarks).dump(str(path))


@pytest.fixture
def own_benches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder that replaces the one with the benchmark files."""
    folder = tmp_path / "benches"
    folder.mkdir()
    monkeypatch.setattr(micro, "HERE", folder)
    return folder


def _text(renderable: Any) -> str:
    console = Console(width=120)
    with console.capture() as captured:
        console.print(renderable)
    return captured.get()


def test_benchmark_files_are_chosen_by_name_or_path() -> None:
    assert micro.chosen_benches([]) == micro.bench_names()
    assert micro.chosen_benches(["asgi", "bench_asgi", "some/where/bench_asgi.py"]) == ["asgi"]
    with pytest.raises(micro.MicroError, match=r"expected names out of argument_validation, .*, got nothing"):
        micro.chosen_benches(["asgi", "nothing"])


@pytest.mark.process
def test_benchmark_file_runs_with_the_given_interpreter(own_benches: Path, tmp_path: Path) -> None:
    (own_benches / "bench_plain.py").write_text(PLAIN_BENCH)
    fast = ["--debug-single-value"]
    outcome = micro.run_bench("plain", Path(sys.executable), tmp_path, fast, is_other=True)
    assert outcome == micro.Outcome("plain", "measured")
    (benchmark,) = pyperf.BenchmarkSuite.load(str(tmp_path / "bench_plain.json"))
    assert benchmark.mean() == pytest.approx(1e-3)


@pytest.mark.process
@pytest.mark.parametrize(
    "line", ["from calculator_server import gone", "import perf_core.gone.further", "import gone_library"]
)
def test_module_that_a_commit_lacks_is_not_there(line: str, own_benches: Path, tmp_path: Path) -> None:
    (own_benches / "bench_gone.py").write_text(line + "\n")
    outcome = micro.run_bench("gone", Path(sys.executable), tmp_path, [], is_other=True)
    assert outcome.state == "not there"
    assert "gone" in outcome.reason


@pytest.mark.process
@pytest.mark.parametrize("is_other", [True, False])
@pytest.mark.parametrize("line", ["import harness", "raise SystemExit('expected 7, got 8')"])
def test_any_other_error_is_a_failure(line: str, is_other: bool, own_benches: Path, tmp_path: Path) -> None:
    (own_benches / "bench_broken.py").write_text(f"{line}\n")
    outcome = micro.run_bench("broken", Path(sys.executable), tmp_path, [], is_other=is_other)
    assert outcome == micro.Outcome("broken", "failed", "bench_broken.py ended with exit code 1")


@pytest.mark.process
def test_missing_module_in_this_checkout_is_a_failure(own_benches: Path, tmp_path: Path) -> None:
    (own_benches / "bench_gone.py").write_text("import perf_core.gone\n")
    assert micro.run_bench("gone", Path(sys.executable), tmp_path, [], is_other=False).state == "failed"


def test_two_sides_alternate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[str, str]] = []

    def run_bench(
        bench: str, python: Path, folder: Path, options: object, *, is_other: bool
    ) -> micro.Outcome:
        ran.append((bench, python.name))
        _suite(folder / f"bench_{bench}.json", **{bench: 1.0})
        return micro.Outcome(bench, "measured")

    monkeypatch.setattr(micro, "run_bench", run_bench)
    sides = [micro.Side(Path("then"), "aaa", is_other=True), micro.Side(Path("now"), "bbb")]
    then, now = micro.measure(["x", "y"], sides, [], tmp_path)
    assert ran == [("x", "then"), ("x", "now"), ("y", "now"), ("y", "then")]
    assert then.folder.name.endswith("-aaa")
    assert now.folder.name.endswith("-bbb")
    merged = pyperf.BenchmarkSuite.load(str(now.folder / "micro.json"))
    assert [(b.get_name(), b.get_metadata()["commit"]) for b in merged] == [("x", "bbb"), ("y", "bbb")]


def test_runs_within_one_second_have_different_folders(tmp_path: Path) -> None:
    folders = {micro._new_folder(tmp_path, "abc") for _ in range(3)}
    assert len(folders) == 3


def test_table_has_figures_and_reasons_for_gaps(tmp_path: Path) -> None:
    _suite(tmp_path / "micro.json", dispatch=1e-3)
    gaps = (micro.Outcome("asgi", "not there", "no module"), micro.Outcome("series", "failed", "exit code 1"))
    text = _text(micro.table(micro.Results(tmp_path, gaps)))
    assert "1.00 ms" in text
    assert "(14%)" in text
    assert "asgi: no module" in text
    assert "not there" in text
    assert "failed" in text


def test_no_suite_is_written_if_nothing_was_measured(tmp_path: Path) -> None:
    results = micro.Results(tmp_path, (micro.Outcome("asgi", "failed", "exit code 1"),))
    micro.merge(results, "abc")
    assert not (tmp_path / "micro.json").exists()
    assert "failed" in _text(micro.table(results))


@pytest.mark.parametrize(
    ("sample_s", "words"), [(0.001, "0.50% of one core, within"), (0.005, "2.50% of one core, above")]
)
def test_cost_of_sampling_is_compared_with_its_budget(sample_s: float, words: str, tmp_path: Path) -> None:
    _suite(tmp_path / "micro.json", **{bench_sampling.PACED: sample_s})
    assert words in micro.sampling_sentence(tmp_path)
    _suite(tmp_path / "other" / "micro.json", asgi=1.0)
    assert micro.sampling_sentence(tmp_path / "other") == ""


@pytest.mark.process
def test_compare_prints_pyperfs_table(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    _suite(tmp_path / "a" / "micro.json", call=1e-3)
    _suite(tmp_path / "b" / "micro.json", call=5e-4)
    assert micro.main(["--compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 0
    assert "| call " in capfd.readouterr().out


def test_compare_refuses_folders_without_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert micro.main(["--compare", str(tmp_path), str(tmp_path)]) == 2
    assert "expected micro.json in" in capsys.readouterr().err


@pytest.mark.process
def test_run_of_a_chosen_benchmark_file(
    own_benches: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (own_benches / "bench_plain.py").write_text(PLAIN_BENCH)
    assert micro.main(["plain", "--debug-single-value", "--output-dir", str(tmp_path / "results")]) == 0
    (folder,) = (tmp_path / "results").iterdir()
    assert sorted(path.name for path in folder.iterdir()) == ["bench_plain.json", "micro.json"]
    out = capsys.readouterr().out
    assert "1.00 ms" in out
    assert folder.name in out


@pytest.mark.process
def test_failed_benchmark_file_gives_exit_code_1(own_benches: Path, tmp_path: Path) -> None:
    (own_benches / "bench_broken.py").write_text("raise SystemExit(1)\n")
    assert micro.main(["--output-dir", str(tmp_path / "results")]) == 1


@pytest.mark.process
def test_revision_is_built_and_measured_with_its_own_interpreter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[str] = []

    def build_revision(repository: Path, revision: str, **_: object) -> worktrees.BuiltRevision:
        assert repository == micro.ROOT
        built.append(revision)
        return worktrees.BuiltRevision("0123456789" * 4, Path("its-python"), tmp_path)

    measured_sides: list[micro.Side] = []

    def measure(_benches: object, sides: list[micro.Side], *_rest: object) -> list[micro.Results]:
        folders = [tmp_path / str(len(measured_sides) + index) for index, _ in enumerate(sides)]
        measured_sides.extend(sides)
        for folder in folders:
            _suite(folder / "micro.json", asgi=1.0)
        return [micro.Results(folder, (micro.Outcome("asgi", "measured"),)) for folder in folders]

    monkeypatch.setattr(worktrees, "build_revision", build_revision)
    monkeypatch.setattr(micro, "install_pyperf", lambda _python: None)
    monkeypatch.setattr(micro, "measure", measure)
    assert micro.main(["asgi", "--revision", "v1"]) == 0
    assert micro.main(["asgi", "--compare-with", "main"]) == 0
    other = micro.Side(Path("its-python"), "012345678", is_other=True)
    assert built == ["v1", "main"]
    assert measured_sides[:2] == [other, other]
    assert measured_sides[2].python == Path(sys.executable)


def test_side_without_figures_is_not_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(*_all: object) -> list[micro.Results]:
        _suite(tmp_path / "now" / "micro.json", asgi=1.0)
        gap = micro.Results(tmp_path / "then", (micro.Outcome("asgi", "not there", "no module"),))
        return [gap, micro.Results(tmp_path / "now", (micro.Outcome("asgi", "measured"),))]

    monkeypatch.setattr(micro, "other_commit", lambda _revision: HERE_SIDE)
    monkeypatch.setattr(micro, "measure", measure)
    assert micro.main(["asgi", "--compare-with", "main"]) == 0
    out = capsys.readouterr().out
    assert "not there" in out
    assert "1.00 sec" in out


def test_unknown_revision_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def build_revision(_repository: Path, revision: str, **_: object) -> worktrees.BuiltRevision:
        raise UsageError(f"there is no revision {revision!r}", "Try main.")

    monkeypatch.setattr(worktrees, "build_revision", build_revision)
    assert micro.main(["asgi", "--revision", "nowhere"]) == 2
    assert "there is no revision 'nowhere'" in capsys.readouterr().err


class Commands:
    """Fake for running commands, which returns the given exit codes and texts one after the other."""

    def __init__(self, *answers: tuple[int, str]) -> None:
        self._answers = list(answers)
        self.ran: list[list[str]] = []

    def __call__(self, argv: list[str]) -> subprocess.CompletedProcess[str]:
        self.ran.append(argv)
        code, text = self._answers.pop(0)
        return subprocess.CompletedProcess(argv, code, stdout=text, stderr=text)


@pytest.mark.parametrize("present", [(1, "no such package"), (0, "1.0.0\n")])
def test_our_version_of_pyperf_is_installed(
    present: tuple[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = Commands(present, (0, ""))
    monkeypatch.setattr(micro, "_quietly", commands)
    micro.install_pyperf(Path("its-python"))
    assert commands.ran[1][0] == "its-python"
    assert commands.ran[1][-1] == f"pyperf=={pyperf.__version__}"


def test_pyperf_of_our_version_is_not_installed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    commands = Commands((0, f"{pyperf.__version__}\n"))
    monkeypatch.setattr(micro, "_quietly", commands)
    micro.install_pyperf(Path("its-python"))
    assert len(commands.ran) == 1


def test_failed_installation_of_pyperf_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(micro, "_quietly", Commands((1, ""), (1, "no network")))
    with pytest.raises(micro.MicroError, match="for its-python, got no network"):
        micro.install_pyperf(Path("its-python"))


def test_ladder_gets_its_options(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls: list[list[str]] = []

    def main(arguments: list[str]) -> int:
        calls.append(arguments)
        return 0

    monkeypatch.setattr(ladder, "main", main)
    assert micro.main(["--ladder", "--fast", "--output-dir", str(tmp_path)]) == 0
    assert calls == [["--fast", "--output-dir", str(tmp_path)]]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--fast", "--rigorous"], "not allowed with"),
        (["--ladder", "--revision", "main"], "not allowed with"),
        (["--ladder", "--rigorous"], "expected only --fast and --output-dir"),
        (["asgi", "--ladder"], "expected only --fast and --output-dir"),
        (["asgi", "--compare", "a", "b"], "expected only two folders"),
        (["--fast", "--compare", "a", "b"], "expected only two folders"),
    ],
)
def test_options_that_do_not_go_together(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        micro.main(words)
    assert message in capsys.readouterr().err


def test_interruption_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def measure(*_all: object) -> list[micro.Results]:
        raise KeyboardInterrupt

    monkeypatch.setattr(micro, "measure", measure)
    assert micro.main(["asgi"]) == 1
    assert "interrupted" in capsys.readouterr().err


def test_pythonpath_is_not_passed_to_other_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    assert "PYTHONPATH" not in micro._environment()


def test_side_of_this_checkout_has_the_name_of_its_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(micro, "commit_of", lambda _folder: {"hash": "0123456789ab", "dirty": True})
    assert micro.this_checkout() == micro.Side(Path(sys.executable), "012345678-dirty")
    monkeypatch.setattr(micro, "commit_of", lambda _folder: None)
    assert micro.this_checkout().commit == "unversioned"
