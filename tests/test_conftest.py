"""The tests themselves, whose number must not slow each of them."""

from __future__ import annotations

import gc


def test_garbage_collections_do_not_visit_what_lives_to_the_end() -> None:
    assert gc.isenabled()
    assert gc.get_freeze_count() > 10_000
