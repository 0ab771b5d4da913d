from __future__ import annotations

import sys
from xml.sax.saxutils import escape

import pypdfium2
import pytest

from music21_server.errors import ScoreError, TooMuchScoreError, UnreadableScoreError
from music21_server.reading.formats import read
from music21_server.reading.locations import from_corpus
from music21_server.rendering.pdf import PdfLimits, render_pdf
from music21_server.score.document import Document
from music21_server.score.limits import Limits
from music21_server.synthetic_scores import orchestral_score
from music21_server.writing.mxl import pack

A4_POINTS = (595.28, 841.89)


def pdf_of(document: Document, *excerpt, most: int = 5_000, **more) -> pypdfium2.PdfDocument:
    score = read(document, Limits())
    return pypdfium2.PdfDocument(
        render_pdf(document, score, *excerpt, **more, limits=Limits(), pdf_limits=PdfLimits(most))
    )


def words_of(pdf: pypdfium2.PdfDocument) -> str:
    return " ".join(page.get_textpage().get_text_range() for page in pdf)


def inked(page: pypdfium2.PdfPage) -> tuple[int, int, int, int]:
    """Return the bounding box of everything that is not white, in pixels; the page is 595 by 842."""
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


@pytest.mark.parametrize("composer", ["Bach & <Sons>", "A very long name of many composers " * 12])
def test_composer_is_below_the_title_on_the_right(composer: str) -> None:
    note = "<note><pitch><step>C</step><octave>5</octave></pitch><duration>1</duration></note>"
    text = (
        "<score-partwise><work><work-title>The Title</work-title></work><identification>"
        f"<creator type='composer'>{escape(composer)}</creator></identification><part-list>"
        f"<score-part id='P1'><part-name>A</part-name></score-part></part-list><part id='P1'>"
        f"<measure number='1'>{note}</measure></part></score-partwise>"
    )
    page = pdf_of(Document("musicxml", text.encode()))[0]
    words = page.get_textpage()
    assert composer.strip() in " ".join(words.get_text_range().split())
    title, _ = words.search("The Title").get_next()
    name, length = words.search(composer.strip()).get_next()
    _, title_bottom, *_ = words.get_charbox(title)
    *_, name_right, name_top = words.get_charbox(name + length - 1)
    assert name_top < title_bottom + 2
    assert 595 - 46 < name_right < 595 - 40
    assert inked(page)[0] > 36


@pytest.mark.parametrize(("staves", "bars", "margin"), [(4, 1, 36), (30, 6, 36), (58, 1, 20)])
def test_music_is_within_the_margins_of_every_page(staves, bars, margin) -> None:
    """Systems that are too high for a page are reduced, but not by more than needed."""
    pdf = pdf_of(Document("musicxml", orchestral_score(staves, bars, 1)))
    assert len(pdf) > 0
    for page in pdf:
        left, top, right, bottom = inked(page)
        assert margin < left < margin + 30
        assert margin < top < margin + 30
        assert right < 595 - margin
        assert bottom < 842 - margin
        assert bottom - top > (600 if staves >= 30 else 100)


def test_system_that_fits_on_no_page_is_refused(monkeypatch) -> None:
    monkeypatch.setattr("music21_server.rendering.pdf._estimated_size", lambda _: 1.0)
    assert len(pdf_of(Document("musicxml", orchestral_score(30, 1, 1)))) > 0  # after further attempts
    monkeypatch.setattr("music21_server.rendering.pdf._ATTEMPTS", 1)
    with pytest.raises(TooMuchScoreError, match=r"fits on a page, got 32 staves .* ask for fewer parts"):
        pdf_of(Document("musicxml", orchestral_score(30, 1, 1)))


def test_a_page_without_bars_is_an_error(monkeypatch) -> None:
    class Toolkit:
        def __getattr__(self, name):
            return lambda *_: {"renderToSVG": '<svg width="1px" height="1px">', "getPageCount": 1}.get(name)

    monkeypatch.setattr("verovio.toolkit", Toolkit)
    with pytest.raises(UnreadableScoreError, match="got an empty picture"):
        pdf_of(from_corpus("bach/bwv66.6"))


def test_text_uses_packaged_fonts_and_output_is_reproducible(song) -> None:
    document = Document("musicxml", song)
    pdf, again = pdf_of(document), pdf_of(document)
    texts = [each for each in pdf[0].get_objects() if isinstance(each, pypdfium2.PdfTextObj)]
    assert {text.get_font().get_base_name().partition("+")[2] for text in texts} == {"ScoreSerif-Regular"}
    facts = pdf.get_metadata_dict()
    assert (facts["Title"], facts["Author"], facts["CreationDate"]) == ("Lied & Klavier", "Åse Ørn", "")
    assert words_of(pdf) == words_of(again)
    assert "Verovio" not in words_of(pdf)


def test_compressed_and_plain_documents_keep_their_lyrics(song) -> None:
    for document in (Document("musicxml", song), Document("mxl", pack(song))):
        words = words_of(pdf_of(document, "1", "2", ["Voice"]))
        assert "Welt" in words
        assert "Piano" not in words
    assert "Welt" not in words_of(pdf_of(Document("musicxml", song), "3", "4"))


def test_all_staves_of_an_instrument_are_counted(song) -> None:
    document = Document("musicxml", song)
    piano = read(document, Limits()).parts[1].identity
    assert "Piano" in words_of(pdf_of(document, "1", "2", [piano], most=4))
    with pytest.raises(TooMuchScoreError, match="got 2 bars of 2 staves = 4"):
        pdf_of(document, "1", "2", [piano], most=3)


def test_excerpt_of_an_abc_document() -> None:
    first, second = b'"Am"CDEF|"Dm"GABc|"Em"cBAG|"F7"FEDC|]', b'"G7"C4|C4|C4|C4|]'
    head = b"X:1\nT:A tune\nM:4/4\nL:1/4\nK:C\n"
    document = Document("abc", head + b"V:1\n" + first + b"\nV:2\n" + second + b"\n")
    words = words_of(pdf_of(document, "@2", "@3", ["1"]))
    assert "A tune" in words
    assert [symbol in words for symbol in ("Am", "Dm", "Em", "F7", "G7")] == [False, True, True, False, False]
    assert "G7" not in words_of(pdf_of(document, parts=["1"]))
    with pytest.raises(ScoreError, match="from 1 to 4"):
        pdf_of(document, "9")


def test_too_many_bars_or_staves_are_refused_with_a_remedy() -> None:
    chorale = from_corpus("bach/bwv66.6")
    assert len(pdf_of(chorale, most=40)) == 1
    with pytest.raises(TooMuchScoreError, match=r"setting max_pdf_bars.* ask for 9 bars at a time"):
        pdf_of(chorale, most=39)
    with pytest.raises(TooMuchScoreError, match=r"at most 60 staves on a page, got 73"):
        pdf_of(Document("musicxml", orchestral_score(70, 1, 1)))


def test_missing_typst_is_reported_with_the_install_command(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(ScoreError, match=r"pip install 'music21-server\[pdf\]'"):
        pdf_of(from_corpus("bach/bwv66.6"))
