"""Performance scenarios as pytest tests.

With ``--perf``, pytest runs one test for each scenario of each target and wire, named
``TARGET-SCENARIO-WIRE``, instead of the tests in files. Each does exactly what ``perf-core run`` does, writes
its record and reports into ``--output-dir``, and fails unless the verdict is ``pass``. Without ``--perf`` the
plug-in does nothing.

Example::

    pytest --perf --perf-target adder.toml -k concurrent --clients 2 --duration 1s

``--perf-target`` takes what ``perf-core run --target`` takes; without it every installed target is measured.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from perf_core.errors import LabError

_PERF = "perf"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, which are those of ``perf-core run``; so are the environment variables."""
    group = parser.getgroup("perf", "performance scenarios (perf-core)")
    group.addoption("--perf", action="store_true", help="Run scenarios instead of tests; select with -k.")
    group.addoption(
        "--perf-target", action="append", metavar="TARGET", help="Target as for perf-core run; repeatable."
    )
    group.addoption(
        "--scenario", action="append", metavar="NAME", help="Full name of a scenario; repeatable."
    )
    group.addoption("--clients", type=int, metavar="N", help="Peak number of virtual users (TEST_VUS).")
    group.addoption(
        "--duration", metavar="TIME", help="Length of the whole profile, such as 90s (TEST_DURATION)."
    )
    group.addoption("--time-scale", type=float, metavar="F", help="Factor on every duration.")
    group.addoption("--output-dir", type=Path, default=Path("results"), help="Folder for the runs.")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker of the tests."""
    config.addinivalue_line("markers", f"{_PERF}: a performance scenario, which may take many minutes")


def pytest_collection(session: pytest.Session) -> None:
    """Replace the tests in files by scenarios: other tests would disturb the measurement."""
    if session.config.getoption("--perf"):
        session.config.args = []
        session.config.pluginmanager.register(_Scenarios(), "perf-core-scenarios")


class _Scenarios:
    """Creates a test for each scenario."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, session: pytest.Session, items: list[pytest.Item]) -> None:
        """Replace the collected tests by scenarios."""
        items[:] = _items(session)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Check every selected scenario before the first one runs."""
        if session.config.option.collectonly:
            return
        try:
            for item in session.items:
                if isinstance(item, ScenarioItem):
                    item.prepare()
        except LabError as error:
            raise pytest.UsageError(_shown(error)) from error


def _items(session: pytest.Session) -> Iterator[pytest.Item]:
    from perf_core.targets.registry import find_subjects

    option = session.config.getoption
    names: list[str] = option("--scenario") or []
    try:
        subjects = [
            _with_calls(subject)
            for subject in find_subjects(option("--perf-target") or [], names, os.environ.get("SERVER_URL"))
        ]
        selection = [
            (subject, scenario)
            for subject in subjects
            for scenario in ([subject.scenario(name) for name in names] or subject.adapter.scenarios.values())
        ]
    except LabError as error:
        raise pytest.UsageError(_shown(error)) from error
    for subject, scenario in selection:
        for wire in scenario.wires:
            name = f"{subject.name}-{scenario.name}-{wire}"
            yield ScenarioItem.from_parent(session, name=name, subject=subject, scenario=scenario, wire=wire)


def _with_calls(subject: Any) -> Any:
    """Return the server; one that is a URL alone is asked what it can do, so that its scenarios are known."""
    from perf_core.interruption import watch_signals
    from perf_core.runs.drawn import with_drawn_calls
    from perf_core.targets.bare import is_bare
    from perf_core.targets.discovery.discover import DrawOptions

    if not is_bare(subject):
        return subject
    with watch_signals() as interruption:
        return with_drawn_calls(
            subject,
            None,
            DrawOptions(),
            interruption=interruption,
            on_progress=lambda _step, _share: None,
        ).subject


class ScenarioItem(pytest.Item):
    """One scenario of one target on one wire."""

    def __init__(self, *, subject: Any, scenario: Any, wire: Any, **more: Any) -> None:
        super().__init__(**more)
        self.add_marker(_PERF)
        # The time limit of tests does not apply to a measurement.
        self.add_marker(pytest.mark.timeout(0))
        self._subject, self._scenario, self._wire = subject, scenario, wire
        self._question: Any = None

    def prepare(self) -> None:
        """Draw the plan and check it, unless that is done.

        Raises:
            LabError: The scenario cannot run with these options, targets or journeys.
        """
        if self._question is not None:
            return
        from perf_core.errors import UsageError
        from perf_core.runs.questions import prepare
        from perf_core.runs.settings import settings_of

        option = self.config.getoption
        duration = option("--duration") or os.environ.get("TEST_DURATION")
        clients = option("--clients") or os.environ.get("TEST_VUS")
        if clients and not str(clients).isdecimal():
            raise UsageError(f"TEST_VUS: expected a whole number, got {clients!r}", "Or use --clients N.")
        settings = settings_of(
            time_scale=option("--time-scale"),
            duration=duration or None,
            vus=int(clients) if clients else None,
        )
        is_optional = len(self._scenario.wires) > 1
        self._question = prepare(self._subject, self._scenario, self._wire, settings, is_optional=is_optional)

    def runtest(self) -> None:
        """Run the scenario, as ``perf-core run`` does."""
        from perf_core.interruption import watch_signals
        from perf_core.runs.measure import Options, measure

        self.prepare()
        with watch_signals() as interruption:
            finished = measure(
                self._question,
                Options(output_dir=self.config.getoption("--output-dir")),
                interruption=interruption,
                on_progress=lambda _what, _done: None,
            )
        self.add_report_section("call", "perf", f"Results: {finished.folder}")
        if finished.record.verdict == "interrupted":
            raise KeyboardInterrupt
        if finished.record.verdict == "skipped":
            pytest.skip(_shown("; ".join(finished.record.reasons)))
        if finished.record.verdict != "pass":
            raise NotPassed(finished.record.verdict, finished.record.reasons)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return the verdict with the reasons that the report gives."""
        if isinstance(excinfo.value, NotPassed | LabError):
            return _shown(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """Return the name of the test for pytest's reports."""
        return self.path, None, self.name


def _shown(text: object) -> str:
    """Return a text, which may be a server's, without characters that could control the terminal."""
    from perf_core.report.wording import printable

    return printable(str(text))


class NotPassed(Exception):  # noqa: N818 - a verdict, not an error of the lab
    """Verdict of a run other than ``pass``."""

    def __init__(self, verdict: str, reasons: tuple[str, ...]) -> None:
        super().__init__("\n".join([verdict, *(f"- {reason}" for reason in reasons)]))
