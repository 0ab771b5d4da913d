"""Make the frozen answers for the corpus works that the lab imports under load.

    python tools/make_perf_works.py [--check]

Works are drawn from music21's corpus with a fixed seed. A work is taken if plain music21 gives the same key
with the same coefficient, the same numbers of notes, bars and sonorities, and the same qualities of chords;
the file also lists the works left out, with the reasons. `--check` compares with the packaged file instead of
writing it, and fails if they differ. Takes about two minutes.
"""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from typing import Any

from packaged_file import main

from music21_server.errors import ScoreError
from music21_server.perf_adapter.pieces import FROZEN, answers, entry_of
from music21_server.reading.locations import corpus_works
from music21_server.score.entry import Entry

SEED = 20260728
WORKS = 60
NOTES = range(60, 1_500)
"""Notes in a work: from a chorale to a movement of a quartet."""

SUFFIXES = (".mxl", ".xml", ".musicxml")


def _one_line_per_work(contents: dict[str, Any]) -> str:
    """Return JSON with one line per work, so that a diff shows which work changed."""
    works = ",\n".join(json.dumps(work, ensure_ascii=False) for work in contents["works"])
    rest = {name: value for name, value in contents.items() if name != "works"}
    return json.dumps(rest, ensure_ascii=False)[:-1] + f', "works": [\n{works}\n]}}\n'


def document() -> dict[str, Any]:
    """Return the works with their answers, and the works left out."""
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
        frozen = answers(entry)
        differing = differences(name, entry, frozen)
        if differing:
            left_out[name] = differing
            continue
        works.append({"source": name, **frozen})
        if len(works) == WORKS:
            break
    return {"seed": SEED, "works": works, "left_out": left_out}


def _drawn() -> list[str]:
    names = sorted(name for name, path in corpus_works().items() if "/" in name and path.suffix in SUFFIXES)
    random.Random(SEED).shuffle(names)  # noqa: S311 - not a secret
    return names


def differences(name: str, entry: Entry, frozen: dict[str, Any]) -> list[str]:
    """Return the figures in which plain music21 differs from our answers."""
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
        "key": (frozen["key"]["key"], key.name),
        "coefficient": (frozen["key"]["coefficient"], round(key.correlationCoefficient, 6)),
        "sonorities": (frozen["chords"]["sonority_count"], len(sonorities)),
        "qualities": (
            {each["name"]: each["count"] for each in frozen["chords"]["by_quality"]},
            dict(qualities),
        ),
    }
    return [
        f"{figure}: {ours} here, {theirs} in music21"
        for figure, (ours, theirs) in pairs.items()
        if ours != theirs
    ]


if __name__ == "__main__":
    sys.exit(main(FROZEN, lambda: _one_line_per_work(document()), __doc__))
