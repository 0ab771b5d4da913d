"""What the README tells people to type exists."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def command_lines() -> list[str]:
    blocks = re.findall(r"```console\n(.*?)```", README, flags=re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.startswith("python3 -m venv")]


def nox_words(line: str) -> list[str]:
    return shlex.split(line.rsplit("&&", maxsplit=1)[-1])


def known_sessions() -> set[str]:
    done = subprocess.run(
        [sys.executable, "-m", "nox", "-f", ROOT / "noxfile.py", "--list"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(re.findall(r"^[*-] (\S+)", done.stdout, flags=re.MULTILINE))


def test_there_are_two_lines_one_for_the_job_and_one_for_the_tests() -> None:
    job, tests = command_lines()
    assert nox_words(job)[1:4] == ["-s", "load", "stress"]
    assert nox_words(tests)[1:] == ["-s", "tests"]
    for line in (job, tests):
        assert line.startswith("python3 -m venv .venv && .venv/bin/pip install nox && .venv/bin/nox ")


def test_sessions_that_the_readme_names_exist() -> None:
    named = {
        match
        for found in re.findall(r"nox -s ((?:[a-z]+(?:-[a-z]+)* ?)+)", README)
        for match in found.split()
    }
    assert {"load", "stress", "tests"} <= named
    assert named <= known_sessions()


def test_options_that_the_readme_names_exist() -> None:
    offered = "".join(
        subprocess.run(
            [sys.executable, *command, "--help"], capture_output=True, text=True, check=True
        ).stdout
        for command in (
            ("-m", "perf_core", "run"),
            ("-m", "perf_core", "compare"),
            (ROOT / "benchmarks/pyperf/micro.py",),
            (ROOT / "benchmarks/asv/history.py",),
        )
    )
    words = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README)) - {"--source", "--port", "--help"}
    assert "--time-scale" in words
    missing = {word for word in words if word not in offered}
    assert not missing


def test_ci_runs_the_test_line() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    pattern = re.search(r"grep -E '([^']+)' README\.md", script)
    assert pattern is not None
    lines = [line for line in README.splitlines() if re.search(pattern[1], line)]
    assert lines == [command_lines()[1]]


@pytest.mark.parametrize(
    "document", sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("packages/*/README.md")])
)
def test_links_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if not link.startswith(("http://", "https://")):
            assert (document.parent / link).exists(), f"{document.name} links to {link}"
