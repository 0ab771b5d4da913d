"""Take documents through the steps of one subject and print what each step costs.

    python child.py ours|plain FILE… [--skip STEP]…

A line of JSON is printed before and after every step, so that the parent can tell which step takes too long.
CPU time is that of this process with all its threads; the peak is that of its memory so far.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("subject", choices=["ours", "plain"])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--skip", action="append", default=[])
    options = parser.parse_args()
    subject = timed("imports", "", lambda: subject_of(options.subject))
    gc.collect()
    gc.freeze()  # as the workers of the server do
    for file in options.files:
        run = subject(file.read_bytes())
        for step in subject.STEPS:
            if step not in options.skip and subject.NEEDS.get(step) not in options.skip:
                timed(step, file.name, getattr(run, step))
        del run
        gc.collect()  # so that no document pays for the one before


def subject_of(name: str) -> Any:
    """Import and return the subject to measure; a server does all its imports before the first call."""
    import music21.chord
    import music21.converter
    import music21.roman  # noqa: F401 - workers import it for sonorities that are in no table

    if name == "ours":
        from engine_subject import Ours

        return Ours
    from music21_subject import Plain

    return Plain


def timed(step: str, file: str, work: Callable[[], Any]) -> Any:
    """Run a step and print its cost."""
    print_line({"begins": step, "file": file})
    cpu_began, began = time.process_time(), time.perf_counter()
    result = work()
    ended, cpu_ended = time.perf_counter(), time.process_time()
    print_line(
        {
            "ended": step,
            "file": file,
            "cpu_s": cpu_ended - cpu_began,
            "wall_s": ended - began,
            "peak_mb": peak_mb(),
        }
    )
    return result


def print_line(message: dict[str, Any]) -> None:
    """Print a line of JSON and flush it."""
    print(json.dumps(message), flush=True)


def peak_mb() -> float:
    """Return the most memory that this process has held, in MB."""
    # On Linux getrusage also counts the memory of the parent before exec.
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        scale = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale / 1e6
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024 / 1e6


if __name__ == "__main__":
    main()
