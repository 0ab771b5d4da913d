"""Builds of revisions: built once, reused, repaired when incomplete, and the user's files untouched."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from perf_core.comparison.revisions import worktrees
from perf_core.comparison.revisions.adapter_launch import launch_at
from perf_core.comparison.revisions.environments import Build, python_of
from perf_core.comparison.revisions.worktrees import BuiltRevision, build_revision
from perf_core.errors import Interrupted, TargetError, UsageError
from perf_core.interruption import Interruption


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True)  # noqa: S607
    return done.stdout.strip()


def commit(repository: Path, text: str) -> str:
    (repository / "text").write_text(text, encoding="utf-8")
    git(repository, "add", "-A")
    git(repository, "commit", "-m", text)
    return git(repository, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Create a repository with the commits one, two and three; the first is tagged v1.0."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-b", "main")
    commit(folder, "one")
    git(folder, "tag", "v1.0")
    commit(folder, "two")
    commit(folder, "three")
    return folder


class FakeInstall:
    """Replaces venv and pip: records the texts of the worktrees, and creates an empty interpreter."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, build: Build) -> None:
        self.texts.append((build.tree / "text").read_text(encoding="utf-8"))
        python = python_of(build.environment)
        python.parent.mkdir(parents=True)
        python.touch()


@pytest.fixture
def install() -> FakeInstall:
    return FakeInstall()


def entries(repository: Path) -> set[str]:
    return {p.name.partition("-")[0] for p in (repository / ".perf-core/revisions").iterdir() if p.is_dir()}


# --- resolving ---


def test_commit_is_found_by_any_name_and_from_any_folder(repository: Path, install: FakeInstall) -> None:
    (repository / "inner").mkdir()
    first = build_revision(repository, "v1.0", install=install)
    assert first == build_revision(repository / "inner", "HEAD~2", install=install)
    assert first == build_revision(repository, first.commit[:8], install=install)
    assert first.commit == git(repository, "rev-parse", "v1.0")
    assert first.tree.is_relative_to(repository / ".perf-core")
    assert install.texts == ["one"]


@pytest.mark.parametrize(
    "revision", ["nothing", "v1.0.0", "", "-h", "--all", "HEAD..main", "^main", "HEAD:text"]
)
def test_unknown_revision_is_a_usage_error(repository: Path, install: FakeInstall, revision: str) -> None:
    with pytest.raises(UsageError, match="has no revision"):
        build_revision(repository, revision, install=install)
    assert install.texts == []


def test_hint_has_similar_names(repository: Path, install: FakeInstall) -> None:
    git(repository, "branch", "feature/faster")
    with pytest.raises(UsageError) as caught:
        build_revision(repository, "feature/fastre", install=install)
    assert "Similar: feature/faster" in caught.value.hint
    with pytest.raises(UsageError) as caught:
        build_revision(repository, "v1.1", install=install)
    assert "v1.0" in caught.value.hint


def test_hint_says_that_a_clone_is_shallow(repository: Path, tmp_path: Path, install: FakeInstall) -> None:
    git(tmp_path, "clone", "--depth", "1", repository.as_uri(), "shallow")
    with pytest.raises(UsageError) as caught:
        build_revision(tmp_path / "shallow", "HEAD~1", install=install)
    assert "git fetch --unshallow" in caught.value.hint


def test_folder_outside_a_checkout_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected a git checkout"):
        build_revision(tmp_path, "HEAD")
    with pytest.raises(UsageError, match="expected a folder"):
        build_revision(tmp_path / "gone", "HEAD")


def test_missing_git_is_a_usage_error(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="git is not on PATH"):
        build_revision(repository, "HEAD")


# --- the cache ---


def test_complete_build_is_reused_silently(repository: Path, install: FakeInstall) -> None:
    steps: list[str] = []
    first = build_revision(
        repository, "v1.0", on_progress=lambda step, _share: steps.append(step), install=install
    )
    assert steps == [f"building v1.0 ({first.commit[:12]})"]
    again = build_revision(
        repository, "v1.0", on_progress=lambda step, _share: steps.append(step), install=install
    )
    assert again == first
    assert len(steps) == len(install.texts) == 1
    assert list(first.tree.parents[1].glob("*.log")) == []


@pytest.mark.parametrize("part", ["built.json", "tree", "env"])
def test_incomplete_build_is_repeated(repository: Path, install: FakeInstall, part: str) -> None:
    built = build_revision(repository, "v1.0", install=install)
    # Moved away, since a folder cannot be unlinked.
    (built.tree.parent / part).rename(repository / ".perf-core" / "away")
    assert build_revision(repository, "v1.0", install=install) == built
    assert (built.tree / "text").read_text(encoding="utf-8") == "one"
    assert install.texts == ["one", "one"]


@pytest.mark.parametrize("marker", ["", "{}", "[]", "null", '{"commit": 1, "tree": 2}'])
def test_malformed_marker_does_not_count(repository: Path, install: FakeInstall, marker: str) -> None:
    built = build_revision(repository, "v1.0", install=install)
    (built.tree.parent / "built.json").write_text(marker, encoding="utf-8")
    build_revision(repository, "v1.0", install=install)
    assert install.texts == ["one", "one"]


def test_moved_checkout_builds_again(repository: Path, tmp_path: Path, install: FakeInstall) -> None:
    build_revision(repository, "v1.0", install=install)
    moved = repository.rename(tmp_path / "moved")
    built = build_revision(moved, "v1.0", install=install)
    assert built.tree.is_relative_to(moved)
    assert git(built.tree, "rev-parse", "HEAD") == built.commit
    assert install.texts == ["one", "one"]


def test_failed_build_leaves_only_its_log(repository: Path, install: FakeInstall) -> None:
    def fails(build: Build) -> None:
        build.log.write_text("why", encoding="utf-8")
        raise TargetError("no")

    with pytest.raises(TargetError, match="no"):
        build_revision(repository, "v1.0", install=fails)
    assert entries(repository) == set()
    assert len(git(repository, "worktree", "list").splitlines()) == 1
    (log,) = (repository / ".perf-core" / "revisions").glob("*.log")
    assert log.read_text(encoding="utf-8") == "why"
    build_revision(repository, "v1.0", install=install)
    assert not log.exists()


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write anywhere")
def test_read_only_checkout_is_a_target_error(repository: Path, install: FakeInstall) -> None:
    repository.chmod(0o500)
    try:
        with pytest.raises(TargetError, match="cannot write"):
            build_revision(repository, "v1.0", install=install)
    finally:
        repository.chmod(0o700)


def test_full_disk_is_a_target_error(repository: Path) -> None:
    def full(_build: Build) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(TargetError, match="No space left on device"):
        build_revision(repository, "v1.0", install=full)
    assert entries(repository) == set()


def test_least_recently_used_builds_are_deleted_first(
    repository: Path, install: FakeInstall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worktrees, "MAX_REVISIONS", 2)
    one, two = (build_revision(repository, name, install=install) for name in ("HEAD~2", "HEAD~1"))
    for age_s, built in ((20, one), (10, two)):
        marker = built.tree.parent / "built.json"
        os.utime(marker, (marker.stat().st_atime, marker.stat().st_mtime - age_s))
    build_revision(repository, "HEAD~2", install=install)
    three = build_revision(repository, "HEAD", install=install)
    assert entries(repository) == {one.commit[:12], three.commit[:12]}
    assert str(two.tree) not in git(repository, "worktree", "list")
    assert install.texts == ["one", "two", "three"]


def test_incomplete_builds_of_other_processes_are_deleted(repository: Path, install: FakeInstall) -> None:
    dead = repository / ".perf-core" / "revisions" / "0123456789ab-cpython-311"
    (dead / "tree").mkdir(parents=True)
    built = build_revision(repository, "v1.0", install=install)
    assert entries(repository) == {built.commit[:12]}


# --- the user's own checkout ---


def test_users_checkout_and_index_are_untouched_and_hooks_do_not_run(
    repository: Path, install: FakeInstall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "text").write_text("changed", encoding="utf-8")
    (repository / "staged").touch()
    git(repository, "add", "staged")
    (repository / "untracked").touch()
    hook = repository / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path / 'hooked'}\n", encoding="utf-8")
    hook.chmod(0o755)
    status = git(repository, "status", "--porcelain=v2", "--branch")
    index = (repository / ".git" / "index").read_bytes()
    # As in a hook of another repository.
    monkeypatch.setenv("GIT_INDEX_FILE", str(repository / ".git" / "index"))
    monkeypatch.setenv("GIT_DIR", str(tmp_path))
    built = build_revision(repository, "v1.0", install=install)
    monkeypatch.delenv("GIT_INDEX_FILE")
    monkeypatch.delenv("GIT_DIR")
    assert install.texts == ["one"]
    assert (repository / ".git" / "index").read_bytes() == index
    assert git(repository, "status", "--porcelain=v2", "--branch") == status
    assert git(built.tree, "rev-parse", "--abbrev-ref", "HEAD") == "HEAD"
    assert not (tmp_path / "hooked").exists()


def test_damaged_or_locked_worktree_is_built_again(repository: Path, install: FakeInstall) -> None:
    built = build_revision(repository, "v1.0", install=install)
    git(repository, "worktree", "lock", str(built.tree))
    (built.tree / ".git").unlink()
    assert build_revision(repository, "v1.0", install=install) == built
    assert git(built.tree, "rev-parse", "HEAD") == built.commit


def test_users_own_worktrees_stay_registered(repository: Path, tmp_path: Path, install: FakeInstall) -> None:
    git(repository, "worktree", "add", str(tmp_path / "drive"), "-b", "away")
    (tmp_path / "drive").rename(tmp_path / "unplugged")
    built = build_revision(repository, "v1.0", install=install)
    built.tree.rename(tmp_path / "gone")
    build_revision(repository, "v1.0", install=install)
    assert str(tmp_path / "drive") in git(repository, "worktree", "list")


# --- two at once ---


def test_second_thread_waits_for_the_first_and_reuses_its_build(repository: Path) -> None:
    begun, waited = threading.Event(), threading.Event()
    installs = FakeInstall()
    builds: list[BuiltRevision] = []

    def slow(build: Build) -> None:
        begun.set()
        assert waited.wait(30)
        installs(build)

    def on_progress(step: str, _share: float | None) -> None:
        if step.startswith("waiting"):
            waited.set()

    def build() -> None:
        builds.append(build_revision(repository, "v1.0", on_progress=on_progress, install=slow))

    threads = [threading.Thread(target=build) for _ in range(2)]
    threads[0].start()
    assert begun.wait(30)
    threads[1].start()
    for thread in threads:
        thread.join(30)
    assert builds[0] == builds[1]
    assert installs.texts == ["one"]


DIES_HALFWAY = """
import sys
from pathlib import Path
from perf_core.comparison.revisions.worktrees import build_revision

def half(build):
    build.environment.mkdir()
    print("half", flush=True)
    sys.stdin.read()

build_revision(Path(sys.argv[1]), "v1.0", install=half)
"""


@pytest.mark.process
def test_lock_of_a_killed_process_is_released(repository: Path, install: FakeInstall) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", DIES_HALFWAY, str(repository)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == b"half"
        half = interrupt_waiting_build(repository, install)
        process.kill()
    assert entries(repository) == {half}
    built = build_revision(repository, "v1.0", install=install)
    assert built.commit[:12] == half
    assert install.texts == ["one"]


def interrupt_waiting_build(repository: Path, install: FakeInstall) -> str:
    """Build while another process does, interrupt the waiting, and return the short hash."""
    interruption = Interruption()

    def on_progress(step: str, _share: float | None) -> None:
        assert step == "waiting for another process that builds a revision"
        interruption.requested = True

    with pytest.raises(Interrupted):
        build_revision(
            repository, "v1.0", on_progress=on_progress, interruption=interruption, install=install
        )
    return git(repository, "rev-parse", "v1.0")[:12]


# --- a real package ---


BACKEND = """
import zipfile

def build_wheel(folder, settings=None, metadata=None):
    name = "adder_server-1.2-py3-none-any.whl"
    info = "adder_server-1.2.dist-info"
    files = {
        f"{info}/METADATA": "Metadata-Version: 2.1\\nName: adder-server\\nVersion: 1.2\\n"
        "Provides-Extra: perf\\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\\nGenerator: a\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
        f"{info}/entry_points.txt": "[perf_core.adapters]\\nadder = adder:adapter\\n",
        "adder.py": open("adder.py").read(),
    }
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
        wheel.writestr(f"{info}/RECORD", "".join(f"{path},,\\n" for path in [*files, f"{info}/RECORD"]))
    return name
"""

ADDER = """
import sys
from types import SimpleNamespace

print("output of the adapter", end=" ")
launch = SimpleNamespace(argv=(sys.executable, "-m", "adder"), env={"A": "1"}, ready_timeout_s=3.5)
adapter = SimpleNamespace(name="adder", server_name="adder one", launch=launch)
"""


@pytest.mark.process
@pytest.mark.long
def test_real_package_is_built_installed_and_started_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "pyproject.toml").write_text(
        "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n"
        "[project]\nname = 'adder-server'\nversion = '1.2'\n[project.optional-dependencies]\nperf = []\n",
        encoding="utf-8",
    )
    (repository / "backend.py").write_text(BACKEND, encoding="utf-8")
    (repository / "adder.py").write_text(ADDER, encoding="utf-8")
    git(repository, "init", "-b", "main")
    commit(repository, "one")
    (repository / "adder.py").write_text("the working tree", encoding="utf-8")
    commit(repository, "two")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    # These would lead to the code of the working tree.
    monkeypatch.setenv("PYTHONPATH", str(repository))
    monkeypatch.chdir(repository)
    built = build_revision(repository, "HEAD~1")
    launch, server_name, distribution = launch_at(built, "adder")
    assert launch.argv == (str(built.python), "-m", "adder")
    assert (launch.cwd, launch.ready_timeout_s, launch.url) == (built.tree, 3.5, None)
    assert launch.env["A"] == "1"
    assert (server_name, distribution) == ("adder one", "adder-server 1.2")
    started = subprocess.run(
        [str(built.python), "-c", "import adder; print(adder.adapter.server_name)"],
        env={**os.environ, **launch.env},
        cwd=launch.cwd,
        capture_output=True,
        text=True,
        check=True,
    )
    assert started.stdout.split() == ["output", "of", "the", "adapter", "adder", "one"]
