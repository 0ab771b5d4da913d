"""Tests of the performance history: installation, choice of commits, suites, and pages that work offline."""

from __future__ import annotations

import importlib.util
import json
import math
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "benchmarks" / "asv"
LIBRARIES = FOLDER / "assets" / "node_modules"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
A_PAGE = '<html><head>{}</head><body><a href="https://asv.example/">asv</a></body></html>'


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, ModuleType]]:
    """Yield the scripts, imported by their bare names from their folder, as they import each other."""
    monkeypatch.syspath_prepend(FOLDER)
    names = ("offline", "install", "history")
    yield {name: importlib.import_module(name) for name in names}
    for name in names:
        sys.modules.pop(name, None)


@pytest.fixture
def offline(scripts: dict[str, ModuleType]) -> ModuleType:
    return scripts["offline"]


@pytest.fixture
def install(scripts: dict[str, ModuleType]) -> ModuleType:
    return scripts["install"]


@pytest.fixture
def history(scripts: dict[str, ModuleType]) -> ModuleType:
    return scripts["history"]


# --- offline pages ---


def template() -> str:
    spec = importlib.util.find_spec("asv")
    if spec is None or spec.origin is None:
        pytest.skip("asv is not installed")
    return (Path(spec.origin).parent / "www" / "index.html").read_text(encoding="utf-8")


def test_page_of_the_installed_asv_loads_nothing_external(offline: ModuleType) -> None:
    page = template()
    assert len(offline.external_addresses(page)) == len(offline.LIBRARIES), "each local copy is used"
    rewritten = offline.offline_page(page)
    loaded = re.findall(r"<(?:script|link|img)\b[^>]*?\b(?:src|href)=[\"']([^\"']+)", rewritten)
    assert [address for address in loaded if re.match(r"(https?:)?//", address)] == []
    assert {f"libraries/{file}" for file in offline.LIBRARIES.values()} <= set(loaded)
    assert "integrity=" not in rewritten
    assert "crossorigin" not in rewritten
    assert 'src="asv.js"' in rewritten, "local files stay"


@pytest.mark.parametrize(
    "tag",
    [
        '<script src="{}"></script>',
        "<script async\n src='{}'></script>",
        '<link rel="stylesheet" href="{}">',
        '<img src="{}"/>',
    ],
)
@pytest.mark.parametrize("scheme", ["https:", "HTTP:", ""])
def test_unknown_asset_is_named_in_the_error(offline: ModuleType, tag: str, scheme: str) -> None:
    address = f"{scheme}//cdn.example/npm/novelty@2/novelty.min.js"
    with pytest.raises(offline.UnknownAssetError, match=re.escape(address)):
        offline.offline_page(A_PAGE.format(tag.format(address)))


def test_links_that_a_reader_follows_are_kept(offline: ModuleType) -> None:
    page = A_PAGE.format('<script src="//cdn.example/md5.min.js" integrity="sha512-x" defer></script>')
    rewritten = offline.offline_page(page)
    assert '<a href="https://asv.example/">' in rewritten
    assert '<script src="libraries/blueimp-md5/js/md5.min.js" defer></script>' in rewritten


def test_nothing_is_written_if_a_page_is_refused(offline: ModuleType, tmp_path: Path) -> None:
    text = A_PAGE.format('<script src="https://cdn.example/novelty.js"></script>')
    (tmp_path / "index.html").write_text(text, encoding="utf-8")
    with pytest.raises(offline.UnknownAssetError):
        offline.make_offline(tmp_path, tmp_path / "node_modules")
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]
    assert (tmp_path / "index.html").read_text(encoding="utf-8") == text


def test_every_library_is_pinned(offline: ModuleType) -> None:
    pins = json.loads((FOLDER / "assets" / "package.json").read_text(encoding="utf-8"))["dependencies"]
    assert {file.partition("/")[0] for file in offline.LIBRARIES.values()} == set(pins)
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in pins.values()), pins


# --- installation ---


def make_packages(checkout: Path, *names: str) -> None:
    for name in names:
        (checkout / "packages" / name).mkdir(parents=True)
        (checkout / "packages" / name / "pyproject.toml").touch()


def test_commit_without_packages_installs_nothing(install: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "packages" / "notes").mkdir(parents=True)
    assert install.pip_commands(tmp_path, ROOT) == []
    assert install.main([str(tmp_path)]) == 0


def test_all_packages_of_a_commit_are_installed_by_one_command(install: ModuleType, tmp_path: Path) -> None:
    make_packages(tmp_path, "server-core", "calculator-server", "some-later-server")
    _tools, packages = install.pip_commands(tmp_path, ROOT)
    assert packages[-3:] == [
        str(tmp_path / "packages" / name)
        for name in ("calculator-server", "server-core", "some-later-server")
    ]
    assert "-e" not in packages, "an editable install would change while asv measures it"


def test_packages_use_the_constraints_of_the_commit_and_tools_those_of_the_working_tree(
    install: ModuleType, tmp_path: Path
) -> None:
    def constraints() -> list[str]:
        commands = install.pip_commands(tmp_path, ROOT)
        return [command[command.index("--constraint") + 1] for command in commands]

    make_packages(tmp_path, "perf-core")
    assert constraints() == [str(ROOT / "constraints.txt")] * 2, "the commit has no constraints"
    (tmp_path / "constraints.txt").touch()
    assert constraints() == [str(ROOT / "constraints.txt"), str(tmp_path / "constraints.txt")]


def test_every_package_is_uninstalled_before_the_next_commit() -> None:
    words = " ".join(json.loads((ROOT / "asv.conf.json").read_text(encoding="utf-8"))["uninstall_command"])
    projects = list(ROOT.glob("packages/*/pyproject.toml"))
    assert projects
    for project in projects:
        (name,) = re.findall(r'^name = "(.+)"', project.read_text(encoding="utf-8"), flags=re.MULTILINE)
        assert f" {name}" in words, f"{name} of one commit would be measured as that of the next"


# --- choice of commits ---


def test_commits_since_the_last_measured_one_are_new(history: ModuleType) -> None:
    commits = [digit * 40 for digit in "abcde"]
    assert history.new_commits(commits, {"c" * 8, "e" * 8}) == commits[:2]
    assert history.new_commits(commits, {"a" * 8}) == []
    assert history.new_commits(commits, {"9" * 8}) == commits[:1], "the whole history would take hours"


@pytest.mark.parametrize("word", ["--quick", "-q"])
def test_quick_is_refused_with_a_reason(
    history: ModuleType, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert history.main([word]) == 2
    assert "far off" in capsys.readouterr().err


def test_machine_is_the_host_or_the_only_known_machine(history: ModuleType) -> None:
    assert history.machine_name(["lab", "host"], "host") == "host"
    assert history.machine_name(["lab"], "host") == "lab"
    assert history.machine_name(["lab", "desk"], "host") is None
    assert history.machine_name([], "host") is None


# --- the suites ---


@pytest.fixture
def suite(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[str], ModuleType]]:
    """Yield a function that imports a suite as asv does, in a temporary folder."""
    monkeypatch.syspath_prepend(FOLDER)
    monkeypatch.chdir(tmp_path)
    yield lambda name: importlib.import_module(f"suites.{name}")
    for name in [name for name in sys.modules if name.partition(".")[0] == "suites"]:
        del sys.modules[name]


FIGURES = {
    "cpu_us_per_call": {"a": 60.0, "b": 900.0, "ratio": 15.0, "verdict": "worse"},
    "latency_ms.med": {"a": 0.5, "b": 2.0, "ratio": 4.0, "low": 3.8, "high": 4.2},
    "error_rate": {"a": 0.0, "b": 0.0, "ratio": None, "low": -0.001, "high": 0.001},
    "ready_s": {"a": 0.25, "b": 1.5, "ratio": None},
}

LAB = """#!{python}
import json, sys
from pathlib import Path
words = sys.argv[1:]
folder = Path(words[words.index("--output-dir") + 1])
(folder / "run").mkdir(parents=True)
(folder.parent / "calculator.toml").rename({saved!r})
metrics = [dict(figures, name=name) for name, figures in {figures!r}.items()]
document = {{"schema": 2, "kind": "comparison", "metrics": metrics}}
(folder / "run" / "comparison.json").write_text(json.dumps(document))
print("words:", *words)
sys.exit(3 if "session" in words else {code})
"""


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function that creates a fake lab, whose exit code on the stateless wire is the argument."""

    def create(code: int = 0) -> Path:
        path = tmp_path / "perf-core"
        saved = tmp_path / "calculator.toml"
        path.write_text(LAB.format(python=sys.executable, saved=str(saved), figures=FIGURES, code=code))
        path.chmod(0o755)
        monkeypatch.setenv("PERF_CORE", str(path))
        return saved

    return create


@pytest.mark.process
@pytest.mark.skipif(sys.platform == "win32", reason="the fake lab is a script that needs a shebang line")
def test_tracks_report_the_figures_of_the_lab(suite, lab) -> None:
    from perf_core.targets.toml_file import read_target_file

    target_file = lab()
    served = suite("served").Served()
    outcomes = served.setup_cache()
    served.setup(outcomes, "session")
    assert served.track_time_per_call(outcomes, "session") == 0.002
    assert served.track_time_per_call_ratio(outcomes, "session") == 4.0
    assert served.track_server_cpu_per_call(outcomes, "session") == 0.0009
    assert served.track_server_cpu_per_call_ratio(outcomes, "session") == 15.0
    assert served.track_start_up(outcomes, "session") == 1.5
    ratio = served.track_start_up_ratio(outcomes, "session")
    assert math.isnan(ratio), "a missing figure is NaN, which asv shows as n/a"
    assert served.track_time_per_call_ratio_low(outcomes, "session") == 3.8
    assert served.track_time_per_call_ratio_high(outcomes, "session") == 4.2
    assert math.isnan(served.track_server_cpu_per_call_ratio_high(outcomes, "session"))
    adapter = read_target_file(target_file)
    assert adapter.launch.argv[0] == sys.executable, "the suite's Python has the commit's packages"
    assert "quick" in adapter.scenarios


@pytest.mark.process
@pytest.mark.skipif(sys.platform == "win32", reason="the fake lab is a script that needs a shebang line")
def test_a_failing_wire_does_not_affect_the_other(suite, lab) -> None:
    lab(code=5)
    served = suite("served").Served()
    outcomes = served.setup_cache()
    served.setup(outcomes, "session")
    with pytest.raises(RuntimeError, match=r"exit code 5(.|\n)*words: compare reference-asgi"):
        served.setup(outcomes, "stateless")


def test_suite_reads_the_schema_of_this_lab_and_uses_enough_launches_for_an_interval(suite) -> None:
    from perf_core.comparison.model import SCHEMA

    comparison = suite("comparison")
    assert comparison.SCHEMA == SCHEMA
    assert comparison.LAUNCHES >= 5
    arguments = comparison.comparison_arguments(Path("calculator.toml"), "session", Path("results"))
    assert arguments[arguments.index("--launches") + 1] == str(comparison.LAUNCHES)


@pytest.fixture(params=[None, "", "/nowhere/perf-core", "python", ".nox/bench/bin/perf-core"])
def unusable_lab(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PERF_CORE", raising=False)
    if request.param is not None:
        monkeypatch.setenv("PERF_CORE", request.param)


@pytest.mark.usefixtures("unusable_lab")
def test_a_missing_lab_fails_each_served_benchmark(suite) -> None:
    served = suite("served").Served()
    outcomes = served.setup_cache()
    for wire in served.params:
        with pytest.raises(RuntimeError, match="expected PERF_CORE to be the absolute path"):
            served.setup(outcomes, wire)


@pytest.mark.usefixtures("unusable_lab")
def test_a_missing_lab_ends_the_history_before_anything_is_measured(
    history: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A machine without results, so that there is a commit to measure and asv need not register this one.
    monkeypatch.setattr(history, "registered_machine", lambda: "a machine without results")
    assert history.main([]) == 1
    assert "expected PERF_CORE to be the absolute path" in capsys.readouterr().err


def test_a_missing_module_makes_a_suite_not_applicable(suite, tmp_path: Path, monkeypatch) -> None:
    subject = suite("subject").subject
    for name in ("absent_server", "absent_server.settings", "perf_core.not_yet"):
        with pytest.raises(NotImplementedError, match=name):
            subject(name)
    (tmp_path / "broken_server.py").write_text("import a_dependency_that_is_missing")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="a_dependency"):
        subject("broken_server")


def test_call_suites_get_right_answers_on_both_wires(suite) -> None:
    dispatch = suite("dispatch")
    fastmcp = dispatch.FastMcpDispatch()
    fastmcp.setup()
    fastmcp.time_100_calls()
    fastmcp.teardown()
    for wire in dispatch.AsgiApp.params:
        app = dispatch.AsgiApp()
        app.setup(wire)
        app.time_100_calls(wire)
        app.teardown(wire)


def test_series_suite_reads_a_recording(suite) -> None:
    series = suite("series").Series()
    series.setup()
    series.time_600_periods()


@pytest.mark.process
def test_open_sessions_cost_memory(suite) -> None:
    sessions = suite("sessions").Sessions()
    sessions.setup()
    # A light session is a record of a few hundred bytes; pages of 4 kB make the figure uneven.
    assert 100 < sessions.track_memory_per_session() < 10_000


# --- asv and a browser ---

SUITE = """
from pathlib import Path

class Lines:
    params = ("characters", "words")
    param_names = ("counted",)
    unit = "things"
    version = "1"

    def track_size(self, counted):
        text = (Path(__file__).parents[2] / "subject.txt").read_text()
        return len(text.split()) if counted == "words" else len(text)

    def track_absent(self, counted):
        return float("nan")
"""

PROBE = """<!doctype html><title>probe</title><pre id="seen">waiting</pre>
<iframe id="graph" width="1200" height="800" src="index.html#GRAPH"></iframe>
<iframe id="list" width="1200" height="800" src="index.html#/summarylist"></iframe>
<script>
const frameWindow = (name) => document.getElementById(name).contentWindow;
const clock = setInterval(() => {
  const graph = frameWindow("graph"), list = frameWindow("list");
  const plot = graph.$ && graph.$("#main-graph").data("plot");
  const links = [...list.document.querySelectorAll("#summarylist-body tbody a")];
  const rows = [...list.document.querySelectorAll("#summarylist-body tbody tr")].map((row) => row.innerText);
  if (!plot || rows.length === 0) return;
  const canvas = graph.document.querySelector("#main-graph canvas.flot-base");
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  const colours = new Set(new Uint32Array(pixels.buffer));
  const requests = (frame) => frame.performance.getEntriesByType("resource").map((entry) => entry.name);
  document.getElementById("seen").textContent = JSON.stringify({
    series: plot.getData().filter((s) => s.label).map((s) => s.data.filter((point) => point[1] !== null)),
    colours: colours.size,
    unit: plot.getAxes().yaxis.options.axisLabel,
    ticks: [...graph.document.querySelectorAll("#main-graph .flot-tick-label")].map((tick) => tick.innerText),
    plugins: graph.$.plot.plugins.map((plugin) => plugin.name),
    others: [typeof graph.$.fn.stupidtable, typeof graph.$.fn.modal, typeof graph.md5],
    rules: graph.document.styleSheets[0].cssRules.length,
    commits: graph.document.getElementById("range").value,
    rows,
    links: links.map((link) => link.getAttribute("href")),
    requests: [...requests(graph), ...requests(list)],
  });
  clearInterval(clock);
}, 100);
</script>
"""


def run(*command: str, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, history: ModuleType) -> tuple[Path, list[str]]:
    """Return a repository with results of two commits, measured by asv in the running environment."""
    pytest.importorskip("asv", reason="asv is not installed")
    home = tmp_path / "home"
    home.mkdir()
    for name, value in {
        "HOME": str(home),
        "GIT_CONFIG_GLOBAL": str(home / "none"),
        "GIT_AUTHOR_NAME": "A",
        "GIT_AUTHOR_EMAIL": "a@example.org",
        "GIT_COMMITTER_NAME": "A",
        "GIT_COMMITTER_EMAIL": "a@example.org",
    }.items():
        monkeypatch.setenv(name, value)
    repository = tmp_path / "repository"
    suites = repository / "benchmarks" / "suites"
    suites.mkdir(parents=True)
    (suites / "__init__.py").touch()
    (suites / "suite.py").write_text(SUITE)
    config = json.loads((ROOT / "asv.conf.json").read_text(encoding="utf-8"))
    config = {key: value for key, value in config.items() if not key.endswith("_command")}
    config |= {"environment_type": "existing", "pythons": ["same"], "benchmark_dir": "benchmarks/suites"}
    (repository / "asv.conf.json").write_text(json.dumps(config))
    monkeypatch.setattr(history, "ROOT", repository)
    history.registered_machine()
    run("git", "init", "-q", "-b", "trunk", ".", cwd=repository)
    commits = []
    for day, text in enumerate(("one two", "one two three four"), start=1):
        (repository / "subject.txt").write_text(text)
        monkeypatch.setenv("GIT_AUTHOR_DATE", f"2026-01-0{day}T00:00:00Z")
        monkeypatch.setenv("GIT_COMMITTER_DATE", f"2026-01-0{day}T00:00:00Z")
        run("git", "add", "subject.txt", cwd=repository)
        run("git", "commit", "-q", "-m", f"{text} & <more>", cwd=repository)
        commits.append(run("git", "rev-parse", "HEAD", cwd=repository).strip())
        asv = (sys.executable, "-m", "asv", "run", "--python=same", "--set-commit-hash", commits[-1])
        run(*asv, cwd=repository)
    return repository, commits


@contextmanager
def served(history: ModuleType, html_dir: Path) -> Iterator[str]:
    with history.server(html_dir) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def in_browser(url: str, profile: Path) -> str:
    options = (
        *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"),
        *("--disable-background-networking", "--disable-component-update"),
        "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
        *("--virtual-time-budget=20000", f"--user-data-dir={profile}", "--dump-dom"),
    )
    return run(str(CHROMIUM), *options, url, cwd=profile.parent)


def browser_view(history: ModuleType, html_dir: Path, graph: str, profile: Path) -> tuple[str, dict]:
    """Return the URL of the published pages, and what a browser shows for one graph and for the list."""
    (html_dir / "probe.html").write_text(PROBE.replace("GRAPH", graph), encoding="utf-8")
    with served(history, html_dir) as url:
        document = in_browser(f"{url}probe.html", profile)
    (text,) = re.findall(r'<pre id="seen">([^<]*)</pre>', document)
    assert text != "waiting", "no graph was drawn, or no list was shown"
    return url, json.loads(text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))


needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine; .ci/run installs one"
)


@pytest.mark.process
@needs_chromium
@pytest.mark.skipif(not LIBRARIES.is_dir(), reason="libraries missing: npm install in benchmarks/asv/assets")
def test_published_pages_draw_two_commits_offline(measured, history, tmp_path: Path) -> None:
    repository, commits = measured
    results = repository / ".asv" / "results"
    assert history.measured_commits(results, history.registered_machine()) == {
        commit[:8] for commit in commits
    }
    assert history.main([]) == 0, "without new commits, pages are published and nothing is measured"
    html_dir = repository / ".asv" / "html"
    origin, view = browser_view(history, html_dir, "suite.Lines.track_size", tmp_path / "profile")
    assert [[value for _, value in points] for points in view["series"]] == [[7, 18], [2, 4]]
    assert view["colours"] > 3, "the canvas is not blank"
    assert view["unit"] == "things"
    assert {"time", "selection", "categories", "orderBars", "axisLabels"} <= set(view["plugins"])
    assert view["others"] == ["function"] * 3
    assert view["rules"] > 500, "Bootstrap's style sheet was loaded"
    assert "10" in {tick.partition(".")[0] for tick in view["ticks"]}, view["ticks"]
    assert view["commits"] == f"{commits[0][:8]}..{commits[1][:8]}"
    assert any("track_size ('words')" in row and "4.00 things" in row for row in view["rows"]), view["rows"]
    (to_commit,) = {link for link in view["links"] if link.startswith("commits.html#")}
    page = (html_dir / "commits.html").read_text(encoding="utf-8")
    assert f'id="{to_commit.partition("#")[2]}"' in page
    assert "one two three four &amp; &lt;more&gt;" in page
    assert [name for name in view["requests"] if not name.startswith(origin)] == []
    assert any(name.endswith("jquery.flot.js") for name in view["requests"])


# --- the nox session ---


@pytest.fixture
def small_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository with two commits of this tree, without music21-server and most suites."""
    home = tmp_path / "home"
    home.mkdir()
    cache = subprocess.run(
        [sys.executable, "-m", "pip", "cache", "dir"], capture_output=True, text=True, check=True
    )
    monkeypatch.setenv("PIP_CACHE_DIR", cache.stdout.strip())
    monkeypatch.setenv("HOME", str(home))  # asv keeps its description of the machine there
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "A")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "a@example.org")
    for variable in ("PERF_CORE", "VIRTUAL_ENV"):
        monkeypatch.delenv(variable, raising=False)
    repository = tmp_path / "repository"
    prefixes = (
        "packages/",
        "benchmarks/asv/",
        "benchmarks/references/",
        "noxfile.py",
        "constraints.txt",
        "asv.conf.json",
    )
    for name in run("git", "ls-files", cwd=ROOT).splitlines():
        is_copied = name.startswith(prefixes) and "/tests/" not in name and "music21-server" not in name
        if is_copied and (ROOT / name).is_file():
            (repository / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, repository / name)
    for suite in (repository / "benchmarks/asv/suites").glob("*.py"):
        if suite.stem not in ("__init__", "served", "comparison", "subject"):
            suite.unlink()
    noxfile = repository / "noxfile.py"
    packages = 'PACKAGES = ["server-core", "perf-core", "calculator-server"'
    text = noxfile.read_text(encoding="utf-8")
    assert f'{packages}, "music21-server"]' in text
    noxfile.write_text(text.replace(f'{packages}, "music21-server"]', f"{packages}]"), encoding="utf-8")
    run("git", "init", "-q", "-b", "trunk", ".", cwd=repository)
    run("git", "add", ".", cwd=repository)
    run("git", "commit", "-q", "-m", "First", cwd=repository)
    readme = repository / "packages/calculator-server/README.md"
    readme.write_text(readme.read_text(encoding="utf-8") + "\nA second commit.\n", encoding="utf-8")
    run("git", "commit", "-q", "-a", "-m", "Second", cwd=repository)
    return repository


@pytest.mark.nightly
@pytest.mark.timeout(600)
@needs_chromium
def test_nox_session_measures_two_commits_and_draws_their_served_figures(
    small_repository: Path, history: ModuleType, tmp_path: Path
) -> None:
    nox = str(Path(sys.executable).with_name("nox"))
    command = [nox, "-s", "history", "--", "HEAD"]
    done = subprocess.run(
        command, cwd=small_repository, capture_output=True, text=True, timeout=570, check=False
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert "n/a" not in output, output
    assert "failed" not in output, output
    html_dir = small_repository / ".asv" / "html"
    for figure in ("track_time_per_call_ratio", "track_server_cpu_per_call_ratio", "track_start_up_ratio"):
        _, view = browser_view(history, html_dir, f"served.Served.{figure}", tmp_path / figure)
        assert len(view["series"]) == 2, "a line for each wire"
        for points in view["series"]:
            assert len(points) == 2, "a point for each commit"
            assert all(0.1 < value < 100 for _, value in points), points
        assert view["colours"] > 3, "the canvas is not blank"
