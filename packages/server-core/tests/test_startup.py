"""A start collects no garbage, and the process does so afterwards, however the start ends."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from server_core.startup import end_startup, without_collections


@pytest.fixture(autouse=True)
def collecting() -> Iterator[None]:
    """Collect garbage."""
    was_enabled = gc.isenabled()
    gc.enable()
    yield
    (gc.enable if was_enabled else gc.disable)()


def test_nothing_is_collected_within_the_block() -> None:
    with without_collections():
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_start_that_fails_collects_again() -> None:
    with pytest.raises(ZeroDivisionError), without_collections():
        raise ZeroDivisionError
    assert gc.isenabled()


def test_the_end_of_a_start_leaves_its_objects_alone() -> None:
    before = gc.get_freeze_count()
    with without_collections():
        kept = [[] for _ in range(1000)]
        end_startup()
        assert gc.isenabled()
        assert gc.get_freeze_count() >= before + len(kept)
    assert gc.isenabled()


def test_a_program_that_collects_nothing_goes_on_like_that() -> None:
    gc.disable()
    with without_collections():
        end_startup()
        assert not gc.isenabled()
    assert not gc.isenabled()


def test_blocks_within_each_other_end_with_the_inner_one() -> None:
    with without_collections():
        with without_collections():
            pass
        assert gc.isenabled()
