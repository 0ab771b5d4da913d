"""The list of a document's parts, of which some are wanted."""

from __future__ import annotations

import copy
from collections.abc import Collection
from typing import Any

from lxml import etree


def part_list(whole: Any, wanted: Collection[str]) -> Any:
    """Return a list of the wanted parts, with the braces and brackets that hold two or more of them.

    Args:
        whole: The `<part-list>` of all parts, or None.
        wanted: Ids of parts.
    """
    made = etree.Element("part-list")
    groups: dict[str, tuple[Any, int]] = {}
    count = 0
    for child in whole if whole is not None else ():
        if child.tag == "score-part" and child.get("id", "") in wanted:
            made.append(copy.deepcopy(child))
            count += 1
        elif child.tag == "part-group" and child.get("type") == "start":
            begin = copy.deepcopy(child)
            made.append(begin)
            groups[child.get("number", "1")] = (begin, count)
        elif child.tag == "part-group" and child.get("number", "1") in groups:
            begin, before = groups.pop(child.get("number", "1"))
            if count - before > 1:
                made.append(copy.deepcopy(child))
            else:
                made.remove(begin)
    for begin, _ in groups.values():
        made.remove(begin)
    listed = {each.get("id", "") for each in made.iterfind("score-part")}
    for identity in sorted(set(wanted) - listed):
        etree.SubElement(etree.SubElement(made, "score-part", id=identity), "part-name")
    return made
