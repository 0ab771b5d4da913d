"""Attack both servers while good clients call them and their processes are killed, and report the outcome.

    python attack/run_attacks.py [--only TEXT ...] [--minutes 6] [--seed 1] [--write docs/attacks.md]

It exits with 1 if any promise was broken: a wrong answer, an answer lost without a kill, a leak.
`nox -s attack` runs it and writes the tables of docs/attacks.md.
"""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

import psutil

sys.path.append(str(Path(__file__).resolve().parent.parent / "publishing"))

from attack_tables import NAME, markdown, text
from cases import CASES, Case
from marked_tables import with_table
from soaking import soak
from tallies import Soak

from perf_core.errors import Interrupted, TargetError
from perf_core.interruption import Interruption, watch_signals


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, attack and report; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", action="append", default=[], help="part of the names of servers to attack")
    parser.add_argument("--list", action="store_true", help="print the names of all servers")
    parser.add_argument(
        "--minutes", type=float, default=6.0, help="length of all attacks together, without warming up"
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of all that is drawn")
    parser.add_argument("--write", type=Path, help="document that gets the tables between its markers")
    parser.add_argument("--output-dir", type=Path, default=Path("results/attack"))
    options = parser.parse_args(arguments)
    if options.list:
        print("\n".join(case.name for case in CASES))
        return 0
    chosen = [case for case in CASES if is_chosen(case.name, options.only)]
    if not chosen or options.minutes <= 0:
        print(
            f"expected some of {', '.join(case.name for case in CASES)} and minutes above 0", file=sys.stderr
        )
        return 1
    options.output_dir.mkdir(parents=True, exist_ok=True)
    with watch_signals() as interruption:
        soaks = attack(chosen, options, interruption)
    if len(soaks) < len(chosen):
        return 1
    if options.write is not None:
        document = options.write.read_text(encoding="utf-8")
        tables = markdown(soaks, machine(), options.seed)
        options.write.write_text(with_table(document, NAME, tables), encoding="utf-8")
    problems = [problem for each in soaks for problem in each.problems]
    print(f"{len(problems)} problems")
    return 1 if problems else 0


def attack(chosen: Sequence[Case], options: argparse.Namespace, interruption: Interruption) -> list[Soak]:
    """Attack one server after another; those that were not attacked to the end are missing."""
    soaks = []
    for case in chosen:
        try:
            one = soak(
                case, 60 * options.minutes / len(chosen), options.seed, options.output_dir, interruption
            )
        except (Interrupted, TargetError) as error:
            print(f"{case.name}: {error or 'interrupted'}", file=sys.stderr)
            break
        print(text(one), flush=True)
        soaks.append(one)
    return soaks


def is_chosen(name: str, parts: Sequence[str]) -> bool:
    """Return whether a name has one of the parts; all have if there are none."""
    return not parts or any(part.lower() in name for part in parts)


def machine() -> str:
    """Return the machine in the words of the published tables."""
    return f"{psutil.cpu_count()} cores, {platform.system()}"


if __name__ == "__main__":
    sys.exit(main())
