"""Compare MCP servers of several SDKs, runtimes and proxies that answer the same calls, and publish a table.

    python league/run_league.py [--division NAME ...] [--only TEXT ...] [--write docs/league.md] [-- OPTIONS]

Each division is one `perf-core compare` of all its servers; the figures of its table are those of
comparison.json. Run nothing else on the machine meanwhile. What follows `--` goes to `perf-core compare`:
`-- --launches 10`.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from entrants import DIVISIONS, Division, Entrant
from installing import INSTALLATIONS, InstallationError, install
from pydantic import TypeAdapter
from standings import Circumstances, catalogue_table, section, with_table
from versions import made_with

from perf_core.comparison.comparison_file import COMPARISONS
from perf_core.comparison.model import Comparison

LONGEST_S = 360
"""Limit for a division, after which its launches so far count. On a quiet machine of two cores, six launches
of nine servers take five and a half minutes, and all divisions a quarter of an hour."""

_STOPPING_S = 60

CIRCUMSTANCES_NAME = "circumstances.json"
_CIRCUMSTANCES = TypeAdapter(Circumstances)


class NoResultError(Exception):
    """A division has no results."""


@dataclass(frozen=True)
class Measured:
    """The comparison of one division and how it was made."""

    division: Division
    comparison: Comparison
    how: Circumstances


def main() -> int:
    """Parse the command line, measure and write."""
    words, further = _divided(sys.argv[1:])
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--division", action="append", choices=[each.name for each in DIVISIONS])
    parser.add_argument("--only", action="append", default=[], help="part of the names of rivals")
    parser.add_argument("--write", type=Path, help="document for the tables")
    parser.add_argument("--output-dir", type=Path, default=Path("results/league"))
    parser.add_argument("--kept", action="store_true", help="write the latest results again, measure nothing")
    parser.add_argument("--list", action="store_true", help="print the names of all servers")
    options = parser.parse_args(words)
    divisions = [each for each in DIVISIONS if not options.division or each.name in options.division]
    if options.list:
        for division in divisions:
            print(f"{division.name}: {', '.join(each.name for each in division.entrants)}")
        return 0
    measured, failed = [], []
    for division in divisions:
        try:
            if options.kept:
                measured.append(_kept(division, options.output_dir))
            else:
                measured.append(_measured(division, options.only, options.output_dir, further))
        except NoResultError as error:
            failed.append(f"{division.name}: {error}")
    text = _document(measured)
    print(text)
    if failed:
        print("\n".join(failed), file=sys.stderr)
        return 1
    if options.write is not None:
        document = options.write.read_text(encoding="utf-8")
        options.write.write_text(with_table(document, text), encoding="utf-8")
    return 0


def _divided(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the words before and after ``--``."""
    words = list(arguments)
    if "--" not in words:
        return words, []
    place = words.index("--")
    return words[:place], words[place + 1 :]


def _installed(entrants: Sequence[Entrant]) -> tuple[list[Entrant], dict[str, str]]:
    """Return the servers that can be started, and the others with the reason."""
    ready, left_out = [], {}
    for entrant in entrants:
        try:
            if entrant.installation is not None:
                install(entrant.installation, INSTALLATIONS)
        except InstallationError as error:
            left_out[entrant.words] = str(error).splitlines()[0]
            continue
        if entrant.program is not None and shutil.which(entrant.program[0]) is None:
            left_out[entrant.words] = f"{entrant.program[0]} is missing; {entrant.program[1]} brings it"
            continue
        ready.append(entrant)
    return ready, left_out


def _chosen(division: Division, only: Sequence[str]) -> list[Entrant]:
    """Return the baseline and the rivals whose names have one of these parts."""
    base, *rivals = division.entrants
    return [base, *(e for e in rivals if not only or any(part.lower() in e.name.lower() for part in only))]


def _measured(division: Division, only: Sequence[str], output_dir: Path, further: Sequence[str]) -> Measured:
    entrants, left_out = _installed(_chosen(division, only))
    folder = output_dir / f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{division.name}"
    command = [
        *("perf-core", "compare", *(entrant.target for entrant in entrants)),
        *("--wire", division.wire, "--time-limit", f"{LONGEST_S}s"),
        *("--output-dir", str(folder), *further),
    ]
    load_before = os.getloadavg()[0]
    with _others_cores() as others:
        code = _run(command)
    if not list(folder.glob(f"*/{COMPARISONS.file_name}")):
        raise NoResultError(f"expected a comparison from {' '.join(command)}, got exit code {code}")
    how = Circumstances(load_before, others[0], left_out)
    (folder / CIRCUMSTANCES_NAME).write_bytes(_CIRCUMSTANCES.dump_json(how, indent=1))
    return _kept(division, output_dir)


def _kept(division: Division, output_dir: Path) -> Measured:
    """Return the latest results of a division."""
    folders = sorted(output_dir.glob(f"*-{division.name}/{CIRCUMSTANCES_NAME}"))
    if not folders:
        raise NoResultError(f"expected results in {output_dir}, got none")
    how = _CIRCUMSTANCES.validate_json(folders[-1].read_bytes())
    (document,) = folders[-1].parent.glob(f"*/{COMPARISONS.file_name}")
    return Measured(division, COMPARISONS.read(document), how)


def _run(command: Sequence[str]) -> int:
    """Return the exit code of a command; after the limit, it is interrupted, and keeps what it has."""
    with subprocess.Popen(command) as process:
        try:
            return process.wait(LONGEST_S)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)
        except KeyboardInterrupt:
            pass  # the terminal interrupts the command, too
        try:
            return process.wait(_STOPPING_S)
        finally:
            process.kill()


@contextmanager
def _others_cores() -> Iterator[list[float | None]]:
    """Yield a list that gets the CPUs that others used meanwhile, on average, in place of None.

    Ours are this process and all that it and its children waited for.
    """
    cores: list[float | None] = [None]
    began_s, busy_s, own_s = time.monotonic(), _busy_s(), _own_s()
    yield cores
    took_s = time.monotonic() - began_s
    cores[0] = max(0.0, (_busy_s() - busy_s - (_own_s() - own_s)) / took_s)


def _busy_s() -> float:
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system)


def _own_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _document(measured: Sequence[Measured]) -> str:
    versions = {
        server.name: " ".join(filter(None, (server.server_name, server.server_version)))
        for each in measured
        for server in each.comparison.servers.values()
    }
    sections = [section(each.division, each.comparison, each.how) for each in measured]
    divisions = [each.division for each in measured]
    libraries = {entrant.name: made_with(entrant) for each in divisions for entrant in each.entrants}
    table = catalogue_table(divisions, versions, libraries)
    return "\n\n".join([*sections, "### The servers", table])


if __name__ == "__main__":
    sys.exit(main())
