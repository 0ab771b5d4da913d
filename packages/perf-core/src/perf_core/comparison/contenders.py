"""From the arguments of ``compare`` to two servers and the calls that both get."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from perf_core.adapter import Scenario, Wire
from perf_core.comparison.revisions.adapter_launch import launch_at
from perf_core.comparison.revisions.worktrees import build_revision
from perf_core.errors import UsageError
from perf_core.interruption import Interruption, OnProgress
from perf_core.results.manifest import commit
from perf_core.server.subject import DerivedAdapter, Subject
from perf_core.targets.registry import endpoint, find_subjects

DEFAULT_SCENARIO = "quick"


@dataclass(frozen=True)
class Contender:
    """One of the two servers to be compared.

    Attributes:
        name: Name as typed on the command line.
        commit: Commit that the server is built from, or that is checked out; may be empty.
    """

    name: str
    subject: Subject
    wire: Wire
    commit: str = ""


@dataclass(frozen=True)
class Contenders:
    """Both servers, of which ``a`` is the baseline, and the scenario whose journeys they get."""

    a: Contender
    b: Contender
    scenario: Scenario


def find_contenders(
    a: str,
    b: str,
    *,
    wires: tuple[Wire, Wire],
    scenario: str = DEFAULT_SCENARIO,
    repository: Path,
    interruption: Interruption,
    on_progress: OnProgress,
) -> Contenders:
    """Return the two servers of a comparison.

    Args:
        a: An installed adapter's name, ``NAME@REVISION``, a TOML file or a URL.
        b: The same; only one of the two may be a URL, since a URL has no calls.
        scenario: Name of the scenario; the first of the two that has it provides the calls.
        repository: Checkout in which revisions are looked up.

    Raises:
        UsageError: A name, a revision or a scenario is unknown.
        TargetError: A revision does not build, or its adapter does not load.
    """
    if _is_url(a) and _is_url(b):
        raise UsageError(
            "expected at most one URL, got two URLs, which do not say what to call there",
            "Describe one of them in a TOML file with its url and calls (docs/adapters.md).",
        )
    installed = {
        text: find_subjects([parse_target(text)[0]], (), None)[0]
        for text in dict.fromkeys((a, b))
        if not _is_url(text)
    }
    # Before a revision is built, which takes minutes.
    first = next(iter(installed.values()))
    provider = next((each for each in installed.values() if scenario in each.adapter.scenarios), first)
    chosen = provider.scenario(scenario)
    subjects = {
        text: _subject(text, each, repository, interruption, on_progress) for text, each in installed.items()
    }
    with_calls = next(iter(subjects.values()))[0]
    contenders: list[Contender] = []
    for text, wire in zip((a, b), wires, strict=True):
        subject, built_from = subjects.get(text) or (_at_url(text, with_calls), "")
        contenders.append(Contender(subject.name, subject, wire, built_from))
    return Contenders(contenders[0], contenders[1], chosen)


def parse_target(text: str) -> tuple[str, str | None]:
    """Return the name of a target and its revision; None is the installed version.

    The first ``@`` divides them: names of adapters contain none, revisions such as ``main@{1}`` do. URLs and
    paths that end in ``.toml`` are never divided.

    Raises:
        UsageError: The name or the revision is empty, or the name is a TOML file.
    """
    if _is_url(text) or text.endswith(".toml"):
        return text, None
    name, at, revision = text.partition("@")
    if not at:
        return text, None
    if not name or not revision:
        raise UsageError(f"expected NAME@REVISION, got {text!r}", "For example calculator@HEAD~1.")
    if name.endswith(".toml"):
        raise UsageError(
            f"expected the name of an installed adapter before @, got the file {name}",
            "Name the adapter, or write a second file whose command starts the other version.",
        )
    return name, revision


def _is_url(text: str) -> bool:
    return text.lower().startswith(("http://", "https://"))


def _at_url(text: str, with_calls: Subject) -> Subject:
    # Any server may answer at a URL, so its name is not checked.
    adapter = with_calls.adapter
    return Subject(DerivedAdapter(text, None, adapter.launch, adapter.scenarios), endpoint(text))


def _subject(
    text: str, installed: Subject, repository: Path, interruption: Interruption, on_progress: OnProgress
) -> tuple[Subject, str]:
    name, revision = parse_target(text)
    if revision is None:
        head = commit(repository) or {}
        return installed, str(head.get("hash", "")) + ("+changes" if head.get("dirty") else "")
    # The calls come from the installed adapter, so that every revision gets the same ones.
    built = build_revision(repository, revision, on_progress=on_progress, interruption=interruption)
    launch, server_name, package = launch_at(built, name)
    adapter = DerivedAdapter(text, server_name, launch, installed.adapter.scenarios)
    return Subject(adapter, package=package), built.commit
