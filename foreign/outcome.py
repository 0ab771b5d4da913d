"""The lab's words on a server, beside what is right; pure functions on records."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from catalogue import Row

from perf_core.results.record import RunRecord
from perf_core.server.checks import STRICTNESSES, LeftOut

LONGEST_S = 120.0
"""Time in which a first report must be there."""

_NOT_PERMITTED = ("it does not say readOnlyHint", "it says destructiveHint", "not named by --tool")
"""Beginnings of the reasons for which the lab leaves a tool out without trying it."""


@dataclass(frozen=True)
class Outcome:
    """Result of one row.

    Attributes:
        version: Version of its package; what servers report is often another one.
        read_only: Number of tools that may be called.
        called: Number of tools with at least one call that succeeds.
        strictness: Number of tools by how strictly their answers are checked.
        left_out: Tools that may be called and are not, with the reason.
        bridge_us: Median time that the bridge adds to a call; None without a bridge.
        took_s: Time from the command to the report.
        problems: Differences from what is right; empty if there are none.
        was_busy: Whether something else used the machine, according to the lab.
    """

    name: str
    version: str = ""
    transport: str = ""
    revision: str = ""
    read_only: int = 0
    called: int = 0
    not_permitted: int = 0
    strictness: Mapping[str, int] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    verdict: str = ""
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    calls_per_s: float | None = None
    median_ms: float | None = None
    bridge_us: float | None = None
    took_s: float = 0.0
    remark: str = ""
    problems: tuple[str, ...] = ()
    was_busy: bool = False

    @property
    def is_right(self) -> bool:
        """Whether everything is as it should be."""
        return not self.problems


def outcome_of(row: Row, records: Sequence[RunRecord], took_s: float, problems: Sequence[str]) -> Outcome:
    """Return the result of a row from the records of its runs; skipped wires do not count.

    Args:
        problems: Problems that were noticed outside the records.
    """
    measured = [record for record in records if record.verdict != "skipped"]
    if not measured:
        return failed(row, [*problems, "expected a record, got none"], took_s)
    record = measured[0]
    discovery = record.discovery
    checks = discovery.checks if discovery else ()
    left = {each.tool: each for each in (discovery.left_out if discovery else ())}
    permitted = {tool: each.reason for tool, each in left.items() if _may_be_called(each)}
    warnings = discovery.warnings if discovery else ()
    result = Outcome(
        row.name,
        version=row.packages.version,
        transport=row.transport,
        revision=_joined(spoken(each) for each in measured),
        read_only=len(checks) + len(permitted),
        called=len(checks),
        not_permitted=len(left) - len(permitted),
        strictness={name: sum(each.strictness == name for each in checks) for name in STRICTNESSES},
        left_out=permitted,
        verdict=_joined(each.verdict for each in measured),
        reasons=tuple(reason for each in measured for reason in each.reasons),
        warnings=warnings,
        calls_per_s=record.metrics.tool_calls_per_s if record.metrics else None,
        median_ms=record.metrics.latency_ms["all"].med if record.metrics else None,
        bridge_us=bridge_us(record),
        took_s=took_s,
        remark=row.remark,
        was_busy=any(each.health and each.health.state in {"bounded", "invalid"} for each in measured),
    )
    return Outcome(**{**vars(result), "problems": (*problems, *_differences(row, result))})


def failed(row: Row, problems: Sequence[str], took_s: float = 0.0) -> Outcome:
    """Return the result of a row that could not be measured at all."""
    return Outcome(
        row.name,
        version=row.packages.version,
        transport=row.transport,
        verdict="none",
        took_s=took_s,
        remark=row.remark,
        problems=tuple(problems),
    )


def spoken(record: RunRecord) -> str:
    """Return the protocol revision that a run used."""
    return str(record.manifest.get("protocol", {}).get("revision", ""))


def bridge_us(record: RunRecord) -> float | None:
    """Return the median time that the bridge adds to a call of a child that answers at once."""
    bridge = record.bridge
    return None if bridge is None or not bridge.echo_calls else bridge.echo_p50_us - bridge.direct_p50_us


def _joined(words: Iterable[str]) -> str:
    return " and ".join(dict.fromkeys(word for word in words if word))


def _may_be_called(left: LeftOut) -> bool:
    return not left.reason.startswith(_NOT_PERMITTED)


def _differences(row: Row, result: Outcome) -> list[str]:
    problems = []
    if result.verdict != row.verdict:
        problems.append(f"verdict: expected {row.verdict}, got {result.verdict}: {'; '.join(result.reasons)}")
    if result.revision != row.revision:
        problems.append(f"protocol: expected {row.revision}, got {result.revision or 'none'}")
    unexpected = {tool: reason for tool, reason in result.left_out.items() if tool not in row.no_call}
    problems += [f"no call of {tool} succeeded: {reason}" for tool, reason in unexpected.items()]
    if row.warning and not any(re.search(row.warning, each, re.IGNORECASE) for each in result.warnings):
        problems.append(f"expected a warning with {row.warning}, got {'; '.join(result.warnings) or 'none'}")
    if not row.warning and result.warnings:
        problems.append(f"expected no warning, got {'; '.join(result.warnings)}")
    if row.is_stdio and result.bridge_us is None:
        problems.append("expected the cost of the bridge, got none")
    if result.took_s > LONGEST_S:
        problems.append(f"expected a report within {LONGEST_S:g} s, got one after {result.took_s:.0f} s")
    return problems
