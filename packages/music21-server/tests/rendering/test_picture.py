from __future__ import annotations

import copy
import re
import struct
import zlib
from functools import partial

import numpy as np
import pytest
from lxml import etree

from music21_server.errors import ScoreError, TooMuchScoreError, UnreadableScoreError
from music21_server.reading.formats import read
from music21_server.reading.musicxml import read_musicxml
from music21_server.rendering.engraving import engrave
from music21_server.rendering.picture import PictureLimits, render
from music21_server.rendering.raster import png_of
from music21_server.score.document import Document
from music21_server.score.limits import Limits
from music21_server.writing.mxl import pack


@pytest.fixture(scope="module")
def draw(song):
    """Draw measures of the song, or of another document."""

    def make(source=song, *args, form="svg", picture_limits=None, kind="musicxml"):
        document = Document(kind, source)
        score = read(document, Limits())
        bounds = picture_limits or PictureLimits()
        return render(document, score, *args, form=form, limits=Limits(), picture_limits=bounds)

    return make


def many_parts(song, times):
    """Return the song with all its parts, of four staves, repeated; as a document and as columns."""
    root = etree.fromstring(song)
    for tag, parent in (("score-part", root.find("part-list")), ("part", root)):
        parts = list(parent.iter(tag))
        for number in range(1, times):
            for part in parts:
                again = copy.deepcopy(part)
                again.set("id", f"{part.get('id')}-{number}")
                parent.append(again)
    source = etree.tostring(root)
    return source, read_musicxml(source, Limits())


def pixels_of(png: bytes) -> np.ndarray:
    """Return the darkness of each pixel of an 8-bit RGBA PNG, rows by columns."""
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
    """Undo PNG's filter of a row; `above` and `row` begin with a pixel of zeros."""
    values, up = coded.tolist(), above.tolist()
    out = [0] * 4
    for index, value in enumerate(values):
        left, over, corner = out[index], up[index + 4], up[index]
        nearest = min((left, over, corner), key=partial(_distance, left + over - corner))
        guess = (0, left, over, (left + over) // 2, nearest)[kind]
        out.append((value + guess) & 255)
    row[:] = out


def _distance(one: int, other: int) -> int:
    return abs(one - other)


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


def part_of(svg: bytes, x: float, y: float, width: int, height: int) -> np.ndarray:
    """Return which pixels of a section of a picture are dark, rows by columns."""
    cut = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="{x} {y} {width} {height}">{svg.decode()}</svg>'
    )
    return pixels_of(png_of(cut, 1.0)) > 60


def place_of(picture, word: bytes) -> tuple[float, float]:
    """Return the left end and the baseline of a word in pixels."""
    origin = re.search(rb'<text x="(\d+)" y="(\d+)"[^>]*>(?:<[^>]*>)*' + word, picture.content)
    box = re.search(rb'class="definition-scale"[^>]*viewBox="0 0 (\d+) (\d+)"', picture.content)
    margin = re.search(rb'class="page-margin" transform="translate\((\d+), (\d+)\)"', picture.content)
    scale = picture.width_px / int(box[1])
    head_px = picture.height_px - int(box[2]) * scale
    return (int(origin[1]) + int(margin[1])) * scale, (int(origin[2]) + int(margin[2])) * scale + head_px


def test_lyrics_are_visible_in_the_pixels(song, draw) -> None:
    """Dark pixels as large as the word appear at its position, and none without it."""
    picture = draw(song, "2", "2", ["1"])
    x, baseline = place_of(picture, b"Welt")
    word = part_of(picture.content, x, baseline - 18, 36, 20)
    assert 12 <= word.any(axis=1).sum() <= 20  # as high as a capital
    assert word.any(axis=0).sum() > 25  # as wide as four letters
    assert 0.08 < word.mean() < 0.5  # letters, neither nothing nor boxes
    without = picture.content.replace(b">Welt<", b"><")
    assert not part_of(without, x, baseline - 18, 36, 20).any()


def test_title_is_centered_at_the_top(song, draw) -> None:
    picture = draw(song, "2", "2", ["1"])
    title = part_of(picture.content, 0, 0, picture.width_px, 34)
    columns = np.flatnonzero(title.any(axis=0))
    assert abs((columns[0] + columns[-1]) / 2 - picture.width_px / 2) < 6
    assert 120 < columns[-1] - columns[0] < 220
    bare = draw(re.sub(rb"<work>.*?</work>", b"", song), "2", "2", ["1"])
    assert b"Lied" not in bare.content
    assert picture.height_px - bare.height_px == pytest.approx(1.5 * 26, abs=1)


@pytest.mark.parametrize("characters", ["abc", "ÄÖÜßéèçñåøœł", "ŽžŁőřţ", "Ωμέγα", "Весна їґ", "♭♯♮ — „“"])
def test_every_character_has_its_own_shape(characters) -> None:
    """A character that the font lacks would be a box, or invisible."""
    shapes = set()
    for character in characters.replace(" ", ""):
        svg = (
            '<svg xmlns="http://www.w3.org/2000/svg" width="34" height="44">'
            f'<text x="2" y="32" font-family="Times, serif" font-size="30">{character}</text></svg>'
        )
        pixels = pixels_of(png_of(svg, 1.0))
        assert (pixels > 60).any(), character
        shapes.add(pixels.tobytes())
    missing = svg.replace(f">{character}<", ">\u0f00<")
    assert pixels_of(png_of(missing, 1.0)).tobytes() not in shapes
    assert len(shapes) == len(characters.replace(" ", ""))


@pytest.mark.parametrize(
    "style", ["", 'font-style="italic"', 'font-weight="bold"', 'font-weight="bold" font-style="italic"']
)
def test_each_font_style_looks_different(style) -> None:
    def drawn(style):
        return png_of(
            '<svg xmlns="http://www.w3.org/2000/svg" width="34" height="44">'
            f'<text x="2" y="32" font-family="Times, serif" font-size="30" {style}>Re</text></svg>', 1.0,
        )  # fmt: skip

    others = {"", 'font-style="italic"', 'font-weight="bold"', 'font-weight="bold" font-style="italic"'} - {
        style
    }
    assert drawn(style) not in {drawn(other) for other in others}


def test_music_symbols_in_text_are_drawn(song, draw) -> None:
    """The note of a metronome mark is a character of Verovio's music font."""
    tempo = (
        b'<direction placement="above"><direction-type><metronome><beat-unit>quarter</beat-unit>'
        b"<per-minute>99</per-minute></metronome></direction-type></direction>"
    )
    source = song.replace(b'<measure number="2">', b'<measure number="2">' + tempo, 1)
    picture = draw(source, "2", "2", ["1"])
    svg = picture.content.decode()
    assert 'font-family="Leipzig"' in svg
    sign = re.search(r'font-family="Leipzig"[^>]*>(.)<', svg)[1]
    assert 0xE000 <= ord(sign) <= 0xF8FF
    size = (picture.width_px, 120)
    ink = [part_of(text.encode(), 0, 0, *size).sum() for text in (svg, svg.replace(sign, ""))]
    assert ink[0] > ink[1] + 40


def test_excerpt_shows_clefs_and_signatures_in_force(song, draw) -> None:
    """Bar 4 of the piano has two sharps, two treble clefs after a change in bar 2, and its number."""
    picture = draw(song, "4", "4", ["Piano"])
    classes = [each.get("class") for each in etree.fromstring(picture.content).iter()]
    assert classes.count("clef") == 2
    assert classes.count("keyAccid") == 4
    assert classes.count("meterSig") == 2
    assert "4" in texts_of(picture.content)
    assert picture.content.count(b"#E050") + picture.content.count(b'"E050') > 0


def test_other_formats_are_drawn_from_the_columns(song) -> None:
    """The document itself is empty here."""
    score = read_musicxml(song, Limits())
    document = Document("humdrum", b"**kern")
    picture = render(
        document, score, "2", "3", ["Voice"], form="svg", limits=Limits(), picture_limits=PictureLimits()
    )
    classes = [each.get("class") or "" for each in etree.fromstring(picture.content).iter()]
    assert sum(name.split(" ")[0] == "note" for name in classes) == 3
    assert classes.count("keyAccid") >= 3
    assert classes.count("tie") == 1
    assert texts_of(picture.content)[:3] == ["Lied & Klavier", "Åse Ørn", "Voice"]
    assert picture.parts == (0,)


def test_mxl_is_drawn_like_its_document(song, draw) -> None:
    assert draw(pack(song), "1", "2", kind="mxl").content == draw(song, "1", "2").content


def test_the_same_bars_give_the_same_bytes(song, draw) -> None:
    assert draw(song, "1", "2", form="png").content == draw(song, "1", "2", form="png").content


def test_many_bars_are_broken_into_lines(song, draw) -> None:
    bar = re.search(rb'<measure number="2">.*?</measure>', song, re.DOTALL)[0]
    picture = draw(song.replace(bar, bar * 30, 1), "@1", "@30", ["1"])
    assert picture.width_px == 1560
    assert 400 < picture.height_px < 1500
    classes = [each.get("class") for each in etree.fromstring(picture.content).iter()]
    assert 2 < classes.count("system") < 10


def test_too_many_bars_are_refused_with_a_remedy(draw, song) -> None:
    with pytest.raises(
        TooMuchScoreError,
        match=r"most 10 .* \(setting max_picture_bars\), got 5 bars of 4 staves = 20: ask for 2 bars at",
    ):
        draw(song, picture_limits=PictureLimits(max_picture_bars=10))
    with pytest.raises(TooMuchScoreError, match="ask for 3 parts"):
        draw(song, "1", "1", picture_limits=PictureLimits(max_picture_bars=3))


def test_large_pictures_are_reduced_and_larger_ones_refused(draw, song) -> None:
    whole = draw(song, "1", "2", form="png")
    pixels = whole.width_px * whole.height_px
    half = draw(song, "1", "2", form="png", picture_limits=PictureLimits(max_picture_pixels=pixels // 2))
    assert 0.45 * pixels < half.width_px * half.height_px < 0.52 * pixels
    assert struct.unpack(">II", half.content[16:24]) == pytest.approx((half.width_px, half.height_px), abs=1)
    with pytest.raises(
        TooMuchScoreError, match=r"at most [\d,]+ pixels \(setting max_picture_pixels\).*or for svg"
    ):
        draw(song, "1", "2", form="png", picture_limits=PictureLimits(max_picture_pixels=pixels // 5))


def test_no_side_is_longer_than_models_accept(song) -> None:
    """144 staves are higher than 8000 pixels; 240 cannot be read at that height."""
    source, score = many_parts(song, 36)
    document = Document("musicxml", source)
    picture = render(document, score, "1", "1", form="png", limits=Limits(), picture_limits=PictureLimits())
    assert picture.height_px == 8000
    assert struct.unpack(">II", picture.content[16:24])[1] == pytest.approx(8000, abs=1)
    source, score = many_parts(song, 60)
    with pytest.raises(TooMuchScoreError, match="8,000 on a side"):
        render(
            Document("musicxml", source), score, "1", "1",
            form="png", limits=Limits(), picture_limits=PictureLimits(),
        )  # fmt: skip


@pytest.mark.parametrize("args", [("9", None), ("2", "1"), (None, None, ["Harp"])])
def test_unknown_measures_and_parts_are_refused(draw, song, args) -> None:
    with pytest.raises(ScoreError):
        draw(song, *args)


def test_unknown_format_is_refused_with_the_valid_ones(draw, song) -> None:
    with pytest.raises(ScoreError, match="formats svg, png, got 'pdf'"):
        draw(song, form="pdf")


def test_broken_musicxml_is_refused() -> None:
    with pytest.raises(UnreadableScoreError, match="got an empty picture"):
        engrave(b"<score-partwise", staves=1)


def test_titles_are_escaped_and_fit_the_page(song, draw) -> None:
    source = song.replace(b"Lied &amp; Klavier", b"&lt;script&gt;x&lt;/script&gt; " + b"very " * 60)
    root = etree.fromstring(draw(source, "1", "1").content)
    assert not list(root.iter("{*}script"))
    size = float(root.find("{*}text").get("font-size").removesuffix("px"))
    assert size < 10  # so that it fits


def test_fonts_include_their_licence() -> None:
    from importlib.resources import files

    fonts = files("music21_server") / "data" / "fonts"
    names = {each.name for each in fonts.iterdir()}
    assert {"LICENSE.txt", "score-serif-regular.ttf", "score-signs.ttf"} <= names
    assert sum(len(each.read_bytes()) for each in fonts.iterdir()) < 520_000
