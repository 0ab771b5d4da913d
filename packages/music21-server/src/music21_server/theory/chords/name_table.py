"""Names of classes of sonorities: in memory, in the packaged table, or else found by the rules of music21.

The packaged table holds the classes of the corpus that music21 ships (`tools/make_names.py` makes it). It
answers for the version of music21 that it was made with; beside another one it is left alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import metadata, resources
from typing import Final

from music21_server.theory.chords.names import SonorityClass, SonorityName, name_class

PACKAGED: Final = "sonority_names.json"
"""Below `music21_server/data`."""

_MOST_KEPT: Final = 100_000
"""Classes in memory, about half a kilobyte each; the corpus of music21 has fewer, noise has more."""


class NameTable:
    """Names of classes.

    Attributes:
        asked: How many classes neither memory nor the packaged table knew.
    """

    def __init__(
        self,
        packaged: Mapping[str, str],
        ask: Callable[[SonorityClass], SonorityName] = name_class,
    ) -> None:
        self._packaged = packaged
        self._ask = ask
        self._kept: dict[SonorityClass, SonorityName] = {}
        self.asked = 0

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[tuple[SonorityClass, SonorityName]]:
        return iter(self._kept.items())

    def name(self, sonority: SonorityClass) -> SonorityName:
        """Return what a class is called."""
        found = self._kept.get(sonority)
        if found is not None:
            return found
        text = self._packaged.get(sonority.text)
        if text is not None:
            found = SonorityName.from_text(text)
        else:
            found = self._ask(sonority)
            self.asked += 1
        if len(self._kept) < _MOST_KEPT:
            self._kept[sonority] = found
        return found


@cache
def shared_names() -> NameTable:
    """Return the table of this process."""
    return NameTable(packaged_names())


def packaged_names() -> Mapping[str, str]:
    """Return the packaged table, texts of classes and of names; empty where it is of another music21."""
    document = json.loads(resources.files("music21_server").joinpath("data", PACKAGED).read_bytes())
    return document["names"] if document["music21"] == metadata.version("music21") else {}
