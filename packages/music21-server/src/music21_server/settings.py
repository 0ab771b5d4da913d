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
        description="Seconds a call, or the arrival of a request body, may take before it is stopped.",
    )
    score_folders: Folders = Field(
        [], description="Folders below which files may be imported; comma-separated. None: no file at all."
    )
    store_url: SecretStr | None = Field(
        None,
        description="Redis that keeps the scores for several servers: redis://host:6379/0, rediss:// (TLS), "
        "unix:///path; unset: this server keeps them itself. A password belongs into the environment.",
    )
    store_prefix: str = Field(
        "music21",
        pattern=r"^[A-Za-z0-9._-]{1,64}$",
        description="Beginning of all keys in Redis: fleets with different ones can share a Redis.",
    )
    store_folder: Path | None = Field(
        None,
        validate_default=True,
        description="Folder in which scores survive a restart; unset: they are kept in memory alone.",
    )
    worker_processes: int = Field(
        max(2, os.cpu_count() or 1),
        ge=1,
        le=64,
        description="Processes that read, analyse and draw; the server itself only hands out and collects.",
    )
    work_timeout_s: float = Field(
        60.0,
        gt=0,
        allow_inf_nan=False,
        description="Seconds that one piece of work may take before its process is killed.",
    )
    worker_memory_bytes: int = Field(
        2 * 1024**3, ge=2**28, description="Memory by which one process may grow before its work is stopped."
    )
    max_waiting_calls: int = Field(
        1_000, ge=1, description="Calls that may wait for a process; one more is told to come again."
    )
    max_scores: int = Field(StoreLimits.max_scores, ge=1, description="Scores that all clients may keep.")
    max_scores_per_owner: int = Field(
        StoreLimits.max_scores_per_owner, ge=1, description="Scores that one session (or client) may keep."
    )
    max_stored_bytes: int = Field(
        StoreLimits.max_stored_bytes, ge=2**20, description="Bytes of all scores, as they are kept."
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
        StoreLimits.max_cached_bytes, ge=0, description="Bytes of scores and answers kept at hand, each."
    )
    max_source_bytes: int = Field(
        Limits.max_source_bytes, ge=1, description="Largest document in bytes, unpacked."
    )
    max_notes: int = Field(Limits.max_notes, ge=1, description="Notes and rests that a score may have.")
    max_measures: int = Field(Limits.max_measures, ge=1, description="Bars that a score may have.")
    max_parts: int = Field(Limits.max_parts, ge=1, description="Staves that a score may have.")
    max_converted_bytes: int = Field(
        Limits.max_converted_bytes,
        ge=1,
        description="Largest document in bytes that is not MusicXML; such ones are read by music21, slowly.",
    )
    max_converted_notes: int = Field(
        Limits.max_converted_notes, ge=1, description="Notes that a MIDI file may have, for the same reason."
    )

    max_text_notes: int = Field(
        TextLimits.max_text_notes, ge=1, description="Notes and rests that one answer in text may have."
    )
    max_exported_text_bytes: int = Field(
        ExportLimits.max_exported_text_bytes,
        ge=1,
        description="Bytes of MusicXML, ABC or LilyPond that one answer may have; compressed, MusicXML goes "
        "out at any size.",
    )
    max_picture_bars: int = Field(
        PictureLimits.max_picture_bars, ge=1, description="Bars times staves that one picture may have."
    )
    max_picture_pixels: int = Field(
        PictureLimits.max_picture_pixels, ge=10_000, description="Pixels that one picture may have."
    )
    max_pdf_bars: int = Field(
        PdfLimits.max_pdf_bars, ge=1, description="Bars times staves that one PDF may have."
    )

    @field_validator("score_folders")
    @classmethod
    def _exist(cls, folders: list[Path]) -> list[Path]:
        for folder in folders:
            if not folder.is_dir():
                raise ValueError(f"{folder} is no folder, expected one that exists")
        return [folder.resolve() for folder in folders]

    @field_validator("store_url")
    @classmethod
    def _is_of_redis(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            check_redis_url(url.get_secret_value())
        return url

    @field_validator("store_folder")
    @classmethod
    def _processes_share_scores(cls, folder: Path | None, info: ValidationInfo) -> Path | None:
        url = info.data.get("store_url")
        if folder is not None and url is not None:
            raise ValueError("none with --store-url: scores are kept in one place")
        if folder is None and url is None and "store_url" in info.data and info.data.get("workers", 1) > 1:
            raise ValueError(
                "a folder (or --store-url), through which several serving processes share scores "
                "(--workers); or one of them, and more --worker-processes, which do the heavy work"
            )
        return folder

    @property
    def bounds(self) -> Bounds:
        """How much may be taken in and given out."""
        return Bounds(
            self._of(Limits), self._of(TextLimits), self._of(PictureLimits), self._of(ExportLimits),
            self._of(PdfLimits),
        )  # fmt: skip

    @property
    def store_limits(self) -> StoreLimits:
        """The bounds of the store."""
        return self._of(StoreLimits)

    def _of(self, kind: type[LimitsT]) -> LimitsT:
        """Return bounds that have a setting for each of their fields."""
        return kind(**{each.name: getattr(self, each.name) for each in fields(kind)})

    @property
    def pool_settings(self) -> PoolSettings:
        """The bounds of the processes that work."""
        return PoolSettings(self.worker_processes, self.max_waiting_calls, self.worker_memory_bytes)
