"""From what people type after ``compare`` to two servers and the calls that both get."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from perf_core.adapter import Scenario, Wire
from perf_core.comparison.revisions.worktrees import build_revision, launch_at, parse_target
from perf_core.errors import UsageError
from perf_core.interruption import Interruption, OnProgress
from perf_core.results.manifest import commit
from perf_core.server.subject import Described, Subject
from perf_core.targets.registry import endpoint, find_subjects

DEFAULT_SCENARIO = "quick"


@dataclass(frozen=True)
class Entry:
    """The two and what is called.

    Attributes:
        a: The one that is compared with.
        b: The one that is judged.
        scenario: Whose journeys both get.
    """

    a: Entrant
    b: Entrant
    scenario: Scenario


def find_entrants(
    a: str,
    b: str,
    *,
    wires: tuple[Wire, Wire],
    scenario: str = DEFAULT_SCENARIO,
    repository: Path,
    interruption: Interruption,
    tell: OnProgress,
) -> Entry:
    """Return the two servers of a comparison.

    Args:
        a: An installed adapter's name, ``NAME@REVISION``, a TOML file or a URL.
        b: The same; at most one of the two is a URL, which says nothing of what to call there.
        wires: Protocol era of either.
        scenario: Whose journeys are called: the first of the two that has them tells.
        repository: Checkout in which revisions are looked up.
        interruption: Ends the building of a revision when the user interrupts.
        tell: Told what takes long.

    Raises:
        UsageError: A name, a revision or a scenario is unknown.
        TargetError: A revision does not build, or its adapter does not load.
    """
    if _is_url(a) and _is_url(b):
        raise UsageError(
            "two URLs came, and neither says what to call there",
            "Describe one of them in a TOML file with its url and calls (docs/adapters.md).",
        )
    subjects = {
        text: _subject(text, repository, interruption, tell)
        for text in dict.fromkeys((a, b))
        if not _is_url(text)
    }
    known = next(iter(subjects.values()))[0]
    found: list[Entrant] = []
    for text, wire in zip((a, b), wires, strict=True):
        subject, built_from = subjects.get(text) or (_at_url(text, known), "")
        found.append(Entrant(subject.name, subject, wire, built_from))
    teller = next((each for each, _ in subjects.values() if scenario in each.adapter.scenarios), known)
    return Entry(found[0], found[1], teller.scenario(scenario))


def _is_url(text: str) -> bool:
    return text.startswith(("http://", "https://"))


def _at_url(text: str, known: Subject) -> Subject:
    # Whoever answers there: it need not be the server of the adapter whose calls it gets.
    adapter = known.adapter
    return Subject(Described(text, None, adapter.launch, adapter.scenarios), endpoint(text))


def _subject(
    text: str, repository: Path, interruption: Interruption, tell: OnProgress
) -> tuple[Subject, str]:
    name, revision = parse_target(text)
    if revision is None:
        (subject,) = find_subjects([name], (), None)
        here = commit(repository) or {}
        return subject, str(here.get("hash", "")) + ("+changes" if here.get("dirty") else "")
    # The calls come from the adapter of today, so that every revision gets the same ones.
    (today,) = find_subjects([name], (), None)
    built = build_revision(repository, revision, tell=tell, interruption=interruption)
    launch, server_name, package = launch_at(built, name)
    return Subject(
        Described(text, server_name, launch, today.adapter.scenarios), package=package
    ), built.commit


@dataclass(frozen=True)
class Entrant:
    """One of the two to be compared.

    Attributes:
        name: What was typed.
        subject: The server.
        wire: Protocol era.
        commit: Commit that it is built from, or on which its working tree stands; may be empty.
    """

    name: str
    subject: Subject
    wire: Wire
    commit: str = ""
