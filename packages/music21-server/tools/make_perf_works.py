"""Make the frozen answers of the known works that the lab imports under load.

    python tools/make_perf_works.py [--check]

Works are drawn by seed from music21's corpus. One is taken when plain music21 gives the same key with the
same coefficient, as many notes, bars and sonorities, and the same qualities of chords; those that are left
out, and why, stand in the file too. `--check` compares with the packaged file instead of writing it, and
fails where they differ. Takes about two minutes.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import music21_server
from music21_server.errors import ScoreError
from music21_server.perf_adapter.pieces import FROZEN, answers, entry_of
from music21_server.reading.locations import corpus_works
from music21_server.score.entry import Entry

SEED = 20260728
WANTED = 60
NOTES = range(60, 1_500)
"""Sizes of the works: from a chorale to a movement of a quartet."""

SUFFIXES = (".mxl", ".xml", ".musicxml")


def main() -> int:
    """Make or check the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    wants_check = parser.parse_args().check
    made = _a_line_each(document())
    target = Path(music21_server.__file__).parent / "data" / FROZEN
    if wants_check:
        is_same = target.read_text(encoding="utf-8") == made
        sys.stdout.write("the answers are up to date\n" if is_same else f"{target} differs: make it again\n")
        return 0 if is_same else 1
    target.write_text(made, encoding="utf-8")
    sys.stdout.write(f"{target}: {len(made):,} bytes\n")
    return 0


def _a_line_each(found: dict[str, Any]) -> str:
    """Return JSON with a line for each work, so that a difference shows which one changed."""
    works = ",\n".join(json.dumps(work, ensure_ascii=False) for work in found["works"])
    rest = {name: value for name, value in found.items() if name != "works"}
    return json.dumps(rest, ensure_ascii=False)[:-1] + f', "works": [\n{works}\n]}}\n'


def document() -> dict[str, Any]:
    """Return the works with their answers, and those that were left out."""
    works: list[dict[str, Any]] = []
    left_out: dict[str, list[str]] = {}
    for name in _drawn():
        try:
            entry = entry_of(name, "corpus")
        except ScoreError as error:
            left_out[name] = [str(error)]
            continue
        if entry.info["notes"] not in NOTES:
            continue
        found = answers(entry)
        differing = differences(name, entry, found)
        if differing:
            left_out[name] = differing
            continue
        works.append({"source": name, **found})
        if len(works) == WANTED:
            break
    return {"seed": SEED, "works": works, "left_out": left_out}


def _drawn() -> list[str]:
    names = sorted(name for name, path in corpus_works().items() if "/" in name and path.suffix in SUFFIXES)
    random.Random(SEED).shuffle(names)  # noqa: S311 - a draw of works, no secret
    return names


def differences(name: str, entry: Entry, found: dict[str, Any]) -> list[str]:
    """Return in what plain music21 differs from our answers."""
    from music21 import chord, converter, harmony

    score = converter.parse(corpus_works()[name])
    symbols = set(map(id, score.recurse().getElementsByClass(harmony.ChordSymbol)))
    notes = sum(len(each.pitches) for each in score.recurse().notes if id(each) not in symbols)
    bars = max(len(part.getElementsByClass("Measure")) for part in score.parts)
    key = score.analyze("key")
    for symbol in list(score.recurse().getElementsByClass(harmony.ChordSymbol)):
        symbol.activeSite.remove(symbol)
    for grace in [each for each in score.recurse().notes if each.duration.isGrace]:
        grace.activeSite.remove(grace)
    sonorities = list(score.toSoundingPitch().chordify().recurse().getElementsByClass(chord.Chord))
    qualities = Counter(each.quality for each in sonorities)
    pairs = {
        "notes": (entry.info["notes"], notes),
        "measures": (entry.info["measures"], bars),
        "key": (found["key"]["key"], key.name),
        "coefficient": (found["key"]["coefficient"], round(key.correlationCoefficient, 6)),
        "sonorities": (found["chords"]["sonority_count"], len(sonorities)),
        "qualities": (
            {each["name"]: each["count"] for each in found["chords"]["by_quality"]},
            dict(qualities),
        ),
    }
    return [
        f"{what}: {ours} here, {theirs} in music21"
        for what, (ours, theirs) in pairs.items()
        if ours != theirs
    ]


if __name__ == "__main__":
    sys.exit(main())
