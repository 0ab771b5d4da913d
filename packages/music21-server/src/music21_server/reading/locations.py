"""Where documents come from, besides from whoever sends them: music21's corpus, and folders that are
configured.

Nothing else is ever opened: a source that is an address of the network, or a path outside, is refused.
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
from music21_server.reading.abc_tunes import are_voices_of_one, listed, tune, tunes
from music21_server.reading.formats import recognise
from music21_server.reading.music21_formats import as_text
from music21_server.score.document import SUFFIXES, Document
from music21_server.score.limits import Limits

_ORDER: Final = (".mxl", ".musicxml", ".xml", ".krn", ".abc")
"""Which of several files of one name is taken: as music21 does, MusicXML first."""

_NAME: Final = re.compile(r"(?P<work>[^#]{1,200}?)(?:#(?P<number>\d{1,9}))?")
_NEAREST: Final = 5


def from_corpus(name: str, limits: Limits | None = None) -> Document:
    """Return a work of the corpus that music21 brings.

    Args:
        name: As music21 calls it, such as ``bach/bwv66.6`` or just ``bwv66.6``; of a book of tunes with the
            number of the tune, such as ``essenFolksong/han1#3``.
        limits: How large the document may be; the default ones where nothing is said.

    Raises:
        UnknownScoreError: There is no such work; the nearest names are said.
        UnreadableScoreError: It is a book of tunes, and no number is said, or one that it has not.
    """
    match = _NAME.fullmatch(name.strip())
    path = corpus_works().get(_key(match["work"])) if match else None
    if match is None or path is None:
        raise UnknownScoreError(_unknown(name))
    (limits or Limits()).check("max_source_bytes", path.stat().st_size)
    document = recognise(path.read_bytes())
    if document.kind != "abc":
        if match["number"]:
            raise UnreadableScoreError(f"{match['work']!r} is one work: leave the number out.")
        return document
    return _tune(document, match["work"], match["number"])


def _tune(document: Document, work: str, number: str | None) -> Document:
    """Return a tune of a book, or the document if it is no book."""
    text = as_text(document.content)
    if number:
        return Document("abc", tune(text, int(number)).text.encode())
    found = tunes(text)
    if not are_voices_of_one(found):
        raise UnreadableScoreError(
            f"{work!r} is a book of tunes, it has {listed(found)}: ask for one by its number, such as "
            f"'{work}#{found[0].number}'."
        )
    return document


@functools.cache
def corpus_works() -> Mapping[str, Path]:
    """Return the works of the corpus by name, in lower case; those with a unique last name also by that."""
    folder = _corpus_folder()
    # By their names as text: thousands of paths as objects take twice as long, in each worker.
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
        raise ScoreError("Expected music21 and its corpus to be installed, they are not.")
    return Path(spec.submodule_search_locations[0]) / "corpus"


def _key(name: str) -> str:
    """Return a name as the index has it."""
    name = name.strip().replace("\\", "/").lower().removeprefix("corpus/")
    for suffix in _ORDER:
        name = name.removesuffix(suffix)
    return name


def _unknown(name: str) -> str:
    nearest = difflib.get_close_matches(_key(name[:200]), corpus_works(), n=_NEAREST, cutoff=0.5)
    known = f"the nearest names are {', '.join(nearest)}" if nearest else "names are such as bach/bwv66.6"
    return f"Expected the name of a work of music21's corpus, got {name[:100]!r}: {known}."


def from_folder(path_text: str, folders: Sequence[Path], limits: Limits | None = None) -> Document:
    """Return a document from a file below one of the folders that are configured.

    Args:
        path_text: Path of the file: absolute, or relative to one of the folders, which are tried in order.
        folders: The only places that files are read from.
        limits: How large the file may be; the default ones where nothing is said.

    Raises:
        UnknownScoreError: There is no such file below a folder, or none is configured.
        UnreadableScoreError: It is no score.
        TooMuchScoreError: It is too large.
    """
    if not folders:
        raise UnknownScoreError(
            "Files are not read here: no folder is configured (setting score_folders). Send the content "
            "instead."
        )
    path = _below(path_text, folders)
    limits = limits or Limits()
    try:
        limits.check("max_source_bytes", path.stat().st_size)
        with path.open("rb") as file:
            content = file.read(limits.max_source_bytes + 1)  # it may grow meanwhile
    except OSError as error:
        raise UnreadableScoreError(
            f"Expected {path_text[:200]!r} to be readable: {error.strerror}."
        ) from error
    limits.check("max_source_bytes", len(content))
    return recognise(content)


def _below(path_text: str, folders: Sequence[Path]) -> Path:
    """Return a file with all links followed, if it lies below one of the folders.

    What lies outside is treated as if it were not there, so that nobody can find out what is.
    """
    for folder in folders:
        root = folder.resolve()
        try:
            path = (root / path_text).resolve()
            if path.is_relative_to(root) and path.is_file() and path.suffix.lower() in SUFFIXES:
                return path
        except (
            OSError,
            ValueError,
            RuntimeError,
        ):  # such as a name of 10,000 letters, a NUL, a loop of links
            continue
    raise UnknownScoreError(
        f"Expected the path of a score ({', '.join(SUFFIXES)}) below a configured folder (setting "
        f"score_folders), found none at {path_text[:200]!r}. A relative path counts from such a folder."
    )
