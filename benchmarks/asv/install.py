"""Install the packages of one commit; asv calls this with the folder of its own checkout of that commit.

All packages go into one pip command, so that pip never looks for a sibling on an index. Their versions
are held to the constraints of the commit itself: what it was tested with is part of what is measured.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CONSTRAINTS = "constraints.txt"
TOOLS = ("asv_runner", "hatchling")


def packages_of(checkout: Path) -> list[Path]:
    """Return the folders of the packages that the commit has, sorted; none before the first package."""
    return sorted(project.parent for project in checkout.glob("packages/*/pyproject.toml"))


def constraints_of(checkout: Path, working_tree: Path) -> Path:
    """Return the constraints of the commit; those of the working tree for commits before they existed."""
    own = checkout / CONSTRAINTS
    return own if own.is_file() else working_tree / CONSTRAINTS


def pip_commands(checkout: Path, working_tree: Path) -> list[list[str]]:
    """Return the arguments of the pip commands that install a commit, none when it has no package."""
    packages = packages_of(checkout)
    if not packages:
        return []
    install = ["install", "--quiet", "--constraint"]
    return [
        # What measures and builds must not change with what is measured.
        [*install, str(working_tree / CONSTRAINTS), *TOOLS],
        # Without isolation pip makes no environment per package to build it in, which would take longer.
        [*install, str(constraints_of(checkout, working_tree)), "--no-build-isolation", *map(str, packages)],
    ]


def main(arguments: list[str]) -> int:
    """Install into the environment of the running Python; returns the exit code of pip."""
    if len(arguments) != 1:
        print(f"install.py: expected the folder of a checkout, got {arguments}", file=sys.stderr)
        return 2
    for command in pip_commands(Path(arguments[0]), Path(__file__).parents[2]):
        code = subprocess.call([sys.executable, "-m", "pip", *command])
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
