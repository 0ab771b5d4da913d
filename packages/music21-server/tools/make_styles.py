"""Make the packaged table of style profiles: the distributions that similarity is measured by.

    python tools/make_styles.py [--check]

`--check` compares with the packaged table instead of writing it, and fails if they differ. Takes about ten
seconds.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from importlib import metadata

from packaged_file import main

from music21_server.composition.imitation.generation import PROFILES
from music21_server.composition.imitation.imitate import passages
from music21_server.composition.imitation.similarity import profile
from music21_server.composition.imitation.styles import STYLES, pieces_of

DIGITS = 5


def document() -> str:
    """Return the packaged table, one line for each distribution."""
    lines = []
    for style in sorted(STYLES):
        pieces = pieces_of(style)
        modes = []
        for mode in ("major", "minor"):
            shares_by_name = profile(
                passage for piece in pieces if piece.key.mode == mode for passage in passages(piece)
            )
            if not shares_by_name["intervals"]:
                continue
            rows = ",\n".join(
                f'"{name}": {json.dumps(_rounded(shares_by_name[name]))}' for name in shares_by_name
            )
            modes.append(f'"{mode}": {{\n{rows}}}')
        lines.append(f'"{style}": {{{", ".join(modes)}}}')
    version = json.dumps(metadata.version("music21"))
    return f'{{"music21": {version}, "styles": {{\n' + ",\n".join(lines) + "\n}}\n"


def _rounded(shares: Mapping[str, float]) -> dict[str, float]:
    return {name: round(share, DIGITS) for name, share in shares.items() if round(share, DIGITS)}


if __name__ == "__main__":
    sys.exit(main(PROFILES, document, __doc__))
