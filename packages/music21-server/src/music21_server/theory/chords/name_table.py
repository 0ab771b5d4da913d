"""Names of sonority classes: from memory, from the packaged table, or computed.

The packaged table holds the classes in music21's corpus (`tools/make_names.py` makes it). It is used only
with the version of music21 that it was made with.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import metadata, resources
from typing import Final

from music21_server.theory.chords.names import (
    LARGEST_REMEMBERED,
    SonorityClass,
    SonorityName,
    name_class,
)

PACKAGED: Final = "sonority_names.json"
"""File name below `music21_server/data`."""

_MOST_KEPT: Final = 100_000
"""Most classes kept in memory, at about half a kilobyte each. The corpus of music21 has fewer; noise has
more."""


class NameTable:
    """Names of sonority classes.

    Attributes:
        misses: Number of classes found neither in memory nor in the packaged table.
    """

    def __init__(
        self,
        packaged: Mapping[str, str],
        compute: Callable[[SonorityClass], SonorityName] = name_class,
    ) -> None:
        self._packaged = packaged
        self._compute = compute
        self._kept: dict[SonorityClass, SonorityName] = {}
        self.misses = 0

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[tuple[SonorityClass, SonorityName]]:
        return iter(self._kept.items())

    def name(self, sonority: SonorityClass) -> SonorityName:
        """Return the name of a class."""
        name = self._kept.get(sonority)
        if name is not None:
            return name
        text = self._packaged.get(sonority.text)
        if text is not None:
            name = SonorityName.from_text(text)
        else:
            name = self._compute(sonority)
            self.misses += 1
        if len(self._kept) < _MOST_KEPT and len(sonority.shape.above) <= LARGEST_REMEMBERED:
            self._kept[sonority] = name
        return name


@cache
def shared_names() -> NameTable:
    """Return the table shared by the whole process."""
    return NameTable(packaged_names())


def packaged_names() -> Mapping[str, str]:
    """Return the packaged table from text of a class to text of its name; empty for another version of
    music21."""
    document = json.loads(resources.files("music21_server").joinpath("data", PACKAGED).read_bytes())
    return document["names"] if document["music21"] == metadata.version("music21") else {}
