"""Documents from music21's corpus and from configured folders.

Nothing else is ever opened: network addresses and paths outside these folders are refused.
"""

from __future__ import annotations

import difflib
import functools
import importlib.util
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from music21_server.errors import ScoreError, UnknownScoreError, UnreadableScoreError
from music21_server.reading.abc.tunes import are_voices_of_one, summary, tune, tunes
from music21_server.reading.folder_files import open_below
from music21_server.reading.formats import recognise
from music21_server.reading.music21_formats import as_text
from music21_server.score.document import SUFFIXES, Document
from music21_server.score.limits import Limits

_ORDER: Final = (".mxl", ".musicxml", ".xml", ".krn", ".abc")
"""Order of preference among files with one name: MusicXML first, as in music21."""

_NAME: Final = re.compile(r"(?P<work>[^#]{1,200}?)(?:#(?P<number>\d{1,9}))?")
_NEAREST: Final = 5


def from_corpus(name: str, limits: Limits | None = None) -> Document:
    """Return a work of music21's corpus.

    Args:
        name: Name in music21, such as ``bach/bwv66.6`` or just ``bwv66.6``; for a book of tunes followed by
            the number of the tune, such as ``essenFolksong/han1#3``.
        limits: Limits of the score; the default ones if None.

    Raises:
        UnknownScoreError: There is no such work; the message lists the nearest names.
        UnreadableScoreError: The work is a book of tunes, and the number is missing or not in the book.
        TooMuchScoreError: The document exceeds the limit.
    """
    match = _NAME.fullmatch(name.strip())
    path = corpus_works().get(_key(match["work"])) if match else None
    if match is None or path is None:
        raise UnknownScoreError(_unknown(name))
    (limits or Limits()).check("max_source_bytes", path.stat().st_size)
    document = recognise(path.read_bytes())
    if document.kind != "abc":
        if match["number"]:
            raise UnreadableScoreError(
                f"Expected no number after {match['work']!r}, which is one work, got #{match['number']}: "
                "leave it out."
            )
        return document
    return _tune(document, match["work"], match["number"])


def _tune(document: Document, work: str, number: str | None) -> Document:
    """Return a tune of a book, or the document itself if it is not a book."""
    text = as_text(document.content)
    if number:
        return Document("abc", tune(text, int(number)).text.encode())
    book = tunes(text)
    if not are_voices_of_one(book):
        raise UnreadableScoreError(
            f"Expected one tune, got the book {work!r} of {summary(book)}: ask for one by its number, "
            f"such as '{work}#{book[0].number}'."
        )
    return document


@functools.cache
def corpus_works() -> Mapping[str, Path]:
    """Return the works of the corpus by lower-case name, and by its last part alone if that is unique."""
    folder = _corpus_folder()
    # Paths as text: thousands of Path objects take twice as long, in each worker.
    files = [
        (_ORDER.index(suffix), f"{where}/{name}")
        for where, _, names in os.walk(folder)
        for name in names
        if (suffix := name[name.rfind(".") :]) in _ORDER
    ]
    works: dict[str, Path] = {}
    for _, file in sorted(files):
        works.setdefault(_key(file[len(str(folder)) + 1 :]), Path(file))
    last: dict[str, list[Path]] = {}
    for name, path in works.items():
        last.setdefault(name.rsplit("/", 1)[-1], []).append(path)
    return {**{name: paths[0] for name, paths in last.items() if len(paths) == 1}, **works}


def _corpus_folder() -> Path:
    """Return the folder of the corpus without importing music21, which takes a second."""
    spec = importlib.util.find_spec("music21")
    if spec is None or not spec.submodule_search_locations:
        raise ScoreError("Expected music21 and its corpus to be installed, got neither: install music21.")
    return Path(spec.submodule_search_locations[0]) / "corpus"


def _key(name: str) -> str:
    """Return the key of a name in `corpus_works`."""
    name = name.strip().replace("\\", "/").lower().removeprefix("corpus/")
    for suffix in _ORDER:
        name = name.removesuffix(suffix)
    return name


def _unknown(name: str) -> str:
    nearest = difflib.get_close_matches(_key(name[:200]), corpus_works(), n=_NEAREST, cutoff=0.5)
    hint = f"the nearest names are {', '.join(nearest)}" if nearest else "a valid name is bach/bwv66.6"
    return f"Expected the name of a work of music21's corpus, got {name[:100]!r}: {hint}."


def from_folder(path_text: str, folders: Sequence[Path], limits: Limits | None = None) -> Document:
    """Return a document from a file below one of the configured folders.

    Args:
        path_text: Path of the file: absolute, or relative to one of the folders, which are tried in order.
        folders: The only folders from which files are read.
        limits: Limits of the score; the default ones if None.

    Raises:
        UnknownScoreError: No folder has such a file, or none is configured.
        UnreadableScoreError: The file is not a score, or cannot be opened.
        TooMuchScoreError: The file exceeds the limit.
    """
    if not folders:
        raise UnknownScoreError(
            "Expected a configured folder to read files from (setting score_folders), got none: send the "
            "content instead."
        )
    limits = limits or Limits()
    try:
        file = open_below(path_text, folders)
        if file is None:
            # Files outside are reported as missing, so that a client cannot find out which files exist.
            raise UnknownScoreError(
                f"Expected the path of a score ({', '.join(SUFFIXES)}) below a configured folder (setting "
                f"score_folders), got {path_text[:200]!r}: relative paths start from such a folder."
            )
        with file:
            limits.check("max_source_bytes", os.fstat(file.fileno()).st_size)
            content = file.read(limits.max_source_bytes + 1)  # the file may have grown since
    except OSError as error:
        raise UnreadableScoreError(
            f"Expected {path_text[:200]!r} to be readable, got: {error.strerror}."
        ) from error
    limits.check("max_source_bytes", len(content))
    return recognise(content)
