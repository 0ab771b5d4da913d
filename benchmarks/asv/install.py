"""Install the packages of one commit; asv calls this with the folder of its checkout of that commit.

One pip command installs all packages, so that pip never looks for a sibling on an index. The constraints are
those of the commit itself: the versions that it was tested with are part of what is measured.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CONSTRAINTS = "constraints.txt"
TOOLS = ("asv_runner", "hatchling")


def packages_of(checkout: Path) -> list[Path]:
    """Return the folders of the commit's packages, sorted; none for commits before the first package."""
    return sorted(project.parent for project in checkout.glob("packages/*/pyproject.toml"))


def constraints_of(checkout: Path, working_tree: Path) -> Path:
    """Return the constraints of the commit, or those of the working tree if the commit has none."""
    own = checkout / CONSTRAINTS
    return own if own.is_file() else working_tree / CONSTRAINTS


def pip_commands(checkout: Path, working_tree: Path) -> list[list[str]]:
    """Return the arguments of the pip commands that install a commit; none if it has no packages."""
    packages = packages_of(checkout)
    if not packages:
        return []
    install = ["install", "--quiet", "--constraint"]
    return [
        # The tools that measure and build must not differ between commits.
        [*install, str(working_tree / CONSTRAINTS), *TOOLS],
        # With isolation, pip would create an environment per package to build it in, which takes longer.
        [*install, str(constraints_of(checkout, working_tree)), "--no-build-isolation", *map(str, packages)],
    ]


def main(arguments: list[str]) -> int:
    """Install into the environment of the running Python; return the exit code of pip."""
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
