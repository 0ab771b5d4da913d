from __future__ import annotations

import sys

import pypdfium2
import pytest

from music21_server.errors import ScoreError, TooMuchScoreError
from music21_server.limits import Limits
from music21_server.orchestra import orchestral_score
from music21_server.reading.places import from_corpus
from music21_server.reading.sources import Document, read
from music21_server.rendering.pdf import PdfLimits, render_pdf

A4_POINTS = (595.28, 841.89)


def pdf_of(document: Document, *excerpt, most: int = 5_000) -> pypdfium2.PdfDocument:
    score = read(document, Limits())
    return pypdfium2.PdfDocument(
        render_pdf(document, score, *excerpt, limits=Limits(), pdf_limits=PdfLimits(most))
    )


def words_of(pdf: pypdfium2.PdfDocument) -> str:
    return " ".join(page.get_textpage().get_text_range() for page in pdf)


def inked(page: pypdfium2.PdfPage) -> tuple[int, int, int, int]:
    """Return the box of what is not white, in pixels of a page that is 595 high and 842 wide."""
    picture = page.render(scale=1).to_pil().convert("L").point(lambda level: 255 * (level < 200))
    return picture.getbbox()


def test_pages_are_a4_with_names_of_parts_title_and_lyrics_as_text() -> None:
    pdf = pdf_of(Document("musicxml", orchestral_score(12, 12, 1)))
    assert len(pdf) > 1
    assert all(page.get_size() == pytest.approx(A4_POINTS, abs=0.5) for page in pdf)
    words = words_of(pdf)
    assert "Clarinet in B♭" in words
    assert "Symphonic Study No. 1" in words
    assert "mun di" in words


def test_music_is_within_the_margins_of_every_page() -> None:
    """Systems of so many staves are first too high for a page, and made smaller."""
    pdf = pdf_of(Document("musicxml", orchestral_score(30, 6, 1)))
    for page in pdf:
        left, top, right, bottom = inked(page)
        assert 5 < left < right < 590
        assert 5 < top < bottom < 837
        assert bottom - top > 300


def test_some_measures_of_some_parts_of_what_is_no_musicxml() -> None:
    document = Document("abc", b"X:1\nT:A tune\nM:4/4\nL:1/4\nK:C\nCDEF|GABc|cBAG|FEDC|]\n")
    assert "A tune" in words_of(pdf_of(document, "2", "3", ["1"]))
    with pytest.raises(ScoreError, match="from 0 to 3"):
        pdf_of(document, "9")


def test_too_much_is_refused_with_what_to_do() -> None:
    chorale = from_corpus("bach/bwv66.6")
    assert len(pdf_of(chorale, most=40)) == 1
    with pytest.raises(TooMuchScoreError, match=r"\(setting max_pdf_bars\): ask for 9 bars at a time"):
        pdf_of(chorale, most=39)
    with pytest.raises(TooMuchScoreError, match="no room on a page, expected at most 60"):
        pdf_of(Document("musicxml", orchestral_score(70, 1, 1)))


def test_without_typst_it_is_said_how_to_install_it(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(ScoreError, match=r"pip install 'music21-server\[pdf\]'"):
        pdf_of(from_corpus("bach/bwv66.6"))
