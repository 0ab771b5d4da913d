"""The tables of docs/attacks.md, and lines for the terminal; pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from marked_tables import header, row
from tallies import Soak, all_hostile, unexplained

NAME = "attacks"
"""Name of the tables in their document."""

HEADER = (
    "Server",
    "Attack",
    "Right answers",
    "Wrong",
    "Lost",
    "Unexplained",
    "Sessions ended",
    "Longest answer",
    "Hostile inputs",
    "Kills",
    "Memory",
    "Descriptors",
    "Processes",
    "Sessions",
    "Outcome",
)
SESSIONS = "open sessions"
"""Name of the gauge of sessions in footprints."""


def text(soak: Soak) -> str:
    """Return one soak as lines for a terminal."""
    mark = "WRONG" if soak.problems else "ok   "
    lines = [
        f"{mark} {soak.name}: {soak.attack_s:.0f} s, {soak.good.answered:,} right answers, "
        f"{len(soak.good.wrong)} wrong, {len(soak.good.losses)} lost; "
        f"{sum(soak.hostile.sent.values()):,} hostile inputs, {len(soak.hostile.wrong)} answered wrongly; "
        f"{len(soak.kills)} kills; memory {_memory(soak)}"
    ]
    lines += [f"        {problem}" for problem in soak.problems[:20]]
    if len(soak.problems) > 20:
        lines.append(f"        and {len(soak.problems) - 20} more")
    return "\n".join(lines)


def markdown(soaks: Sequence[Soak], machine: str, seed: int) -> str:
    """Return all soaks as one table, and their hostile inputs by kind as another."""
    hostile = all_hostile([soak.hostile for soak in soaks])
    good = sum(soak.good.answered for soak in soaks)
    wrong = sum(len(soak.good.wrong) + len(soak.hostile.wrong) for soak in soaks)
    rows = [
        f"{good:,} right answers to good clients and {sum(hostile.sent.values()):,} hostile inputs of "
        f"{len(hostile.sent)} kinds in {sum(soak.attack_s for soak in soaks) / 60:.1f} minutes of attack, "
        f"{sum(len(soak.kills) for soak in soaks)} kills, {wrong} wrong answers. Seed {seed}; {machine}.",
        "",
        *header(HEADER),
        *(row(_cells(soak)) for soak in soaks),
        "",
        *header(("Kind of hostile input", "Sent", "Answers by status")),
    ]
    for kind in sorted(hostile.sent):
        own = {status: count for (name, status), count in hostile.answers.items() if name == kind}
        rows.append(row((kind, f"{hostile.sent[kind]:,}", _statuses(own))))
    return "\n".join(rows)


def _cells(soak: Soak) -> tuple[str, ...]:
    return (
        soak.name,
        f"{soak.attack_s:.0f} s",
        f"{soak.good.answered:,}",
        f"{len(soak.good.wrong) + len(soak.hostile.wrong)}",
        f"{len(soak.good.losses)}",
        f"{len(unexplained(soak.good.losses, soak.kills))}",
        f"{soak.good.sessions_ended}",
        f"{soak.good.longest_s:.2f} s",
        f"{sum(soak.hostile.sent.values()):,}",
        f"{len(soak.kills)}" if soak.may_kill else "0: it has one process",
        _memory(soak),
        f"{soak.before.fds} → {soak.after.fds}",
        f"{soak.before.processes} → {soak.after.processes}",
        f"{soak.before.gauges.get(SESSIONS, 0):g} → {soak.after.gauges.get(SESSIONS, 0):g}",
        "not as promised" if soak.problems else "as promised",
    )


def _memory(soak: Soak) -> str:
    before, after = soak.before.memory_mb, soak.after.memory_mb
    change = f" ({after / before - 1:+.1%})" if before else ""
    return f"{before:.1f} → {after:.1f} MB{change}"


def _statuses(counts: Mapping[int, int]) -> str:
    parts = [f"{status or 'closed'}: {count:,}" for status, count in sorted(counts.items())]
    return ", ".join(parts) or "none, the client left"
