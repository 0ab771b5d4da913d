from __future__ import annotations

import re
import struct
import zlib

import numpy as np
import pytest
from lxml import etree

from music21_server.errors import ScoreError, TooMuchScoreError, UnreadableScoreError
from music21_server.limits import Limits
from music21_server.reading.sources import Document, read
from music21_server.rendering.engraving import engrave
from music21_server.rendering.picture import PictureLimits, render
from music21_server.rendering.raster import png_of
from music21_server.writing.mxl import pack


@pytest.fixture(scope="module")
def draw(song):
    """Draws some of the song, or of another document."""

    def make(source=song, *args, form="svg", picture_limits=None, kind="musicxml"):
        document = Document(kind, source)
        score = read(document, Limits())
        bounds = picture_limits or PictureLimits()
        return render(document, score, *args, form=form, limits=Limits(), picture_limits=bounds)

    return make


def pixels_of(png: bytes) -> np.ndarray:
    """Return how dark each pixel of a PNG of eight bits with red, green, blue and opacity is, rows by
    columns."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    at, data, size = 8, b"", (0, 0)
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        body = png[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            *size, depth, colours = struct.unpack(">IIBB", body[:10])
            assert (depth, colours) == (8, 6)
        elif kind == b"IDAT":
            data += body
        at += 12 + length
    width, height = size
    rows = np.frombuffer(zlib.decompress(data), dtype=np.uint8).reshape(height, 1 + 4 * width)
    image = np.zeros((height + 1, 4 * (width + 1)), dtype=np.int64)
    for row in range(height):
        _unfilter(int(rows[row, 0]), rows[row, 1:], image[row], image[row + 1])
    return 255 - image[1:, 4:].reshape(height, width, 4)[:, :, :3].mean(axis=2)


def _unfilter(kind: int, coded: np.ndarray, above: np.ndarray, row: np.ndarray) -> None:
    """Undo what PNG does to a row; `above` and `row` begin with a pixel of zeros."""
    values, up = coded.tolist(), above.tolist()
    out = [0] * 4
    for index, value in enumerate(values):
        left, over, corner = out[index], up[index + 4], up[index]
        if kind == 1:
            value += left
        elif kind == 2:
            value += over
        elif kind == 3:
            value += (left + over) // 2
        elif kind == 4:
            estimate = left + over - corner
            value += min((left, over, corner), key=lambda near: abs(estimate - near))
        out.append(value & 255)
    row[:] = out


def texts_of(svg: bytes) -> list[str]:
    root = etree.fromstring(svg)
    return ["".join(text.itertext()).strip() for text in root.iter("{http://www.w3.org/2000/svg}text")]


def test_words_titles_names_and_chord_symbols_are_drawn(draw) -> None:
    picture = draw()
    texts = texts_of(picture.content)
    for text in ("Lied & Klavier", "Åse Ørn", "Voice", "Piano", "Clarinet", "O", "Welt", "Cm"):
        assert text in texts
    assert (picture.first_measure, picture.last_measure, picture.parts) == ("1", "5", (0, 1, 2, 3))
    assert picture.media_type == "image/svg+xml"


def dark_rows(pixels: np.ndarray) -> np.ndarray:
    return np.flatnonzero((pixels > 60).any(axis=1))


def test_words_and_title_can_be_seen_in_the_pixels(song, draw) -> None:
    """Where the word stands there is ink of its size, and none without the word."""
    bare = song.replace(b"<text>Welt</text>", b"<text> </text>").replace(b"<work-title>", b"<x>").replace(b"</work-title>", b"</x>")  # fmt: skip
    with_words, without = draw(song, "2", "2", ["1"]), draw(bare, "2", "2", ["1"])
    place = re.search(rb'<text x="(\d+)" y="(\d+)"[^>]*>(?:<[^>]*>)*Welt', with_words.content)
    box = re.search(rb'class="definition-scale"[^>]*viewBox="0 0 (\d+) (\d+)"', with_words.content)
    scale = with_words.width_px / int(box[1])
    head_px = with_words.height_px - int(box[2]) * scale
    margin = re.search(rb'class="page-margin" transform="translate\((\d+), (\d+)\)"', with_words.content)
    x = (int(place[1]) + int(margin[1])) * scale
    baseline = (int(place[2]) + int(margin[2])) * scale + head_px
    pixels = pixels_of(draw(song, "2", "2", ["1"], form="png").content)
    assert pixels.shape == (with_words.height_px, with_words.width_px)
    word = pixels[round(baseline) - 18 : round(baseline) + 2, round(x) : round(x) + 36]
    ink = dark_rows(word)
    assert 12 <= len(ink) <= 20  # as high as a capital
    assert 0.08 < (word > 60).mean() < 0.5  # letters, neither nothing nor boxes
    # The same place with the same word left out of what is drawn is empty.
    svg = with_words.content.decode().replace(">Welt<", "><")
    empty = pixels_of(png_of(svg, 1.0))[round(baseline) - 18 : round(baseline) + 2, round(x) : round(x) + 36]
    assert len(dark_rows(empty)) == 0
    # The title stands alone at the top, in the middle.
    title = pixels[: round(1.3 * 26)]
    columns = np.flatnonzero((title > 60).any(axis=0))
    middle = (columns[0] + columns[-1]) / 2
    assert abs(middle - with_words.width_px / 2) < 6
    assert 120 < columns[-1] - columns[0] < 220
    assert without.height_px < with_words.height_px
    assert b"Lied" not in without.content


@pytest.mark.parametrize("letters", ["abc", "ÄÖÜßéèçñåøœł", "ŽžŁőřţ", "Ωμέγα", "Весна їґ", "♭♯♮ — „“"])
def test_every_letter_has_its_own_shape(letters) -> None:
    """A letter that the font lacks would be a box, or nothing."""
    shapes = set()
    for letter in letters.replace(" ", ""):
        svg = (
            '<svg xmlns="http://www.w3.org/2000/svg" width="60" height="60">'
            f'<text x="10" y="40" font-family="Times, serif" font-size="30">{letter}</text></svg>'
        )
        pixels = pixels_of(png_of(svg, 1.0))
        assert (pixels > 60).any(), letter
        shapes.add(pixels.tobytes())
    missing = svg.replace(f">{letter}<", ">\u0f00<")
    assert pixels_of(png_of(missing, 1.0)).tobytes() not in shapes
    assert len(shapes) == len(letters.replace(" ", ""))


@pytest.mark.parametrize("style", ["", 'font-style="italic"', 'font-weight="bold"', 'font-weight="bold" font-style="italic"'])
def test_styles_are_of_their_own(style) -> None:
    def drawn(style):
        return png_of(
            '<svg xmlns="http://www.w3.org/2000/svg" width="60" height="60">'
            f'<text x="10" y="40" font-family="Times, serif" font-size="30" {style}>Re</text></svg>', 1.0,
        )  # fmt: skip

    others = {"", 'font-style="italic"', 'font-weight="bold"', 'font-weight="bold" font-style="italic"'} - {style}
    assert drawn(style) not in {drawn(other) for other in others}


def test_signs_within_text_have_a_font(song, draw) -> None:
    """Of a metronome mark the note is a letter of Verovio's music font."""
    tempo = (
        b'<direction placement="above"><direction-type><metronome><beat-unit>quarter</beat-unit><per-minute>99</per-minute>'
        b"</metronome></direction-type></direction><note><pitch><step>D</step><octave>5</octave></pitch><duration>2"
    )
    source = song.replace(b"<note><pitch><step>D</step><octave>5</octave></pitch><duration>2", tempo, 1)
    picture = draw(source, "2", "2", ["1"])
    svg = picture.content.decode()
    assert 'font-family="Leipzig"' in svg
    sign = re.search(r'font-family="Leipzig"[^>]*>(.)<', svg)[1]
    with_sign, without = png_of(svg, 1.0), png_of(svg.replace(sign, ""), 1.0)
    ink = [int((pixels_of(png) > 60).sum()) for png in (with_sign, without)]
    assert ink[0] > ink[1] + 40


def test_an_excerpt_shows_what_is_in_force(song, draw) -> None:
    """Bar 4 of the piano: two sharps, two treble clefs after a change in bar 2, and its number."""
    picture = draw(song, "4", "4", ["Piano"])
    classes = [each.get("class") for each in etree.fromstring(picture.content).iter()]
    assert classes.count("clef") == 2
    assert classes.count("keyAccid") == 4
    assert classes.count("meterSig") == 2
    assert "4" in texts_of(picture.content)
    assert picture.content.count(b"#E050") + picture.content.count(b'"E050') > 0


def test_other_formats_are_drawn_from_the_columns(draw) -> None:
    tune = "X:1\nT:Weise\nM:3/4\nL:1/8\nK:D\n" + '"D"d2 f2 ef|(3gfe d4|c2 B2 A2|d6|]\n'
    picture = draw(tune.encode(), "@2", "@3", kind="abc")
    classes = [each.get("class") or "" for each in etree.fromstring(picture.content).iter()]
    assert sum(name.startswith("note") and "head" not in name for name in classes) == 7
    assert classes.count("tuplet") == 1
    assert classes.count("keyAccid") == 2


def test_mxl_is_drawn_as_the_document_inside(song, draw) -> None:
    assert draw(pack(song), "1", "2", kind="mxl").content == draw(song, "1", "2").content


def test_the_same_bars_give_the_same_bytes(song, draw) -> None:
    assert draw(song, "1", "2", form="png").content == draw(song, "1", "2", form="png").content


def test_many_bars_are_broken_into_lines(draw) -> None:
    tune = "X:1\nM:4/4\nL:1/8\nK:C\n" + "cdef gabc'|" * 40 + "\n"
    picture = draw(tune.encode(), kind="abc")
    assert picture.width_px == 1560
    assert 400 < picture.height_px < 3000
    systems = [each for each in etree.fromstring(picture.content).iter() if each.get("class") == "system"]
    assert len(systems) > 3


def test_too_many_bars_are_refused_with_what_to_ask_for(draw, song) -> None:
    with pytest.raises(TooMuchScoreError, match=r"5 bars of 4 staves are 20 .* most 10 \(setting max_picture_bars\): ask for 2 bars"):
        draw(song, picture_limits=PictureLimits(max_picture_bars=10))
    with pytest.raises(TooMuchScoreError, match="ask for 3 parts"):
        draw(song, "1", "1", picture_limits=PictureLimits(max_picture_bars=3))


def test_a_picture_is_made_smaller_before_it_is_refused(draw, song) -> None:
    whole = draw(song, "1", "2", form="png")
    pixels = whole.width_px * whole.height_px
    half = draw(song, "1", "2", form="png", picture_limits=PictureLimits(max_picture_pixels=pixels // 2))
    assert 0.45 * pixels < half.width_px * half.height_px < 0.52 * pixels
    assert struct.unpack(">II", half.content[16:24]) == pytest.approx((half.width_px, half.height_px), abs=1)
    with pytest.raises(TooMuchScoreError, match=r"setting max_picture_pixels.*or for svg"):
        draw(song, "1", "2", form="png", picture_limits=PictureLimits(max_picture_pixels=pixels // 5))


@pytest.mark.parametrize("args", [("9", None), ("2", "1"), (None, None, ["Harp"])])
def test_what_is_not_there_is_refused(draw, song, args) -> None:
    with pytest.raises(ScoreError):
        draw(song, *args)


def test_an_unknown_format_is_answered_with_the_known_ones(draw, song) -> None:
    with pytest.raises(ScoreError, match="formats svg, png, got 'pdf'"):
        draw(song, form="pdf")


def test_what_verovio_cannot_read_is_an_error() -> None:
    with pytest.raises(UnreadableScoreError, match="Verovio drew none"):
        engrave(b"<score-partwise", staves=1)


def test_titles_are_text_and_no_markup(song, draw) -> None:
    source = song.replace(b"Lied &amp; Klavier", b"&lt;script&gt;x&lt;/script&gt; " + b"very " * 60)
    root = etree.fromstring(draw(source, "1", "1").content)
    assert not list(root.iter("{*}script"))
    size = float(root.find("{*}text").get("font-size").removesuffix("px"))
    assert size < 10  # so that it fits


def test_fonts_come_with_their_licence() -> None:
    from importlib.resources import files

    fonts = files("music21_server") / "data" / "fonts"
    names = {each.name for each in fonts.iterdir()}
    assert {"LICENSE.txt", "score-serif-regular.ttf", "score-signs.ttf"} <= names
    assert sum(len(each.read_bytes()) for each in fonts.iterdir()) < 520_000
