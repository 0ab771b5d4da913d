"""Make the packaged table of names: music21's name for every class of sonorities in its corpus.

    python tools/make_names.py [--check]

The sonorities of each work are named in its most likely key, and its harmonies in that key and in the local
keys; music21 computes every name. `--check` compares with the packaged table instead of writing it, and fails
if they differ. Takes about a minute.
"""

from __future__ import annotations

import json
import sys
from importlib import metadata
from pathlib import Path

from music21 import corpus
from packaged_file import main

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


def document() -> str:
    """Return the packaged table for the classes in the corpus."""
    paths = sorted(Path(path) for path in corpus.getCorePaths() if str(path).endswith(SUFFIXES))
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
    sys.exit(main(PACKAGED, document, __doc__))
