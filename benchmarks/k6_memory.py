"""Measure how much memory k6 needs for many VUs with a large plan.

    python benchmarks/k6_memory.py

Runs as many VUs as the peak of the stress scenario (800) with the calculator's plan (20,000 journeys) on the
session wire. Each VU pauses between calls, so that VUs and plan take most of the memory rather than samples;
`--think-time-s 0` shows the other case. Prints k6's peak RSS as JSON, and exits with 1 if that exceeds the
budget.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from k6_overhead import PUBLISHED_LENGTH_S, SCENARIOS, calculator_journeys, plan, run_k6, trivial_server

BUDGET_MB = 600


def measure(*, vus: int, journeys: int, duration_s: float, think_time_s: float) -> dict[str, float]:
    """Run `quick` once and return the figures; sizes are in MB (2**20 bytes)."""
    settings = plan(
        "quick",
        "session",
        calculator_journeys(journeys),
        time_scale=duration_s / PUBLISHED_LENGTH_S["quick"],
        vus=vus,
    )
    settings["settings"]["think_time_s"] = think_time_s
    with trivial_server() as url, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "plan.json").write_text(json.dumps(settings))
        plan_mb = (folder / "plan.json").stat().st_size / 2**20
        run = run_k6(
            "memory", SCENARIOS / "quick.js", folder, {"SERVER_URL": url, "PLAN": str(folder / "plan.json")}
        )
    return {
        "vus": vus,
        "journeys": journeys,
        "plan_mb": round(plan_mb, 2),
        "requests": run.requests,
        "peak_rss_mb": round(run.peak_rss_mb, 1),
        "budget_mb": BUDGET_MB,
    }


def main() -> int:
    """Run the command line; return 0, or 1 if the peak exceeds the budget."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vus", type=int, default=800)
    parser.add_argument("--journeys", type=int, default=20_000)
    parser.add_argument("--duration-s", type=float, default=10.0)
    parser.add_argument("--think-time-s", type=float, default=0.5, help="pause of each VU between calls")
    options = parser.parse_args()
    figures = measure(
        vus=options.vus,
        journeys=options.journeys,
        duration_s=options.duration_s,
        think_time_s=options.think_time_s,
    )
    json.dump(figures, sys.stdout, indent=2)
    print()
    return 0 if figures["peak_rss_mb"] <= BUDGET_MB else 1


if __name__ == "__main__":
    raise SystemExit(main())
