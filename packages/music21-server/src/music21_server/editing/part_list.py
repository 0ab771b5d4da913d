"""The `<part-list>` of an excerpt."""

from __future__ import annotations

import copy
from collections.abc import Collection
from typing import Any

from lxml import etree


def part_list(original: Any, ids: Collection[str]) -> Any:
    """Return a `<part-list>` of some parts, with the braces and brackets around two or more of them.

    Args:
        original: `<part-list>` of the whole document, or None.
        ids: Ids of the parts to list.
    """
    excerpt = etree.Element("part-list")
    open_groups: dict[str, tuple[Any, int]] = {}
    count = 0
    for child in original if original is not None else ():
        if child.tag == "score-part" and child.get("id", "") in ids:
            excerpt.append(copy.deepcopy(child))
            count += 1
        elif child.tag == "part-group" and child.get("type") == "start":
            start = copy.deepcopy(child)
            excerpt.append(start)
            open_groups[child.get("number", "1")] = (start, count)
        elif child.tag == "part-group" and child.get("number", "1") in open_groups:
            start, count_before = open_groups.pop(child.get("number", "1"))
            if count - count_before > 1:
                excerpt.append(copy.deepcopy(child))
            else:
                excerpt.remove(start)
    for start, _ in open_groups.values():
        excerpt.remove(start)
    listed = {each.get("id", "") for each in excerpt.iterfind("score-part")}
    for identity in sorted(set(ids) - listed):
        etree.SubElement(etree.SubElement(excerpt, "score-part", id=identity), "part-name")
    return excerpt
