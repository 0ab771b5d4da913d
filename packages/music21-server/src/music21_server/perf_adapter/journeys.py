"""Journeys of the simulated clients in each scenario, drawn by seed."""

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
from music21_server.composition.imitation.generation import generate_imitation
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
from music21_server.score.limits import Limits
from music21_server.synthetic_scores import orchestral_score
from perf_core import UNIQUE, Expectation, Journey, Step
from perf_core.adapter import Pools

PIECES: Final = 60
"""Number of journeys over unseen content, and of journeys over known works."""

PIECES_BY_TOOL: Final = 10
"""The same number where each tool is called alone."""

SIZES: Final = ((20, 100), (50, 200), (100, 300), (150, 500))
"""Instruments and measures of the large scores."""

COMPOSITIONS: Final = 5
"""Different seeds for each composing tool; the server does not cache its compositions."""

IMPORTED: Final = f"perf-{UNIQUE}"
"""Name of the score that a journey imports, unique to the journey."""

CREATED: Final = f"new-{UNIQUE}"
"""Name of the score that a journey creates, unique to the journey."""

_CANTUS: Final = "D4 F4 E4 D4 G4 F4 A4 G4 F4 E4 D4"
"""Cantus firmus of Fux's first exercise."""

_MELODY: Final = (
    "tinyNotation: 4/4 e4 e f g g f e d c c d e e4. d8 d2 e4 e f g g f e d c c d e d4. c8 c2 "
    "d4 d e c d e8 f e4 c d e8 f e4 d c d G2 e4 e f g g f e d c c d e d4. c8 c2"
)
"""Sixteen measures of Beethoven's "Ode to Joy"."""


def import_step(piece: Piece) -> Step:
    """Return the import of a piece."""
    arguments = {"source": piece.source, "source_type": piece.source_type, "score_id": IMPORTED}
    return Step("import_score", arguments, _starts_with(piece.facts))


def analysis_step(tool: str, expected: Mapping[str, Any], **arguments: Any) -> Step:
    """Return a call about the imported score, which expects the first members of its result."""
    return Step(tool, {"score_id": IMPORTED, **arguments}, _starts_with(expected))


def delete_step() -> Step:
    """Return the deletion of the imported score."""
    return Step("delete_score", {"score_id": IMPORTED}, Expectation.result({"deleted": 1}))


def creation_step(tool: str, new: DerivedScore, **arguments: Any) -> Step:
    """Return a call that creates a score, which expects the facts about it."""
    facts = {"score_id": CREATED, "format": new.entry.kind, **new.entry.info}
    return Step(tool, {**arguments, "new_score_id": CREATED}, Expectation.members(facts))


def _starts_with(expected: Mapping[str, Any]) -> Expectation:
    return Expectation.members({"score_id": IMPORTED, **expected})


def published_journey(piece: Piece) -> Journey:
    """Return the journey of the published guide: import, key, chords, export, delete."""
    steps = (
        import_step(piece),
        analysis_step("key_analysis", piece.key),
        analysis_step("chord_analysis", piece.chords),
        analysis_step("export_score", piece.midi, format="midi"),
        delete_step(),
    )
    return Journey("score", steps, piece.kind)


def mixed(seed: int) -> Pools:
    """Return published journeys, alternately over unseen content and over known works."""
    return {"mix": _mix(seed)}


def _mix(seed: int) -> list[Journey]:
    rng = random.Random(seed)  # noqa: S311 - load, no secret
    known_works = rng.choices(known_pieces(), k=PIECES)
    unseen_works = unseen_pieces(PIECES, seed)
    return [
        published_journey(piece) for pair in zip(unseen_works, known_works, strict=True) for piece in pair
    ]


def by_tool(seed: int) -> Pools:
    """Return a pool of journeys for each tool, and the mix of them."""
    rng = random.Random(seed)  # noqa: S311 - load, no secret
    pieces = [*unseen_pieces(PIECES_BY_TOOL, seed), *rng.sample(known_pieces(), PIECES_BY_TOOL)]
    pools: dict[str, list[Journey]] = {}
    for piece in pieces:
        composition_seed = rng.randrange(COMPOSITIONS)
        steps_by_tool = {**_analyses(piece), **_derivations(piece), **_compositions(composition_seed)}
        for tool, steps in steps_by_tool.items():
            pools.setdefault(tool, []).append(Journey(tool, steps, piece.kind))
    for journeys in pools.values():
        rng.shuffle(journeys)
    mix = [journey for journeys in zip(*pools.values(), strict=True) for journey in journeys]
    return {"mix": mix, **pools}


def _analyses(piece: Piece) -> dict[str, tuple[Step, ...]]:
    """Return the steps of a journey that imports a piece and calls one tool, for each tool that reads it."""
    entry = entry_of(piece.source, piece.source_type)
    query = "+2 +2 -4"
    calls = [
        analysis_step("score_info", beginning(entry, "information")),
        analysis_step("key_analysis", piece.key),
        analysis_step("chord_analysis", piece.chords),
        analysis_step("harmony_analysis", beginning(entry, "harmony")),
        analysis_step("voice_leading_analysis", beginning(entry, "voice_leading")),
        analysis_step("pattern_recognition", beginning(entry, "patterns")),
        analysis_step("search_pattern", beginning(entry, "search", query=query), query=query),
        analysis_step("export_score", piece.midi, format="midi"),
        analysis_step("render_score", {"format": "png"}, last_measure="@4"),
    ]
    first, last = import_step(piece), delete_step()
    return {
        "import_score": (first, last),
        "delete_score": (first, last),
        "list_scores": (first, Step("list_scores", {}, Expectation.anything()), last),
        **{call.tool: (first, call, last) for call in calls},
    }


def _derivations(piece: Piece) -> dict[str, tuple[Step, ...]]:
    """Return the steps of a journey that derives a score from a piece, for each tool that does so."""
    entries, limits = (entry_of(piece.source, piece.source_type),), Limits()
    transposed = transpose(entries, TranspositionRequest(interval="M2"), limits)
    extracted = extract_parts(entries, ("1",), limits)
    sliced = slice_score(entries, None, "@4", None, limits)
    calls = [
        creation_step("transpose_score", transposed, score_id=IMPORTED, interval="M2"),
        creation_step("extract_part", extracted, score_id=IMPORTED, parts=["1"]),
        creation_step("score_slice", sliced, score_id=IMPORTED, last_measure="@4"),
    ]
    return {call.tool: (import_step(piece), call, _delete_all_step(2)) for call in calls}


@functools.cache
def _compositions(seed: int) -> dict[str, tuple[Step, ...]]:
    """Return the steps of a journey that composes a score, for each composing tool."""
    limits, species = Limits(), 1 + seed % 5
    harmony = generate_harmonization((), _MELODY, Harmonization(seed=seed), limits)
    counterpoint = generate((), Counterpoint(species, cantus=_CANTUS, seed=seed), limits)
    imitation = generate_imitation((), Imitation("bach", 8, None, None, seed), limits)
    calls = [
        creation_step("harmonize_melody", harmony, melody=_MELODY, seed=seed),
        creation_step("generate_counterpoint", counterpoint, cantus=_CANTUS, species=species, seed=seed),
        creation_step("imitate_style", imitation, composer="bach", measures=8, seed=seed),
    ]
    return {call.tool: (call, _delete_all_step(1)) for call in calls}


def _delete_all_step(count: int) -> Step:
    return Step("delete_score", {"all_scores": True}, Expectation.result({"deleted": count}))


def large_scores(seed: int, sizes: Sequence[tuple[int, int]] = SIZES) -> Pools:
    """Return one pool per size, each with a journey over an orchestral score.

    Computing the expected answers takes up to a minute for the largest score.
    """
    pools = {f"{parts}x{bars}": [_orchestral(parts, bars, seed)] for parts, bars in sizes}
    return {"mix": [journey for journeys in pools.values() for journey in journeys], **pools}


def _orchestral(instruments: int, measures: int, seed: int) -> Journey:
    source = archived(orchestral_score(instruments, measures, seed))
    entry = entry_of(source, "content")
    steps = (
        Step(
            "import_score",
            {"source": source, "source_type": "content", "score_id": IMPORTED},
            _starts_with({"format": entry.kind, **entry.info}),
        ),
        analysis_step("score_info", {"title": entry.info["title"], "composer": entry.info["composer"]}),
        analysis_step("key_analysis", beginning(entry, "key")),
        analysis_step("harmony_analysis", beginning(entry, "harmony")),
        *(analysis_step("export_score", {"format": form}, format=form) for form in ("midi", "mxl")),
        delete_step(),
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
        ("chord_analysis", {"score_id": IMPORTED, "key": "H sharp"}),
        ("key_analysis", {"score_id": IMPORTED, "algorithm": "guess"}),
        ("search_pattern", {"score_id": IMPORTED, "query": "???"}),
        ("render_score", {"score_id": IMPORTED, "first_measure": "@9999"}),
        ("export_score", {"score_id": IMPORTED, "format": "text", "parts": ["Kazoo"]}),
    ),
    "name": (
        ("score_info", {"score_id": f"missing-{UNIQUE}"}),
        ("delete_score", {"score_id": f"missing-{UNIQUE}"}),
        ("import_score", {"source": "C4 D4 E4", "score_id": "no/such name"}),
    ),
}
"""Invalid calls by kind: broken documents, invalid arguments about the imported score, and bad names."""


def faulty(seed: int) -> Pools:
    """Return journeys most of which contain a mistake, which the server must answer with an error."""
    published = [journey.steps for journey in _mix(seed)]
    wrong = [(kind, Step(*call, Expectation.error())) for kind, calls in _MISTAKES.items() for call in calls]
    journeys = []
    for index, steps in enumerate(published):
        kind, mistake = wrong[index % len(wrong)]
        # Every fourth journey is ordinary, so that normal work goes on between the mistakes.
        middle = steps[1:-1] if index % 4 == 3 else (mistake,)
        journeys.append(Journey("faulty", (steps[0], *middle, steps[-1]), "none" if index % 4 == 3 else kind))
    return {"mix": journeys}


def list_scores_only(_seed: int) -> Pools:
    """Return calls that cost the server almost nothing, one message each."""
    step = Step("list_scores", {}, Expectation.result({"scores": []}))
    return {"mix": [Journey("list_scores", (step,))]}
