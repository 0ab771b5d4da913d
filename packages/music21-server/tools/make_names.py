"""Make the packaged table of names: what music21 calls every class of sonorities of the corpus that it ships.

    python tools/make_names.py [--check]

Each work is read, its sonorities are named in its likeliest key and its harmonies there and in the local
keys, with music21 asked for everything. `--check` compares with the packaged table instead of writing it, and
fails where they differ. Takes about a minute.
"""

from __future__ import annotations

import argparse
import json
import sys
from importlib import metadata
from pathlib import Path

from music21 import corpus

import music21_server
from music21_server.errors import ScoreError
from music21_server.reading.formats import read, recognise
from music21_server.score.limits import Limits
from music21_server.theory.analyses.harmony import harmony_analysis
from music21_server.theory.chords.closed_shapes import shapes_of
from music21_server.theory.chords.name_table import PACKAGED, NameTable
from music21_server.theory.chords.names import ask_music21
from music21_server.theory.chords.sonorities import sonorities
from music21_server.theory.keys.estimate import likely_key
from music21_server.theory.pitch.transposition import sounding_pitches

SUFFIXES = (".mxl", ".xml", ".musicxml")


def main() -> int:
    """Make or check the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    wants_check = parser.parse_args().check
    made = document(sorted(Path(path) for path in corpus.getCorePaths() if str(path).endswith(SUFFIXES)))
    target = Path(music21_server.__file__).parent / "data" / PACKAGED
    if wants_check:
        is_same = target.read_text(encoding="utf-8") == made
        sys.stdout.write("the table is up to date\n" if is_same else f"{target} differs: make it again\n")
        return 0 if is_same else 1
    target.write_text(made, encoding="utf-8")
    sys.stdout.write(f"{target}: {len(made):,} bytes\n")
    return 0


def document(paths: list[Path]) -> str:
    """Return the table of the classes of some works, as it is packaged."""
    table = NameTable({}, compute=ask_music21)
    for number, path in enumerate(paths, start=1):
        try:
            score = read(recognise(path.read_bytes()), Limits())
            pitches = sounding_pitches(score)
            shapes_of(sonorities(score, pitches)).names(likely_key(score, pitches), table)
            harmony_analysis(score, pitches, table=table)
            harmony_analysis(score, pitches, in_local_keys=True, table=table)
        except ScoreError as error:
            sys.stderr.write(f"{path.name}: {error}\n")
        if number % 50 == 0:
            sys.stderr.write(f"{number} of {len(paths)} works, {len(table):,} classes\n")
    names = {sonority.text: name.text for sonority, name in table}
    return json.dumps(
        {"music21": metadata.version("music21"), "names": dict(sorted(names.items()))},
        ensure_ascii=False,
        indent=0,
        separators=(",", ":"),
    )


if __name__ == "__main__":
    sys.exit(main())
