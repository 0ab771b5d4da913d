"""Modules that FastMCP imports on first use are imported in a thread after the start, or never."""

from __future__ import annotations

import asyncio
import gc
import threading

import pytest

from server_core.sdk import late_imports
from server_core.sdk.late_imports import LateImports

pytestmark = pytest.mark.anyio


@pytest.fixture
def imported_in(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the threads in which the modules were imported."""
    threads: list[str] = []

    def note(_module: str) -> None:
        threads.append(threading.current_thread().name)

    monkeypatch.setattr(late_imports.importlib, "import_module", note)
    return threads


async def test_modules_are_imported_in_a_thread_of_their_own(imported_in: list[str]) -> None:
    LateImports(delay_s=0).start()
    async with asyncio.timeout(10):
        while len(imported_in) < len(late_imports.IMPORTED_BY_FASTMCP_ON_FIRST_USE):  # noqa: ASYNC110 - no event
            await asyncio.sleep(0)
    assert set(imported_in) == {"late imports"}


async def test_a_server_that_ends_imports_nothing_more(imported_in: list[str]) -> None:
    imports = LateImports(delay_s=0.001)
    imports.start()
    imports.stop()
    await asyncio.sleep(0.01)
    assert imported_in == []


def test_modules_that_are_not_installed_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(late_imports, "IMPORTED_BY_FASTMCP_ON_FIRST_USE", ("no_such_module", "decimal"))
    late_imports.import_all()


def test_what_requests_leave_behind_meanwhile_is_freed_later() -> None:
    frozen = gc.get_freeze_count()
    late_imports.import_all()
    assert gc.get_freeze_count() <= frozen
