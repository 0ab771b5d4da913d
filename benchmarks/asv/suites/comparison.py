"""Comparison of a commit's calculator with the bare ASGI reference server, by the lab as a separate program.

All commits must be measured by the same code, so the lab is that of the working tree: `PERF_CORE` is the path
of its command.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

LAB_VARIABLE = "PERF_CORE"
REFERENCE = "reference-asgi"
TARGET_NAME = "calculator"
LAUNCHES = 6
"""Intervals are over launches: with two, they would span decades."""

PAIRS = 2
SCHEMA = 3
TIME_LIMIT_S = 180
"""Limit for one wire; a comparison usually takes less than a minute."""

STOPPED_WITHIN_S = 20
"""Time that a terminated lab has to end its servers."""

HAS_FIGURES = (0, 3, 4)
"""Exit codes with valid figures: same or better, worse, inconclusive."""

CALLS = (
    ("add", 1.5, 2.25, 3.75, 40),
    ("subtract", 1000.0, 0.125, 999.875, 30),
    ("multiply", 12345.0, 0.5, 6172.5, 20),
    ("divide", 1.0, 8.0, 0.125, 10),
)
"""Tool, operands, answer, weight: the published mix, with answers that need no rounding."""


def lab_command() -> str:
    """Return the absolute path of the lab's command.

    A bare name would be that of the measured commit, whose environment is first on PATH here.

    Raises:
        RuntimeError: The variable is missing, relative, or names no command. Without this error, the served
            figures would be missing from the history unnoticed.
    """
    path = os.environ.get(LAB_VARIABLE, "")
    command = shutil.which(path) if Path(path).is_absolute() else None
    if command is None:
        raise RuntimeError(
            f"expected {LAB_VARIABLE} to be the absolute path of perf-core, got {path!r}; "
            "run the suites through nox -s history, which sets it"
        )
    return command


def target_file(python: str) -> str:
    """Return a TOML target file that starts the calculator of a Python environment."""
    command = [python, "-m", "calculator_server", "--port", "0", "--ready-file", "{ready_file}"]
    calls = [
        f'[[calls]]\ntool = "{tool}"\narguments = {{ a = {a}, b = {b} }}\n'
        f"expect = {{ result = {{ result = {answer} }} }}\nweight = {weight}\n"
        for tool, a, b, answer, weight in CALLS
    ]
    # These JSON strings are valid TOML, because they contain no escape that only JSON has.
    head = f'name = "{TARGET_NAME}"\ncommand = {json.dumps(command, ensure_ascii=False)}\n'
    return "\n".join([head, *calls])


def comparison_arguments(target: Path, wire: str, output_dir: Path) -> list[str]:
    """Return the lab's arguments; the reference server is first, so ratios are multiples of its figures."""
    return [
        *("compare", REFERENCE, str(target), "--wire", wire),
        *("--launches", str(LAUNCHES), "--pairs", str(PAIRS), "--output-dir", str(output_dir)),
    ]


def compare(lab: str, python: str, wire: str) -> Mapping[str, Mapping[str, float]]:
    """Compare the reference server with the calculator of an environment.

    Args:
        lab: Path of the lab's command.
        python: The environment's Python.
        wire: "session" or "stateless".

    Returns:
        Metrics by name, each with `a` (reference server), `b` (calculator), `ratio` (b over a) and the ends
        `low` and `high` of the ratio's interval.

    Raises:
        RuntimeError: The lab produced no figures; the message has the end of its output.
    """
    # asv runs suites in a temporary folder, which it removes even if this process is ended early.
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        target = Path(folder) / "calculator.toml"
        target.write_text(target_file(python), encoding="utf-8")
        output_dir = Path(folder) / "results"
        exit_code, output = _run([lab, *comparison_arguments(target, wire, output_dir)])
        documents = sorted(output_dir.glob("*/comparison.json"))
        if exit_code not in HAS_FIGURES or len(documents) != 1:
            raise RuntimeError(
                f"expected figures from the lab (exit code 0, 3 or 4), got exit code {exit_code} and "
                f"{len(documents)} comparison.json; its output ends with:\n{output[-3000:]}"
            )
        return metrics_of(json.loads(documents[0].read_text(encoding="utf-8")))


def _run(command: Sequence[str]) -> tuple[int, str]:
    """Return exit code and output; after the time limit, terminate the lab, which then ends its servers."""
    lab = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        output, _ = lab.communicate(timeout=TIME_LIMIT_S)
    except subprocess.TimeoutExpired:
        lab.terminate()
        try:
            output, _ = lab.communicate(timeout=STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            lab.kill()
            output, _ = lab.communicate()
        output += f"\nended after {TIME_LIMIT_S} s"
    return lab.returncode, output


def metrics_of(document: Mapping[str, Any]) -> Mapping[str, Mapping[str, float]]:
    """Return the metrics of a comparison.json.

    Raises:
        RuntimeError: The document has a different schema.
    """
    if document.get("schema") != SCHEMA:
        raise RuntimeError(f"expected comparison.json of schema {SCHEMA}, got {document.get('schema')!r}")
    return {
        metric["name"]: {
            value: float(metric[value])
            for value in ("a", "b", "ratio", "low", "high")
            if metric.get(value) is not None
        }
        for metric in document["pairings"][0]["metrics"]
    }
