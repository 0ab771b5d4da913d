"""Works to import under load, with their expected answers.

Known works are sent by name; the server reads them from music21's corpus. Their answers are stored in
``data/perf_works.json``, which ``tools/make_perf_works.py`` writes after checking them against music21.

Unseen works are the same works transposed, with some pitches changed, and sent as archives. Their answers are
computed while the plan is made. The load generator makes each archive's comment unique, so that every
document is new to the server and has to be unpacked, read and analysed.
"""

from __future__ import annotations

import base64
import functools
import io
import json
import random
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Final, Literal

from music21_server.engine import jobs
from music21_server.engine.jobs import Bounds, Source
from music21_server.reading.locations import from_corpus
from music21_server.reading.mxl_archive import unpack
from music21_server.score.entry import Entry
from music21_server.score.limits import Limits
from music21_server.synthetic_scores import perturb
from perf_core import UNIQUE

FROZEN: Final = "perf_works.json"

_CONTAINER: Final = (
    '<?xml version="1.0" encoding="UTF-8"?><container><rootfiles>'
    '<rootfile full-path="score.musicxml"/></rootfiles></container>'
)
_UNIQUE_CHARACTERS: Final = 16
"""Length of the unique text in base64; as the archive's comment it is 12 bytes."""

_MAX_PREFIX: Final = 600
"""Most characters of an answer that are compared."""


@dataclass(frozen=True)
class Piece:
    """A work to import, with the expected answers.

    Attributes:
        source: Argument of ``import_score``; unseen content ends with :data:`perf_core.UNIQUE`.
        source_type: Argument of ``import_score``.
        kind: ``known`` or ``unseen``.
        facts: First members of the result of ``import_score``, after ``score_id``.
        key: First members of the result of ``key_analysis``.
        chords: First members of the result of ``chord_analysis``.
        midi: First members of the result of ``export_score`` as MIDI.
    """

    source: str = field(repr=False)
    source_type: jobs.SourceType
    kind: Literal["known", "unseen"]
    facts: Mapping[str, Any]
    key: Mapping[str, Any]
    chords: Mapping[str, Any]
    midi: Mapping[str, Any]


@functools.cache
def known_pieces() -> tuple[Piece, ...]:
    """Return the known works, in the order of the frozen file."""
    text = files("music21_server").joinpath("data", FROZEN).read_text(encoding="utf-8")
    return tuple(
        Piece(work["source"], "corpus", "known", work["facts"], work["key"], work["chords"], work["midi"])
        for work in json.loads(text)["works"]
    )


def unseen_pieces(count: int, seed: int) -> list[Piece]:
    """Return changed works that no server has seen; each takes about 20 ms to make.

    Args:
        count: Number of works; if there are fewer known works, each is changed in several ways.
        seed: Seed for the choice of works and for their changes.
    """
    rng = random.Random(seed)  # noqa: S311 - load, no secret
    names = [piece.source for piece in known_pieces()]
    rng.shuffle(names)
    return [_unseen(names[index % len(names)], rng.randrange(2**31)) for index in range(count)]


@functools.lru_cache(maxsize=512)
def _unseen(work: str, seed: int) -> Piece:
    # Cached because several scenarios of one command draw the same pieces.
    original = from_corpus(work)
    document = unpack(original.content, Limits()) if original.kind == "mxl" else original.content
    source = archived(perturb(document, seed).document)
    return Piece(source, "content", "unseen", **answers(entry_of(source, "content")))


def entry_of(source: str, source_type: jobs.SourceType) -> Entry:
    """Return the store entry that the engine creates for these arguments of ``import_score``."""
    return jobs.read(Source(source.replace(UNIQUE, "0" * _UNIQUE_CHARACTERS), source_type), Limits())


def answers(entry: Entry) -> dict[str, Any]:
    """Return the expected answers for an entry, by the attributes of `Piece`."""
    midi = jobs.export(entry, "midi", jobs.WHOLE, Bounds())
    return {
        "facts": {"format": entry.kind, **entry.info},
        "key": beginning(entry, "key"),
        "chords": beginning(entry, "chords"),
        "midi": {"format": "midi", "media_type": midi.media_type, "size_bytes": len(midi.content)},
    }


def beginning(entry: Entry, analysis: str, **arguments: Any) -> dict[str, Any]:
    """Return the first members of an analysis: at most 600 characters, and nothing after an empty list.

    Args:
        entry: The score.
        analysis: One of ``analyses.ANALYSES``.
        arguments: Arguments of the analysis; defaults for the others.
    """
    head = json.loads(jobs.analyse(analysis, entry.columns, arguments).head)
    members: dict[str, Any] = {}
    for name, value in head.items():
        # An empty list in the head is a place for entries that are sent in pages.
        if len(json.dumps({**members, name: value})) > _MAX_PREFIX or value == []:
            break
        members[name] = value
    return members


def archived(document: bytes) -> str:
    """Return compressed MusicXML in base64 that ends with :data:`perf_core.UNIQUE`.

    Any 16 letters and digits in that place decode to the 12 bytes of the archive's comment, so the archive
    remains valid and contains the same score, but differs from all others.
    """
    for padding in range(3):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in (
                ("META-INF/container.xml", (_CONTAINER + " " * padding).encode()),
                ("score.musicxml", document),
            ):
                # `ZipInfo` has a fixed date, so that a piece is the same text in every plan.
                info = zipfile.ZipInfo(name)
                info.compress_type = zipfile.ZIP_STORED if name.startswith("META") else zipfile.ZIP_DEFLATED
                archive.writestr(info, content)
        content = packed.getvalue()
        if len(content) % 3 == 0:
            comment_bytes = _UNIQUE_CHARACTERS * 3 // 4
            # An archive ends with the length of its comment, followed by the comment.
            start = content[:-2] + comment_bytes.to_bytes(2, "little")
            return base64.b64encode(start).decode() + UNIQUE
    raise AssertionError("unreachable: one of three consecutive lengths is a multiple of three")
