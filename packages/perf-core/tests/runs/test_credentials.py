"""Whole measurements with credentials: they reach the server and stand nowhere else."""

from __future__ import annotations

import base64
import json
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from rich.console import Console

from perf_core.adapter import Expectation, Launch, Wire
from perf_core.comparison.contenders import Contender
from perf_core.comparison.model import Bars
from perf_core.errors import TargetError
from perf_core.interruption import Interruption
from perf_core.load.plan import Settings
from perf_core.report import terminal
from perf_core.runs.compare import Effort, Workload, compare
from perf_core.runs.measure import MeasuredRun, Options, measure
from perf_core.runs.questions import prepare
from perf_core.server.credentials.access import OPEN, Access
from perf_core.server.credentials.access_settings import (
    AccessSettings,
    IdentitySettings,
    OAuthSettings,
    access_from,
)
from perf_core.server.subject import Subject

if TYPE_CHECKING:
    from conftest import Build

pytestmark = pytest.mark.k6

CLIENT = {"client_id": "lab", "client_secret_env": "OAUTH"}
SHORT = Settings(duration_s=1.0, vus=2, think_time_s=0.02)
ADDER = Path(__file__).parents[1] / "servers" / "adder.py"


def measured(
    build: type[Build], subject: Subject, folder: Path, wire: Wire = "session", settings: Settings = SHORT
) -> MeasuredRun:
    scenario = replace(build.scenario("quick"), wires=("session",))
    subject = replace(subject, adapter=build.adapter({"quick": scenario}, launch=subject.adapter.launch))
    question = prepare(subject, scenario, wire, settings, is_optional=True)
    return measure(question, Options(folder), interruption=Interruption(), on_progress=lambda *_: None)


def at(build: type[Build], url: str, access: Access = OPEN) -> Subject:
    return Subject(build.adapter({}), url, access=access)


def places_of(secrets: Sequence[str], folder: Path) -> list[str]:
    """Return the files that contain a secret."""
    return [
        f"{path.name}: {secret}"
        for path in folder.rglob("*")
        if path.is_file()
        for secret in secrets
        if secret.encode() in path.read_bytes()
    ]


class CommandLines:
    """The command lines of all descendants of this process while it is open."""

    def __enter__(self) -> CommandLines:
        self.seen: set[str] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.02):
            for process in psutil.Process().children(recursive=True):
                try:
                    self.seen.add(" ".join(process.cmdline()))
                except psutil.Error:
                    continue


def test_secrets_reach_the_server_and_no_file_output_or_command_line(
    build: type[Build], guarded: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = {"A_KEY": "header-s3cret", "A_TOKEN": "bearer-s3cret", "OAUTH": "oauth-s3cret"}
    server = guarded()
    server.tokens, server.header, server.client = (
        {"bearer-s3cret"},
        ("X-Key", "header-s3cret"),
        ("lab", "oauth-s3cret"),
    )
    # The server repeats what it knows in every answer, and some answers are wrong.
    server.echoes = " header-s3cret bearer-s3cret issued-token-1 query-s3cret oauth-s3cret"
    settings = AccessSettings(
        headers={"X-Key": "$A_KEY"},
        identities=(
            IdentitySettings(bearer_env="A_TOKEN"),
            IdentitySettings(oauth=OAuthSettings.model_validate(CLIENT)),
        ),
    )
    access = access_from(settings, environ)
    subject = at(build, f"{server.url}?api_key=query-s3cret", access)
    scenario = build.scenario("quick", {"mix": [build.journey(1, 2), wrong(build)]})
    question = prepare(subject, scenario, "session", SHORT)
    with CommandLines() as commands:
        run = measure(
            question, Options(tmp_path), interruption=Interruption(), on_progress=lambda *args: print(args)
        )
    record = run.record
    assert run.error is None
    assert record.metrics is not None
    assert 0.3 < record.metrics.error_rate < 0.7
    assert record.metrics.errors.keys() == {"wrong_answer"}
    assert record.metrics.failures, "there are examples, which repeat the answers"
    # Virtual users are the second identity; the lab's own calls beside the load are the first.
    assert server.identities.keys() == {"Bearer issued-token-1", "Bearer bearer-s3cret"}
    assert server.identities["Bearer issued-token-1"] > server.identities["Bearer bearer-s3cret"]
    assert {path for _, path, _ in server.seen} == {"/mcp?api_key=query-s3cret"}
    terminal.render(record, Console())
    secrets = [*environ.values(), "issued-token-1", "query-s3cret"]
    assert places_of(secrets, tmp_path) == []
    printed = capsys.readouterr()
    assert not [secret for secret in secrets if secret in printed.out + printed.err]
    assert any("k6" in command for command in commands.seen)
    assert not [command for command in commands.seen for secret in secrets if secret in command]
    assert "***" in (run.folder / "record.json").read_text()
    assert record.manifest["server"]["url"].endswith("/mcp?api_key=***")


def wrong(build: type[Build]) -> Any:
    journey = build.journey(3, 4)
    (step,) = journey.steps
    return replace(journey, steps=(replace(step, expect=Expectation.result({"result": 8})),))


def test_password_of_a_url_reaches_the_server_alone(
    build: type[Build], guarded: Callable[..., Any], tmp_path: Path
) -> None:
    server = guarded()
    server.header = ("Authorization", "Basic bWU6cGFzcy13MHJk")
    url = server.url.replace("://", "://me:pass-w0rd@")
    run = measured(build, at(build, url), tmp_path)
    assert run.record.verdict == "pass", run.record.reasons
    assert places_of(["pass-w0rd", "bWU6cGFzcy13MHJk"], tmp_path) == []


def test_refused_credentials_are_recorded_without_them(
    build: type[Build], guarded: Callable[..., Any], tmp_path: Path
) -> None:
    server = guarded()
    server.tokens = {"another"}
    server.statuses["/echo"] = (400, "text/plain", "you sent wrong-s3cret")
    access = access_from(AccessSettings(bearer_env="T"), {"T": "wrong-s3cret"})
    run = measured(build, at(build, server.url, access), tmp_path / "a")
    assert isinstance(run.error, TargetError)
    assert 'The server refused the credentials (it has "expired")' in run.error.hint
    assert run.record.verdict == "invalid"
    echoed = measured(build, at(build, f"{server.origin}/echo", access), tmp_path / "b")
    assert "you sent ***" in echoed.record.reasons[0]
    assert places_of(["wrong-s3cret"], tmp_path) == []


def test_token_that_expires_during_the_load_is_told_before_it(
    build: type[Build], guarded: Callable[..., Any], tmp_path: Path
) -> None:
    server = guarded()
    claims = base64.urlsafe_b64encode(json.dumps({"exp": time.time() + 0.9}).encode()).decode().rstrip("=")
    server.tokens = {f"e30.{claims}.signature"}
    access = access_from(AccessSettings(bearer_env="T"), {"T": f"e30.{claims}.signature"})
    run = measured(build, at(build, server.url, access), tmp_path)
    assert run.error is not None
    assert "expected tokens that are valid for the load of 1 s" in run.error.message
    assert server.identities == {}, "no load was applied"
    assert places_of([claims], tmp_path) == []


@pytest.mark.long
def test_token_endpoint_that_goes_down_is_told(
    build: type[Build], guarded: Callable[..., Any], tmp_path: Path
) -> None:
    server = guarded()
    server.tokens, server.lifetime_s = set(), 2.0
    settings = AccessSettings(oauth=OAuthSettings.model_validate(CLIENT))
    access = access_from(settings, {"OAUTH": server.client[1]})

    def on_progress(step: str, _share: float | None) -> None:
        server.is_down = server.is_down or step == "load"

    scenario = replace(build.scenario("quick"), wires=("session",))
    question = prepare(at(build, server.url, access), scenario, "session", Settings(duration_s=5.0, vus=2))
    run = measure(question, Options(tmp_path), interruption=Interruption(), on_progress=on_progress)
    assert run.record.verdict == "invalid"
    assert any("expected a new token during the load" in reason for reason in run.record.reasons)
    assert any("got status 503" in reason for reason in run.record.reasons)


def test_token_in_a_sentence_about_the_server_is_masked(
    build: type[Build], guarded: Callable[..., Any], tmp_path: Path
) -> None:
    server = guarded()
    server.tokens = set()
    settings = AccessSettings(oauth=OAuthSettings.model_validate(CLIENT))
    access = access_from(settings, {"OAUTH": server.client[1]})

    def on_progress(step: str, _share: float | None) -> None:
        if step == "load":
            server.info["version"] = "issued-token-1"

    scenario = replace(build.scenario("quick"), wires=("session",))
    question = prepare(at(build, server.url, access), scenario, "session", SHORT)
    run = measure(question, Options(tmp_path), interruption=Interruption(), on_progress=on_progress)
    assert "the server's version changed during the run: 1 became ***" in run.record.reasons
    assert places_of(["issued-token-1"], tmp_path) == []


@pytest.mark.process
def test_server_that_logs_its_secrets_has_a_masked_log(build: type[Build], tmp_path: Path) -> None:
    code = (
        "import os, runpy, sys; print('key', os.environ['DEMO_API_KEY'], sys.argv, flush=True);"
        f"sys.argv[:3] = [{str(ADDER)!r}]; runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    argv = (sys.executable, "-c", code, "--token", "argv-s3cret", "--ready-file", "{ready_file}")
    launch = Launch(argv, env={"DEMO_API_KEY": "env-s3cret"})
    run = measured(build, Subject(build.adapter({}, launch=launch)), tmp_path)
    assert run.record.verdict == "pass", run.record.reasons
    assert places_of(["argv-s3cret", "env-s3cret"], tmp_path) == []
    assert "key *** " in (run.folder / "server.log").read_text()
    assert run.record.manifest["server"]["command"][3:5] == ["--token", "***"]


def test_one_token_is_everybodys(build: type[Build]) -> None:
    scenario = build.scenario("quick")
    subject = Subject(build.adapter({"quick": scenario}, launch=Launch(("x",), tokens=("everybody-s",))))
    assert prepare(subject, scenario, "session", SHORT).plan.identities == 1
    two = replace(subject, adapter=build.adapter({}, launch=Launch(("x",), tokens=("the-lab-s", "a", "b"))))
    assert prepare(two, scenario, "session", SHORT).plan.identities == 2


@pytest.mark.long
@pytest.mark.process
def test_servers_with_one_token_each_are_compared(build: type[Build], tmp_path: Path) -> None:
    scenario = build.scenario("quick")

    def contender(name: str, token: str) -> Contender:
        argv = (sys.executable, str(ADDER), "--ready-file", "{ready_file}")
        launch = Launch(argv, env={"ADDER_TOKEN": token}, tokens=(token,))
        return Contender(name, Subject(build.adapter({"quick": scenario}, launch=launch)), "session")

    run = compare(
        [contender("a", "token-of-a"), contender("b", "token-of-b")],
        Workload(scenario, vus=2),
        Effort(launches=2, pairs=2, slice_s=0.2),
        bars=Bars(),
        output_dir=tmp_path,
        interruption=Interruption(),
        on_progress=lambda *_: None,
    )
    calls = [each for launch in run.comparison.launches for each in launch.slices]
    assert sum(each.calls for each in calls) > 20
    assert sum(each.errors for each in calls) == 0
    assert places_of(["token-of-a", "token-of-b"], tmp_path) == []
