"""From the arguments of ``compare`` to the servers and the calls that all of them get."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from perf_core.adapter import Scenario, Wire
from perf_core.comparison.revisions.adapter_launch import launch_at
from perf_core.comparison.revisions.worktrees import build_revision
from perf_core.errors import UsageError
from perf_core.interruption import Interruption, OnProgress
from perf_core.results.manifest import commit
from perf_core.server.credentials.masking import masked_word
from perf_core.server.subject import DerivedAdapter, Subject
from perf_core.targets.bare import bare_command, is_bare
from perf_core.targets.program_name import program_name
from perf_core.targets.registry import find_subjects
from perf_core.targets.urls import is_url

DEFAULT_SCENARIO = "quick"


@dataclass(frozen=True)
class Contender:
    """One of the servers to be compared.

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
    """The servers, of which the first is the baseline, and the scenario whose journeys they get."""

    servers: tuple[Contender, ...]
    scenario: Scenario


Amend = Callable[[Subject], Subject]
"""Returns a server with something added, such as its access or the calls that it was asked for."""


@dataclass(frozen=True)
class Side:
    """One of the servers as it was typed.

    Attributes:
        text: An installed adapter's name, ``NAME@REVISION``, a TOML file or a URL; a name for a command.
        command: Command that starts the server; empty for all others.
        shared: Whether all sessions of a command's server share one process.
        variables: Variables of the command, by name.
    """

    text: str
    command: tuple[str, ...] = ()
    shared: bool = False
    # Sides are keys, which a mapping could not be.
    variables: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @classmethod
    def of_command(
        cls, command: tuple[str, ...], *, shared: bool = False, env: Mapping[str, str] | None = None
    ) -> Side:
        """Return the side of a command, under the name of its server."""
        return cls(program_name(command), command, shared, tuple((env or {}).items()))

    @property
    def has_own_calls(self) -> bool:
        """Whether it is an adapter or a file, which usually brings calls."""
        return not self.command and not is_url(self.text)


def find_contenders(
    sides: Sequence[Side],
    *,
    wires: Sequence[Wire],
    scenario: str = DEFAULT_SCENARIO,
    repository: Path,
    with_access: Amend,
    with_calls: Amend,
    interruption: Interruption,
    on_progress: OnProgress,
) -> Contenders:
    """Return the servers of a comparison.

    The calls are those of the first one that brings some and has the scenario. If none does, the first server
    is asked what it can do.

    Args:
        wires: Protocol era of each server.
        scenario: Name of the scenario whose calls all get.
        repository: Checkout in which revisions are looked up.
        with_access: Returns a server with the credentials of the command line.
        with_calls: Returns a bare server with the calls that were drawn for it.

    Raises:
        UsageError: A name, a revision or a scenario is unknown.
        TargetError: A revision does not build, its adapter does not load, or a server that has to be asked
            does not answer.
    """
    typed = {side: with_access(_typed(side)) for side in dict.fromkeys(sides)}
    if all(map(is_bare, typed.values())):
        typed[sides[0]] = with_calls(typed[sides[0]])
    # Before a revision is built, which takes minutes.
    with_own = [subject for subject in typed.values() if not is_bare(subject)]
    provider = next((each for each in with_own if scenario in each.adapter.scenarios), with_own[0])
    chosen = provider.scenario(scenario)
    subjects = {
        side: _subject(side, subject, repository, interruption, on_progress)
        for side, subject in typed.items()
    }
    contenders = []
    for side, wire in zip(sides, wires, strict=True):
        subject, built_from = subjects[side]
        if is_bare(subject):
            subject = _with_calls_of(with_own[0], subject)
        contenders.append(Contender(subject.name, subject, wire, built_from))
    return Contenders(tuple(contenders), chosen)


def _typed(side: Side) -> Subject:
    if side.command:
        return bare_command(side.command, shared=side.shared, env=dict(side.variables))
    (subject,) = find_subjects([parse_target(side.text)[0]], (), None)
    return subject


def _with_calls_of(other: Subject, bare: Subject) -> Subject:
    adapter = bare.adapter
    derived = DerivedAdapter(adapter.name, None, adapter.launch, other.adapter.scenarios)
    return replace(bare, adapter=derived)


def parse_target(text: str) -> tuple[str, str | None]:
    """Return the name of a target and its revision; None is the installed version.

    The first ``@`` divides them: names of adapters contain none, revisions such as ``main@{1}`` do. URLs and
    paths that end in ``.toml`` are never divided.

    Raises:
        UsageError: The name or the revision is empty, or the name is a TOML file.
    """
    if is_url(text) or text.endswith(".toml"):
        return text, None
    name, at, revision = text.partition("@")
    if not at:
        return text, None
    if ":" in name:
        # A user and a password, of which neither the target nor the revision may be shown.
        raise UsageError(
            f"expected a target or a URL with its scheme, got {masked_word(text)!r}",
            "A URL begins with http:// or https://.",
        )
    if not name or not revision:
        raise UsageError(f"expected NAME@REVISION, got {text!r}", "For example calculator@HEAD~1.")
    if name.endswith(".toml"):
        raise UsageError(
            f"expected the name of an installed adapter before @, got the file {name}",
            "Name the adapter, or write a second file whose command starts the other version.",
        )
    return name, revision


def _subject(
    side: Side, installed: Subject, repository: Path, interruption: Interruption, on_progress: OnProgress
) -> tuple[Subject, str]:
    """Return a server and the commit that it is built from, or that is checked out."""
    if not side.has_own_calls:
        return installed, ""
    name, revision = parse_target(side.text)
    if revision is None:
        head = commit(repository) or {}
        return installed, str(head.get("hash", "")) + ("+changes" if head.get("dirty") else "")
    # The calls come from the installed adapter, so that every revision gets the same ones.
    built = build_revision(repository, revision, on_progress=on_progress, interruption=interruption)
    launch, server_name, package = launch_at(built, name)
    adapter = DerivedAdapter(side.text, server_name, launch, installed.adapter.scenarios)
    return Subject(adapter, package=package, access=installed.access), built.commit
