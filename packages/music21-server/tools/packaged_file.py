"""Command line of the scripts that make a data file of the package."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import music21_server


def main(name: str, make: Callable[[], str], description: str | None) -> int:
    """Write a data file, or with `--check` compare it; return the exit code.

    Args:
        name: File name below `music21_server/data`.
        make: Function that returns the content.
        description: Description for `--help`.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    is_check = parser.parse_args().check
    content = make()
    target = Path(music21_server.__file__).parent / "data" / name
    if is_check:
        is_same = target.read_text(encoding="utf-8") == content
        sys.stdout.write(f"{target} is up to date\n" if is_same else f"{target} differs: make it again\n")
        return 0 if is_same else 1
    target.write_text(content, encoding="utf-8")
    sys.stdout.write(f"{target}: {len(content):,} bytes\n")
    return 0
