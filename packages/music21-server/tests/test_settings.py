"""Settings reach the limits that they set, and invalid ones are refused."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from music21_server.score.limits import Limits
from music21_server.settings import Music21Settings
from music21_server.store.limits import StoreLimits
from server_core.errors import SettingsError
from server_core.settings import load_settings


def settings(**values: Any) -> Music21Settings:
    return Music21Settings(_env_file=None, **values)


def test_every_limit_has_a_setting_with_the_same_default() -> None:
    defaults = settings()
    assert defaults.bounds.score == Limits()
    assert defaults.store_limits == StoreLimits()
    limits = {each.name: 12_345_678 for each in fields(Limits)}
    assert settings(**limits).bounds.score == Limits(**limits)
    store_limits = {each.name: 12_345_678 for each in fields(StoreLimits)}
    assert settings(**store_limits).store_limits == StoreLimits(**store_limits)


def test_settings_reach_the_worker_pool() -> None:
    pool = settings(worker_processes=3, max_waiting_calls=7, worker_memory_bytes=2**29).pool_settings
    assert (pool.worker_processes, pool.max_waiting_calls, pool.worker_memory_bytes) == (3, 7, 2**29)
    assert (pool.confine_workers, pool.score_folders) == (True, ())


def test_confinement_reaches_the_worker_pool(tmp_path: Path) -> None:
    pool = settings(confine_workers=False, score_folders=[tmp_path]).pool_settings
    assert (pool.confine_workers, pool.score_folders) == (False, (tmp_path.resolve(),))


def test_folders_must_exist_and_are_resolved(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    assert settings(score_folders=[tmp_path / "link"]).score_folders == [tmp_path.resolve()]
    assert settings(score_folders=f"{tmp_path}, {tmp_path}").score_folders == [tmp_path.resolve()] * 2
    with pytest.raises(ValidationError, match="existing folders"):
        settings(score_folders=[tmp_path / "missing"])


def test_several_serving_processes_need_a_shared_store(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="share scores"):
        settings(workers=2)
    assert settings(workers=2, store_folder=tmp_path).workers == 2
    assert settings(workers=2, store_url="redis://localhost").workers == 2


def test_a_store_folder_and_a_store_url_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="no folder together with --store-url"):
        settings(store_url="redis://localhost", store_folder=tmp_path)


@pytest.mark.parametrize("url", ["http://:hunter2@localhost", "redis://:hunter2@h/x"])
def test_an_invalid_url_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(Music21Settings, ["--store-url", url])
    (problem,) = caught.value.problems
    assert "MUSIC21_STORE_URL or --store-url: expected a URL" in problem
    assert "hunter2" not in problem
