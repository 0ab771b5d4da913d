"""Settings of the music21 server."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BeforeValidator, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from music21_server.engine.jobs import Bounds
from music21_server.rendering.pdf import PdfLimits
from music21_server.rendering.picture import PictureLimits
from music21_server.score.limits import Limits
from music21_server.store.limits import StoreLimits
from music21_server.store.redis.url import check_redis_url
from music21_server.workers.pool import PoolSettings
from music21_server.writing.exports import ExportLimits
from music21_server.writing.text import TextLimits
from server_core import Port, ServerSettings
from server_core.settings import split_on_commas

LimitsT = TypeVar("LimitsT", Limits, TextLimits, PictureLimits, ExportLimits, PdfLimits, StoreLimits)


Folders = Annotated[list[Path], NoDecode, BeforeValidator(split_on_commas)]


class Music21Settings(ServerSettings):
    """Serve score analysis to language models over MCP.

    Each setting is an option, an environment variable, or a line in a file named .env.
    """

    model_config = SettingsConfigDict(env_prefix="MUSIC21_", cli_prog_name="music21-server")

    port: Port = 8200
    request_timeout_s: float = Field(
        90.0,
        gt=0,
        allow_inf_nan=False,
        description="Seconds that a call, or the arrival of a request body, may take.",
    )
    score_folders: Folders = Field(
        [], description="Folders below which files may be imported; comma-separated. Unset: no files."
    )
    store_url: SecretStr | None = Field(
        None,
        description="Redis that stores the scores of several servers: redis://host:6379/0, rediss:// (TLS), "
        "unix:///path; unset: this server stores them. Pass a password in the environment variable.",
    )
    store_prefix: str = Field(
        "music21",
        pattern=r"^[A-Za-z0-9._-]{1,64}$",
        description="Prefix of all keys in Redis; fleets with different prefixes can share one Redis.",
    )
    store_folder: Path | None = Field(
        None,
        validate_default=True,
        description="Folder in which scores survive a restart; unset: scores are in memory only.",
    )
    worker_processes: int = Field(
        max(2, os.cpu_count() or 1),
        ge=1,
        le=64,
        description="Processes that read, analyse and draw scores, beside the serving process.",
    )
    work_timeout_s: float = Field(
        60.0,
        gt=0,
        allow_inf_nan=False,
        description="Seconds that one piece of work may take before its process is killed.",
    )
    worker_memory_bytes: int = Field(
        2 * 1024**3,
        ge=2**28,
        description="Bytes by which the memory of a process may grow before its work is stopped.",
    )
    confine_workers: bool = Field(
        True,
        description="Let these processes read only score_folders and what Python needs, write no file, run "
        "no program and open no TCP connection; on Linux with Landlock.",
    )
    max_waiting_calls: int = Field(
        1_000, ge=1, description="Calls that may wait for a process; further ones fail and can be retried."
    )
    max_scores: int = Field(StoreLimits.max_scores, ge=1, description="Scores of all clients.")
    max_scores_per_owner: int = Field(
        StoreLimits.max_scores_per_owner, ge=1, description="Scores of one session (or client)."
    )
    max_stored_bytes: int = Field(
        StoreLimits.max_stored_bytes, ge=2**20, description="Bytes of all scores, as stored."
    )
    max_stored_bytes_per_owner: int = Field(
        StoreLimits.max_stored_bytes_per_owner,
        ge=2**20,
        description="Bytes of the scores of one session (or client).",
    )
    score_lifetime_s: float = Field(
        StoreLimits.score_lifetime_s,
        gt=0,
        allow_inf_nan=False,
        description="Seconds without use after which a score is freed.",
    )
    score_grace_s: float = Field(
        StoreLimits.score_grace_s,
        gt=0,
        allow_inf_nan=False,
        description="Seconds after its last use for which a score is not freed to make room for others.",
    )
    max_cached_bytes: int = Field(
        StoreLimits.max_cached_bytes, ge=0, description="Bytes of cached scores, and again of cached answers."
    )
    max_source_bytes: int = Field(
        Limits.max_source_bytes, ge=1, description="Bytes of a document, uncompressed."
    )
    max_notes: int = Field(Limits.max_notes, ge=1, description="Notes and rests of a score.")
    max_measures: int = Field(Limits.max_measures, ge=1, description="Measures of a score.")
    max_parts: int = Field(Limits.max_parts, ge=1, description="Staves of a score.")
    max_converted_bytes: int = Field(
        Limits.max_converted_bytes,
        ge=1,
        description="Bytes of a document in another format than MusicXML; music21 reads these, slowly.",
    )
    max_converted_notes: int = Field(
        Limits.max_converted_notes, ge=1, description="Notes and rests of such a document."
    )
    conversion_timeout_s: float = Field(
        Limits.conversion_timeout_s,
        gt=0,
        allow_inf_nan=False,
        description="Seconds that music21 may take for such a document of 50 kB or more; the smallest have a "
        "third. What would clearly take longer is refused at once.",
    )

    max_text_notes: int = Field(
        TextLimits.max_text_notes, ge=1, description="Notes and rests of one answer as text."
    )
    max_exported_text_bytes: int = Field(
        ExportLimits.max_exported_text_bytes,
        ge=1,
        description="Bytes of MusicXML, ABC or LilyPond in one answer; compressed MusicXML has no limit.",
    )
    max_picture_bars: int = Field(
        PictureLimits.max_picture_bars, ge=1, description="Measures times staves of one picture."
    )
    max_picture_pixels: int = Field(
        PictureLimits.max_picture_pixels, ge=10_000, description="Pixels of one picture."
    )
    max_pdf_bars: int = Field(PdfLimits.max_pdf_bars, ge=1, description="Measures times staves of one PDF.")

    @field_validator("score_folders")
    @classmethod
    def _check_folders(cls, folders: list[Path]) -> list[Path]:
        for folder in folders:
            if not folder.is_dir():
                raise ValueError(f"existing folders: create {folder} or correct its path")
        return [folder.resolve() for folder in folders]

    @field_validator("store_url")
    @classmethod
    def _check_store_url(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            check_redis_url(url.get_secret_value())
        return url

    @field_validator("store_folder")
    @classmethod
    def _check_store_folder(cls, folder: Path | None, info: ValidationInfo) -> Path | None:
        url = info.data.get("store_url")
        if folder is not None and url is not None:
            raise ValueError("no folder together with --store-url: set only one of them")
        if folder is None and url is None and "store_url" in info.data and info.data.get("workers", 1) > 1:
            raise ValueError(
                "a folder in which serving processes (--workers) share scores: set it or --store-url, or use "
                "one serving process with more --worker-processes, which do the heavy work"
            )
        return folder

    @property
    def bounds(self) -> Bounds:
        """Limits of what is read and returned."""
        return Bounds(
            self._limits(Limits), self._limits(TextLimits), self._limits(PictureLimits),
            self._limits(ExportLimits), self._limits(PdfLimits),
        )  # fmt: skip

    @property
    def store_limits(self) -> StoreLimits:
        """Limits of the store."""
        return self._limits(StoreLimits)

    def _limits(self, kind: type[LimitsT]) -> LimitsT:
        """Return limits of a kind, whose fields have the names of the settings."""
        return kind(**{each.name: getattr(self, each.name) for each in fields(kind)})

    @property
    def pool_settings(self) -> PoolSettings:
        """Settings of the worker processes."""
        return PoolSettings(
            self.worker_processes,
            self.max_waiting_calls,
            self.worker_memory_bytes,
            self.confine_workers,
            tuple(self.score_folders),
        )
