"""Runs the lab as a program of its own, against a commit's calculator and the bare-ASGI yardstick.

The instrument must stay the same from commit to commit while the subject changes, so the lab is the one of
the working tree: `PERF_CORE` holds the path of its command.
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
YARDSTICK = "reference-asgi"
TARGET_NAME = "calculator"
LAUNCHES = 2
PAIRS = 5
SCHEMA = 1
TIME_LIMIT_S = 180
"""A comparison takes about half a minute per wire; what takes this long hangs."""

STOPPED_WITHIN_S = 20
"""Time that the lab gets to end its servers when it is ended."""

HAS_FIGURES = (0, 3, 4)
"""Exit codes after which figures stand: same or better, worse, inconclusive."""

CALLS = (
    ("add", 1.5, 2.25, 3.75, 40),
    ("subtract", 1000.0, 0.125, 999.875, 30),
    ("multiply", 12345.0, 0.5, 6172.5, 20),
    ("divide", 1.0, 8.0, 0.125, 10),
)
"""Tool, operands, answer, weight: the published mix, with answers that have no rounding."""


def lab_command() -> str:
    """Return the absolute path of the lab's command.

    A bare name would find the lab of the measured commit, which is first on PATH here.

    Raises:
        RuntimeError: The variable is missing, relative, or names no command: the macro figures would be
            missing from the history without anyone noticing.
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
    # Strings of JSON are strings of TOML as long as nothing is escaped beyond what both know.
    head = f'name = "{TARGET_NAME}"\ncommand = {json.dumps(command, ensure_ascii=False)}\n'
    return "\n".join([head, *calls])


def comparison_arguments(target: Path, wire: str, output_dir: Path) -> list[str]:
    """Return what the lab is called with; the yardstick comes first, so ratios are multiples of it."""
    return [
        *("compare", YARDSTICK, str(target), "--wire", wire),
        *("--launches", str(LAUNCHES), "--pairs", str(PAIRS), "--output-dir", str(output_dir)),
    ]


def compare(lab: str, python: str, wire: str) -> Mapping[str, Mapping[str, float]]:
    """Compare the yardstick with the calculator of an environment.

    Args:
        lab: Path of the lab's command.
        python: The environment's Python.
        wire: "session" or "stateless".

    Returns:
        Metrics by name, each with `a` (yardstick), `b` (calculator) and `ratio` (b over a).

    Raises:
        RuntimeError: The lab did not come to figures; carries its last words.
    """
    # asv runs suites in a folder of its own and removes it, even when this process is ended early.
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        target = Path(folder) / "calculator.toml"
        target.write_text(target_file(python), encoding="utf-8")
        output_dir = Path(folder) / "results"
        exit_code, output = _run([lab, *comparison_arguments(target, wire, output_dir)])
        documents = sorted(output_dir.glob("*/comparison.json"))
        if exit_code not in HAS_FIGURES or len(documents) != 1:
            raise RuntimeError(
                f"expected figures from the lab (exit code 0, 3 or 4), got exit code {exit_code} and "
                f"{len(documents)} comparison.json; it said:\n{output[-3000:]}"
            )
        return metrics_of(json.loads(documents[0].read_text(encoding="utf-8")))


def _run(command: Sequence[str]) -> tuple[int, str]:
    """Return exit code and output; a lab that takes too long is asked to end, so that it ends its servers."""
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
        RuntimeError: It has another schema than this suite reads.
    """
    if document.get("schema") != SCHEMA:
        raise RuntimeError(f"expected comparison.json of schema {SCHEMA}, got {document.get('schema')!r}")
    return {
        metric["name"]: {
            side: float(metric[side]) for side in ("a", "b", "ratio") if metric.get(side) is not None
        }
        for metric in document["metrics"]
    }
