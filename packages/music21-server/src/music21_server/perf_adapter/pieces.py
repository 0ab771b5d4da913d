"""Works that are imported under load, with the answers that must come back.

Known works are named: the server reads them from music21's corpus. Their answers are frozen in
``data/perf_works.json``, which ``tools/make_perf_works.py`` makes after plain music21 has given the same.

Unseen ones are the same works transposed, with some pitches moved, and sent as archives. Their answers are
worked out here, when a plan is made. The archive's comment is made unique by the generator for each journey,
so that the server has never seen the document that comes: it unpacks, reads and analyses it anew.
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
"""Of base64, which are 12 bytes of the archive's comment."""

_LONGEST_PREFIX: Final = 600
"""Letters of an answer that are compared: its beginning, up to the first long list."""


@dataclass(frozen=True)
class Piece:
    """Something to import, and what must come back.

    Attributes:
        source: Argument of ``import_score``; of unseen content with :data:`perf_core.UNIQUE` in it.
        source_type: Likewise.
        kind: ``known`` or ``unseen``.
        facts: First members of the answer to ``import_score``, after ``score_id``.
        key: Likewise to ``key_analysis``.
        chords: Likewise to ``chord_analysis``.
        midi: Likewise to ``export_score`` as MIDI.
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
    """Return works that nobody has seen; about 20 ms of work each.

    Args:
        count: How many; beyond the number of known works each is changed in several ways.
        seed: Decides which works, and how they are changed.
    """
    chance = random.Random(seed)  # noqa: S311 - a draw of load, no secret
    names = [piece.source for piece in known_pieces()]
    chance.shuffle(names)
    return [_unseen(names[index % len(names)], chance.randrange(2**31)) for index in range(count)]


@functools.lru_cache(maxsize=512)
def _unseen(work: str, seed: int) -> Piece:
    # Several scenarios of one command draw the same pieces.
    original = from_corpus(work)
    document = unpack(original.content, Limits()) if original.kind == "mxl" else original.content
    source = archived(perturb(document, seed).document)
    return Piece(source, "content", "unseen", **answers(entry_of(source, "content")))


def entry_of(source: str, source_type: jobs.SourceType) -> Entry:
    """Return what the engine makes of the arguments of ``import_score``."""
    return jobs.read(Source(source.replace(UNIQUE, "0" * _UNIQUE_CHARACTERS), source_type), Limits())


def answers(entry: Entry) -> dict[str, Any]:
    """Return the first members of the answers that a piece has, by the names of its attributes."""
    midi = jobs.export(entry, "midi", jobs.WHOLE, Bounds())
    return {
        "facts": {"format": entry.kind, **entry.info},
        "key": beginning(entry, "key"),
        "chords": beginning(entry, "chords"),
        "midi": {"format": "midi", "media_type": midi.media_type, "size_bytes": len(midi.content)},
    }


def beginning(entry: Entry, analysis: str, **arguments: Any) -> dict[str, Any]:
    """Return the first members of an analysis, up to some hundred letters or the first long list.

    Args:
        entry: The score.
        analysis: One of ``analyses.ANALYSES``.
        arguments: Of the analysis, where they are not the usual ones.
    """
    head = json.loads(jobs.analyse(analysis, entry.columns, arguments).head)
    found: dict[str, Any] = {}
    for name, value in head.items():
        if len(json.dumps({**found, name: value})) > _LONGEST_PREFIX or value == []:
            break
        found[name] = value
    return found


def archived(document: bytes) -> str:
    """Return compressed MusicXML in base64, whose comment is :data:`perf_core.UNIQUE`.

    Whatever 16 letters and digits stand there, they are 12 bytes of comment: the archive stays whole, its
    score the same, and its bytes are those of no other.
    """
    for padding in range(3):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in (
                ("META-INF/container.xml", (_CONTAINER + " " * padding).encode()),
                ("score.musicxml", document),
            ):
                # A fixed date: the same piece must be the same text in every plan.
                info = zipfile.ZipInfo(name)
                info.compress_type = zipfile.ZIP_STORED if name.startswith("META") else zipfile.ZIP_DEFLATED
                archive.writestr(info, content)
        content = packed.getvalue()
        if len(content) % 3 == 0:
            comment_bytes = _UNIQUE_CHARACTERS * 3 // 4
            # The last two bytes of an archive are the length of the comment that follows.
            whole = content[:-2] + comment_bytes.to_bytes(2, "little")
            return base64.b64encode(whole).decode() + UNIQUE
    raise AssertionError("unreachable: one of three lengths in a row is a multiple of three")
