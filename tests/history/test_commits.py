"""Installation of a commit's packages, and the choice of commits and machine."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import ModuleType

import pytest
from history_pages import ROOT


def make_packages(checkout: Path, *names: str) -> None:
    for name in names:
        (checkout / "packages" / name).mkdir(parents=True)
        (checkout / "packages" / name / "pyproject.toml").touch()


def test_commit_without_packages_installs_nothing(install: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "packages" / "notes").mkdir(parents=True)
    assert install.pip_commands(tmp_path, ROOT) == []
    assert install.main([str(tmp_path)]) == 0


def test_all_packages_of_a_commit_are_installed_by_one_command(install: ModuleType, tmp_path: Path) -> None:
    make_packages(tmp_path, "server-core", "calculator-server", "some-later-server")
    _tools, packages = install.pip_commands(tmp_path, ROOT)
    assert packages[-3:] == [
        str(tmp_path / "packages" / name)
        for name in ("calculator-server", "server-core", "some-later-server")
    ]
    assert "-e" not in packages, "an editable install would change while asv measures it"


def test_packages_use_the_constraints_of_the_commit_and_tools_those_of_the_working_tree(
    install: ModuleType, tmp_path: Path
) -> None:
    def constraints() -> list[str]:
        commands = install.pip_commands(tmp_path, ROOT)
        return [command[command.index("--constraint") + 1] for command in commands]

    make_packages(tmp_path, "perf-core")
    assert constraints() == [str(ROOT / "constraints.txt")] * 2, "the commit has no constraints"
    (tmp_path / "constraints.txt").touch()
    assert constraints() == [str(ROOT / "constraints.txt"), str(tmp_path / "constraints.txt")]


def test_every_package_is_uninstalled_before_the_next_commit() -> None:
    words = " ".join(json.loads((ROOT / "asv.conf.json").read_text(encoding="utf-8"))["uninstall_command"])
    projects = list(ROOT.glob("packages/*/pyproject.toml"))
    assert projects
    for project in projects:
        (name,) = re.findall(r'^name = "(.+)"', project.read_text(encoding="utf-8"), flags=re.MULTILINE)
        assert f" {name}" in words, f"{name} of one commit would be measured as that of the next"


def test_commits_since_the_last_measured_one_are_new(history: ModuleType) -> None:
    commits = [digit * 40 for digit in "abcde"]
    assert history.new_commits(commits, {"c" * 8, "e" * 8}) == commits[:2]
    assert history.new_commits(commits, {"a" * 8}) == []
    assert history.new_commits(commits, {"9" * 8}) == commits[:1], "the whole history would take hours"


@pytest.mark.parametrize("word", ["--quick", "-q"])
def test_quick_is_refused_with_a_reason(
    history: ModuleType, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert history.main([word]) == 2
    assert "far off" in capsys.readouterr().err


def test_machine_is_the_host_or_the_only_known_machine(history: ModuleType) -> None:
    assert history.machine_name(["lab", "host"], "host") == "host"
    assert history.machine_name(["lab"], "host") == "lab"
    assert history.machine_name(["lab", "desk"], "host") is None
    assert history.machine_name([], "host") is None
