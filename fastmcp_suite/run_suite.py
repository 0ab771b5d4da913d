"""Run FastMCP's own tests with their apps behind the fast lane, and report what differs from plain FastMCP.

    python fastmcp_suite/run_suite.py [--way WAY ...] [--only TEXT ...] [--time-limit MINUTES]

It exits with 1 if a test fails with the lane and passes without it and is not in `expected-differences.toml`,
and if a test in that file does not differ. `nox -s fastmcp-suite` runs it; it needs the package index once.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from expected_differences import FILE, read_expected_differences
from suite_runs import SuiteRun, Way, run_suite
from suite_source import SuiteError, source_of_installed_fastmcp
from verdict_table import problems, remarks, table
from verdicts import Outcomes, Verdict, bad, differing, judge


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, run the suite and report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--way", action="append", type=Way, choices=list(Way), help="how to run it; default: all"
    )
    parser.add_argument("--only", action="append", default=[], help="part of the ids of tests to run")
    parser.add_argument("--time-limit", type=float, default=40.0, help="minutes for all runs together")
    parser.add_argument("--workers", type=int, default=2, help="processes that run tests")
    parser.add_argument("--output-dir", type=Path, default=Path("results/fastmcp-suite"))
    options = parser.parse_args(arguments)
    began_s = time.monotonic()
    verdicts: dict[str, Verdict] = {}
    try:
        source = source_of_installed_fastmcp()
        for way in options.way or list(Way):
            verdicts[way.value] = examine(
                source,
                way,
                tuple(options.only),
                workers=options.workers,
                folder=options.output_dir.absolute(),
                ends_at_s=began_s + 60 * options.time_limit,
            )
    except (SuiteError, ValueError) as error:
        print(f"fastmcp-suite: {error}", file=sys.stderr)
        return 1
    print("\n".join(remarks(verdicts)))
    print(table(verdicts))
    reasons = problems(verdicts)
    print(f"{len(reasons)} problems in {(time.monotonic() - began_s) / 60:.1f} minutes")
    print("\n".join(reasons))
    return 1 if reasons else 0


def examine(
    source: Path, way: Way, only: tuple[str, ...], *, workers: int, folder: Path, ends_at_s: float
) -> Verdict:
    """Run the suite in one way, with the lane and then, for the tests that failed, without it.

    Tests that differ are run again, both with and without the lane and one after another.

    Args:
        source: Root of the unpacked source distribution.
        way: The way.
        only: Parts of the ids of the tests to run; empty for all.
        workers: Number of processes.
        folder: Folder for outcomes and logs.
        ends_at_s: Time on the monotonic clock at which all runs must have ended.

    Raises:
        SuiteError: The suite could not be run, or not in time.
        ValueError: The list of expected differences is malformed.
    """
    listed = [
        each.test
        for each in read_expected_differences(FILE, [each.value for each in Way])
        if way in each.ways
    ]

    def run(name: str, *, has_lane: bool, ids: Sequence[str] | None, workers: int) -> Outcomes:
        chosen = None if ids is None else tuple(ids)
        suite_run = SuiteRun(source, folder, f"{way}-{name}", way, has_lane, only, chosen, workers)
        return run_suite(suite_run, max(1.0, ends_at_s - time.monotonic()))

    with_lane = run("lane", has_lane=True, ids=None, workers=workers)
    without = run("plain", has_lane=False, ids=bad(with_lane), workers=workers)
    differing_once = differing(with_lane, without)
    again_with_lane = run("lane-again", has_lane=True, ids=differing_once, workers=0)
    again_without = run("plain-again", has_lane=False, ids=differing_once, workers=0)
    if only:
        listed = [test for test in listed if any(part in test for part in only)]
    return judge(with_lane, without, again_with_lane, again_without, listed)


if __name__ == "__main__":
    sys.exit(main())
