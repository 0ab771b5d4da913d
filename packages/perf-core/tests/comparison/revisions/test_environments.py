"""Requirements of a commit, and the commands that install them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from perf_core.comparison.revisions.environments import Build, install_packages, local_packages, python_of
from perf_core.errors import Interrupted, TargetError
from perf_core.interruption import Interruption


def package(folder: Path, text: str = "[project]\nname = 'a'\n") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")


def test_every_package_of_the_commit_is_a_requirement(tmp_path: Path) -> None:
    package(tmp_path, "[tool.ruff]\n")
    package(tmp_path / "packages" / "zebra", "[project.optional-dependencies]\nperf = []\n")
    package(tmp_path / "packages" / "ape")
    (tmp_path / "packages" / "notes").mkdir()
    assert local_packages(tmp_path) == ["./packages/ape", "./packages/zebra[perf]"]
    package(tmp_path / "benchmarks" / "references")
    assert local_packages(tmp_path)[-1] == "./benchmarks/references"


def test_root_is_the_package_if_there_is_no_other(tmp_path: Path) -> None:
    package(tmp_path, "[project]\nname = 'a'\n[project.optional-dependencies]\nperf = []\n")
    assert local_packages(tmp_path) == ["./.[perf]"]


def test_commit_without_a_package_does_not_build(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="got none"):
        local_packages(tmp_path)
    package(tmp_path, "[tool.ruff]\n")
    with pytest.raises(TargetError, match="got none"):
        local_packages(tmp_path)
    package(tmp_path, "[project")
    with pytest.raises(TargetError, match=r"pyproject\.toml is not TOML"):
        local_packages(tmp_path)


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> Callable[[Build, str], list[list[str]]]:
    """Return a function that installs with a script instead of venv and pip, and returns their arguments."""

    popen = psutil.Popen

    def install(build: Build, script: str) -> list[list[str]]:
        argvs: list[list[str]] = []

        def run_script(argv: list[str], **options: Any) -> psutil.Popen:
            argvs.append(argv)
            return popen([sys.executable, "-c", script], **options)

        monkeypatch.setattr(psutil, "Popen", run_script)
        install_packages(build)
        return argvs

    return install


@pytest.fixture
def build(tmp_path: Path) -> Build:
    package(tmp_path / "tree")
    return Build("0123456789abcdef", tmp_path / "tree", tmp_path / "env", tmp_path / "log", Interruption())


@pytest.mark.process
def test_pip_gets_the_constraints_of_the_commit(
    build: Build, commands: Callable[[Build, str], list[list[str]]]
) -> None:
    (build.tree / "constraints.txt").touch()
    venv, pip = commands(build, "")
    assert venv == [sys.executable, "-I", "-m", "venv", str(build.environment)]
    assert pip[:5] == [str(python_of(build.environment)), "-I", "-m", "pip", "install"]
    assert pip[-3:] == ["-c", "constraints.txt", "./."]
    assert "-e" not in pip


@pytest.mark.process
def test_error_has_the_end_of_the_output_and_the_path_of_the_log(
    build: Build, commands: Callable[[Build, str], list[list[str]]]
) -> None:
    with pytest.raises(TargetError) as caught:
        commands(build, "import sys; [print('line', i) for i in range(40)]; sys.exit(7)")
    assert "0123456789ab does not build; " in caught.value.message
    assert "ended with 7" in caught.value.message
    assert "line 39" in caught.value.message
    assert "line 9\n" not in caught.value.message
    assert str(build.log) in caught.value.hint
    assert "line 9\n" in build.log.read_text(encoding="utf-8")


@pytest.mark.process
def test_interruption_ends_the_running_command(
    build: Build, commands: Callable[[Build, str], list[list[str]]]
) -> None:
    build.interruption.requested = True
    with pytest.raises(Interrupted):
        commands(build, "import sys; sys.stdin.read(); import threading; threading.Event().wait()")
