"""Tests of the tables, and of those in the documentation."""

from __future__ import annotations

from dataclasses import replace

from attack_tables import HEADER, NAME, markdown, text
from marked_tables import rows_of
from tallies import Footprint, GoodCalls, HostileInputs, Kill, Loss, Soak

SOAK = Soak(
    server="a | server",
    workers=1,
    attack_s=90.4,
    kills=(Kill(10, "1"),),
    may_kill=True,
    good=GoodCalls(answered=12_345, losses=(Loss(11, 0, "reset"), Loss(12, 0, "reset")), longest_s=1.234),
    hostile=HostileInputs({"odd": 1_005, "left": 1}, {("odd", 400): 1_000, ("odd", 0): 5}),
    before=Footprint(100.0, 50, 3, {"open sessions": 0}),
    after=Footprint(104.0, 49, 3, {"open sessions": 0}),
)


def test_a_row_shows_all_that_was_promised() -> None:
    table = markdown([SOAK], "2 cores", 7).splitlines()
    assert table[0].startswith(
        "12,345 right answers to good clients and 1,006 hostile inputs of 2 kinds in 1.5 "
    )
    assert "1 kills, 0 wrong answers. Seed 7; 2 cores." in table[0]
    ((*cells,),) = rows_of(f"<!-- {NAME} -->\n{chr(10).join(table)}\n<!-- end of {NAME} -->", NAME)
    assert len(cells) == len(HEADER)
    assert cells[0] == "a | server, 1 worker"
    assert cells[4:6] == ["2", "1"]
    assert cells[10] == "100.0 → 104.0 MB (+4.0%)"
    assert cells[-1] == "not as promised"
    assert table[-2:] == ["| left | 1 | none, the client left |", "| odd | 1,005 | closed: 5, 400: 1,000 |"]


def test_terminal_lines_name_the_first_problems() -> None:
    lines = text(SOAK).splitlines()
    assert lines[0].startswith("WRONG a | server, 1 worker: 90 s, 12,345 right answers")
    assert len(lines) == 2
    many = replace(SOAK, good=replace(SOAK.good, wrong=tuple(map(str, range(50)))))
    assert text(many).splitlines()[-1].strip() == "and 31 more"
    assert text(replace(SOAK, good=GoodCalls(answered=1))).startswith("ok ")
