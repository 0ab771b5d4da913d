"""Measure servers of known behaviour, and print the truth beside what the lab reports.

    python truth/truth.py [--only TEXT ...] [--write docs/methodology.md] [--output-dir FOLDER]

It exits with 1 if any report is wrong. `nox -s truth` measures all of them in under ten minutes and writes
the table of docs/methodology.md.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import psutil

sys.path.append(str(Path(__file__).resolve().parent.parent / "publishing"))

from checks import Result
from marked_tables import with_table
from measuring import measure_pair, measure_row
from servers import PAIRS, ROWS, Pair, Row
from tables import NAME, markdown, text

from perf_core.interruption import Interruption, watch_signals

_TOGETHER = 4
"""Runs at one time whose load is so small that they do not disturb one another."""


def main() -> int:
    """Parse the command line, measure and report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", action="append", default=[], help="part of the names of servers to measure")
    parser.add_argument("--list", action="store_true", help="print the names of all servers")
    parser.add_argument("--write", type=Path, help="document that gets the table between its markers")
    parser.add_argument("--output-dir", type=Path, default=Path("results/truth"))
    options = parser.parse_args()
    if options.only and options.write is not None:
        parser.error("--write: expected no --only beside it, got one: the table would lose the other servers")
    rows: list[Row] = [row for row in ROWS if _is_chosen(row.name, options.only)]
    pairs: list[Pair] = [pair for pair in PAIRS if _is_chosen(pair.name, options.only)]
    if options.list:
        print("\n".join([row.name for row in rows] + [pair.name for pair in pairs]))
        return 0
    options.output_dir.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with watch_signals() as interruption:
        results = _measure(rows, pairs, options.output_dir, interruption)
    wrong = [result for result in results if not result.is_right]
    minutes = (time.monotonic() - began) / 60
    print(f"{len(results) - len(wrong)} of {len(results)} right in {minutes:.1f} minutes")
    for result in wrong:
        print(f"wrong: {result.name}")
    if options.write is not None:
        document = options.write.read_text(encoding="utf-8")
        options.write.write_text(
            with_table(document, NAME, markdown(results, _machine(), minutes)), encoding="utf-8"
        )
    return 1 if wrong or not results else 0


def _measure(rows: list[Row], pairs: list[Pair], folder: Path, interruption: Interruption) -> list[Result]:
    alone = [row for row in rows if not row.together]
    results = [_shown(measure_row(row, folder, interruption)) for row in alone]
    results += [_shown(measure_pair(pair, folder, interruption)) for pair in pairs]
    together = [row.name for row in rows if row.together]
    with ProcessPoolExecutor(_TOGETHER) as pool:
        results += map(_shown, pool.map(partial(_measure_apart, folder=folder), together))
    return results


def _measure_apart(name: str, folder: Path) -> Result:
    (row,) = (row for row in ROWS if row.name == name)
    with watch_signals() as interruption:
        return measure_row(row, folder, interruption)


def _shown(result: Result) -> Result:
    print(text(result), flush=True)
    return result


def _is_chosen(name: str, parts: list[str]) -> bool:
    return not parts or any(part.lower() in name.lower() for part in parts)


def _machine() -> str:
    return f"{psutil.cpu_count()} cores, {platform.system()}"


if __name__ == "__main__":
    sys.exit(main())
