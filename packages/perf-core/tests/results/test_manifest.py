"""The circumstances of a run, on machines that report them and on those that do not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from perf_core.adapter import Launch
from perf_core.results import manifest
from perf_core.results.manifest import commit, machine, make_manifest, usable_cpus
from perf_core.server.client.handshake import Handshake
from perf_core.server.subject import Subject

if TYPE_CHECKING:
    from conftest import Build

HANDSHAKE = Handshake(
    "http://127.0.0.1:1/mcp", "session", "adder", "1.2", ("add", "total"), 0.0123456, "2025-06-18"
)


def manifest_of(
    build: type[Build], url: str | None = None, ready_s: float | None = 0.51239
) -> dict[str, Any]:
    subject = Subject(build.adapter({}), url, "adder-server 1.2")
    return make_manifest(subject, build.plan(vus=5), HANDSHAKE, "k6 v1.1.0", ready_s)


def test_manifest_has_machine_versions_server_plan_and_commit(
    build: type[Build], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["perf-core", "run", "load"])
    document = manifest_of(build)
    assert set(document) == {"machine", "versions", "server", "protocol", "plan", "commit", "command"}
    assert document["versions"]["k6"] == "k6 v1.1.0"
    assert document["versions"]["adapter"] == "adder-server 1.2"
    assert document["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))
    assert document["server"] == {
        "name": "adder",
        "version": "1.2",
        "tools": ["add", "total"],
        "handshake_ms": 12.346,
        "ready_s": 0.512,
        "started_by_lab": True,
        "command": ["adder", "--ready-file", "{ready_file}"],
        "url": None,
    }
    assert document["protocol"] == {
        "wire": "session",
        "revision": "2025-06-18",
        "transport": "",
        "not_offered": [],
    }
    assert document["plan"]["settings"]["vus"] == 5
    assert (document["plan"]["scenario"], document["plan"]["wire"]) == ("load", "session")
    assert document["plan"]["journeys"] == {"mix": 1}
    assert document["command"] == ["perf-core", "run", "load"]
    assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_running_server_has_no_command_and_no_start(build: type[Build]) -> None:
    server = manifest_of(build, url="http://127.0.0.1:1/mcp", ready_s=None)["server"]
    assert (server["started_by_lab"], server["command"], server["ready_s"]) == (False, None, None)


def test_machine_is_described() -> None:
    description = machine()
    assert description["cpu"]
    assert 1 <= description["cpus"] <= (os.cpu_count() or 1)
    assert description["memory_mb"] > 100
    assert description["system"]
    assert description["architecture"]


CPUINFO = "processor\t: 0\nmodel name\t: Example CPU @ 2.00GHz\nprocessor\t: 1\nmodel name\t: Another\n"


@pytest.mark.parametrize(
    ("text", "processor", "expected"),
    [
        (CPUINFO, "p", "Example CPU @ 2.00GHz"),
        # arm64 has no model name.
        ("processor\t: 0\nBogoMIPS\t: 50\n", "p", "machine"),
        (None, "Processor of macOS", "Processor of macOS"),
        (None, "", "machine"),
    ],
)
def test_cpu_model_on_different_systems(
    monkeypatch: pytest.MonkeyPatch, text: str | None, processor: str, expected: str
) -> None:
    def read_text(path: Path, **_options: Any) -> str:
        assert path == Path("/proc/cpuinfo")
        if text is None:
            raise FileNotFoundError(path)
        return text

    monkeypatch.setattr(Path, "read_text", read_text)
    monkeypatch.setattr(manifest.platform, "processor", lambda: processor)
    monkeypatch.setattr(manifest.platform, "machine", lambda: "machine")
    assert machine()["cpu"] == expected


def test_machine_without_affinity_and_load_average(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.delattr(os, "getloadavg", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert usable_cpus() == 3
    assert machine()["load_before"] is None
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_cpus() == 1


# --- the commit ---


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments],  # noqa: S607 - git is on PATH
        cwd=folder,
        check=True,
        capture_output=True,
        env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull},
    )


def test_commit_has_its_hash_and_whether_there_are_changes(tmp_path: Path) -> None:
    git(tmp_path, "init")
    assert commit(tmp_path) is None  # a repository without a commit
    (tmp_path / "file").write_text("1", encoding="utf-8")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-m", "one")
    clean = commit(tmp_path)
    assert clean is not None
    assert len(clean["hash"]) == 40
    assert clean["dirty"] is False
    (tmp_path / "untracked").touch()
    assert commit(tmp_path) == clean
    (tmp_path / "file").write_text("2", encoding="utf-8")
    assert commit(tmp_path) == {**clean, "dirty": True}


def test_commit_is_of_the_folder_in_a_git_hook_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(tmp_path, "init")
    git(tmp_path, "commit", "--allow-empty", "-m", "one")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert commit(tmp_path) is not None


def test_no_commit_outside_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert commit(tmp_path) is None


def test_no_commit_without_git(build: type[Build], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit(tmp_path) is None
    assert manifest_of(build)["commit"] is None


def test_no_commit_if_git_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def hangs(argv: list[str], **options: Any) -> None:
        raise subprocess.TimeoutExpired(argv, options["timeout"])

    monkeypatch.setattr(subprocess, "run", hangs)
    assert commit(tmp_path) is None


def test_checkout_with_unreadable_status_counts_as_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, "init")
    git(tmp_path, "commit", "--allow-empty", "-m", "one")
    run = subprocess.run

    def slow_status(argv: list[str], **options: Any) -> Any:
        if argv[1] == "status":
            raise subprocess.TimeoutExpired(argv, options["timeout"])
        return run(argv, **options)

    monkeypatch.setattr(subprocess, "run", slow_status)
    result = commit(tmp_path)
    assert result is not None
    assert result["dirty"] is True


def test_secrets_of_commands_and_urls_are_masked(build: type[Build], monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["quick", "http://me:pass-w0rd@h/mcp?api_key=k3y", "--", "server", "--token=t0ken", "A_KEY=a-k3y"]
    monkeypatch.setattr(sys, "argv", ["perf-core", "run", *words])
    launch = Launch(("server", "--api-key", "k-12345", "--max-tokens", "5"))
    subject = Subject(build.adapter({}))
    document = make_manifest(subject, build.plan(), HANDSHAKE, "k6", None, launch=launch)
    assert document["server"]["command"] == ["server", "--api-key", "***", "--max-tokens", "5"]
    assert document["command"] == [
        *("perf-core", "run", "quick", "http://me:***@h/mcp?api_key=***", "--", "server", "--token=***"),
        "A_KEY=***",
    ]
    running = Subject(build.adapter({}), "http://me:pass-w0rd@h/mcp?api_key=k3y")
    shaken = replace(HANDSHAKE, url=running.url)
    manifest = make_manifest(running, build.plan(), shaken, "k6", None, not_offered=["stateless"])
    assert manifest["server"]["url"] == "http://h/mcp?api_key=***"
    assert manifest["protocol"]["not_offered"] == ["stateless"]
