"""Reading and editing of single MusicXML elements."""

from __future__ import annotations

from typing import Any, Final

from lxml import etree

_REMOVED_IF_EMPTY: Final = {"direction-type", "direction", "ornaments", "notations"}
"""Elements that are meaningless or invalid without content."""


def text(element: Any) -> str:
    """Return the stripped text of an element, or "" for None."""
    return "" if element is None or element.text is None else str(element.text).strip()


def serialize(element: Any) -> bytes:
    """Return an element with its tail as UTF-8."""
    return bytes(etree.tostring(element, encoding="utf-8", with_tail=True))


def remove(element: Any) -> None:
    """Remove an element, and the ancestors that it leaves without content."""
    parent = element.getparent()
    parent.remove(element)
    while parent.tag in _REMOVED_IF_EMPTY and not _has_content(parent):
        element, parent = parent, parent.getparent()
        parent.remove(element)


def _has_content(element: Any) -> bool:
    return element.find("direction-type") is not None if element.tag == "direction" else len(element) > 0


def onsets(measure: Any) -> dict[Any, float]:
    """Return the onset of each child of a measure, in divisions from the start of the bar."""
    times = {}
    now = onset = 0.0
    for child in measure:
        duration = _number(child.findtext("duration"))
        times[child] = now
        if child.tag == "note":
            if child.find("chord") is None:
                onset = now
                now += 0.0 if child.find("grace") is not None else duration
            times[child] = onset
        elif child.tag in ("backup", "forward"):
            now += -duration if child.tag == "backup" else duration
    return times


def _number(text: str | None) -> float:
    try:
        return float(text or 0)
    except ValueError:
        return 0.0
