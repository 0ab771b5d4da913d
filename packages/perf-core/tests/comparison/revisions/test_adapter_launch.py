"""The launch that an adapter has in the environment of a revision."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

import perf_core
from perf_core import Launch
from perf_core.comparison.revisions.adapter_launch import launch_at
from perf_core.comparison.revisions.environments import python_of
from perf_core.comparison.revisions.worktrees import BuiltRevision
from perf_core.errors import TargetError, UsageError

pytestmark = pytest.mark.process


@pytest.fixture
def built(tmp_path: Path) -> BuiltRevision:
    """An environment without pip, in which nothing is installed."""
    venv.create(tmp_path / "env", symlinks=sys.platform != "win32")
    (tmp_path / "tree").mkdir()
    return BuiltRevision("0123456789abcdef", python_of(tmp_path / "env"), tmp_path / "tree")


def publish(built: BuiltRevision, source: str, *names: str) -> None:
    """Install a module `adder` in the environment, with entry points for its `adapter`."""
    probe = [str(built.python), "-I", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    folder = Path(subprocess.run(probe, check=True, capture_output=True, text=True).stdout.strip())
    info = folder / "adder_server-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: adder-server\nVersion: 1.2\n", encoding="utf-8"
    )
    points = "".join(f"{name} = adder:adapter\n" for name in names)
    (info / "entry_points.txt").write_text(f"[perf_core.adapters]\n{points}", encoding="utf-8")
    (folder / "adder.py").write_text(f"from types import SimpleNamespace as N\n{source}", encoding="utf-8")


def test_launch_may_lack_newer_fields(built: BuiltRevision, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "elsewhere")
    publish(built, "adapter = N(launch=N(argv=['python', 'x']))", "adder")
    path = os.pathsep.join([str(built.python.parent), "elsewhere"])
    env = {"PATH": path, "PYTHONPATH": ""}
    # A bare command is looked up in the environment first.
    command = str(built.python.parent / ("python.exe" if sys.platform == "win32" else "python"))
    expected = Launch((command, "x"), env=env, cwd=built.tree)
    assert launch_at(built, "adder") == (expected, None, "adder-server 1.2")


def test_relative_working_folder_is_in_the_worktree(built: BuiltRevision) -> None:
    publish(built, "adapter = N(launch=N(argv=['adder'], cwd='inner', url='http://h:{port}/mcp'))", "adder")
    launch = launch_at(built, "adder")[0]
    assert launch.cwd == built.tree / "inner"
    assert launch.argv == ("adder",)
    assert launch.url == "http://h:{port}/mcp"


def test_unknown_adapter_is_refused_with_a_list(built: BuiltRevision) -> None:
    publish(built, "", "subtractor", "adder")
    with pytest.raises(UsageError, match="revision 0123456789ab has no adapter 'calculator'") as caught:
        launch_at(built, "calculator")
    assert "It has: adder, subtractor." in caught.value.hint


def test_adapters_of_the_lab_are_not_listed(built: BuiltRevision) -> None:
    with pytest.raises(UsageError) as caught:
        launch_at(built, "calculator")
    assert "It has: none." in caught.value.hint


def test_perf_core_of_the_lab_is_used_if_the_environment_has_none(built: BuiltRevision) -> None:
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
    ("source", "message"),
    [
        ("import not_there", "ModuleNotFoundError"),
        ("raise SystemExit('no licence')", "no licence"),
        ("adapter = N()", "launch"),
        ("adapter = N(launch=N(argv=[1]))", "TypeError"),
        ("adapter = N(launch=N(argv=['a'], env={'A': N()}))", "not JSON serializable"),
        ("adaptor = 1", "AttributeError"),
    ],
)
def test_adapter_that_does_not_load_is_a_target_error(
    built: BuiltRevision, source: str, message: str
) -> None:
    publish(built, source, "adder")
    with pytest.raises(TargetError, match=message) as caught:
        launch_at(built, "adder")
    assert "adder@0123456789ab does not load" in caught.value.message
    assert "adder-server" in caught.value.hint


def test_interpreter_that_dies_is_a_target_error(built: BuiltRevision) -> None:
    publish(built, "import os; os._exit(3)", "adder")
    with pytest.raises(TargetError, match="ended with 3"):
        launch_at(built, "adder")


def test_missing_interpreter_is_a_target_error(built: BuiltRevision) -> None:
    built.python.unlink()
    with pytest.raises(TargetError, match="cannot load the adapter"):
        launch_at(built, "adder")
