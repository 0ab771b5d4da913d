"""Make the table of what the styles of the corpus have: their distributions, by which likeness is judged.

    python tools/make_styles.py [--check]

`--check` compares with the packaged table instead of writing it, and fails where they differ. Takes some ten
seconds.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

import music21_server
from music21_server.composition.imitation.generation import PROFILES
from music21_server.composition.imitation.imitate import stretches
from music21_server.composition.imitation.similarity import profile
from music21_server.composition.imitation.styles import STYLES, pieces_of

DIGITS = 5


def main() -> int:
    """Make or check the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    wants_check = parser.parse_args().check
    made = document()
    target = Path(music21_server.__file__).parent / "data" / PROFILES
    if wants_check:
        is_same = target.read_text(encoding="utf-8") == made
        sys.stdout.write("the table is up to date\n" if is_same else f"{target} differs: make it again\n")
        return 0 if is_same else 1
    target.write_text(made, encoding="utf-8")
    sys.stdout.write(f"{target}: {len(made):,} bytes\n")
    return 0


def document() -> str:
    """Return the table, a line for each distribution, as it is packaged."""
    lines = []
    for style in sorted(STYLES):
        pieces = pieces_of(style)
        modes = []
        for mode in ("major", "minor"):
            found = profile(
                stretch for piece in pieces if piece.key.mode == mode for stretch in stretches(piece)
            )
            if not found["intervals"]:
                continue
            rows = ",\n".join(f'"{name}": {json.dumps(_rounded(found[name]))}' for name in found)
            modes.append(f'"{mode}": {{\n{rows}}}')
        lines.append(f'"{style}": {{{", ".join(modes)}}}')
    version = json.dumps(metadata.version("music21"))
    return f'{{"music21": {version}, "styles": {{\n' + ",\n".join(lines) + "\n}}\n"


def _rounded(shares: Mapping[str, float]) -> dict[str, float]:
    return {name: round(share, DIGITS) for name, share in shares.items() if round(share, DIGITS)}


if __name__ == "__main__":
    sys.exit(main())
