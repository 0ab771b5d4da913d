"""Which clefs, signatures and so on are in force at a bar in the middle of a part."""

from __future__ import annotations

import copy
from typing import Any, Final

from lxml import etree

_ORDER: Final = (
    "divisions", "key", "time", "staves", "part-symbol", "instruments", "clef", "staff-details", "transpose",
)  # fmt: skip
"""What goes on until it is replaced, in the order of the schema; other children are of the moment."""

_OF_ALL_STAVES: Final = {"key", "time", "transpose"}
"""These hold for all staves where they name none; a clef that names none is that of the first."""

_OF_ONE_STAFF: Final = {"clef", "staff-details"}


class AttributesInForce:
    """What `<attributes>` elements have said so far."""

    def __init__(self) -> None:
        self._said: dict[str, dict[str, Any]] = {tag: {} for tag in _ORDER}

    def take(self, attributes: Any) -> None:
        """Take the next `<attributes>` element of the part."""
        for child in attributes:
            tag = child.tag
            if tag not in self._said:
                continue
            number = child.get("number", "")
            if tag in _OF_ONE_STAFF:
                number = number or "1"
            elif tag not in _OF_ALL_STAVES:
                number = ""
            if not number:
                self._said[tag].clear()
            self._said[tag][number] = child

    def element(self) -> Any:
        """Return an `<attributes>` element that says all of it."""
        made = etree.Element("attributes")
        for tag in _ORDER:
            for _, child in sorted(self._said[tag].items()):
                made.append(copy.deepcopy(child))
        return made
