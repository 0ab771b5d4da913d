"""The catalogue of the league: pinned, complete, and made of targets that the lab can read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from entrants import DIVISIONS, TARGETS, Entrant

from perf_core.targets.toml_file import read_target_file

ENTRANTS = {entrant.name: entrant for division in DIVISIONS for entrant in division.entrants}
FILES = sorted(TARGETS.glob("*.toml"))
ADAPTERS = {"calculator", "reference-asgi", "reference-fastmcp", "reference-typescript"}


def test_every_target_is_an_adapter_or_a_file_and_every_file_is_used() -> None:
    targets = {entrant.target for entrant in ENTRANTS.values()}
    assert targets == ADAPTERS | {str(path) for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_file_describes_a_server_under_the_name_of_its_entrant(path: Path) -> None:
    adapter = read_target_file(path)
    assert adapter.name == path.stem
    assert ENTRANTS[adapter.name].target == str(path)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_script_and_installation_of_a_command_is_there_or_installed_by_the_league(path: Path) -> None:
    entrant = ENTRANTS[path.stem]
    words = [word for word in read_target_file(path).launch.argv if "/" in word and "://" not in word]
    for word in words:
        inside = re.search(r"\.league/([^/]+)/", word)
        if inside is not None:
            assert entrant.installation is not None
            assert inside[1] == entrant.installation.folder
        else:
            assert (TARGETS / word).resolve().is_file(), word


@pytest.mark.parametrize("entrant", ENTRANTS.values(), ids=lambda entrant: entrant.name)
def test_each_version_is_pinned(entrant: Entrant) -> None:
    if entrant.installation is not None:
        for requirement in entrant.installation.requirements:
            assert re.fullmatch(r"\S+(==|@)\d[\w.-]*", requirement), requirement


def test_the_first_server_of_each_division_brings_the_calls() -> None:
    for division in DIVISIONS:
        target = division.entrants[0].target
        assert target in ADAPTERS or "quick" in read_target_file(Path(target)).scenarios


def test_servers_of_one_division_have_names_of_their_own() -> None:
    for division in DIVISIONS:
        words = [entrant.words for entrant in division.entrants]
        assert len(set(words)) == len(words) >= 3
