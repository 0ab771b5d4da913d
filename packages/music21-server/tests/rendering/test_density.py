from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from music21_server.errors import TooMuchScoreError
from music21_server.rendering import density, pdf, picture
from music21_server.rendering.density import check_density
from music21_server.rendering.pdf import PdfLimits, render_pdf
from music21_server.rendering.picture import PictureLimits, render
from music21_server.score.document import Document
from music21_server.score.limits import Limits
from music21_server.score.table import TimeChange


def score_of(counts, times=()):
    """Return a score with numbers of notes by part and measure."""
    parts, measures = np.array(counts).shape
    rows = [(part, measure) for part in range(parts) for measure in range(measures)]
    notes = np.repeat(np.array(rows).reshape(-1, 2), np.array(counts).ravel(), axis=0)
    return SimpleNamespace(
        notes=SimpleNamespace(part=notes[:, 0], measure=notes[:, 1]),
        measure_ticks=np.zeros(measures),
        measure_numbers=tuple(f"m{index}" for index in range(measures)),
        keys=(),
        times=times,
        tempos=(),
        chord_symbols=(),
        fermatas=(),
    )


@pytest.mark.parametrize("counts", [[[4_472]], [[100] * 500] * 4, [[4_000, 5_000]], [[0], [9_000]], [[0]]])
def test_drawable_measures_are_accepted(counts):
    check_density(score_of(counts), range(1), (0,))


@pytest.mark.parametrize(
    ("counts", "most", "got"),
    [([[4_473]], 4_472, "4,473 in measure m0"), ([[10, 5_000], [20, 6_000]], 2_236, "6,000 in measure m1")],
)
def test_dense_measures_are_refused_before_verovio_sees_them(counts, most, got):
    with pytest.raises(
        TooMuchScoreError, match=f"at most {most:,} notes and marks .* got {got}: ask for fewer"
    ):
        check_density(score_of(counts), range(len(counts[0])), tuple(range(len(counts))))


def test_marks_count_like_notes():
    times = (TimeChange(0, 0, 0, "4/4", 4),) * 4_473
    with pytest.raises(TooMuchScoreError, match="got 4,473 in measure m0"):
        check_density(score_of([[0]], times), range(1), (0,))
    check_density(score_of([[0, 1]], times), range(1, 2), (0,))


def test_pictures_and_pdfs_are_checked(song, monkeypatch):
    from music21_server.reading.musicxml import read_musicxml

    monkeypatch.setattr(density, "MOST_SQUARED_NOTES", 10)
    monkeypatch.setattr(picture, "engrave", None)
    monkeypatch.setattr(pdf, "_pages", None)
    monkeypatch.setattr(pdf, "_typst", lambda: None)
    score, document = read_musicxml(song, Limits()), Document("musicxml", song)
    with pytest.raises(TooMuchScoreError, match="measures to draw"):
        render(document, score, limits=Limits(), picture_limits=PictureLimits())
    with pytest.raises(TooMuchScoreError, match="measures to draw"):
        render_pdf(document, score, limits=Limits(), pdf_limits=PdfLimits())
