"""What clients of the server do: the journeys of each scenario, drawn by seed."""

from __future__ import annotations

import functools
import random
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import JsonValue

from music21_server.composition.counterpoint.generation import Request as Counterpoint
from music21_server.composition.counterpoint.generation import generate
from music21_server.composition.harmonization.harmonize import Request as Harmonization
from music21_server.composition.harmonization.harmonize import generate_harmonization
from music21_server.composition.imitation.generation import Request as Imitation
from music21_server.composition.imitation.generation import imitated
from music21_server.editing.extraction import extract_parts, slice_score
from music21_server.editing.transposition import TranspositionRequest, transpose
from music21_server.perf_adapter.pieces import (
    Piece,
    archived,
    beginning,
    entry_of,
    known_pieces,
    unseen_pieces,
)
from music21_server.reading.ingest import DerivedScore
from music21_server.score.entry import Entry
from music21_server.score.limits import Limits
from music21_server.synthetic_scores import orchestral_score
from perf_core import UNIQUE, Expectation, Journey, Step
from perf_core.adapter import Pools

PIECES: Final = 60
"""Journeys over unseen content, and as many over known works."""

PIECES_BY_TOOL: Final = 10
"""Likewise, where each tool is called alone."""

SIZES: Final = ((20, 100), (50, 200), (100, 300), (150, 500))
"""Instruments and measures of the large scores."""

COMPOSITIONS: Final = 5
"""Of each tool that composes, by seed: the server remembers none of them."""

NAME: Final = f"perf-{UNIQUE}"
"""Of the score that a journey imports: no other journey has it."""

NEW: Final = f"new-{UNIQUE}"
"""Of the score that a journey has made."""

_CANTUS: Final = "D4 F4 E4 D4 G4 F4 A4 G4 F4 E4 D4"
"""Of Fux's first exercise."""

_MELODY: Final = (
    "tinyNotation: 4/4 e4 e f g g f e d c c d e e4. d8 d2 e4 e f g g f e d c c d e d4. c8 c2 "
    "d4 d e c d e8 f e4 c d e8 f e4 d c d G2 e4 e f g g f e d c c d e d4. c8 c2"
)
"""Sixteen measures of Beethoven's hymn to joy."""


def imported(piece: Piece) -> Step:
    """Return the import of a piece."""
    arguments = {"source": piece.source, "source_type": piece.source_type, "score_id": NAME}
    return Step("import_score", arguments, _begins(piece.facts))


def asked(tool: str, expected: Mapping[str, Any], **arguments: Any) -> Step:
    """Return a question about the imported score, and the first members of its answer."""
    return Step(tool, {"score_id": NAME, **arguments}, _begins(expected))


def deleted() -> Step:
    """Return the deletion of the imported score."""
    return Step("delete_score", {"score_id": NAME}, Expectation.result({"deleted": 1}))


def makes(tool: str, new: DerivedScore, **arguments: Any) -> Step:
    """Return a call that makes a score, and what must be said of it."""
    return Step(tool, {**arguments, "new_score_id": NEW}, _says(NEW, new.entry))


def _says(name: str, entry: Entry) -> Expectation:
    return Expectation.members({"score_id": name, "format": entry.kind, **entry.info})


def _begins(expected: Mapping[str, Any]) -> Expectation:
    return Expectation.members({"score_id": NAME, **expected})


def whole(piece: Piece) -> Journey:
    """Return the published journey: import, key, chords, export, delete."""
    steps = (
        imported(piece),
        asked("key_analysis", piece.key),
        asked("chord_analysis", piece.chords),
        asked("export_score", piece.midi, format="midi"),
        deleted(),
    )
    return Journey("score", steps, piece.kind)


def mixed(seed: int) -> Pools:
    """Return the published journeys, by turns over unseen content and over known works."""
    return {"mix": _mix(seed)}


def _mix(seed: int) -> list[Journey]:
    chance = random.Random(seed)  # noqa: S311 - a draw of load, no secret
    known = chance.choices(known_pieces(), k=PIECES)
    unseen = unseen_pieces(PIECES, seed)
    return [whole(piece) for pair in zip(unseen, known, strict=True) for piece in pair]


def by_tool(seed: int) -> Pools:
    """Return journeys that ask one tool each, and the mix of them."""
    chance = random.Random(seed)  # noqa: S311 - a draw of load, no secret
    pieces = [*unseen_pieces(PIECES_BY_TOOL, seed), *chance.sample(known_pieces(), PIECES_BY_TOOL)]
    pools: dict[str, list[Journey]] = {}
    for piece in pieces:
        asking = {**_questions(piece), **_derived(piece), **_composed(chance.randrange(COMPOSITIONS))}
        for tool, steps in asking.items():
            pools.setdefault(tool, []).append(Journey(tool, steps, piece.kind))
    for journeys in pools.values():
        chance.shuffle(journeys)
    mix = [journey for journeys in zip(*pools.values(), strict=True) for journey in journeys]
    return {"mix": mix, **pools}


def _questions(piece: Piece) -> dict[str, tuple[Step, ...]]:
    """Return for each tool the calls that ask it about a piece."""
    entry = entry_of(piece.source, piece.source_type)
    query = "+2 +2 -4"
    asking = {
        "score_info": asked("score_info", beginning(entry, "information")),
        "key_analysis": asked("key_analysis", piece.key),
        "chord_analysis": asked("chord_analysis", piece.chords),
        "harmony_analysis": asked("harmony_analysis", beginning(entry, "harmony")),
        "voice_leading_analysis": asked("voice_leading_analysis", beginning(entry, "voice_leading")),
        "pattern_recognition": asked("pattern_recognition", beginning(entry, "patterns")),
        "search_pattern": asked("search_pattern", beginning(entry, "search", query=query), query=query),
        "export_score": asked("export_score", piece.midi, format="midi"),
        "render_score": asked("render_score", {"format": "png"}, last_measure="@4"),
    }
    first, last = imported(piece), deleted()
    alone = {
        "import_score": (first, last),
        "delete_score": (first, last),
        "list_scores": (first, Step("list_scores", {}, Expectation.anything()), last),
    }
    return {**alone, **{tool: (first, step, last) for tool, step in asking.items()}}


def _derived(piece: Piece) -> dict[str, tuple[Step, ...]]:
    """Return for each tool that makes a score of another the calls that make one of a piece."""
    entries, limits = (entry_of(piece.source, piece.source_type),), Limits()
    transposed = transpose(entries, TranspositionRequest(interval="M2"), limits)
    extracted = extract_parts(entries, ("1",), limits)
    sliced = slice_score(entries, None, "@4", None, limits)
    making = {
        "transpose_score": makes("transpose_score", transposed, score_id=NAME, interval="M2"),
        "extract_part": makes("extract_part", extracted, score_id=NAME, parts=["1"]),
        "score_slice": makes("score_slice", sliced, score_id=NAME, last_measure="@4"),
    }
    return {tool: (imported(piece), step, _all_deleted(2)) for tool, step in making.items()}


@functools.cache
def _composed(seed: int) -> dict[str, tuple[Step, ...]]:
    """Return for each tool that composes the calls that make a score."""
    limits, species = Limits(), 1 + seed % 5
    harmony = generate_harmonization((), _MELODY, Harmonization(seed=seed), limits)
    counterpoint = generate((), Counterpoint(species, cantus=_CANTUS, seed=seed), limits)
    imitation = imitated((), Imitation("bach", 8, None, None, seed), limits)
    making = {
        "harmonize_melody": makes("harmonize_melody", harmony, melody=_MELODY, seed=seed),
        "generate_counterpoint": makes(
            "generate_counterpoint", counterpoint, cantus=_CANTUS, species=species, seed=seed
        ),
        "imitate_style": makes("imitate_style", imitation, composer="bach", measures=8, seed=seed),
    }
    return {tool: (step, _all_deleted(1)) for tool, step in making.items()}


def _all_deleted(count: int) -> Step:
    return Step("delete_score", {"all_scores": True}, Expectation.result({"deleted": count}))


def large_scores(seed: int, sizes: Sequence[tuple[int, int]] = SIZES) -> Pools:
    """Return one pool per size, each with a journey over a whole orchestral score.

    What must come back is worked out here: a minute of work or less for the largest.
    """
    pools = {f"{parts}x{bars}": [_orchestral(parts, bars, seed)] for parts, bars in sizes}
    return {"mix": [journey for journeys in pools.values() for journey in journeys], **pools}


def _orchestral(instruments: int, measures: int, seed: int) -> Journey:
    source = archived(orchestral_score(instruments, measures, seed))
    entry = entry_of(source, "content")
    steps = (
        Step(
            "import_score",
            {"source": source, "source_type": "content", "score_id": NAME},
            _begins({"format": entry.kind, **entry.info}),
        ),
        asked("score_info", {"title": entry.info["title"], "composer": entry.info["composer"]}),
        asked("key_analysis", beginning(entry, "key")),
        asked("harmony_analysis", beginning(entry, "harmony")),
        *(asked("export_score", {"format": form}, format=form) for form in ("midi", "mxl")),
        deleted(),
    )
    return Journey(f"{instruments}x{measures}", steps)


_MISTAKES: Final[Mapping[str, tuple[tuple[str, Mapping[str, JsonValue]], ...]]] = {
    "document": (
        ("import_score", {"source": "<score-partwise><part-list>", "source_type": "content"}),
        ("import_score", {"source": "UEsDBBQAAAAIAAAAIQAAAA" + "A" * 40, "source_type": "content"}),
        ("import_score", {"source": "nobody/nothing", "source_type": "corpus"}),
        ("import_score", {"source": "/etc/passwd", "source_type": "file"}),
    ),
    "question": (
        ("chord_analysis", {"score_id": NAME, "key": "H sharp"}),
        ("key_analysis", {"score_id": NAME, "algorithm": "guess"}),
        ("search_pattern", {"score_id": NAME, "query": "???"}),
        ("render_score", {"score_id": NAME, "first_measure": "@9999"}),
        ("export_score", {"score_id": NAME, "format": "text", "parts": ["Kazoo"]}),
    ),
    "name": (
        ("score_info", {"score_id": f"missing-{UNIQUE}"}),
        ("delete_score", {"score_id": f"missing-{UNIQUE}"}),
        ("import_score", {"source": "C4 D4 E4", "score_id": "no/such name"}),
    ),
}
"""What clients do wrong, with documents, with questions about the score that they have, and with names."""


def faulty(seed: int) -> Pools:
    """Return journeys of which most go wrong somewhere; an error is the right answer to a mistake."""
    pieces = [journey.steps for journey in _mix(seed)]
    wrong = [(kind, Step(*call, Expectation.error())) for kind, calls in _MISTAKES.items() for call in calls]
    journeys = []
    for index, steps in enumerate(pieces):
        kind, mistake = wrong[index % len(wrong)]
        # Every fourth has none, so that the ordinary work goes on between the mistakes.
        middle = steps[1:-1] if index % 4 == 3 else (mistake,)
        journeys.append(Journey("faulty", (steps[0], *middle, steps[-1]), "none" if index % 4 == 3 else kind))
    return {"mix": journeys}


def questions_of_nothing(_seed: int) -> Pools:
    """Return calls that cost the server next to nothing, one message each."""
    step = Step("list_scores", {}, Expectation.result({"scores": []}))
    return {"mix": [Journey("list_scores", (step,))]}
