"""Tests that the commands, options and links in the README and the documentation exist."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def shell_lines() -> list[str]:
    blocks = re.findall(r"```console\n(.*?)```", README, flags=re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.startswith("python3 -m venv")]


def nox_words(line: str) -> list[str]:
    return shlex.split(line.rsplit("&&", maxsplit=1)[-1])


def session_names() -> set[str]:
    done = subprocess.run(
        [sys.executable, "-m", "nox", "-f", ROOT / "noxfile.py", "--list"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(re.findall(r"^[*-] (\S+)", done.stdout, flags=re.MULTILINE))


def test_one_line_runs_the_measurements_and_one_runs_the_tests() -> None:
    measurements, tests = shell_lines()
    assert nox_words(measurements)[1:4] == ["-s", "load", "stress"]
    assert nox_words(tests)[1:] == ["-s", "tests"]
    for line in (measurements, tests):
        pinned = ".venv/bin/pip install -c constraints.txt nox"
        assert line.startswith(f"python3 -m venv .venv && {pinned} && .venv/bin/nox ")


@pytest.mark.process
def test_sessions_named_in_the_readme_exist() -> None:
    commands = re.findall(r"nox -s ((?:[a-z]+(?:-[a-z]+)* ?)+)", README)
    named = {name for command in commands for name in command.split()}
    assert {"load", "stress", "tests"} <= named
    assert named <= session_names()


@pytest.mark.process
def test_options_named_in_the_readme_exist() -> None:
    offered = "".join(
        subprocess.run(
            [sys.executable, *command, "--help"], capture_output=True, text=True, check=True
        ).stdout
        for command in (
            ("-m", "perf_core", "run"),
            ("-m", "perf_core", "compare"),
            ("-m", "perf_core", "init"),
            (ROOT / "benchmarks/pyperf/micro.py",),
            (ROOT / "benchmarks/asv/history.py",),
        )
    )
    words = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README)) - {"--source", "--port", "--help"}
    assert "--time-scale" in words
    missing = {word for word in words if word not in offered}
    assert not missing


def test_ci_runs_the_line_for_the_tests() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    pattern = re.search(r"grep -E '([^']+)' README\.md", script)
    assert pattern is not None
    lines = [line for line in README.splitlines() if re.search(pattern[1], line)]
    assert lines == [shell_lines()[1]]


@pytest.mark.parametrize(
    "document", sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("packages/*/README.md")])
)
def test_links_lead_to_existing_files(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if not link.startswith(("http://", "https://")):
            assert (document.parent / link).exists(), f"{document.name} links to {link}"
