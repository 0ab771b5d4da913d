"""Measure servers of other people from their URL or command alone, and print what the lab says of them.

    python foreign/try_servers.py [--only TEXT ...] [--write docs/compatibility.md] [--output-dir FOLDER]

It exits with 1 if anything is wrong. `nox -s foreign` tries all of them and writes the table of
docs/compatibility.md; it needs the package registries.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

sys.path.append(str(Path(__file__).resolve().parent.parent / "publishing"))

from catalogue import ROWS, Row
from compatibility import NAME, markdown, text
from marked_tables import with_table
from outcome import Outcome
from trying import keep_outcome, read_outcome, try_row

INSTALLATIONS = Path(".foreign")
_ATTEMPTS = 3


def main() -> int:
    """Parse the command line, try the servers and report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", action="append", default=[], help="part of the names of servers to try")
    parser.add_argument("--list", action="store_true", help="print the names of all servers")
    parser.add_argument("--write", type=Path, help="document for the table; other rows as last time")
    parser.add_argument("--output-dir", type=Path, default=Path("results/foreign"))
    options = parser.parse_args()
    rows: list[Row] = [
        row
        for row in ROWS
        if not options.only or any(part.lower() in row.name.lower() for part in options.only)
    ]
    if options.list:
        print("\n".join(row.name for row in rows))
        return 0
    # Otherwise a server that is started by a name of its own would be measured through a proxy.
    os.environ.setdefault("NO_PROXY", "127.0.0.1,localhost")
    began_s = time.monotonic()
    outcomes = [_shown(_tried(row, options.output_dir)) for row in rows]
    minutes = (time.monotonic() - began_s) / 60
    wrong = [outcome.name for outcome in outcomes if not outcome.is_right]
    print(f"{len(outcomes) - len(wrong)} of {len(outcomes)} right in {minutes:.1f} minutes")
    for name in wrong:
        print(f"wrong: {name}")
    if options.write is not None:
        _write(options.write, outcomes, options.output_dir)
    return 1 if wrong or not outcomes else 0


def _write(path: Path, outcomes: Sequence[Outcome], results: Path) -> None:
    """Write the table; rows that were not tried now are as the last time."""
    by_name = {each.name: each for each in outcomes}
    all_rows = [by_name.get(row.name) or read_outcome(row, results) for row in ROWS]
    machine = f"{psutil.cpu_count()} cores, {platform.system()}"
    table = markdown([each for each in all_rows if each is not None], machine)
    path.write_text(with_table(path.read_text(encoding="utf-8"), NAME, table), encoding="utf-8")


def _tried(row: Row, results: Path) -> Outcome:
    """Return the result of a row; one that is wrong on a busy machine is tried again."""
    for _ in range(_ATTEMPTS):
        outcome = try_row(row, INSTALLATIONS, results)
        if outcome.is_right or not outcome.was_busy:
            break
    keep_outcome(row, outcome, results)
    return outcome


def _shown(outcome: Outcome) -> Outcome:
    print(text(outcome), flush=True)
    return outcome


if __name__ == "__main__":
    sys.exit(main())
