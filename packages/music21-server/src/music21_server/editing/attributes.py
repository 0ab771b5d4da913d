"""Clef, signatures, transposition and other attributes in force at a bar in the middle of a part."""

from __future__ import annotations

import copy
from typing import Any, Final

from lxml import etree

_ORDER: Final = (
    "divisions", "key", "time", "staves", "part-symbol", "instruments", "clef", "staff-details", "transpose",
)  # fmt: skip
"""Attributes that hold until replaced, in the order of the schema; all others hold for their bar only."""

_SHARED_BY_DEFAULT: Final = {"key", "time", "transpose"}
"""Without a `number` these hold for all staves."""

_FIRST_STAFF_BY_DEFAULT: Final = {"clef", "staff-details"}
"""Without a `number` these hold for the first staff."""


class AttributesInForce:
    """The latest value of each attribute of a part."""

    def __init__(self) -> None:
        self._latest: dict[str, dict[str, Any]] = {tag: {} for tag in _ORDER}

    def update(self, attributes: Any) -> None:
        """Apply the next `<attributes>` element of the part."""
        for child in attributes:
            tag = child.tag
            if tag not in self._latest:
                continue
            number = child.get("number", "")
            if tag in _FIRST_STAFF_BY_DEFAULT:
                number = number or "1"
            elif tag not in _SHARED_BY_DEFAULT:
                number = ""
            if not number:
                self._latest[tag].clear()
            self._latest[tag][number] = child

    def element(self) -> Any:
        """Return one `<attributes>` element with everything in force."""
        combined = etree.Element("attributes")
        for tag in _ORDER:
            for _, child in sorted(self._latest[tag].items()):
                combined.append(copy.deepcopy(child))
        return combined
