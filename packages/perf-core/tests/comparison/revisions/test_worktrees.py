"""Revisions as targets: built once, reused, mended when half-made, and nothing of the user's touched."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

import perf_core
from perf_core import Launch
from perf_core.comparison.revisions import worktrees
from perf_core.comparison.revisions.environments import Workplace, install_packages, local_packages, python_of
from perf_core.comparison.revisions.worktrees import BuiltRevision, build_revision, launch_at, parse_target
from perf_core.errors import Interrupted, TargetError, UsageError
from perf_core.interruption import Interruption


@pytest.fixture(autouse=True)
def git_of_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the settings of whoever runs the tests away, and the checkout that the tests lie in."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "a")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "a@b")


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
    """A repository with the commits one, two and three; the first is tagged v1.0."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-b", "main")
    commit(folder, "one")
    git(folder, "tag", "v1.0")
    commit(folder, "two")
    commit(folder, "three")
    return folder


class Installs:
    """Stands for venv and pip: remembers the texts it saw; a file stands for the interpreter."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __call__(self, workplace: Workplace) -> None:
        self.seen.append((workplace.tree / "text").read_text(encoding="utf-8"))
        python = python_of(workplace.environment)
        python.parent.mkdir(parents=True)
        python.touch()


@pytest.fixture
def install() -> Installs:
    return Installs()


def entries(repository: Path) -> set[str]:
    return {p.name.partition("-")[0] for p in (repository / ".perf-core/revisions").iterdir() if p.is_dir()}


# --- what people type ---


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("calculator", ("calculator", None)),
        ("calculator@HEAD~1", ("calculator", "HEAD~1")),
        ("calculator@v1.0", ("calculator", "v1.0")),
        ("calculator@feature/x", ("calculator", "feature/x")),
        ("calculator@main@{1}", ("calculator", "main@{1}")),
        ("http://user@127.0.0.1:8100/mcp", ("http://user@127.0.0.1:8100/mcp", None)),
        ("HTTPS://a@b", ("HTTPS://a@b", None)),
        ("servers/prod@home.toml", ("servers/prod@home.toml", None)),
    ],
)
def test_target_and_revision(text: str, expected: tuple[str, str | None]) -> None:
    assert parse_target(text) == expected


@pytest.mark.parametrize("text", ["calculator@", "@HEAD", "@", "weather.toml@v1"])
def test_half_a_target_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_target(text)


# --- resolving ---


def test_any_name_of_a_commit_and_any_folder_will_do(repository: Path, install: Installs) -> None:
    (repository / "inner").mkdir()
    first = build_revision(repository, "v1.0", install=install)
    assert first == build_revision(repository / "inner", "HEAD~2", install=install)
    assert first == build_revision(repository, first.commit[:8], install=install)
    assert first.commit == git(repository, "rev-parse", "v1.0")
    assert first.tree.is_relative_to(repository / ".perf-core")
    assert install.seen == ["one"]


@pytest.mark.parametrize(
    "revision", ["nothing", "v1.0.0", "", "-h", "--all", "HEAD..main", "^main", "HEAD:text"]
)
def test_unknown_revision_is_a_usage_error(repository: Path, install: Installs, revision: str) -> None:
    with pytest.raises(UsageError, match="has no revision"):
        build_revision(repository, revision, install=install)
    assert install.seen == []


def test_similar_names_are_the_hint(repository: Path, install: Installs) -> None:
    git(repository, "branch", "feature/faster")
    with pytest.raises(UsageError) as caught:
        build_revision(repository, "feature/fastre", install=install)
    assert "Close to it: feature/faster" in caught.value.hint
    with pytest.raises(UsageError) as caught:
        build_revision(repository, "v1.1", install=install)
    assert "v1.0" in caught.value.hint


def test_shallow_clone_says_that_it_is_one(repository: Path, tmp_path: Path, install: Installs) -> None:
    git(tmp_path, "clone", "--depth", "1", repository.as_uri(), "shallow")
    with pytest.raises(UsageError) as caught:
        build_revision(tmp_path / "shallow", "HEAD~1", install=install)
    assert "git fetch --unshallow" in caught.value.hint


def test_outside_a_checkout(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not in a git checkout"):
        build_revision(tmp_path, "HEAD")
    with pytest.raises(UsageError, match="no folder"):
        build_revision(tmp_path / "gone", "HEAD")


def test_without_git(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="git is not on PATH"):
        build_revision(repository, "HEAD")


# --- the cache ---


def test_complete_entry_is_reused_without_a_word(repository: Path, install: Installs) -> None:
    told: list[str] = []
    first = build_revision(repository, "v1.0", tell=lambda what, _share: told.append(what), install=install)
    assert told == [f"building v1.0 ({first.commit[:12]})"]
    again = build_revision(repository, "v1.0", tell=lambda what, _share: told.append(what), install=install)
    assert again == first
    assert len(told) == len(install.seen) == 1
    assert list(first.tree.parents[1].glob("*.log")) == []


@pytest.mark.parametrize("part", ["built.json", "tree", "env"])
def test_half_made_entry_is_made_again(repository: Path, install: Installs, part: str) -> None:
    built = build_revision(repository, "v1.0", install=install)
    # A move, since a folder cannot be unlinked: it is gone all the same.
    (built.tree.parent / part).rename(repository / ".perf-core" / "away")
    assert build_revision(repository, "v1.0", install=install) == built
    assert (built.tree / "text").read_text(encoding="utf-8") == "one"
    assert install.seen == ["one", "one"]


@pytest.mark.parametrize("marker", ["", "{}", "[]", "null", '{"commit": 1, "tree": 2}'])
def test_marker_that_says_something_else_does_not_count(
    repository: Path, install: Installs, marker: str
) -> None:
    built = build_revision(repository, "v1.0", install=install)
    (built.tree.parent / "built.json").write_text(marker, encoding="utf-8")
    build_revision(repository, "v1.0", install=install)
    assert install.seen == ["one", "one"]


def test_checkout_that_was_moved_builds_anew(repository: Path, tmp_path: Path, install: Installs) -> None:
    build_revision(repository, "v1.0", install=install)
    moved = repository.rename(tmp_path / "moved")
    built = build_revision(moved, "v1.0", install=install)
    assert built.tree.is_relative_to(moved)
    assert git(built.tree, "rev-parse", "HEAD") == built.commit
    assert install.seen == ["one", "one"]


def test_failed_build_leaves_its_log_alone(repository: Path, install: Installs) -> None:
    def fails(workplace: Workplace) -> None:
        workplace.log.write_text("why", encoding="utf-8")
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
def test_checkout_that_cannot_be_written(repository: Path, install: Installs) -> None:
    repository.chmod(0o500)
    try:
        with pytest.raises(TargetError, match="cannot write"):
            build_revision(repository, "v1.0", install=install)
    finally:
        repository.chmod(0o700)


def test_full_disk_is_a_target_error(repository: Path) -> None:
    def full(_workplace: Workplace) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(TargetError, match="No space left on device"):
        build_revision(repository, "v1.0", install=full)
    assert entries(repository) == set()


def test_least_recently_used_go_first(
    repository: Path, install: Installs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worktrees, "KEPT", 2)
    one, two = (build_revision(repository, name, install=install) for name in ("HEAD~2", "HEAD~1"))
    for age_s, built in ((20, one), (10, two)):
        marker = built.tree.parent / "built.json"
        os.utime(marker, (marker.stat().st_atime, marker.stat().st_mtime - age_s))
    build_revision(repository, "HEAD~2", install=install)
    three = build_revision(repository, "HEAD", install=install)
    assert entries(repository) == {one.commit[:12], three.commit[:12]}
    assert str(two.tree) not in git(repository, "worktree", "list")
    assert install.seen == ["one", "two", "three"]


def test_what_others_left_half_made_goes_with_the_next_build(repository: Path, install: Installs) -> None:
    dead = repository / ".perf-core" / "revisions" / "0123456789ab-cpython-311"
    (dead / "tree").mkdir(parents=True)
    built = build_revision(repository, "v1.0", install=install)
    assert entries(repository) == {built.commit[:12]}


# --- the user's own checkout ---


def test_users_checkout_index_and_hooks_stay_as_they_were(
    repository: Path, install: Installs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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
    # As within a hook of another repository.
    monkeypatch.setenv("GIT_INDEX_FILE", str(repository / ".git" / "index"))
    monkeypatch.setenv("GIT_DIR", str(tmp_path))
    built = build_revision(repository, "v1.0", install=install)
    monkeypatch.delenv("GIT_INDEX_FILE")
    monkeypatch.delenv("GIT_DIR")
    assert install.seen == ["one"]
    assert (repository / ".git" / "index").read_bytes() == index
    assert git(repository, "status", "--porcelain=v2", "--branch") == status
    assert git(built.tree, "rev-parse", "--abbrev-ref", "HEAD") == "HEAD"
    assert not (tmp_path / "hooked").exists()


def test_worktree_that_was_damaged_or_locked_is_made_again(repository: Path, install: Installs) -> None:
    built = build_revision(repository, "v1.0", install=install)
    git(repository, "worktree", "lock", str(built.tree))
    (built.tree / ".git").unlink()
    assert build_revision(repository, "v1.0", install=install) == built
    assert git(built.tree, "rev-parse", "HEAD") == built.commit


def test_users_own_worktrees_stay_on_the_list(repository: Path, tmp_path: Path, install: Installs) -> None:
    git(repository, "worktree", "add", str(tmp_path / "drive"), "-b", "away")
    (tmp_path / "drive").rename(tmp_path / "unplugged")
    built = build_revision(repository, "v1.0", install=install)
    built.tree.rename(tmp_path / "gone")
    build_revision(repository, "v1.0", install=install)
    assert str(tmp_path / "drive") in git(repository, "worktree", "list")


# --- two at once ---


def test_second_thread_waits_for_the_first_and_takes_its_build(repository: Path) -> None:
    begun, waited = threading.Event(), threading.Event()
    installs = Installs()
    found: list[BuiltRevision] = []

    def slow(workplace: Workplace) -> None:
        begun.set()
        assert waited.wait(30)
        installs(workplace)

    def told(what: str, _share: float | None) -> None:
        if what.startswith("waiting"):
            waited.set()

    def build() -> None:
        found.append(build_revision(repository, "v1.0", tell=told, install=slow))

    threads = [threading.Thread(target=build) for _ in range(2)]
    threads[0].start()
    assert begun.wait(30)
    threads[1].start()
    for thread in threads:
        thread.join(30)
    assert found[0] == found[1]
    assert installs.seen == ["one"]


DIES_HALF_WAY = """
import sys
from pathlib import Path
from perf_core.comparison.revisions.worktrees import build_revision

def half(workplace):
    workplace.environment.mkdir()
    print("half", flush=True)
    sys.stdin.read()

build_revision(Path(sys.argv[1]), "v1.0", install=half)
"""


def test_process_that_was_killed_blocks_nobody(repository: Path, install: Installs) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", DIES_HALF_WAY, str(repository)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == b"half"
        half = build_revision_refuses_to_wait(repository, install)
        process.kill()
    assert entries(repository) == {half}
    built = build_revision(repository, "v1.0", install=install)
    assert built.commit[:12] == half
    assert install.seen == ["one"]


def build_revision_refuses_to_wait(repository: Path, install: Installs) -> str:
    """Try to build while another process does, interrupt the waiting, and return the commit."""
    interruption = Interruption()

    def told(what: str, _share: float | None) -> None:
        assert what == "waiting for another process that builds a revision"
        interruption.requested = True

    with pytest.raises(Interrupted):
        build_revision(repository, "v1.0", tell=told, interruption=interruption, install=install)
    return git(repository, "rev-parse", "v1.0")[:12]


# --- what is installed ---


def package(folder: Path, text: str = "[project]\nname = 'a'\n") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")


def test_every_package_of_the_commit_in_one_command(tmp_path: Path) -> None:
    package(tmp_path, "[tool.ruff]\n")
    package(tmp_path / "packages" / "zebra", "[project.optional-dependencies]\nperf = []\n")
    package(tmp_path / "packages" / "ape")
    (tmp_path / "packages" / "notes").mkdir()
    assert local_packages(tmp_path) == ["./packages/ape", "./packages/zebra[perf]"]
    package(tmp_path / "benchmarks" / "references")
    assert local_packages(tmp_path)[-1] == "./benchmarks/references"


def test_root_alone_is_a_package_too(tmp_path: Path) -> None:
    package(tmp_path, "[project]\nname = 'a'\n[project.optional-dependencies]\nperf = []\n")
    assert local_packages(tmp_path) == ["./.[perf]"]


def test_commit_without_a_package_does_not_build(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="there is none"):
        local_packages(tmp_path)
    package(tmp_path, "[tool.ruff]\n")
    with pytest.raises(TargetError, match="there is none"):
        local_packages(tmp_path)
    package(tmp_path, "[project")
    with pytest.raises(TargetError, match=r"pyproject\.toml is no TOML"):
        local_packages(tmp_path)


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> Callable[[Workplace, str], list[list[str]]]:
    """Install with venv and pip replaced by a script, and return what they were called with."""

    popen = psutil.Popen

    def called(workplace: Workplace, script: str) -> list[list[str]]:
        argvs: list[list[str]] = []

        def run_script(argv: list[str], **options: Any) -> psutil.Popen:
            argvs.append(argv)
            return popen([sys.executable, "-c", script], **options)

        monkeypatch.setattr(psutil, "Popen", run_script)
        install_packages(workplace)
        return argvs

    return called


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    package(tmp_path / "tree")
    return Workplace(
        "0123456789abcdef", tmp_path / "tree", tmp_path / "env", tmp_path / "log", Interruption()
    )


def test_versions_are_those_of_the_commit(
    workplace: Workplace, commands: Callable[[Workplace, str], list[list[str]]]
) -> None:
    (workplace.tree / "constraints.txt").touch()
    made, pip = commands(workplace, "")
    assert made == [sys.executable, "-I", "-m", "venv", str(workplace.environment)]
    assert pip[:5] == [str(python_of(workplace.environment)), "-I", "-m", "pip", "install"]
    assert pip[-3:] == ["-c", "constraints.txt", "./."]
    assert "-e" not in pip


def test_end_of_the_output_and_the_whole_log_are_named(
    workplace: Workplace, commands: Callable[[Workplace, str], list[list[str]]]
) -> None:
    with pytest.raises(TargetError) as caught:
        commands(workplace, "import sys; [print('line', i) for i in range(40)]; sys.exit(7)")
    assert "0123456789ab does not build; " in caught.value.message
    assert "ended with 7" in caught.value.message
    assert "line 39" in caught.value.message
    assert "line 9\n" not in caught.value.message
    assert str(workplace.log) in caught.value.hint
    assert "line 9\n" in workplace.log.read_text(encoding="utf-8")


def test_interruption_ends_what_is_running(
    workplace: Workplace, commands: Callable[[Workplace, str], list[list[str]]]
) -> None:
    workplace.interruption.requested = True
    with pytest.raises(Interrupted):
        commands(workplace, "import sys; sys.stdin.read(); import threading; threading.Event().wait()")


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

print("this must not disturb", end=" ")
launch = SimpleNamespace(argv=(sys.executable, "-m", "adder"), env={"A": "1"}, ready_timeout_s=3.5)
adapter = SimpleNamespace(name="adder", server_name="adder one", launch=launch)
"""


def test_real_package_is_built_installed_and_started_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = tmp_path / "repository"
    package(
        repository,
        "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n"
        "[project]\nname = 'adder-server'\nversion = '1.2'\n[project.optional-dependencies]\nperf = []\n",
    )
    (repository / "backend.py").write_text(BACKEND, encoding="utf-8")
    (repository / "adder.py").write_text(ADDER, encoding="utf-8")
    git(repository, "init", "-b", "main")
    commit(repository, "one")
    (repository / "adder.py").write_text("the code of today", encoding="utf-8")
    commit(repository, "two")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    # What would lead to the code of today.
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
    assert started.stdout.split() == ["this", "must", "not", "disturb", "adder", "one"]


# --- the adapter at a revision ---


@pytest.fixture
def built(tmp_path: Path) -> BuiltRevision:
    """An environment without pip, in which nothing is installed."""
    venv.create(tmp_path / "env", symlinks=sys.platform != "win32")
    (tmp_path / "tree").mkdir()
    return BuiltRevision("0123456789abcdef", python_of(tmp_path / "env"), tmp_path / "tree")


def publish(built: BuiltRevision, source: str, *names: str) -> None:
    """Put a module `adder` into the environment, with entry points to its `adapter`."""
    asked = [str(built.python), "-I", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    folder = Path(subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip())
    info = folder / "adder_server-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: adder-server\nVersion: 1.2\n", encoding="utf-8"
    )
    points = "".join(f"{name} = adder:adapter\n" for name in names)
    (info / "entry_points.txt").write_text(f"[perf_core.adapters]\n{points}", encoding="utf-8")
    (folder / "adder.py").write_text(f"from types import SimpleNamespace as N\n{source}", encoding="utf-8")


def test_launch_of_today_and_of_old_adapters(built: BuiltRevision, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "elsewhere")
    publish(built, "adapter = N(launch=N(argv=['python', 'x']))", "adder")
    path = os.pathsep.join([str(built.python.parent), "elsewhere"])
    env = {"PATH": path, "PYTHONPATH": ""}
    # A bare command is the environment's own, not one of the lab's.
    command = str(built.python.parent / ("python.exe" if sys.platform == "win32" else "python"))
    expected = Launch((command, "x"), env=env, cwd=built.tree)
    assert launch_at(built, "adder") == (expected, None, "adder-server 1.2")


def test_relative_folder_lies_in_the_worktree(built: BuiltRevision) -> None:
    publish(built, "adapter = N(launch=N(argv=['adder'], cwd='inner', url='http://h:{port}/mcp'))", "adder")
    launch = launch_at(built, "adder")[0]
    assert launch.cwd == built.tree / "inner"
    assert launch.argv == ("adder",)
    assert launch.url == "http://h:{port}/mcp"


def test_other_adapters_are_named(built: BuiltRevision) -> None:
    publish(built, "", "subtractor", "adder")
    with pytest.raises(UsageError, match="revision 0123456789ab has no adapter 'calculator'") as caught:
        launch_at(built, "calculator")
    assert "It has: adder, subtractor." in caught.value.hint


def test_adapters_of_the_lab_do_not_count(built: BuiltRevision) -> None:
    with pytest.raises(UsageError) as caught:
        launch_at(built, "calculator")
    assert "It has: none." in caught.value.hint


def test_perf_core_of_the_lab_fills_in_where_there_is_none(built: BuiltRevision) -> None:
    publish(
        built,
        "import importlib.util, sys\n"
        "spec = importlib.util.find_spec('perf_core')\n"
        "adapter = N(launch=N(argv=[spec.origin, sys.path[-1]]))",
        "adder",
    )
    origin, last = launch_at(built, "adder")[0].argv
    lab = Path(perf_core.__file__).parent
    assert Path(origin) == lab / "__init__.py"
    assert Path(last) == lab.parent


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("import not_there", "ModuleNotFoundError"),
        ("raise SystemExit('no licence')", "no licence"),
        ("adapter = N()", "launch"),
        ("adapter = N(launch=N(argv=[1]))", "TypeError"),
        ("adapter = N(launch=N(argv=['a'], env={'A': N()}))", "not JSON serializable"),
        ("adaptor = 1", "AttributeError"),
    ],
)
def test_adapter_that_does_not_load(built: BuiltRevision, source: str, says: str) -> None:
    publish(built, source, "adder")
    with pytest.raises(TargetError, match=says) as caught:
        launch_at(built, "adder")
    assert "adder@0123456789ab does not load" in caught.value.message
    assert "adder-server" in caught.value.hint


def test_interpreter_that_dies_is_a_target_error(built: BuiltRevision) -> None:
    publish(built, "import os; os._exit(3)", "adder")
    with pytest.raises(TargetError, match="ended with 3"):
        launch_at(built, "adder")


def test_interpreter_that_is_gone_is_a_target_error(built: BuiltRevision) -> None:
    built.python.unlink()
    with pytest.raises(TargetError, match="cannot ask"):
        launch_at(built, "adder")
