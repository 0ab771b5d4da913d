"""The history as a whole: asv measures two commits, and a browser shows their figures without a network."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from history_pages import FOLDER, ROOT, browser_view, needs_chromium, run

LIBRARIES = FOLDER / "assets" / "node_modules"

SUITE = """
from pathlib import Path

class Lines:
    params = ("characters", "words")
    param_names = ("counted",)
    unit = "things"
    version = "1"

    def track_size(self, counted):
        text = (Path(__file__).parents[2] / "subject.txt").read_text()
        return len(text.split()) if counted == "words" else len(text)

    def track_absent(self, counted):
        return float("nan")
"""


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, history: ModuleType) -> tuple[Path, list[str]]:
    """Return a repository with results of two commits, measured by asv in the running environment."""
    pytest.importorskip("asv", reason="asv is not installed")
    home = tmp_path / "home"
    home.mkdir()
    for name, value in {
        "HOME": str(home),
        "GIT_CONFIG_GLOBAL": str(home / "none"),
        "GIT_AUTHOR_NAME": "A",
        "GIT_AUTHOR_EMAIL": "a@example.org",
        "GIT_COMMITTER_NAME": "A",
        "GIT_COMMITTER_EMAIL": "a@example.org",
    }.items():
        monkeypatch.setenv(name, value)
    repository = tmp_path / "repository"
    suites = repository / "benchmarks" / "suites"
    suites.mkdir(parents=True)
    (suites / "__init__.py").touch()
    (suites / "suite.py").write_text(SUITE)
    config = json.loads((ROOT / "asv.conf.json").read_text(encoding="utf-8"))
    config = {key: value for key, value in config.items() if not key.endswith("_command")}
    config |= {"environment_type": "existing", "pythons": ["same"], "benchmark_dir": "benchmarks/suites"}
    (repository / "asv.conf.json").write_text(json.dumps(config))
    monkeypatch.setattr(history, "ROOT", repository)
    history.registered_machine()
    run("git", "init", "-q", "-b", "trunk", ".", cwd=repository)
    commits = []
    for day, text in enumerate(("one two", "one two three four"), start=1):
        (repository / "subject.txt").write_text(text)
        monkeypatch.setenv("GIT_AUTHOR_DATE", f"2026-01-0{day}T00:00:00Z")
        monkeypatch.setenv("GIT_COMMITTER_DATE", f"2026-01-0{day}T00:00:00Z")
        run("git", "add", "subject.txt", cwd=repository)
        run("git", "commit", "-q", "-m", f"{text} & <more>", cwd=repository)
        commits.append(run("git", "rev-parse", "HEAD", cwd=repository).strip())
        asv = (sys.executable, "-m", "asv", "run", "--python=same", "--set-commit-hash", commits[-1])
        run(*asv, cwd=repository)
    return repository, commits


@pytest.mark.nightly
@needs_chromium
@pytest.mark.skipif(not LIBRARIES.is_dir(), reason="libraries missing: npm install in benchmarks/asv/assets")
def test_published_pages_draw_two_commits_offline(measured, history, tmp_path: Path) -> None:
    repository, commits = measured
    results = repository / ".asv" / "results"
    assert history.measured_commits(results, history.registered_machine()) == {
        commit[:8] for commit in commits
    }
    assert history.main([]) == 0, "without new commits, pages are published and nothing is measured"
    html_dir = repository / ".asv" / "html"
    origin, view = browser_view(history, html_dir, "suite.Lines.track_size", tmp_path / "profile")
    assert [[value for _, value in points] for points in view["series"]] == [[7, 18], [2, 4]]
    assert view["colours"] > 3, "the canvas is not blank"
    assert view["unit"] == "things"
    assert {"time", "selection", "categories", "orderBars", "axisLabels"} <= set(view["plugins"])
    assert view["others"] == ["function"] * 3
    assert view["rules"] > 500, "Bootstrap's style sheet was loaded"
    assert "10" in {tick.partition(".")[0] for tick in view["ticks"]}, view["ticks"]
    assert view["commits"] == f"{commits[0][:8]}..{commits[1][:8]}"
    assert any("track_size ('words')" in row and "4.00 things" in row for row in view["rows"]), view["rows"]
    (to_commit,) = {link for link in view["links"] if link.startswith("commits.html#")}
    page = (html_dir / "commits.html").read_text(encoding="utf-8")
    assert f'id="{to_commit.partition("#")[2]}"' in page
    assert "one two three four &amp; &lt;more&gt;" in page
    assert [name for name in view["requests"] if not name.startswith(origin)] == []
    assert any(name.endswith("jquery.flot.js") for name in view["requests"])


@pytest.fixture
def small_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository with two commits of this tree, without music21-server and most suites."""
    home = tmp_path / "home"
    home.mkdir()
    cache = subprocess.run(
        [sys.executable, "-m", "pip", "cache", "dir"], capture_output=True, text=True, check=True
    )
    monkeypatch.setenv("PIP_CACHE_DIR", cache.stdout.strip())
    monkeypatch.setenv("HOME", str(home))  # asv keeps its description of the machine there
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "A")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "a@example.org")
    for variable in ("PERF_CORE", "VIRTUAL_ENV"):
        monkeypatch.delenv(variable, raising=False)
    repository = tmp_path / "repository"
    prefixes = (
        "packages/",
        "benchmarks/asv/",
        "benchmarks/references/",
        "noxfile.py",
        "constraints.txt",
        "asv.conf.json",
    )
    for name in run("git", "ls-files", cwd=ROOT).splitlines():
        is_copied = name.startswith(prefixes) and "/tests/" not in name and "music21-server" not in name
        if is_copied and (ROOT / name).is_file():
            (repository / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, repository / name)
    for suite in (repository / "benchmarks/asv/suites").glob("*.py"):
        if suite.stem not in ("__init__", "served", "comparison", "subject"):
            suite.unlink()
    noxfile = repository / "noxfile.py"
    packages = 'PACKAGES = ["server-core", "perf-core", "calculator-server"'
    text = noxfile.read_text(encoding="utf-8")
    assert f'{packages}, "music21-server"]' in text
    noxfile.write_text(text.replace(f'{packages}, "music21-server"]', f"{packages}]"), encoding="utf-8")
    run("git", "init", "-q", "-b", "trunk", ".", cwd=repository)
    run("git", "add", ".", cwd=repository)
    run("git", "commit", "-q", "-m", "First", cwd=repository)
    readme = repository / "packages/calculator-server/README.md"
    readme.write_text(readme.read_text(encoding="utf-8") + "\nA second commit.\n", encoding="utf-8")
    run("git", "commit", "-q", "-a", "-m", "Second", cwd=repository)
    return repository


@pytest.mark.nightly
@pytest.mark.timeout(600)
@needs_chromium
def test_nox_session_measures_two_commits_and_draws_their_served_figures(
    small_repository: Path, history: ModuleType, tmp_path: Path
) -> None:
    nox = str(Path(sys.executable).with_name("nox"))
    command = [nox, "-s", "history", "--", "HEAD"]
    done = subprocess.run(
        command, cwd=small_repository, capture_output=True, text=True, timeout=570, check=False
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert "n/a" not in output, output
    assert "failed" not in output, output
    html_dir = small_repository / ".asv" / "html"
    for figure in ("track_time_per_call_ratio", "track_server_cpu_per_call_ratio", "track_start_up_ratio"):
        _, view = browser_view(history, html_dir, f"served.Served.{figure}", tmp_path / figure)
        assert len(view["series"]) == 2, "a line for each wire"
        for points in view["series"]:
            assert len(points) == 2, "a point for each commit"
            assert all(0.1 < value < 100 for _, value in points), points
        assert view["colours"] > 3, "the canvas is not blank"
